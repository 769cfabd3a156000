"""Columns of text to columns of numbers, refusing at the first row that is wrong."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from govkit.errors import InputError
from govkit.records.snapshot import Finding

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

NOISE = 1e-6
"""Relative size up to which a body outside high and low counts as rounding of the source."""


def numbers(cells: pd.Series, name: str, *, empty: bool = False) -> Floats:
    """Read a text column as floats, exactly.

    Parameters
    ----------
    cells:
        Text of shape (n,), indexed by line.
    name:
        File name for messages.
    empty:
        Whether an empty cell (also ``nan`` and ``None``) is allowed; it becomes NaN.

    Raises
    ------
    InputError
        Naming the first row that is not a finite number, or is empty where it must not be.
    """
    values = np.array([_number(str(cell)) for cell in cells], dtype=np.float64)
    absent = np.array([str(cell).lower() in _ABSENT for cell in cells], dtype=np.bool_)
    bad = ~np.isfinite(values) & ~absent
    refuse(bad, cells, name, lambda text: f"{cells.name} '{text}' is not a finite number")
    if not empty:
        refuse(absent, cells, name, lambda _: f"{cells.name} is missing")
    return values


_ABSENT = frozenset({"", "nan", "none", "null", "na", "n/a"})


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def refuse(bad: Flags, cells: pd.Series, name: str, what: Callable[[str], str]) -> None:
    """Raise an `InputError` for the first true row of `bad`; nothing when there is none."""
    rows = np.flatnonzero(bad)
    if rows.size:
        more = f" ({rows.size} such rows)" if rows.size > 1 else ""
        raise InputError(
            what(str(cells.iloc[rows[0]])) + more,
            where=f"{name}:{cells.index[rows[0]]}",
            todo="Mend the row at its source, or remove it and import again.",
        )


def positive(cells: pd.Series, name: str) -> Floats:
    """Read a text column of prices or amounts: finite numbers above zero."""
    values = numbers(cells, name)
    refuse(values <= 0, cells, name, lambda text: f"{cells.name} {text} is not above zero")
    return values


def not_negative(cells: pd.Series, name: str, *, empty: bool = False) -> Floats:
    """Read a text column of numbers that are zero or above; NaN where empty and allowed."""
    values = numbers(cells, name, empty=empty)
    refuse(values < 0, cells, name, lambda text: f"{cells.name} {text} is negative")
    return values


def candle_columns(cells: pd.DataFrame, name: str) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
    """Read open, high, low, close, volume and source.

    Returns
    -------
    tuple
        A frame of shape (n, 6) with the index of `cells`, and findings. Volume is NaN and
        source an empty string where the file gives none. A body that leaves high and low by
        no more than `NOISE` is kept as it is and reported.

    Raises
    ------
    InputError
        For a price that is not above zero, high below low, or a body outside high and low.
    """
    frame = pd.DataFrame(
        {column: positive(cells[column], name) for column in ("open", "high", "low", "close")},
        index=cells.index,
    )
    has_volume = "volume" in cells.columns
    frame["volume"] = not_negative(cells["volume"], name, empty=True) if has_volume else np.nan
    frame["source"] = cells["source"].astype(str) if "source" in cells.columns else ""
    high, low = frame["high"].to_numpy(), frame["low"].to_numpy()
    refuse(high < low, cells["high"], name, lambda text: f"high {text} is below low")
    body = frame[["open", "close"]].to_numpy()
    outside = np.maximum(body.max(axis=1) / high, low / body.min(axis=1)) - 1.0
    refuse(
        outside > NOISE,
        cells["close"],
        name,
        lambda text: f"open or close (close {text}) lies outside high and low",
    )
    noisy = np.flatnonzero(outside > 0)
    if not noisy.size:
        return frame, ()
    what = (
        f"{noisy.size} candles have a body outside high and low by rounding only "
        f"(at most {outside.max():.1e} of the price); kept as they are"
    )
    where = f"{name}:{cells.index[noisy[0]]}"
    return frame, (Finding(severity="note", where=where, what=what),)
