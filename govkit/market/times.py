"""Times: read in any unit, written in one form; order, spacing and gaps."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from govkit.errors import InputError
from govkit.market.names import INTERVALS
from govkit.records.snapshot import Finding

UNITS = ((1e11, "s", 1_000_000), (1e14, "ms", 1_000), (1e17, "us", 1), (1e20, "ns", 0))
"""Upper bound of the magnitude, its unit, and microseconds in it (0: divide by 1,000)."""

WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
EARLIEST = pd.Timestamp("1980-01-01", tz="UTC")
"""Numbers that are no times, such as 20230101, would fall before this day."""


@dataclass(frozen=True)
class Gap:
    """A stretch without rows: the last time before it and the first after it."""

    before: pd.Timestamp
    after: pd.Timestamp

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.after - self.before) / pd.Timedelta(days=1)


def read_times(cells: pd.Series, name: str) -> tuple[pd.DatetimeIndex, tuple[Finding, ...]]:
    """Read times of any unit, value by value.

    Parameters
    ----------
    cells:
        Text of shape (n,), indexed by line: ISO 8601, or seconds, milliseconds, microseconds
        or nanoseconds since 1970, told apart by their size.
    name:
        File name for messages.

    Returns
    -------
    tuple
        UTC times of shape (n,), microsecond resolution, in the given order; and findings.

    Raises
    ------
    InputError
        Naming the first row whose time cannot be read.
    """
    texts = [str(cell) for cell in cells]
    units = [_unit(text) for text in texts]
    micros = np.zeros(len(texts), dtype="int64")
    iso = [i for i, unit in enumerate(units) if unit == "ISO 8601"]
    for i, unit in enumerate(units):
        if unit != "ISO 8601":
            micros[i] = _micros(texts[i], unit)
    if iso:
        parsed = pd.to_datetime(
            pd.Series([texts[i] for i in iso]), format="ISO8601", utc=True, errors="coerce"
        )
        if parsed.isna().any():
            row = iso[int(np.flatnonzero(parsed.isna().to_numpy())[0])]
            raise _unreadable(texts[row], name, cells.index[row])
        micros[iso] = parsed.dt.as_unit("us").to_numpy("datetime64[us]").astype("int64")
    times = pd.DatetimeIndex(micros.view("datetime64[us]")).tz_localize("UTC")
    early = np.flatnonzero(times < EARLIEST)
    if early.size:
        raise _unreadable(texts[early[0]], name, cells.index[early[0]])
    return times, _unit_findings(units, [texts[i] for i in iso], name)


def _unit(text: str) -> str:
    try:
        size = abs(float(text))
    except ValueError:
        return "ISO 8601"
    return next((unit for bound, unit, _ in UNITS if size < bound), "ISO 8601")


def _micros(text: str, unit: str) -> int:
    scale = next(scale for _, known, scale in UNITS if known == unit)
    number: int | float = int(text) if text.lstrip("+-").isdigit() else float(text)
    return int(number // 1000) if scale == 0 else round(number * scale)


def _unreadable(text: str, name: str, line: object) -> InputError:
    return InputError(
        f"'{text}' is not a time",
        where=f"{name}:{line}",
        todo="Use ISO 8601 in UTC, or seconds, milliseconds or microseconds since 1970.",
    )


def _unit_findings(units: list[str], iso: list[str], name: str) -> tuple[Finding, ...]:
    findings = []
    kinds = sorted(set(units))
    if len(kinds) > 1:
        parts = ", ".join(f"{units.count(k)} in {WORDS.get(k, k)}" for k in kinds)
        what = f"times in several units, told apart by size: {parts}"
        findings.append(Finding(severity="warning", where=name, what=what))
    bare = sum(1 for text in iso if ":" in text and not _has_zone(text))
    if bare:
        what = f"{bare} times carry no zone; they were read as UTC"
        findings.append(Finding(severity="note", where=name, what=what))
    return tuple(findings)


def _has_zone(text: str) -> bool:
    return text.endswith(("Z", "z")) or "+" in text or "-" in text[10:]


def write_times(times: pd.DatetimeIndex) -> list[str]:
    """Return UTC times as ISO 8601 with Z, with a fraction only where there is one."""
    stamps: npt.NDArray[np.datetime64] = times.tz_convert("UTC").tz_localize(None).to_numpy()
    whole = stamps.astype("datetime64[s]")
    exact = whole if bool((whole == stamps).all()) else stamps.astype("datetime64[us]")
    return [f"{text}Z" for text in np.datetime_as_string(exact)]


def write_time(time: pd.Timestamp) -> str:
    """Return one UTC time as ISO 8601 with Z."""
    return write_times(pd.DatetimeIndex([time]))[0]


def spacing(times: pd.DatetimeIndex) -> pd.Timedelta | None:
    """Return the median spacing of sorted times; None with fewer than two."""
    if len(times) < 2:
        return None
    seconds = np.diff(times.asi8) / _ticks_per_second(times)
    return pd.Timedelta(seconds=float(np.median(seconds)))


def on_grid(times: pd.DatetimeIndex, interval: str) -> bool:
    """Return whether every time is a whole multiple of the interval since midnight UTC."""
    step = INTERVALS[interval] * _ticks_per_second(times)
    return bool((times.asi8 % step == 0).all())


def find_gaps(times: pd.DatetimeIndex, interval: str) -> tuple[Gap, ...]:
    """Return the gaps of sorted times, in order.

    A gap is a step longer than the interval; for irregular times, longer than three median
    steps.
    """
    middle = spacing(times)
    if middle is None:
        return ()
    limit = INTERVALS.get(interval, 3.0 * middle.total_seconds())
    steps = np.diff(times.asi8) / _ticks_per_second(times)
    return tuple(Gap(times[i], times[i + 1]) for i in np.flatnonzero(steps > limit).tolist())


def gap_finding(times: pd.DatetimeIndex, interval: str, where: str) -> tuple[Finding, ...]:
    """Return at most one finding: how many gaps, and the longest with its dates.

    The severity is a warning when a gap is longer than seven days, else a note. For daily data
    the missing days are counted; for a grid, the missing rows.
    """
    gaps = find_gaps(times, interval)
    if not gaps:
        return ()
    longest = max(gaps, key=lambda gap: gap.days)
    length = f"{longest.days:.1f} days" if longest.days >= 2 else f"{longest.days * 24:.3g} hours"
    what = f"{len(gaps)} gap{'s' if len(gaps) > 1 else ''}"
    if interval in INTERVALS:
        step = INTERVALS[interval] / 86400
        missing = sum(round(gap.days / step) - 1 for gap in gaps)
        unit = "day" if interval == "1d" else "candle"
        what += f", {missing} missing {unit}{'' if missing == 1 else 's'}"
    what += f"; the longest is {length}, {write_time(longest.before)} to "
    what += write_time(longest.after)
    severity = "warning" if longest.days > 7 else "note"
    return (Finding(severity=severity, where=where, what=what),)


def _ticks_per_second(times: pd.DatetimeIndex) -> int:
    return {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[times.unit]
