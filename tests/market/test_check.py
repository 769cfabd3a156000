"""What a check finds in whole and in damaged snapshots."""

from __future__ import annotations

from pathlib import Path

from govkit.market.check import check_snapshot
from govkit.market.intake import import_files
from govkit.market.store import Snapshot
from govkit.market.tables import Request
from govkit.records.snapshot import Finding, SnapshotManifest
from tests.market.builders import FETCHED, FIXTURES, candle, candles, write


def made(folder: Path, *paths: Path) -> Snapshot:
    return import_files(paths, folder, Request(retrieved=FETCHED))[0]


def found(snapshot: Snapshot, severity: str) -> list[Finding]:
    return [f for f in check_snapshot(snapshot) if f.severity == severity]


def test_a_whole_snapshot_has_nothing_to_say(tmp_path: Path) -> None:
    assert check_snapshot(made(tmp_path / "s", candles(tmp_path, "TOY-1h.csv", 50))) == ()


def test_damage_is_an_error_and_does_not_stop_the_check(tmp_path: Path) -> None:
    snapshot = made(
        tmp_path / "s",
        candles(tmp_path, "TOY-1h.csv", 50),
        candles(tmp_path, "TIN-1h.csv", 50),
        candles(tmp_path, "OAK-1h.csv", 50, skip=range(20, 22)),
    )
    (tmp_path / "s" / "candles" / "TOY-USDT-1h.csv.gz").unlink()
    (tmp_path / "s" / "candles" / "TIN-USDT-1h.csv.gz").write_bytes(b"other")
    (tmp_path / "s" / "candles" / "extra.csv").write_text("?")
    assert [(f.where, f.what.split(" (")[0]) for f in found(snapshot, "error")] == [
        ("candles/TIN-USDT-1h.csv.gz", "the file is not the one that was imported"),
        ("candles/TOY-USDT-1h.csv.gz", "listed in the snapshot but missing. Import it again."),
    ]
    assert [f.where for f in found(snapshot, "warning")] == ["candles/extra.csv"]
    assert "2 missing candles" in found(snapshot, "note")[0].what


def test_a_manifest_that_tells_another_story_is_an_error(tmp_path: Path) -> None:
    snapshot = made(tmp_path / "s", candles(tmp_path, "TOY-1h.csv", 50))
    lie = {"rows": 49, "last": "2024-03-05T00:00:00Z"}
    entry = snapshot.entries()[0].model_copy(update=lie)
    wrong = Snapshot(snapshot.folder, SnapshotManifest(files=(entry,)))
    assert [f.what for f in found(wrong, "error")] == [
        "50 rows, the manifest says 49",
        "the last time is 2024-03-03T01:00:00Z, the manifest says 2024-03-05T00:00:00Z",
    ]
    other = snapshot.entries()[0].model_copy(update={"kind": "closes"})
    wrong = Snapshot(snapshot.folder, SnapshotManifest(files=(other,)))
    assert "not a stored table of closes" in found(wrong, "error")[0].what


def test_a_deep_wick_is_told_with_date_and_size(tmp_path: Path) -> None:
    rows = [candle(i) for i in range(50)]
    for i, low in ((10, 7.0), (20, 0.001), (30, 7.6), (40, 5.0), (45, 6.0)):
        parts = rows[i].split(",")
        rows[i] = ",".join([*parts[:3], str(low), *parts[4:]])
    (finding,) = found(made(tmp_path / "s", write(tmp_path, "TOY-1h.csv", *rows)), "warning")
    assert finding.where == "TOY candles/TOY-USDT-1h.csv.gz"
    assert finding.what == (
        "4 wick candidates of a single venue (low under 75% of the body); worst: "
        "2024-03-01T20:00:00Z low 0.001, 99.99% under the body; "
        "2024-03-02T16:00:00Z low 5, 50.00% under the body; "
        "2024-03-02T21:00:00Z low 6, 40.00% under the body"
    )


def test_a_fall_hidden_by_an_hourly_gap_is_told(tmp_path: Path) -> None:
    hourly = candles(tmp_path, "TOY-1h.csv", 24 * 30, skip=range(24 * 10, 24 * 20))
    fallen = candles(
        tmp_path, "TOY-1d.csv", 30, step="1D", price=lambda i: 8.0 if i == 20 else 10.0
    )
    (gap, hidden) = found(made(tmp_path / "a", hourly, fallen), "warning")
    assert "1 gap, 240 missing candles" in gap.what
    assert "missing from 2024-03-10T23:00:00Z to 2024-03-21T00:00:00Z" in hidden.what
    assert "fell to 7.92 (20.8% under its median there) on 2024-03-21" in hidden.what
    calm = candles(tmp_path, "TOY-1d.csv", 30, step="1D", price=lambda i: 8.0 if i == 3 else 10.0)
    assert len(found(made(tmp_path / "b", hourly, calm), "warning")) == 1


def test_a_ratio_that_earns_is_told(tmp_path: Path) -> None:
    rising = candles(tmp_path, "TOY-TIN-1h.csv", 200, price=lambda i: 1.0 + i / 1000)
    (finding,) = found(made(tmp_path / "a", rising), "note")
    assert "falls must be measured against its running maximum" in finding.what
    level = candles(tmp_path, "TOY-TIN-1h.csv", 200, price=lambda i: 1.0 - (i % 2) / 1000)
    assert found(made(tmp_path / "b", level), "note") == []
    dollars = candles(tmp_path, "TOY-1h.csv", 200, price=lambda i: 1.0 + i / 1000)
    assert found(made(tmp_path / "c", dollars), "note") == []


def test_different_last_dates_are_told(tmp_path: Path) -> None:
    one = candles(tmp_path, "TOY-1d.csv", 30, step="1D")
    two = candles(tmp_path, "TIN-1d.csv", 20, step="1D")
    (finding,) = found(made(tmp_path / "s", one, two), "note")
    assert "TIN 2024-03-20, TOY 2024-03-30; of the assets used, the oldest" in finding.what


def test_books_are_checked_too(tmp_path: Path) -> None:
    books = [FIXTURES / "quotes-toydex.csv", FIXTURES / "accounts-by-amount.csv"]
    assert check_snapshot(made(tmp_path / "s", *books)) == ()
