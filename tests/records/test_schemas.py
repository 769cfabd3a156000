"""The published schemas are those of the records, and an independent reader agrees."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

ROOT = Path(__file__).parents[2]
DATA = ROOT / "govkit" / "data"
EXAMPLES = sorted((ROOT / "proposals").glob("[0-9][0-9][0-9][0-9]-*/evidence.json"))


def validator(name: str) -> Draft202012Validator:
    schema = json.loads((DATA / "schemas" / f"{name}.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def problems(name: str, data: Any) -> list[str]:
    return [error.message for error in validator(name).iter_errors(data)]


def test_schemas_are_current() -> None:
    script = ROOT / "scripts" / "schemas.py"
    done = subprocess.run(
        [sys.executable, str(script), "--check"],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_shipped_model_fits_its_schema() -> None:
    data = json.loads((DATA / "models" / "reference.json").read_text(encoding="utf-8"))
    assert problems("market-model-1", data) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.parent.name[:4])
def test_example_evidence_fits_its_schema(path: Path) -> None:
    assert problems("evidence-1", json.loads(path.read_text(encoding="utf-8"))) == []


def test_there_is_an_example() -> None:
    assert EXAMPLES, "proposals/ holds no evidence.json"


@pytest.mark.parametrize("change", ["drop", "add", "text"])
def test_schema_refuses_what_the_record_refuses(change: str) -> None:
    data = json.loads((DATA / "models" / "reference.json").read_text(encoding="utf-8"))
    variance = data["returns"]["ETH"]["variance"]
    if change == "drop":
        del variance["omega"]
    elif change == "add":
        variance["colour"] = 1.0
    else:
        variance["omega"] = "small"
    assert len(problems("market-model-1", data)) == 1
