"""Defects of one price table: values, units and rest that no market shows."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from govkit.estimate.findings import counted, day, error, minute, note, warning
from govkit.estimate.returns.hours import Array
from govkit.market.columns import NOISE
from govkit.records.snapshot import Finding

FEWEST_MOVES = 0.5
STILL_HOURS = 24
SILENT_SHARE = 0.01
UNIT_FACTOR = 3.0
"""No asset in hand has moved by this factor in an hour; the largest move is 1.55."""

LONG_GAP_HOURS = 7 * 24
LONG_GAP_FACTOR = 10.0
AROUND_HOURS = 24
ODD_CLOSE = 0.25
"""A close this far off both neighbours; 16 % is the most in 423,000 real hours."""


def impossible_values(where: str, candles: pd.DataFrame) -> tuple[Finding, ...]:
    """Find what no market can show: no rows, no order, prices that are no prices.

    Importing refuses all of it, so a table that has any was altered since.
    """
    if candles.empty:
        return (error(where, "the table has no rows"),)
    times = pd.DatetimeIndex(candles.index)
    if not (times.is_monotonic_increasing and times.is_unique):
        return (error(where, "rows are out of order or a time is there twice"),)
    prices = candles[["open", "high", "low", "close"]].to_numpy(dtype=float)
    opened, high, low, close = prices.T
    with np.errstate(invalid="ignore"):
        outside = low > np.minimum(opened, close) * (1 + NOISE)
        outside |= high < np.maximum(opened, close) * (1 - NOISE)
    checks = (
        ("a price that is missing or not finite", ~np.isfinite(prices).all(axis=1)),
        ("a price of zero or less", (prices <= 0).any(axis=1)),
        ("an open or close outside high and low", outside),
    )
    return tuple(
        error(where, f"{counted(int(wrong.sum()), 'candle')} with {what}, first at "
               f"{minute(times[int(wrong.argmax())])}")
        for what, wrong in checks if wrong.any()
    )  # fmt: skip


def constant_prices(where: str, candles: pd.DataFrame) -> tuple[Finding, ...]:
    """Find a price that never moves."""
    closes = candles["close"].to_numpy(dtype=float)
    if len(closes) and (closes != closes[0]).any():
        return ()
    first, last = candles.index[0], candles.index[-1]
    what = f"the price is {closes[0]:g} in all {len(closes)} hours from {day(first)} to "
    return (error(where, f"{what}{day(last)}; a constant has no volatility to measure"),)


def unit_changes(where: str, candles: pd.DataFrame) -> tuple[Finding, ...]:
    """Find steps in level that are a change of unit or of coin, not a fall.

    A redenomination is a step by a factor of 3 or more from one candle to the next, or across
    up to seven days of halted trading, with calm on both sides and no return. A crash is not:
    its neighbouring hours move, too. Rows in two units step up and down by one factor. Across
    a longer gap only a factor of 10 is worth a warning, because prices may travel that far.
    """
    times = pd.DatetimeIndex(candles.index)
    level = np.log(candles["close"].to_numpy(dtype=float))
    steps = np.diff(level)
    wait = _waits(times)
    big = np.flatnonzero((np.abs(steps) >= np.log(UNIT_FACTOR)) & (wait <= LONG_GAP_HOURS))
    if _two_units(steps[big]):
        what = f"the price steps {len(big)} times by a factor of about "
        what += f"{np.exp(np.median(np.abs(steps[big]))):,.4g}, up and down, first at "
        return (error(where, f"{what}{minute(times[big[0] + 1])}; rows in two units"),)
    found = []
    for i in big.tolist():
        if _lasts(level, i):
            factor = np.exp(np.abs(steps[i]))
            way = "higher" if steps[i] > 0 else "lower"
            what = f"from {minute(times[i])} to {minute(times[i + 1])} the price steps {way} by "
            what += f"a factor of {factor:,.4g} and stays there, with calm hours on both sides"
            found.append(error(where, f"{what}; a redenomination or another coin, not a return"))
    far = np.flatnonzero((np.abs(steps) >= np.log(LONG_GAP_FACTOR)) & (wait > LONG_GAP_HOURS))
    for i in far.tolist():
        what = f"across the gap from {day(times[i])} to {day(times[i + 1])} the price changes by "
        what += f"a factor of {np.exp(np.abs(steps[i])):,.4g}"
        found.append(warning(where, f"{what}; another unit or coin after it cannot be ruled out"))
    return tuple(found)


def _lasts(level: Array, i: int) -> bool:
    """Tell whether the step after row `i` stays, with nothing like it near."""
    before, after = level[max(0, i + 1 - AROUND_HOURS) : i + 1], level[i + 1 :][:AROUND_HOURS]
    step = level[i + 1] - level[i]
    near = np.abs(np.concatenate([np.diff(before), np.diff(after), [0.0]])).max()
    moved = np.median(after) - np.median(before)
    return bool(near <= abs(step) / 4 and abs(moved - step) <= abs(step) / 4)


def _two_units(steps: Array) -> bool:
    if min((steps > 0).sum(), (steps < 0).sum()) < 2:
        return False
    size = np.abs(steps)
    return bool((np.abs(size - np.median(size)) <= np.median(size) / 4).all())


def odd_closes(where: str, candles: pd.DataFrame) -> tuple[Finding, ...]:
    """Find closes that stand alone: off the hours on both sides, which agree with each other.

    They stay in the returns, as two moves. From a factor of 3 on they are no prices.
    """
    times = pd.DatetimeIndex(candles.index)
    steps = np.diff(np.log(candles["close"].to_numpy(dtype=float)))
    hourly = _waits(times) == 1
    away, back = steps[:-1], steps[1:]
    size = np.minimum(np.abs(away), np.abs(back))
    alone = (size >= np.log1p(ODD_CLOSE)) & (np.abs(away + back) <= size / 4)
    at = np.flatnonzero(alone & hourly[:-1] & hourly[1:])
    if not len(at):
        return ()
    worst = int(at[size[at].argmax()])
    factor = float(np.exp(size[worst]))
    what = f"{counted(len(at), 'close')} off the hours on both sides by a quarter or more; the "
    what += f"farthest by a factor of {factor:,.4g} at {minute(times[worst + 1])}"
    found = error if factor >= UNIT_FACTOR else warning
    return (found(where, f"{what}; they count as falls, though they may be prints of one venue"),)


def standing_still(where: str, candles: pd.DataFrame) -> tuple[Finding, ...]:
    """Find a price that rests: in most hours (an error), or for a day on end (a warning)."""
    times = pd.DatetimeIndex(candles.index)
    hourly = _waits(times) == 1
    same = (np.diff(candles["close"].to_numpy(dtype=float)) == 0) & hourly
    still = float(same[hourly].mean()) if hourly.any() else 0.0
    found = []
    if still > 1 - FEWEST_MOVES:
        what = f"the price did not move in {100 * still:.0f} % of the hours"
        what += f"; {100 * FEWEST_MOVES:.0f} % is the most that is used"
        found.append(error(where, what))
    length, first = _longest_run(same)
    if length >= STILL_HOURS:
        what = f"the close did not change for {length} hours from {minute(times[first])}"
        found.append(warning(where, f"{what}; a halted market or a copied price"))
    return tuple(found)


def frozen_start(where: str, candles: pd.DataFrame, moving: pd.DataFrame) -> tuple[Finding, ...]:
    """Note the hours before the price first moved, which the fit leaves out."""
    left_out = len(candles) - len(moving)
    if not left_out:
        return ()
    what = f"{counted(left_out, 'hour')} before {day(moving.index[0])} left out"
    return (note(where, f"{what}; the price had not moved yet, as before a listing"),)


def silent_hours(where: str, candles: pd.DataFrame) -> tuple[Finding, ...]:
    """Find hours in which nothing was traded, where the volume is known."""
    if "volume" not in candles:
        return ()
    volume = candles["volume"].to_numpy(dtype=float)
    known = np.isfinite(volume)
    silent = known & (volume == 0)
    if not silent.any() or silent.sum() <= SILENT_SHARE * known.sum():
        return ()
    length, first = _longest_run(silent)
    what = f"no volume in {silent.sum():,} of {known.sum():,} hours "
    what += (
        f"({100 * silent.sum() / known.sum():.1f} %); the longest stretch has {length} hours from "
    )
    return (warning(where, f"{what}{minute(candles.index[first])}"),)


def _waits(times: pd.DatetimeIndex) -> Array:
    """Return the hours between neighbouring rows, shape (n - 1,)."""
    return np.asarray(np.diff(times.as_unit("s").asi8) / 3600)


def _longest_run(flags: NDArray[np.bool_]) -> tuple[int, int]:
    """Return length and first index of the longest run of true flags."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], flags, [False]]).astype(int)))
    if not len(edges):
        return 0, 0
    starts, lengths = edges[::2], edges[1::2] - edges[::2]
    longest = int(lengths.argmax())
    return int(lengths[longest]), int(starts[longest])
