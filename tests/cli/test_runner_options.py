"""``--workers`` and ``--scheduler``: only one of them, clear messages, nothing written."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from govkit.cli import main
from govkit.cli._options import several_pay
from tests.runners.clusters import machines


def govkit(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.mark.parametrize(
    "words", [("propose", "WETH", "--out", "out"), ("appetite", "--implied")], ids=lambda w: w[0]
)
def test_one_machine_or_a_cluster(words: tuple[str, ...]) -> None:
    result = govkit(*words, "--workers", "2", "--scheduler", "tcp://127.0.0.1:8786")
    assert result.exit_code == 2
    assert result.stderr.splitlines()[-1] == (
        "Error: --workers is for this machine and --scheduler for a cluster: give only one of them"
    )
    assert not Path("out").exists()


@pytest.mark.parametrize(
    ("assets", "processors", "pays"), [(10, 2, False), (3, 8, False), (4, 4, True), (10, 8, True)]
)
def test_when_processes_of_their_own_pay(
    monkeypatch: pytest.MonkeyPatch, assets: int, processors: int, pays: bool
) -> None:
    monkeypatch.setattr("govkit.runners.cores", lambda: processors)
    assert several_pay(assets) is pays


def test_no_workers_at_all() -> None:
    result = govkit("propose", "WETH", "--workers", "0")
    assert result.exit_code == 2
    assert "0 is not in the range x>=1" in result.stderr


def test_options_of_implied_appetites() -> None:
    result = govkit("appetite", "--workers", "2")
    assert result.exit_code == 2
    assert "--workers: only with --implied" in result.stderr


def test_address_that_is_none(tmp_path: Path) -> None:
    result = govkit("propose", "USDC", "--scheduler", "10.0.0.1", "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == (
        "Error: --scheduler: '10.0.0.1' is no address of a Dask scheduler. "
        "Write it like tcp://10.0.0.1:8786.\n"
    )
    assert not (tmp_path / "out").exists()


def test_scheduler_that_does_not_answer(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{free.getsockname()[1]}"
    begun = time.monotonic()
    result = govkit("propose", "USDC", "--scheduler", address, "--out", tmp_path / "out")
    assert time.monotonic() - begun < 60
    assert (result.exit_code, result.stdout) == (3, "")
    assert f"Error: {address}: no Dask scheduler answers (" in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_same_files_from_a_cluster(tmp_path: Path) -> None:
    """Every file of a proposal, byte for byte: that is what "unchanged" says."""
    command = ("propose", "USDC", "--out", tmp_path / "out")
    first = govkit(*command)
    assert (first.exit_code, first.stdout.splitlines()[-1][:8]) == (0, "written:"), first.output
    with machines(tmp_path, workers=1) as found:
        again = govkit(*command, "--scheduler", found.address)
    assert again.exit_code == 0, again.output
    assert again.stdout.splitlines()[-1].startswith("unchanged:")


def test_without_numba_the_plain_engine_is_announced() -> None:
    code = (
        "import sys; sys.modules['numba'] = None\n"
        "from govkit.cli import _options\n"
        "_options.say_if_slow()"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert told.stdout == ""
    assert "numba cannot be loaded" in told.stderr
    assert "plain Python engine runs instead" in told.stderr
    assert "pip install numba" in told.stderr
