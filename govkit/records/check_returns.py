"""Is a stored return or ratio model consistent with itself? What the schema cannot say."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from datetime import date
from itertools import pairwise

from govkit.records.collateral import RatioModel
from govkit.records.provenance import Window
from govkit.records.returns import (
    Exceptions,
    FallTable,
    GpdTail,
    Refits,
    ReturnModel,
    ShadowTable,
    StateMix,
    VarianceFilter,
)

QUANTILES = 257
FEWEST_REFITS = 20
FAILED_REFITS = 0.1
"""Share of failed refits above which the rest may no longer stand for all."""

LARGEST_PERSISTENCE = 0.995
PRIOR_BELOW = 80
LEAST_STRESSED = 0.25
ROUNDING = 1e-4
"""Records carry six significant digits; sums of a few of them agree to this."""

JOIN = 0.05
"""Relative distance up to which a tail joins the body; short histories move it along the law."""

DIGEST = re.compile(r"sha256:[0-9a-f]{64}\Z")


def return_problems(name: str, model: ReturnModel) -> Iterator[str]:
    """Yield every inconsistency of a return model, each a line that begins with `name`."""
    yield from window_problems(f"{name}, prices", model.window)
    yield from window_problems(
        f"{name}, worst five minutes", model.worst_five_minutes_window, may_be_empty=True
    )
    if model.basis == "pooled" and not model.pooled_over:
        yield f"{name}: a pooled model names no assets that carry it"
    if model.basis == "own" and model.pooled_over:
        yield f"{name}: a model of its own history names other assets that carry it"
    yield from _variance(name, model.variance, fitted=model.basis == "own")
    yield from tails_and_body(name, model.residual_quantiles, model.lower_tail, model.upper_tail)
    yield from _shadow(name, model.shadow)
    yield from increasing(f"{name}, worst five minutes", model.worst_five_minutes, 0, 1)
    yield from _states(name, model.states)
    jumps = model.jumps
    if not jumps.intensity_low <= jumps.intensity_per_hour <= jumps.intensity_high:
        yield f"{name}, jumps: the intensity lies outside its own interval"
    if not math.isclose(jumps.intensity_per_hour, (jumps.count + 0.5) / jumps.hours, rel_tol=1e-3):
        yield f"{name}, jumps: the intensity is not (count + 1/2) / hours"
    yield from _refits(name, model.refits)
    for table in (*([] if model.falls is None else [model.falls]), *model.comparisons):
        yield from _falls(f"{name}, falls of {table.model}", table)
    for test in model.exceptions:
        yield from _exceptions(f"{name}, exceptions at {100 * test.probability:g} %", test)


def ratio_problems(name: str, ratio: RatioModel) -> Iterator[str]:
    """Yield every inconsistency of a wrapper's or staking token's ratio."""
    yield from window_problems(f"{name}, ratio", ratio.window)
    yield from tails_and_body(f"{name}, ratio", ratio.quantiles, ratio.lower_tail, ratio.upper_tail)
    yield from increasing(f"{name}, ratio discounts", ratio.discounts, 0, 1)
    yield from date_problems(f"{name}, worst discount", ratio.worst_discount_on)
    if ratio.half_life_hours is not None and ratio.half_life_hours <= 0:
        yield f"{name}, ratio: a half-life of {ratio.half_life_hours:g} hours"


def window_problems(name: str, window: Window, *, may_be_empty: bool = False) -> Iterator[str]:
    """Yield what a window lacks: dates in order, observations, digests of its inputs."""
    if may_be_empty and window.observations == 0 and not window.first:
        return
    dates = [*date_problems(f"{name}, window", window.first)]
    dates += date_problems(f"{name}, window", window.last)
    yield from dates
    if not dates and window.first[:10] > window.last[:10]:
        yield f"{name}, window: begins on {window.first[:10]}, after its end {window.last[:10]}"
    if window.observations == 0:
        yield f"{name}, window: no observations"
    if not window.source.strip():
        yield f"{name}, window: no source"
    if not window.input_digests:
        yield f"{name}, window: no digest of an input"
    for digest in window.input_digests:
        if not DIGEST.match(digest):
            yield f"{name}, window: '{digest[:20]}' is not a SHA-256 digest"


def date_problems(name: str, text: str) -> Iterator[str]:
    """Yield a line when a text does not begin with an ISO date."""
    if read_date(text) is None:
        yield f"{name}: '{text}' is not a date"


def read_date(text: str) -> date | None:
    """Return the day a date or time begins with, or None."""
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def increasing(
    name: str, values: Sequence[float], lowest: float = -math.inf, highest: float = math.inf
) -> Iterator[str]:
    """Yield a line when values fall somewhere, or leave a range, or there are under two."""
    if len(values) < 2:
        yield f"{name}: {len(values)} values, at least 2 are needed"
        return
    drop = next((n for n, (a, b) in enumerate(pairwise(values)) if b < a), None)
    if drop is not None:
        yield f"{name}: quantile {drop + 2} of {len(values)} is lower than the one before it"
    if min(values) < lowest or max(values) > highest:
        span = f"{min(values):g} to {max(values):g}"
        yield f"{name}: values from {span}, they must lie between {lowest:g} and {highest:g}"


def tails_and_body(
    name: str, body: Sequence[float], lower: GpdTail, upper: GpdTail
) -> Iterator[str]:
    """Yield what is wrong with 257 quantiles between two tails, and where they do not join."""
    if len(body) != QUANTILES:
        yield f"{name}: {len(body)} quantiles, there should be {QUANTILES}"
    yield from increasing(f"{name}, body", body)
    for side, tail, edge in (("lower", lower, -body[0]), ("upper", upper, body[-1])):
        if not math.isclose(tail.threshold, edge, rel_tol=JOIN):
            yield f"{name}: the {side} tail begins at {tail.threshold:g}, the body ends at {edge:g}"
        if not tail.shape_low <= tail.shape <= tail.shape_high:
            yield (
                f"{name}: the shape {tail.shape:g} of the {side} tail lies outside its interval "
                f"{tail.shape_low:g} to {tail.shape_high:g}"
            )
        if tail.shape_prior != (tail.excesses < PRIOR_BELOW):
            said = "was" if tail.shape_prior else "was not"
            yield (
                f"{name}: the prior on the shape {said} used for {tail.excesses} excesses of the "
                f"{side} tail; it belongs to fewer than {PRIOR_BELOW}"
            )


def _variance(name: str, v: VarianceFilter, *, fitted: bool) -> Iterator[str]:
    where = f"{name}, variance"
    weight = v.alpha + v.gamma / 2 + v.beta
    if not math.isclose(v.persistence, weight, abs_tol=ROUNDING):
        yield f"{where}: persistence {v.persistence:g}, its parts add up to {weight:g}"
    if v.method in ("garch", "gjr"):
        if v.persistence > LARGEST_PERSISTENCE + ROUNDING:
            yield f"{where}: persistence {v.persistence:g}, at most {LARGEST_PERSISTENCE} is stable"
        if v.omega <= 0:
            yield f"{where}: omega is {v.omega:g}, so the variance would die out"
        if v.alpha + v.gamma < 0:
            yield f"{where}: alpha + gamma is below zero, so a fall could make variance negative"
        if v.nu is None or v.nu <= 2:
            yield f"{where}: no degrees of freedom above 2, so the errors have no variance"
        if fitted and not 1 <= v.agreeing_starts <= v.starts:
            yield f"{where}: {v.agreeing_starts} of {v.starts} starts agree"
    elif v.method == "ewma" and not v.fallback:
        yield f"{where}: EWMA in place of GARCH without a reason"
    elif v.method == "constant" and (v.omega != 1 or weight != 0):
        yield f"{where}: a constant variance has omega 1 and no memory"
    yield from date_problems(f"{where}, last hour", v.last_at)


def _shadow(name: str, shadow: ShadowTable) -> Iterator[str]:
    where = f"{name}, lows within the hour"
    if any(b < a for a, b in pairwise(shadow.residual_edges)):
        yield f"{where}: the edges of the bins are out of order"
    if len(shadow.quantiles) != len(shadow.residual_edges) + 1:
        yield f"{where}: {len(shadow.quantiles)} rows for {len(shadow.residual_edges) + 1} bins"
    if len({len(row) for row in shadow.quantiles}) > 1:
        yield f"{where}: rows of different lengths"
    for n, row in enumerate(shadow.quantiles):
        yield from increasing(f"{where}, bin {n + 1}", row, 0)


def _states(name: str, states: StateMix) -> Iterator[str]:
    yield from increasing(f"{name}, volatility in trigger states", states.trigger, 0)
    yield from increasing(f"{name}, volatility in all states", states.mixed, 0)
    if states.stressed_share > 0 and states.stressed_weight < LEAST_STRESSED:
        yield (
            f"{name}, states: stressed hours weigh {100 * states.stressed_weight:g} %, at least "
            f"{100 * LEAST_STRESSED:g} % is the rule"
        )


def _refits(name: str, refits: Refits) -> Iterator[str]:
    where = f"{name}, refits"
    made, tried = len(refits.rows), len(refits.rows) + refits.failed
    if made < FEWEST_REFITS:
        yield f"{where}: {made} are stored, at least {FEWEST_REFITS} are needed for an interval"
    elif refits.failed > FAILED_REFITS * tried:
        yield f"{where}: {refits.failed} of {tried} failed"
    for n, row in enumerate(refits.rows, 1):
        said = dict(zip(refits.columns, row, strict=True))
        positive = ("threshold", "scale", *(k for k in said if k.startswith("trigger_")))
        wrong = [k for k in positive if said.get(k, 1.0) <= 0]
        if wrong:
            yield f"{where}, row {n}: {' and '.join(wrong)} must be above zero"
        if said.get("shape", 0.0) >= 1:
            yield f"{where}, row {n}: shape {said['shape']:g} would mean an infinite mean"
        weight = said.get("alpha", 0.0) + said.get("gamma", 0.0) / 2 + said.get("beta", 0.0)
        if weight > 1 + ROUNDING:
            yield f"{where}, row {n}: persistence {weight:g} is not stable"


def _falls(where: str, table: FallTable) -> Iterator[str]:
    shape = (len(table.horizons_hours), len(table.probabilities))
    if len(table.falls) != shape[0] or any(len(row) != shape[1] for row in table.falls):
        yield f"{where}: the table is not {shape[0]} horizons by {shape[1]} probabilities"
        return
    if any(not 0 <= fall < 1 for row in table.falls for fall in row):
        yield f"{where}: a fall is not between 0 and 100 %"
    order = sorted(range(shape[1]), key=lambda n: -table.probabilities[n])
    if any(row[b] < row[a] for row in table.falls for a, b in pairwise(order)):
        yield f"{where}: a rarer fall is smaller than a more frequent one"
    if any(b < a for column in zip(*table.falls, strict=True) for a, b in pairwise(column)):
        yield f"{where}: a fall over more hours is smaller than over fewer"


def _exceptions(where: str, test: Exceptions) -> Iterator[str]:
    if len(test.dated) > test.windows:
        yield f"{where}: {len(test.dated)} exceptions in {test.windows} windows"
    if not math.isclose(test.expected, test.probability * test.windows, rel_tol=0.01, abs_tol=0.01):
        yield f"{where}: {test.expected:g} expected, {test.probability:g} of {test.windows} windows"
    for on, fall, allowance in test.dated:
        yield from date_problems(where, on)
        if fall <= allowance:
            yield f"{where}: the fall of {on[:10]} did not exceed its allowance"
