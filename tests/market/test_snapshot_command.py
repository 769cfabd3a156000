"""`govkit snapshot`, as people and scripts use it."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from govkit.cli.snapshot import command
from govkit.errors import CheckFailed, InputError
from tests.market.builders import FIXTURES, candles


def run(*words: object) -> Result:
    return CliRunner().invoke(command, [str(word) for word in words])


def test_import_prints_what_it_stored(tmp_path: Path) -> None:
    result = run("import", FIXTURES / "TOY-1h-newest-first.csv", "--out", tmp_path / "s")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[:2] == [
        "candles/TOY-USDT-1h.csv.gz: candles TOY/USDT 1h, 4 rows, "
        "2024-03-01T00:00:00Z to 2024-03-01T03:00:00Z",
        "  note: TOY-1h-newest-first.csv: rows were newest first; sorted",
    ]
    assert result.stderr == "reading TOY-1h-newest-first.csv\n"


def test_options_win_over_the_file_name(tmp_path: Path) -> None:
    path = candles(tmp_path, "TOY-1h.csv", 30)
    said = ["--asset", "tin", "--quote", "usd", "--interval", "1h", "--source", "a friend"]
    fetched = ["--retrieved", "2024-03-02T05:30:00Z", "--licence", "CC0-1.0"]
    result = run("import", path, "--out", tmp_path / "s", *said, *fetched, "--json")
    (entry,) = json.loads(result.stdout)["imported"]
    assert (entry["asset"], entry["quote"], entry["rows"]) == ("TIN", "USD", 29)
    assert (entry["source"], entry["licence"]) == ("a friend", "CC0-1.0")
    assert "unfinished last candle 2024-03-02T05:00:00Z" in entry["findings"][0]["what"]


def test_import_refuses_with_file_and_row(tmp_path: Path) -> None:
    result = run("import", FIXTURES / "TOY-1h-same-time-two-prices.csv", "--out", tmp_path / "s")
    assert isinstance(result.exception, InputError)
    assert result.exception.where == "TOY-1h-same-time-two-prices.csv:5"
    assert not (tmp_path / "s").exists()
    path = candles(tmp_path, "TOY-1h.csv", 30)
    for option, value in (("--asset", "../x"), ("--retrieved", "soon")):
        result = run("import", path, "--out", tmp_path / "s", option, value)
        assert isinstance(result.exception, InputError)
        assert result.exception.where.startswith(option)


def test_check_says_yes_and_no(tmp_path: Path) -> None:
    run("import", candles(tmp_path, "TOY-1h.csv", 30), "--out", tmp_path / "s")
    result = run("check", tmp_path / "s")
    assert result.exit_code == 0
    assert result.stdout.startswith("1 table checked, 0 errors, 0 warnings, 0 notes\n")
    (tmp_path / "s" / "candles" / "TOY-USDT-1h.csv.gz").write_bytes(b"")
    result = run("check", tmp_path / "s", "--json")
    assert isinstance(result.exception, CheckFailed)
    (finding,) = json.loads(result.stdout)["findings"]
    assert (finding["severity"], finding["where"]) == ("error", "candles/TOY-USDT-1h.csv.gz")
    assert isinstance(run("check", tmp_path).exception, InputError)


@pytest.mark.parametrize("name", ["import", "check"])
def test_help_has_a_sentence_and_an_example(name: str) -> None:
    assert isinstance(command, click.Group)
    text = CliRunner().invoke(command, [name, "--help"]).output
    assert f"  govkit snapshot {name} " in text
