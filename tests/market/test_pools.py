"""Tables of pools: read, stored, checked, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from govkit.errors import InputError
from govkit.estimate.liquidity.pools import pool_curves
from govkit.market.check import check_snapshot
from govkit.market.formats import read_tables
from govkit.market.intake import import_files
from govkit.market.pools import POOL_COLUMNS
from govkit.market.store import open_snapshot
from govkit.market.tables import Request
from govkit.records.liquidity import LiquidityCurve
from govkit.records.provenance import NotDone
from tests.market.builders import FETCHED, FIXTURES, write

ASKED = Request(retrieved=FETCHED, source="toy exchange", licence="CC0")
FILE = FIXTURES / "pools-toydex.csv"
ROW = {
    "timestamp": "2024-03-01T00:00:00Z", "pool": "toy-usdc", "type": "constant product",
    "asset_in": "TOY", "asset_out": "USDC", "reserve_in": "1000", "reserve_out": "1000000",
    "price_in_usd": "1000", "fee": "0.003", "amplification": "",
}  # fmt: skip


def test_pools_are_recognised_and_put_in_order() -> None:
    (table,) = read_tables(FILE, ASKED)
    assert (table.kind, table.asset, table.quote, table.interval) == (
        "pools", "*", "USD", "irregular",
    )  # fmt: skip
    frame = table.frame
    assert tuple(frame.columns) == POOL_COLUMNS
    assert frame["timestamp"].is_monotonic_increasing
    assert frame["pool"].tolist() == ["toy-usdc", "usdc-usdt", "toy-usdc"]
    assert frame["type"].tolist() == ["constant product", "stableswap", "constant product"]
    assert frame["asset_in"].tolist() == ["TOY", "USDC", "TOY"]
    assert frame["fee"].tolist() == [0.003, 0.0004, 0.003]
    np.testing.assert_array_equal(frame["amplification"], [np.nan, 2000, np.nan])
    assert [f.what for f in table.findings] == [
        "rows were not in order of time (1 steps back); sorted",
        "1 rows with a reserve of zero (toy-usdc): such a pool has no depth",
    ]


def test_pools_come_back_as_they_went_in(tmp_path: Path) -> None:
    _, (table,) = import_files([FILE], tmp_path / "s", ASKED)
    snapshot = open_snapshot(tmp_path / "s")
    (entry,) = snapshot.entries(kind="pools")
    assert entry.path == "pools/toydex.csv.gz"
    assert (entry.first, entry.last) == ("2024-03-01T00:00:00Z", "2024-03-02T00:00:00Z")
    stored = snapshot.table(entry)
    pd.testing.assert_frame_equal(stored, table.frame, check_dtype=False)
    assert check_snapshot(snapshot) == ()
    # From the file to curves: the drained pool says why, the other one is a curve.
    (toy,) = pool_curves(stored, entry, "TOY")
    assert isinstance(toy, NotDone)
    assert "zero depth" in toy.reason
    (usdc,) = pool_curves(stored, entry, "USDC")
    assert isinstance(usdc, LiquidityCurve)
    assert (usdc.method, usdc.as_of) == ("stableswap", "2024-03-01")
    assert usdc.window.source == "toy exchange"
    assert usdc.window.input_digests == (entry.sha256,)


def test_a_price_altered_in_the_store_is_an_error(tmp_path: Path) -> None:
    import_files([FILE], tmp_path / "s", ASKED)
    snapshot = open_snapshot(tmp_path / "s")
    path = tmp_path / "s" / "pools" / "toydex.csv.gz"
    path.write_bytes(path.read_bytes()[:-1])
    assert [f.severity for f in check_snapshot(snapshot)] == ["error"]


@pytest.mark.parametrize(
    ("column", "value", "what"),
    [
        ("pool", " ", "the pool has no name"),
        ("type", "weighted", "type 'weighted' is not constant product or stableswap"),
        ("asset_in", "", "the asset is missing"),
        ("asset_out", "TOY", "TOY is swapped for itself"),
        ("reserve_in", "-1", "reserve_in -1 is negative"),
        ("reserve_out", "", "reserve_out is missing"),
        ("reserve_out", "inf", "not a finite number"),
        ("price_in_usd", "0", "price_in_usd 0 is not above zero"),
        ("fee", "30", "fee 30 is not below 1 (a fraction is expected"),
        ("type", "stableswap", "needs an amplification of at least 1, not ''"),
    ],
)
def test_bad_rows_are_refused_with_their_line(
    tmp_path: Path, column: str, value: str, what: str
) -> None:
    rows = [",".join(ROW.values()), ",".join((ROW | {column: value}).values())]
    path = write(tmp_path, "pools-bad.csv", *rows, header=",".join(POOL_COLUMNS))
    with pytest.raises(InputError) as refused:
        read_tables(path, ASKED)
    assert what in refused.value.what
    assert refused.value.where == "pools-bad.csv:3"


def test_an_unknown_column_is_refused(tmp_path: Path) -> None:
    header = ",".join([*POOL_COLUMNS, "volume"])
    path = write(tmp_path, "pools-wide.csv", ",".join([*ROW.values(), "1"]), header=header)
    with pytest.raises(InputError, match="columns not recognised: volume"):
        read_tables(path, ASKED)


def test_a_missing_column_lists_the_accepted_shapes(tmp_path: Path) -> None:
    header = ",".join(POOL_COLUMNS[:-1])
    path = write(tmp_path, "pools-short.csv", ",".join([*ROW.values()][:-1]), header=header)
    with pytest.raises(InputError, match="columns not recognised") as refused:
        read_tables(path, ASKED)
    assert "price_in_usd,fee,amplification" in refused.value.todo
