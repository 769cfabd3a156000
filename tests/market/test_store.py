"""The folder: deterministic, verified, replaced in one step."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from govkit.errors import InputError
from govkit.market.intake import import_files
from govkit.market.store import Snapshot, open_snapshot
from govkit.market.tables import Request
from tests.market.builders import FETCHED, FIXTURES, START, candle, candles, write

ASKED = Request(retrieved=FETCHED)
FILES = tuple(
    FIXTURES / name
    for name in (
        "TOY-1h-two-venues.csv",
        "TOY-TIN-1h-close.csv",
        "quotes-toydex.csv",
        "accounts-by-value.csv",
        "accounts-by-amount.csv",
    )
)


def put(folder: Path, *paths: Path, asked: Request = ASKED) -> Snapshot:
    return import_files(paths, folder, asked)[0]


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


def test_tables_come_back_as_they_went_in(tmp_path: Path) -> None:
    _, tables = import_files(FILES, tmp_path / "s", ASKED)
    snapshot = open_snapshot(tmp_path / "s")
    assert [e.path for e in snapshot.entries()] == [
        "accounts/by-amount.csv.gz",
        "accounts/by-value.csv.gz",
        "candles/TOY-USDT-1h.csv.gz",
        "closes/TOY-TIN-irregular.csv.gz",
        "quotes/toydex.csv.gz",
    ]
    by_original = {table.original: table.frame for table in tables}
    for entry in snapshot.entries():
        stored = snapshot.table(entry)
        assert len(stored) == entry.rows
        pd.testing.assert_frame_equal(
            stored, by_original[entry.original], check_dtype=False, check_freq=False
        )
    candles_entry = snapshot.entries(kind="candles")[0]
    frame = snapshot.table(candles_entry)
    assert str(pd.DatetimeIndex(frame.index).tz) == "UTC"
    assert frame.dtypes["volume"] == "float64"
    assert (candles_entry.first, candles_entry.last) == (
        "2024-03-01T00:00:00Z",
        "2024-03-01T04:00:00Z",
    )
    assert snapshot.entries(asset="TOY", quote="TIN")[0].kind == "closes"


def test_importing_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    first = put(tmp_path / "a", *FILES)
    before = contents(tmp_path / "a")
    for path in FILES:  # one by one, from copies with other times
        copy = tmp_path / "copy" / path.name
        copy.parent.mkdir(exist_ok=True)
        shutil.copy(path, copy)
        os.utime(copy, (2e9, 2e9))
        put(tmp_path / "b", copy)
    assert contents(tmp_path / "b") == before
    assert put(tmp_path / "a", *FILES).digest == first.digest
    assert contents(tmp_path / "a") == before


def test_a_newer_file_of_the_same_name_replaces_the_table(tmp_path: Path) -> None:
    put(tmp_path / "s", candles(tmp_path, "TOY-1h.csv", 30))
    snapshot = put(tmp_path / "s", candles(tmp_path, "TOY-1h.csv", 40))
    assert [entry.rows for entry in snapshot.entries()] == [40]
    assert put(tmp_path / "s", candles(tmp_path, "TOY-1h-other.csv", 40)).digest
    assert len(open_snapshot(tmp_path / "s").entries(asset="TOY", interval="1h")) == 1
    more = put(tmp_path / "s", candles(tmp_path, "TOY-1h-longer.csv", 50))
    assert [e.path for e in more.entries()] == [
        "candles/TOY-USDT-1h-2.csv.gz",
        "candles/TOY-USDT-1h.csv.gz",
    ]


def test_short_windows_carry_their_first_day(tmp_path: Path) -> None:
    snapshot = put(tmp_path / "s", candles(tmp_path, "TOY-5m.csv", 30, step="5min"))
    assert snapshot.entries()[0].path == "candles/TOY-USDT-5m-2024-03-01.csv.gz"


def test_an_altered_table_is_not_read(tmp_path: Path) -> None:
    snapshot = put(tmp_path / "s", *FILES)
    entry = snapshot.entries(kind="candles")[0]
    target = tmp_path / "s" / entry.path
    target.write_bytes(target.read_bytes() + b" ")
    with pytest.raises(InputError, match="SHA-256 differs") as e:
        snapshot.table(entry)
    assert e.value.where == entry.path
    target.unlink()
    with pytest.raises(InputError, match="listed in the snapshot but missing"):
        snapshot.table(entry)


def test_a_path_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    snapshot = put(tmp_path / "s", FILES[0])
    for path in ("../secret.csv.gz", "/etc/hosts"):
        with pytest.raises(InputError, match="leaves the snapshot folder"):
            snapshot.table(snapshot.entries()[0].model_copy(update={"path": path}))


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("{", "not valid JSON"),
        ("[]", "the whole"),
        ('{"schema_id": "govkit/snapshot/9", "files": []}', "has the schema 'govkit/snapshot/9'"),
        ('{"files": []}', "the snapshot has no schema"),
        ('{"schema_id": "govkit/snapshot/1", "files": [], "extra": 1}', "extra"),
    ],
)
def test_a_manifest_that_cannot_be_used(tmp_path: Path, text: str, what: str) -> None:
    with pytest.raises(InputError, match=r"there is no snapshot\.json"):
        open_snapshot(tmp_path)
    (tmp_path / "snapshot.json").write_text(text)
    with pytest.raises(InputError) as e:
        open_snapshot(tmp_path)
    assert what in e.value.what


def test_other_folders_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "one.txt").write_text("dear")
    with pytest.raises(InputError, match="holds other files"):
        put(tmp_path / "letters", FILES[0])
    assert contents(tmp_path / "letters") == {"one.txt": b"dear"}
    with pytest.raises(InputError, match="not a folder"):
        put(tmp_path / "letters" / "one.txt", FILES[0])


def test_files_of_the_reader_stay_in_the_folder(tmp_path: Path) -> None:
    put(tmp_path / "s", FILES[0])
    (tmp_path / "s" / "README.txt").write_text("mine")
    put(tmp_path / "s", FILES[1])
    assert (tmp_path / "s" / "README.txt").read_text() == "mine"


def test_a_refused_file_leaves_the_old_state(tmp_path: Path) -> None:
    put(tmp_path / "s", FILES[0])
    before = contents(tmp_path / "s")
    with pytest.raises(InputError, match="there twice"):
        put(tmp_path / "s", FILES[1], FIXTURES / "TOY-1h-same-time-two-prices.csv")
    assert contents(tmp_path / "s") == before


def test_an_interrupted_import_leaves_the_old_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(tmp_path / "s", FILES[0])
    before = contents(tmp_path / "s")
    rename = os.rename

    def interrupted(old: Path, new: Path) -> None:
        if new.name == "s" and old.name == "snapshot":
            raise KeyboardInterrupt
        rename(old, new)

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        put(tmp_path / "s", FILES[1])
    monkeypatch.undo()
    assert contents(tmp_path / "s") == before
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_an_import_killed_between_its_renames_is_recovered(tmp_path: Path) -> None:
    put(tmp_path / "s", FILES[0])
    (tmp_path / "s").rename(tmp_path / ".s.before-import")
    with pytest.raises(InputError, match=r"rename that folder back"):
        open_snapshot(tmp_path / "s")
    assert len(put(tmp_path / "s", FILES[1]).entries()) == 2
    assert [p.name for p in tmp_path.iterdir()] == ["s"]


def test_another_coin_of_the_same_name_is_refused(tmp_path: Path) -> None:
    put(tmp_path / "s", candles(tmp_path, "TOY-1d.csv", 40, step="1D"))
    other = candles(tmp_path, "TOY-1h.csv", 24 * 30, price=lambda _: 15.0)
    with pytest.raises(InputError, match=r"median factor of 1\.5 over 30 common times") as e:
        put(tmp_path / "s", other)
    assert e.value.where == "TOY-1h.csv"
    assert "in TOY-1d.csv" in e.value.what
    near = candles(tmp_path, "TOY-1h-near.csv", 24 * 30, price=lambda _: 11.5)
    assert len(put(tmp_path / "s", near).entries()) == 2


def test_few_common_days_are_compared_at_common_times(tmp_path: Path) -> None:
    one = candles(tmp_path, "TOY-1h.csv", 30)
    # five-minute candles that close on the full hour carry the hour's close
    rows = [candle(i, price=lambda _: 20.0, step="5min") for i in range(12 * 26)]
    two = write(tmp_path, "TOY-5m.csv", *rows)
    with pytest.raises(InputError, match="median factor of 2 over 26 common times"):
        put(tmp_path / "s", one, two)
    short = write(tmp_path, "TOY-5m.csv", *rows[: 12 * 10])
    assert len(put(tmp_path / "s", one, short).entries()) == 2


def test_prices_in_another_coin_are_not_compared(tmp_path: Path) -> None:
    one = candles(tmp_path, "TOY-1d.csv", 40, step="1D")
    two = candles(tmp_path, "TOY-TIN-1d.csv", 40, price=lambda _: 1.0, step="1D")
    assert len(put(tmp_path / "s", one, two).entries()) == 2


def test_two_different_files_of_one_name_are_refused(tmp_path: Path) -> None:
    one = candles(tmp_path / "a", "TOY-1h.csv", 30)
    two = candles(tmp_path / "b", "TOY-1h.csv", 31)
    with pytest.raises(InputError, match="two files named TOY-1h"):
        put(tmp_path / "s", one, two)


def test_the_manifest_is_readable_json(tmp_path: Path) -> None:
    put(tmp_path / "s", FILES[0], asked=Request(retrieved=FETCHED, licence="own"))
    data = json.loads((tmp_path / "s" / "snapshot.json").read_text())
    assert data["files"][0]["licence"] == "own"
    assert data["files"][0]["first"] == START.strftime("%Y-%m-%dT%H:%M:%SZ")
