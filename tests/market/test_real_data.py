"""The importer and the check on real series."""

from __future__ import annotations

from pathlib import Path

import pytest

from govkit.market.check import check_snapshot
from govkit.market.intake import import_files
from govkit.market.store import Snapshot, open_snapshot
from govkit.market.tables import Request

pytestmark = pytest.mark.slow

FILES = (
    "prices/ETH-1h.csv.gz",
    "prices/LINK-1h.csv.gz",
    "prices/USDC-1h.csv.gz",
    "prices/USDC-1d.csv.gz",
    "prices/STETH-ETH-1h-close.csv.gz",
    "prices/CBETH-ETH-1h-close.csv.gz",
    "crash/2025-10-10-5m.csv.gz",
    "depth/quotes-1inch-2023-11-20.csv.gz",
    "positions/aave-v3-ethereum-wbtc-usdc-2025-01-28.csv",
    "positions/crvusd-userdays-2023q4.csv.gz",
)


@pytest.fixture(scope="module")
def snapshot(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("real") / "snapshot"
    import_files([shared_data / name for name in FILES], folder, Request())
    return open_snapshot(folder)


def test_every_file_is_stored(snapshot: Snapshot) -> None:
    told = {e.path: (e.asset, e.quote, e.interval, e.rows) for e in snapshot.entries()}
    assert told == {
        "accounts/aave-v3-ethereum-wbtc-usdc-2025-01-28.csv.gz": ("*", "", "irregular", 42),
        "accounts/crvusd-userdays-2023q4.csv.gz": ("*", "", "irregular", 78126),
        "candles/BTC-USDT-5m-2025-10-09.csv.gz": ("BTC", "USDT", "5m", 1440),
        "candles/ETH-USDT-1h.csv.gz": ("ETH", "USDT", "1h", 62269),
        "candles/ETH-USDT-5m-2025-10-09.csv.gz": ("ETH", "USDT", "5m", 1440),
        "candles/LINK-USDT-1h.csv.gz": ("LINK", "USDT", "1h", 61951),
        "candles/USDC-USD-1d.csv.gz": ("USDC", "USD", "1d", 2150),
        "candles/USDC-USDT-1h.csv.gz": ("USDC", "USDT", "1h", 27022),
        "closes/CBETH-ETH-irregular.csv.gz": ("CBETH", "ETH", "irregular", 16170),
        "closes/STETH-ETH-irregular.csv.gz": ("STETH", "ETH", "irregular", 11696),
        "quotes/1inch-2023-11-20.csv.gz": ("*", "USD", "irregular", 19278),
    }


def test_the_check_finds_what_is_known_of_these_series(snapshot: Snapshot) -> None:
    findings = check_snapshot(snapshot)
    assert not [f for f in findings if f.severity == "error"]
    (delisted,) = [f for f in findings if "delisted" in f.what and f.where.startswith("USDC")]
    assert "from 2022-09-26T02:00:00Z to 2023-03-11T14:00:00Z" in delisted.what
    assert "fell to 0.8774" in delisted.what
    assert "2023-03-11:" in delisted.what
    (wick,) = [f for f in findings if "wick" in f.what and f.where.startswith("LINK")]
    assert "2020-03-12T10:00:00Z low 0.0001" in wick.what
    (ends,) = [f for f in findings if "different dates" in f.what]
    assert "STETH 2023-02-25" in ends.what
    assert "ETH 2026-02-19" in ends.what
    earning = [f.where for f in findings if "running maximum" in f.what]
    assert earning == ["closes/CBETH-ETH-irregular.csv.gz"]
