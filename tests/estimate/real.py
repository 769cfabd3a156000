"""Read the real hourly series as the product would."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from govkit.estimate.inputs import at_close
from govkit.estimate.returns.hours import (
    HourlyReturns,
    hourly_returns,
    in_numeraire,
    trim_constant,
)


def real_candles(folder: Path, ticker: str) -> pd.DataFrame:
    """Return hourly candles indexed by the time of their opening."""
    path = folder / "prices" / f"{ticker}-1h.csv.gz"
    return pd.read_csv(path, parse_dates=["timestamp"], index_col="timestamp")


def real_hours(folder: Path, ticker: str) -> HourlyReturns:
    """Return the hourly returns of a real series in the quote of its candles."""
    return hourly_returns(ticker, trim_constant(real_candles(folder, ticker)))


def measured_hours(folder: Path, ticker: str, unit: str = "USDC") -> HourlyReturns:
    """Return the hourly returns of a real series as the shipped model measures them: in USDC."""
    price = at_close(real_candles(folder, unit))
    return in_numeraire(real_hours(folder, ticker), unit, price)
