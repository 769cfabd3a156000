"""``govkit fit`` when it is asked for what is not there."""

from __future__ import annotations

import shutil
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
    """Accounts, and two days of hourly prices: too little to fit anything."""
    prices = builders.candles(tmp_path / "in", "ETH-1h.csv", 48)
    rows = [f"a{i},{1000 + 40 * i},{700},{1.1 + i / 20:.2f}" for i in range(30)]
    # A fit looks for accounts before it reads prices, which takes long.
    accounts = builders.write(
        tmp_path / "in", "accounts.csv", *rows,
        header="user_id,collateral_usd,debt_usd,health_factor",
    )  # fmt: skip
    for words in ((prices, "--asset", "ETH", "--quote", "USDT"), (accounts,)):
        result = govkit("snapshot", "import", *words, "--out", tmp_path / "snap")
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
    (table,) = snapshot.rglob("ETH*.csv.gz")
    table.write_bytes(table.read_bytes()[:-20])
    message = refused(snapshot.parent, 2, snapshot, "--assets", "WETH")
    assert table.name in message


def test_unknown_asset(snapshot: Path) -> None:
    message = refused(snapshot.parent, 2, snapshot, "--assets", "WETH,WBCT")
    assert message == "unknown asset 'WBCT'. Did you mean WBTC or WETH?"


def test_asset_without_prices(snapshot: Path) -> None:
    message = refused(snapshot.parent, 3, snapshot, "--assets", "LINK")
    assert "no asset in the snapshot has a price series that can be used" in message


def test_too_little_history(snapshot: Path) -> None:
    message = refused(snapshot.parent, 3, snapshot, "--assets", "WETH")
    assert "no asset in the snapshot has a price series that can be used" in message


def test_no_accounts(snapshot: Path) -> None:
    shutil.rmtree(snapshot)
    prices = builders.candles(snapshot.parent / "in", "ETH-1h.csv", 48)
    assert govkit("snapshot", "import", prices, "--asset", "ETH", "--quote", "USDT", "--out",
                  snapshot).exit_code == 0  # fmt: skip
    message = refused(snapshot.parent, 3, snapshot, "--assets", "WETH")
    assert "no table with the health factors of at least 20 accounts" in message


def test_numeraire_that_is_not_there(snapshot: Path) -> None:
    message = refused(snapshot.parent, 2, snapshot, "--assets", "WETH", "--numeraire", "LINK")
    assert "there are no hourly candles of 'LINK' to measure falls in" in message


@pytest.mark.parametrize(
    "words", [["--as-of", "soon"], ["--refits", "0"], ["--workers", "0"], ["--seed", "-1"]]
)
def test_options_out_of_range(snapshot: Path, words: list[str]) -> None:
    result = govkit("fit", snapshot, *words)
    assert result.exit_code == 2
    assert f"Invalid value for '{words[0]}'" in result.stderr
