"""``govkit fit`` when it is asked for what is not there."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from govkit.cli import main
from tests.market import builders


def govkit(*words: str | Path) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def refused(folder: Path, code: int, *words: str | Path) -> str:
    """Return the error line of a fit that wrote nothing."""
    before = sorted(folder.rglob("*"))
    result = govkit("fit", *words, "--out", folder / "model.json", "--workers", "1")
    assert (result.exit_code, result.stdout) == (code, ""), result.output
    assert sorted(folder.rglob("*")) == before
    (line,) = [line for line in result.stderr.splitlines() if not line.endswith(" ...")]
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


@pytest.fixture
def snapshot(tmp_path: Path) -> Path:
    """Two days of hourly prices: too little to fit anything."""
    path = builders.candles(tmp_path / "in", "ETH-1h.csv", 48)
    result = govkit("snapshot", "import", path, "--asset", "ETH", "--quote", "USDT", "--out",
                    tmp_path / "snap")  # fmt: skip
    assert result.exit_code == 0, result.output
    return tmp_path / "snap"


def test_missing_snapshot(tmp_path: Path) -> None:
    assert refused(tmp_path, 2, tmp_path / "missing").startswith(str(tmp_path / "missing"))


def test_folder_that_is_no_snapshot(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.png").write_bytes(b"")
    assert str(tmp_path / "photos") in refused(tmp_path, 2, tmp_path / "photos")


def test_snapshot_that_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "snap").write_bytes(b"")
    result = govkit("fit", tmp_path / "snap", "--out", tmp_path / "model.json")
    assert result.exit_code == 2
    assert "is a file" in result.stderr
    assert not (tmp_path / "model.json").exists()


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"schema_id": "govkit/snapshot/9"}'])
def test_broken_manifest(snapshot: Path, text: str) -> None:
    (snapshot / "snapshot.json").write_text(text, encoding="utf-8")
    assert "snapshot.json" in refused(snapshot.parent, 2, snapshot)


def test_table_changed_after_import(snapshot: Path) -> None:
    (table,) = snapshot.rglob("*.csv.gz")
    table.write_bytes(table.read_bytes()[:-20])
    message = refused(snapshot.parent, 2, snapshot, "--assets", "WETH")
    assert table.name in message


def test_unknown_asset(snapshot: Path) -> None:
    message = refused(snapshot.parent, 2, snapshot, "--assets", "WETH,WBCT")
    assert message == "unknown asset 'WBCT'. Did you mean WBTC or WETH?"


def test_asset_without_prices(snapshot: Path) -> None:
    refused(snapshot.parent, 3, snapshot, "--assets", "LINK")


def test_too_little_history(snapshot: Path) -> None:
    refused(snapshot.parent, 3, snapshot, "--assets", "WETH")


@pytest.mark.parametrize(
    "words", [["--as-of", "soon"], ["--refits", "0"], ["--workers", "0"], ["--seed", "-1"]]
)
def test_options_out_of_range(snapshot: Path, words: list[str]) -> None:
    result = govkit("fit", snapshot, *words)
    assert result.exit_code == 2
    assert f"Invalid value for '{words[0]}'" in result.stderr
