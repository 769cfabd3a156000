"""Is a price history fit to carry a threshold? One detector a kind of trouble, and a verdict.

Severities have one meaning each. A note is for the reader. A warning asks for care: the figure
stands and says so. An error forbids a threshold: the series is not what it says it is, or too
little of it is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from govkit.estimate.findings import day, error, note, warning
from govkit.estimate.quality.defects import (
    constant_prices,
    frozen_start,
    impossible_values,
    odd_closes,
    silent_hours,
    standing_still,
    unit_changes,
)
from govkit.estimate.quality.venues import OtherTable, compare_table, one_venue, venue_switches
from govkit.estimate.returns.history import event_fall
from govkit.estimate.returns.hours import hourly_returns, trim_constant
from govkit.records.provenance import NotDone
from govkit.records.snapshot import Finding

HOURS_A_YEAR = 365 * 24
FEWEST_HOURS = HOURS_A_YEAR
CRASH_YEARS = 4
"""A history shorter than this is told how likely it misses a crash that comes once in it."""

CALM_FALL = 0.20
STALE_DAYS = (7, 30, 365)
"""Days after which the age of the last price is a note, a warning, an error."""

BLOCKING = frozenset({"price", "returns", "ratio", "liquidity", "threshold"})
"""Steps without which no threshold can be calibrated."""


def judge_history(
    asset: str,
    candles: pd.DataFrame,
    others: Sequence[OtherTable] = (),
    *,
    as_of: pd.Timestamp,
    pegged: bool = False,
    pooled_over: tuple[str, ...] = (),
) -> tuple[Finding, ...]:
    """Return everything that speaks against calibrating on a price history.

    Parameters
    ----------
    asset:
        Ticker, used in findings.
    candles:
        Hourly, as read from the snapshot: indexed by open time (UTC); columns open, high, low,
        close, and where known volume (NaN where absent) and source (venue, may be empty).
    others:
        Other price tables of the same asset in the same unit.
    as_of:
        The moment at which the age of the last price is measured, UTC: the end of the newest
        hourly series of the snapshot.
    pegged:
        Whether the asset is meant to stand still: no verdict on rest and calm then.
    pooled_over:
        Assets whose history carries the model in place of its own, if any.

    Returns
    -------
    tuple of Finding
        Errors first, then warnings, then notes. Impossible values and a price that never moves
        are reported alone: nothing else can be said of such a table.
    """
    where = f"{asset} hourly"
    fatal = impossible_values(where, candles) or constant_prices(where, candles)
    if fatal:
        return fatal
    moving = trim_constant(candles)
    hours = hourly_returns(asset, moving)
    own: tuple[Callable[[str, pd.DataFrame], tuple[Finding, ...]], ...] = (
        unit_changes, odd_closes, silent_hours, venue_switches
    )  # fmt: skip
    found = [f for detector in own for f in detector(where, moving)]
    if not pegged:
        found += [*standing_still(where, moving), *calm_only(where, moving)]
    found += frozen_start(where, candles, moving)
    found += short_history(where, len(hours.log_returns), pooled_over)
    found += stale_end(where, moving.index[-1] + pd.Timedelta(hours=1), as_of)
    for other in others:
        found += compare_table(where, moving, other)
    found += hours.findings
    found += one_venue(where, moving, others)
    rank = {"error": 0, "warning": 1, "note": 2}
    return tuple(sorted(found, key=lambda finding: rank[finding.severity]))


def verdict(
    findings: Sequence[Finding],
    not_done: Sequence[NotDone] = (),
    blocking: frozenset[str] = BLOCKING,
) -> tuple[bool, str]:
    """Say whether a threshold may be calibrated, and why, in one sentence.

    Parameters
    ----------
    findings:
        Of the history and of its import.
    not_done:
        Steps of the estimation that could not be done.
    blocking:
        Names of the steps without which nothing can be calibrated.

    Returns
    -------
    supported, sentence
        An error or a blocking step forbids. Warnings and other steps ask for care and are
        named, two of them at most, with the number of the rest.
    """
    against = [clause(f) for f in findings if f.severity == "error"]
    against += [_missing(m) for m in not_done if m.what in blocking and m.reason not in against]
    if against:
        return False, f"Not supported: {_listed(against)}."
    care = [clause(f) for f in findings if f.severity == "warning"]
    care += [_missing(m) for m in not_done]
    if care:
        return True, f"Supported, with care: {_listed(care)}."
    return True, "Supported: nothing was found in its data that asks for care."


def refusal(findings: Sequence[Finding]) -> NotDone | None:
    """Return why no returns may be fitted to a history with these findings, or None."""
    errors = [clause(f) for f in findings if f.severity == "error"]
    return NotDone(what="returns", reason=errors[0]) if errors else None


def clause(finding: Finding) -> str:
    """Return the first clause of a finding, which can stand alone."""
    return finding.what.split("; ")[0].rstrip(".")


def _missing(step: NotDone) -> str:
    return f"{step.what} not done ({step.reason.rstrip('.')})"


def _listed(reasons: Sequence[str]) -> str:
    unique = list(dict.fromkeys(reasons))
    more = [f"and {len(unique) - 2} more"] if len(unique) > 2 else []
    return "; ".join([*unique[:2], *more])


def short_history(where: str, hours: int, pooled_over: tuple[str, ...] = ()) -> tuple[Finding, ...]:
    """Say what a short history cannot show; `hours` are those with a known return.

    Under a year is an error, unless the history of other assets carries the model.
    """
    years = hours / HOURS_A_YEAR
    if years >= CRASH_YEARS:
        return ()
    absent = float(np.exp(-years / CRASH_YEARS))
    risk = f"a crash that comes once in {CRASH_YEARS} years is absent from it with a "
    risk += f"probability of {100 * absent:.0f} %"
    if years >= 1:
        return (warning(where, f"only {years:.1f} years of hourly returns; {risk}"),)
    length = f"only {hours:,} hours of returns, {FEWEST_HOURS:,} are needed (one year)"
    if pooled_over:
        carried = f"the history of {', '.join(pooled_over)} carries the model"
        return (warning(where, f"{length}; {carried}; {risk}"),)
    return (error(where, f"{length}; {risk}"),)


def calm_only(where: str, candles: pd.DataFrame) -> tuple[Finding, ...]:
    """Find a history without a crash: no fall of 20 % within 24 hours, close to close."""
    index = pd.DatetimeIndex(candles.index) + pd.Timedelta(hours=1)
    closes = pd.Series(candles["close"].to_numpy(dtype=float), index=index)
    fall = event_fall("", closes, day(candles.index[0]), day(candles.index[-1]))
    if fall is None:
        return ()
    worst = fall.falls[fall.horizons_hours.index(24.0)]
    if worst >= CALM_FALL:
        return ()
    what = f"calm times only, the largest fall within 24 hours is {100 * worst:.1f} % ({fall.on})"
    return (
        warning(where, f"{what}; {100 * CALM_FALL:.0f} % or more would be a crash to learn from"),
    )


def stale_end(where: str, last: pd.Timestamp, as_of: pd.Timestamp) -> tuple[Finding, ...]:
    """Say how many days before `as_of` the last hour, closed at `last`, was, if over a week."""
    end = last - pd.Timedelta(hours=1)
    days = (as_of.normalize() - end.normalize()).days
    mention, asks_care, forbids = STALE_DAYS
    if days <= mention:
        return ()
    found = error if days > forbids else warning if days > asks_care else note
    what = f"prices end on {day(end)}, {days} days before {day(as_of)}"
    return (found(where, f"{what}; later moves are not known"),)
