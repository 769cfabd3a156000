"""The rules of the house: who may import whom, and what tests may touch."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import sysconfig
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[1]


def lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sysconfig.get_path("scripts")) / "lint-imports"
    return subprocess.run(
        [program, "--no-cache", "--no-logo"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "govkit", tmp_path / "govkit", ignore=shutil.ignore_patterns("data"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_import_rules_hold() -> None:
    result = lint_imports(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("room", "line", "contract"),
    [
        ("render", "import scipy.stats", "documents and archive"),
        ("render", "from govkit import protocols", "documents and archive"),
        ("archive", "from govkit import market", "documents and archive"),
        ("records", "import pandas", "documents and archive"),
        ("estimate", "import click", "numbers know nothing"),
        ("simulate", "import httpx", "numbers know nothing"),
        ("calibrate", "from govkit import render", "numbers know nothing"),
        ("protocols", "from govkit import market", "data goes one way"),
        ("records", "from govkit import protocols", "data goes one way"),
        ("records", "import numba", "rule books and records"),
    ],
)
def test_planted_import_is_caught(copy: Path, room: str, line: str, contract: str) -> None:
    # At the end of `__init__` and inside a function, where lazy imports hide.
    with (copy / "govkit" / room / "__init__.py").open("a") as file:
        file.write(f"\n\ndef planted() -> None:\n    {line}\n")
    if room == "records":
        # What renders reaches the records, so a heavy import there counts against it.
        with (copy / "govkit" / "render" / "__init__.py").open("a") as file:
            file.write("\n\nfrom govkit import records\n")
    result = lint_imports(copy)
    broken = [text for text in result.stdout.splitlines() if text.endswith("BROKEN")]
    assert result.returncode == 1, result.stdout + result.stderr
    assert any(text.startswith(contract) for text in broken), broken


def test_new_room_must_be_given_a_floor(copy: Path) -> None:
    (copy / "govkit" / "cellar.py").write_text('"""Unplanned."""\n')
    result = lint_imports(copy)
    assert result.returncode == 1
    assert "cellar" in result.stdout


def test_records_stand_on_two_libraries() -> None:
    graph = grimp.build_graph("govkit", include_external_packages=True, cache_dir=None)
    modules = {"govkit.records", *graph.find_descendants("govkit.records")}
    imported = {
        name for module in modules for name in graph.find_modules_directly_imported_by(module)
    }
    foreign = {name.partition(".")[0] for name in imported} - {"govkit"} - sys.stdlib_module_names
    assert foreign == {"pydantic", "rfc8785"}


def test_network_is_out_of_reach() -> None:
    # An address reserved for documentation: nobody answers should the guard be gone.
    with socket.socket() as wire, pytest.raises(RuntimeError, match=r"192\.0\.2\.1"):
        wire.connect(("192.0.2.1", 80))
    with socket.socket() as wire, pytest.raises(RuntimeError, match="tests use no network"):
        wire.connect_ex(("example.org", 80))


def test_loopback_is_in_reach() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as wire:
        wire.connect(server.getsockname())


@pytest.mark.parametrize(
    ("variables", "outcome"),
    [
        ({}, "1 skipped"),
        ({"GOVKIT_REQUIRE_DATA": "1"}, "1 error"),
        ({"GOVKIT_SHARED_DATA": "no-such-folder"}, "1 error"),
        ({"GOVKIT_SHARED_DATA": ".", "GOVKIT_REQUIRE_DATA": "1"}, "1 passed"),
    ],
)
def test_real_data_is_asked_for(tmp_path: Path, variables: dict[str, str], outcome: str) -> None:
    shutil.copy(Path(__file__).with_name("conftest.py"), tmp_path)
    (tmp_path / "test_data.py").write_text(
        "def test_data(shared_data):\n    assert shared_data.is_dir()\n"
    )
    outside = {key: value for key, value in os.environ.items() if not key.startswith("GOVKIT_")}
    result = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "--rootdir", tmp_path, tmp_path],
        cwd=tmp_path,
        env=outside | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert outcome in result.stdout, result.stdout
