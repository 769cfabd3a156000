"""Dated stretches in which a token traded below its peg or its recent maximum."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from govkit.data import Redemption
from govkit.estimate.collateral.discount import Discounts, smoothed
from govkit.estimate.returns.history import TABLE_HORIZONS
from govkit.estimate.returns.hours import Array
from govkit.estimate.returns.states import JUMP_SIZE
from govkit.records.collateral import DiscountEvent

PEG_LEVEL = 0.01
"""Discount at which a depeg begins. USDC, USDT, DAI, BUSD and TUSD spent 99.9 % of all hours of
2021-01 to 2023-02 within 0.8 % of par, so 1 % is outside their calm; at 2 % only some 240 hours of
fiat- and crypto-backed depegs are on record, and a tail needs 500."""

STAKING_LEVEL = 0.02
"""The same for staking tokens. stETH stood 1 % or more below its reference in half of all hours
of 2021-01 to 2023-02 and 2 % or more in 28 %: 1 % would be no second state."""

MERGE_HOURS = 72
LAW_HOURS = 168
"""Only the first week of a spell makes the law: what trades at a tenth of par for months is no
collateral any more. 72 hours would leave out UST, which fell below 0.5 on its fourth day."""

WORTHLESS = 0.5
"""Hours that begin at a discount of a half or more count neither for the law nor for jumps."""

LARGEST_STEP_MINUTES = 90
SMALLEST_STEP_MINUTES = 30


@dataclass(frozen=True)
class Spell:
    """One stretch in the second state.

    Attributes
    ----------
    changes:
        Hourly log changes, shape (n,), of the hours that begin or end in the second state, in
        the first week. Empty where the series is daily or no market price.
    jumps, exposed_hours:
        Hourly log falls of 10 % and more, as positive numbers, and the hours in which they
        could have been seen: all of the spell that begin at a discount under one half.
    falls:
        Falls from the entry level to the lowest price within 1, 2, 3, 6, 12 and 24 hours;
        NaN where the entry or half of the hours were not observed.
    """

    event: DiscountEvent
    changes: Array
    falls: Array
    jumps: Array
    exposed_hours: int


@dataclass(frozen=True)
class Watched:
    """An asset's spells, and how long it was watched."""

    asset: str
    spells: tuple[Spell, ...]
    calm_hours: int
    discount_hours: int
    last: str


def join_observations(*series: pd.Series) -> pd.Series:
    """Extend the first series at its ends by what the others saw before or after, in turn.

    All are indexed by observation time (UTC, increasing). Inside its span a series is alone:
    two sources are never mixed hour by hour.
    """
    joined = series[0]
    for other in series[1:]:
        before = other[other.index < joined.index[0]]
        after = other[other.index > joined.index[-1]]
        joined = pd.concat([before, joined, after])
    return joined


def peg_discounts(closes: pd.Series, par: float = 1.0) -> Discounts:
    """Return the smoothed price of a pegged coin, in units of par, and its discount."""
    price = smoothed(closes / par)
    return Discounts(price, (1 - price).clip(lower=0))


def watch(
    asset: str,
    measured: Discounts,
    level: float,
    redemption: Redemption | None,
    *,
    market: bool = True,
    daily: pd.DataFrame | None = None,
) -> Watched:
    """Find the spells of one asset.

    Parameters
    ----------
    measured:
        From `peg_discounts` or `discounts_of`, about one observation an hour.
    level:
        Discount at which a spell begins. It ends when the discount has been smaller for 72
        hours; its length counts to the last hour in it.
    market:
        Whether the series is a market price. If not, its spells are dated but carry no changes.
    daily:
        Daily candles indexed by day, in units of par, with `close` and, where known, `low`. A
        day counts when its close is below the level. Days in or beside a spell deepen it; days
        the hourly series did not see make spells of their own, without changes. Days before
        the first hour are left out: daily closes of March 2020 show USDC and USDT 4.5 % below
        par on the same days, which is the aggregator's dollar and not a depeg.
    """
    times = pd.DatetimeIndex(measured.discount.index)
    discount = measured.discount.to_numpy(dtype=float)
    log_price = np.log(measured.ratio.to_numpy(dtype=float))
    spans = _spans(times, discount >= level)
    spells = [
        _spell(asset, times, discount, log_price, span, level, redemption, market)
        for span in spans
    ]  # fmt: skip
    calm, low = int((discount < level).sum()), int((discount >= level).sum())
    last = times[-1]
    if daily is not None:
        daily = daily[daily.index >= times[0].normalize()]
    if daily is not None and len(daily):
        days = pd.DatetimeIndex(daily.index).normalize()
        unseen = daily[~days.isin(times.normalize().unique())]
        below = unseen["close"] <= 1 - level
        calm, low = calm + 24 * int((~below).sum()), low + 24 * int(below.sum())
        last = max(last, daily.index[-1])
        spells = _with_days(asset, spells, daily, unseen.index, level, redemption)
    ordered = tuple(sorted(spells, key=lambda spell: spell.event.first))
    return Watched(asset, ordered, calm, low, f"{last:%Y-%m-%d}")


def _spans(times: pd.DatetimeIndex, below: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """First and last observation of each stretch; pauses of up to 72 hours do not end one."""
    places = np.flatnonzero(below)
    if not len(places):
        return []
    pause = np.diff(times.to_numpy()[places]) > np.timedelta64(MERGE_HOURS, "h")
    firsts = places[np.concatenate([[True], pause])]
    lasts = places[np.concatenate([pause, [True]])]
    return [(int(first), int(last)) for first, last in zip(firsts, lasts, strict=True)]


def _spell(
    asset: str,
    times: pd.DatetimeIndex,
    discount: Array,
    log_price: Array,
    span: tuple[int, int],
    level: float,
    redemption: Redemption | None,
    market: bool,
) -> Spell:
    first, last = span
    trough = first + int(discount[first : last + 1].argmax())
    event = DiscountEvent(
        asset=asset,
        first=f"{times[first]:%Y-%m-%d}",
        hours=round((times[last] - times[first]) / pd.Timedelta("1h")) + 1,
        depth=float(discount[trough]),
        trough_on=f"{times[trough]:%Y-%m-%d}",
        redemption_open=redemption is not None and redemption.is_open(times[first].date()),
    )
    start = max(first - 1, 0)
    minutes = np.diff(times[start : last + 2].to_numpy()) / np.timedelta64(1, "m")
    hourly = (minutes >= SMALLEST_STEP_MINUTES) & (minutes <= LARGEST_STEP_MINUTES)
    steps = start + np.flatnonzero(hourly)
    inside = (discount[steps] >= level) | (discount[steps + 1] >= level)
    steps = steps[inside & (discount[steps] < WORTHLESS)] if market else steps[:0]
    changes = log_price[steps + 1] - log_price[steps]
    end = int(times.searchsorted(times[first] + pd.Timedelta(hours=LAW_HOURS)))
    falls = np.full(len(TABLE_HORIZONS), np.nan)
    if market and first > 0 and hourly[0]:
        entry = log_price[first - 1] + np.log((1 - level) / (1 - discount[first - 1]))
        falls = _falls(times, log_price, first, entry)
    return Spell(
        event, changes[steps < end], falls, -changes[changes <= -JUMP_SIZE], len(changes)
    )  # fmt: skip


def _falls(times: pd.DatetimeIndex, log_price: Array, first: int, entry: float) -> Array:
    found = []
    for horizon in TABLE_HORIZONS:
        end = int(times.searchsorted(times[first] + pd.Timedelta(hours=horizon - 0.5)))
        enough = end - first >= horizon / 2
        worst = 1 - np.exp(log_price[first:end].min() - entry) if enough else np.nan
        found.append(max(float(worst), 0.0) if enough else np.nan)
    return np.array(found)


def _with_days(
    asset: str,
    spells: list[Spell],
    daily: pd.DataFrame,
    unseen: pd.Index,
    level: float,
    redemption: Redemption | None,
) -> list[Spell]:
    lows = daily["low"].fillna(daily["close"]) if "low" in daily else daily["close"]
    found = list(spells)
    days = pd.DatetimeIndex(daily.index[daily["close"] <= 1 - level])
    for first, last in _spans(days, np.ones(len(days), dtype=bool)):
        inside = days[first : last + 1]
        within = lows[inside].to_numpy(dtype=float)
        trough, depth = inside[int(within.argmin())], float(1 - within.min())
        beside = [n for n, spell in enumerate(found) if _beside(spell.event, inside)]
        if beside:
            found[beside[0]] = _deepened(found[beside[0]], depth, trough, inside[0])
        elif inside.isin(unseen).all():
            event = DiscountEvent(
                asset=asset, first=f"{inside[0]:%Y-%m-%d}",
                hours=24 * ((inside[-1] - inside[0]).days + 1), depth=depth,
                trough_on=f"{trough:%Y-%m-%d}",
                redemption_open=redemption is not None and redemption.is_open(inside[0].date()),
            )  # fmt: skip
            none = np.empty(0)
            found.append(Spell(event, none, np.full(len(TABLE_HORIZONS), np.nan), none, 0))
    return found


def _beside(event: DiscountEvent, days: pd.DatetimeIndex) -> bool:
    first = pd.Timestamp(event.first, tz="UTC")
    last = first + pd.Timedelta(hours=event.hours)
    day = pd.Timedelta("1D")
    return bool(days[0] <= last + day and days[-1] >= first - day)


def _deepened(spell: Spell, depth: float, trough: pd.Timestamp, first: pd.Timestamp) -> Spell:
    changed = {"first": min(spell.event.first, f"{first:%Y-%m-%d}")}
    if depth > spell.event.depth:
        changed |= {"trough_on": f"{trough:%Y-%m-%d}"}
        event = spell.event.model_copy(update={**changed, "depth": depth})
    else:
        event = spell.event.model_copy(update=changed)
    return replace(spell, event=event)
