"""The wheel holds all it needs: installed alone, it works far from the checkout."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path
from zipfile import ZipFile

import jsonschema
import pytest

ROOT = Path(__file__).parents[1]

# Nothing of the calling environment may lead back to the checkout.
CLEAN = {
    key: value for key, value in os.environ.items() if not key.startswith(("PYTHON", "GOVKIT"))
}


def run(*words: str | Path, cwd: Path) -> str:
    result = subprocess.run(words, cwd=cwd, env=CLEAN, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(
        *(sys.executable, "-m", "build", "--wheel", "--no-isolation"),
        *("--outdir", folder, ROOT),
        cwd=folder,
    )
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of an environment that has govkit from the wheel only.

    The libraries govkit needs are borrowed from this environment through a ``.pth`` line,
    which Python puts after the new environment's own packages and in which it does not look
    for further ``.pth`` files: an editable install of govkit in here cannot be seen from there.
    """
    root = tmp_path_factory.mktemp("installed") / "venv"
    run(sys.executable, "-m", "venv", "--without-pip", root, cwd=root.parent)
    run(
        *(sys.executable, "-m", "pip", "--python", root / "bin" / "python"),
        *("install", "--quiet", "--no-deps", "--no-index", wheel),
        cwd=root.parent,
    )
    (site,) = root.glob("lib/python3*/site-packages")
    libraries = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "libraries.pth").write_text("".join(f"{path}\n" for path in sorted(libraries)))
    where = run(
        *(root / "bin" / "python", "-c", "import govkit.cli; print(govkit.cli.__file__)"),
        cwd=root.parent,
    )
    assert Path(where.strip()).is_relative_to(site)
    return root


def test_wheel_holds_package_templates_and_data(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    wanted = {
        path.relative_to(base).as_posix()
        for base, top in ((ROOT, ROOT / "govkit"), (ROOT, ROOT / "templates"))
        for path in top.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    wanted = {f"govkit/{name}" if name.startswith("templates/") else name for name in wanted}
    assert held == wanted
    assert {"govkit/cli/__init__.py"} < held
    assert any(name.startswith("govkit/templates/") for name in held)
    assert any(name.startswith("govkit/data/") for name in held)


def test_help(installed: Path, tmp_path: Path) -> None:
    printed = run(installed / "bin" / "govkit", "--help", cwd=tmp_path)
    assert printed.startswith("Usage: govkit")
    assert "propose" in printed


@pytest.mark.slow
def test_propose(installed: Path, tmp_path: Path) -> None:
    run(
        *(installed / "bin" / "govkit", "propose", "WETH", "WBTC", "--out", "out"),
        cwd=tmp_path,
    )
    (evidence,) = tmp_path.glob("out/*/evidence.json")
    assert evidence.with_name("proposal.md").read_text().strip()
    assert evidence.with_name("proposal.pdf").read_bytes().startswith(b"%PDF-")
    (schema,) = installed.glob(
        "lib/python3*/site-packages/govkit/data/schemas/evidence-1.schema.json"
    )
    rules = json.loads(schema.read_text())
    validator = jsonschema.validators.validator_for(rules)
    validator.check_schema(rules)
    validator(rules).validate(json.loads(evidence.read_text()))
