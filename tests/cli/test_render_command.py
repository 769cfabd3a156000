"""``govkit render``: documents from the evidence of a draft, and drafts that are broken."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from govkit.cli import main

NAME = "0001-aave-v3-ethereum-usdc"


def govkit(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("render") / "out"
    result = govkit("propose", "USDC", "--out", out)
    assert result.exit_code == 0, result.output
    return out


@pytest.fixture
def out(original: Path, tmp_path: Path) -> Path:
    shutil.copytree(original, tmp_path / "out")
    return tmp_path / "out"


def files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(out: Path, *words: str) -> str:
    """Return the one line of a refusal that changed nothing."""
    before = files(out)
    result = govkit("render", *(words or ("1",)), "--out", out)
    assert (result.exit_code, result.stdout) == (2, "")
    assert files(out) == before
    (line,) = result.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


@pytest.mark.parametrize("number", ["1", "0001", NAME])
def test_unchanged(out: Path, number: str) -> None:
    before = files(out)
    result = govkit("render", number, "--out", out)
    assert (result.exit_code, result.stdout) == (0, f"unchanged: {out / NAME}\n")
    assert (files(out), result.stderr) == (before, "")


def test_lost_and_stray_documents_are_put_right(out: Path) -> None:
    before = files(out)
    (out / NAME / "proposal.md").unlink()
    (out / NAME / "charts").mkdir(exist_ok=True)
    (out / NAME / "charts" / "stray.svg").write_bytes(b"")
    result = govkit("render", "1", "--out", out)
    assert (result.exit_code, result.stdout) == (0, f"replaced: {out / NAME}\n")
    assert files(out) == before


def test_text_enters_evidence_and_documents(out: Path) -> None:
    path = out / NAME / "proposal.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('payer = ""', 'payer = "The DAO"'),
                    encoding="utf-8")  # fmt: skip
    before = json.loads((out / NAME / "evidence.json").read_bytes())
    assert govkit("render", "1", "--out", out).exit_code == 0
    after = json.loads((out / NAME / "evidence.json").read_bytes())
    assert after["text"].pop("payer") == "The DAO"
    assert before["text"].pop("payer") == ""
    assert after == before
    assert "The DAO" in (out / NAME / "proposal.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("number", ["2", "0002", "nothing"])
def test_unknown_number(out: Path, number: str) -> None:
    message = refused(out, number)
    assert message.startswith(f"{out}: unknown proposal '{number}'")
    assert NAME in message


def test_no_folder_at_all(tmp_path: Path) -> None:
    assert "unknown proposal '1'. None are known." in refused(tmp_path / "missing")
    assert list(tmp_path.iterdir()) == []


def test_missing_evidence(out: Path) -> None:
    path = out / NAME / "evidence.json"
    path.unlink()
    assert refused(out) == f"{path}: missing. Run 'govkit propose' again."


def test_missing_question(out: Path) -> None:
    path = out / NAME / "proposal.toml"
    path.unlink()
    assert refused(out).startswith(f"{path}: cannot be read (No such file")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b'"seed":1', b'"seed":"one"', "seed: input should be a valid integer"),
        (b'"seed":1', b'"seed":NaN', "not valid JSON (NaN is not a number)"),
        (b'"seed":1', b'"seed":1,"stray":1', "stray: extra inputs are not permitted"),
        (b'"action":"keep"', b'"action":"ban"', "assets.0.action: input should be 'raise'"),
        (b'{"appetite"', b'"appetite"', "not valid JSON"),
        (b"govkit/evidence/1", b"govkit/evidence/9", "schema_id: input should be"),
    ],
)
def test_tampered_evidence(out: Path, old: bytes, new: bytes, expected: str) -> None:
    path = out / NAME / "evidence.json"
    data = path.read_bytes()
    assert old in data
    path.write_bytes(data.replace(old, new))
    message = refused(out)
    assert message.startswith(f"{path}: ")
    assert expected in message


def test_truncated_evidence(out: Path) -> None:
    path = out / NAME / "evidence.json"
    path.write_bytes(path.read_bytes()[:3000])
    assert refused(out).startswith(f"{path}: not valid JSON")


def test_question_about_other_assets(out: Path) -> None:
    path = out / NAME / "proposal.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('["USDC"]', '["USDC", "DAI"]'),
                    encoding="utf-8")  # fmt: skip
    assert refused(out).startswith(f"{path}: asks for other assets than the evidence holds")


def test_broken_question(out: Path) -> None:
    path = out / NAME / "proposal.toml"
    path.write_text("[text", encoding="utf-8")
    assert refused(out).startswith(f"{path}: not valid TOML")


def test_out_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"kept")
    result = govkit("render", "1", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert (tmp_path / "out").read_bytes() == b"kept"
