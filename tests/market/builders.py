"""Small price files of invented numbers."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pandas as pd

FIXTURES = Path(__file__).parent / "fixtures"
START = pd.Timestamp("2024-03-01", tz="UTC")
HEADER = "timestamp,open,high,low,close,volume"
FETCHED = pd.Timestamp("2026-01-01", tz="UTC")

Price = Callable[[int], float]


def flat(_: int) -> float:
    """Return the price 10, whatever the candle."""
    return 10.0


def candle(i: int, price: Price = flat, step: str = "1h", volume: float = 100.0) -> str:
    """Return one candle as a CSV row: open at the price, 1 % above and below, same close."""
    p = price(i)
    time = (START + i * pd.Timedelta(step)).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{time},{p},{p * 1.01},{p * 0.99},{p},{volume}"


def write(folder: Path, name: str, *rows: str, header: str = HEADER) -> Path:
    """Write rows under a header; gzip when the name ends with .gz."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    data = "\n".join([header, *rows, ""]).encode()
    path.write_bytes(gzip.compress(data, mtime=0) if name.endswith(".gz") else data)
    return path


def candles(
    folder: Path,
    name: str,
    count: int,
    price: Price = flat,
    step: str = "1h",
    skip: range = range(0),
) -> Path:
    """Write `count` candles, leaving out those in `skip`."""
    rows = [candle(i, price, step) for i in range(count) if i not in skip]
    return write(folder, name, *rows)
