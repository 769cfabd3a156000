"""The rule turned around: the confidence that the thresholds in force imply."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np

from govkit.calibrate import position
from govkit.calibrate.case import Asked
from govkit.calibrate.clearing import debt_at_cap
from govkit.calibrate.refusal import refusal_of
from govkit.calibrate.weighted import exceedance, quantile_interval
from govkit.records.base import rounded
from govkit.records.evidence import Reason
from govkit.records.implied import (
    ImpliedAsset,
    ImpliedConfidence,
    ImpliedMarket,
    Need,
    NotImplied,
    Place,
)
from govkit.records.market import Appetite, Market
from govkit.records.model import MarketModel

Answer = ImpliedAsset | NotImplied
Run = Callable[[Callable[[Asked], Answer], Sequence[Asked]], Iterable[Answer]]
"""Calls a function with every asset asked, like `map`, whose order it keeps."""


def implied_confidence(
    market: Market,
    model: MarketModel,
    appetites: Sequence[Appetite],
    *,
    seed: int,
    run: Run = map,
) -> ImpliedConfidence:
    """Invert the model for every threshold in force of a market.

    Parameters
    ----------
    appetites:
        With whose position rules the values are compared; in any order.
    seed:
        The falls are those of ``govkit propose`` with the same seed.
    run:
        Where the assets are computed; the result does not depend on it.

    Returns
    -------
    ImpliedConfidence
        Figures rounded to six digits. Assets without a figure carry the reason.
    """
    ordered = sorted(appetites, key=lambda one: one.position_probability)
    questions = [Asked(market, model, asset, None, seed) for asset in market.reserves]
    answers = list(run(partial(_in_force, ordered=ordered), questions))
    found = [one for one in answers if isinstance(one, ImpliedAsset)]
    left_out = [one for one in answers if isinstance(one, NotImplied)]
    answer = ImpliedConfidence(
        market=market.name,
        market_title=market.title,
        market_as_of=market.as_of,
        model=model.name,
        model_as_of=model.as_of,
        model_digest=model.digest(),
        seed=seed,
        paths=position.FALL_PATHS,
        appetites={one.name: one.position_probability for one in ordered},
        assets=tuple(found),
        not_implied=tuple(left_out),
        whole=whole_market(found, left_out, ordered) if found else None,
    )
    return ImpliedConfidence.model_validate(rounded(answer.model_dump()))


def _in_force(asked: Asked, ordered: Sequence[Appetite]) -> Answer:
    """Invert the model for the threshold in force of one asset, or say why not."""
    refusal = _refusal(asked)
    if refusal is not None:
        return _left_out(asked, refusal)
    return implied_of(asked, asked.reserve.threshold.value, ordered)


def implied_of(asked: Asked, threshold: float, ordered: Sequence[Appetite]) -> ImpliedAsset:
    """Return what a threshold of one asset implies: C = P(x(T) <= 1 - threshold (1+b) / (1-d)).

    Parameters
    ----------
    threshold:
        Any threshold, such as the one in force; a fraction.
    ordered:
        Appetites, the smallest position probability first.

    Raises
    ------
    ValueError
        For an asset that `refusal_of` refuses.
    """
    if (curve := asked.curve) is None or refusal_of(asked) is not None:
        raise ValueError(f"{asked.asset} is refused")
    horizon = asked.clearing(curve).horizon_hours
    falls = position.simulate_position(asked.law, horizon, asked.seed, asked.asset)
    told = position.survival(
        falls, threshold, asked.deviation, asked.bonus, asked.returns.states.episodes_per_year
    )
    beyond = falls.over_horizon > allowance(threshold, asked.deviation, asked.bonus)
    _, low, high = exceedance(falls.weight, beyond[:, None])
    failure = 1 - told.survival
    return ImpliedAsset(
        asset=asked.asset,
        threshold=threshold,
        threshold_as_of=asked.reserve.threshold.as_of,
        bonus=asked.bonus,
        oracle_deviation=asked.deviation,
        horizon_hours=horizon,
        survival=told.survival,
        failure_probability=failure,
        failure_low=float(low[0]),
        failure_high=float(high[0]),
        episodes_per_year=told.episodes_per_year,
        failures_per_year=told.failures_per_year,
        place=place_of(failure, ordered),
        needs=tuple(_need(asked, falls, one) for one in ordered),
        debt_at_cap_usd=debt_at_cap(asked.market, asked.model, asked.asset),
    )


def allowance(threshold: float, deviation: float, bonus: float) -> float:
    """Return the fall after the trigger that leaves no bad debt, negative when none does."""
    return 1 - threshold * (1 + bonus) / (1 - deviation)


def place_of(probability: float, ordered: Sequence[Appetite]) -> Place:
    """Return where a position probability stands among appetites, strictest first."""
    met = [one.name for one in ordered if probability <= one.position_probability]
    missed = [one.name for one in ordered if probability > one.position_probability]
    return Place(meets=met[0] if met else "", misses=missed[-1] if missed else "")


def whole_market(
    assets: Sequence[ImpliedAsset], left_out: Sequence[NotImplied], ordered: Sequence[Appetite]
) -> ImpliedMarket:
    """Put the assets of a market together, by the debt each backs when its cap is full.

    The probability implied for the market is the smallest that the assets of at least half of
    that debt meet: the weighted median, which one thin asset does not move.
    """
    debts = np.array([one.debt_at_cap_usd for one in assets])
    weights = debts if debts.any() else np.ones(len(debts))
    failures = np.array([one.failure_probability for one in assets])
    order = np.argsort(failures, kind="stable")
    reached = np.cumsum(weights[order])
    median = float(failures[order][np.searchsorted(reached, reached[-1] / 2)])
    return ImpliedMarket(
        debt_at_cap_usd=float(debts.sum()),
        left_out_usd=sum(one.debt_at_cap_usd or 0.0 for one in left_out),
        mean_failure_probability=float(np.average(failures, weights=weights)),
        failures_per_year=sum(one.failures_per_year for one in assets),
        weakest=assets[int(failures.argmax())].asset,
        implied_probability=median,
        place=place_of(median, ordered),
    )


def _need(asked: Asked, falls: position.Falls, appetite: Appetite) -> Need:
    p = appetite.position_probability
    worst = position.quantile_fall(falls.over_horizon, falls.weight, p)
    low, high = quantile_interval(falls.over_horizon, falls.weight, p)
    at, least, most = (
        position.position_limit(fall, asked.deviation, asked.bonus) for fall in (worst, high, low)
    )
    return Need(
        appetite=appetite.name, position_probability=p, threshold=at,
        threshold_low=least, threshold_high=most,
    )  # fmt: skip


def _refusal(asked: Asked) -> Reason | None:
    if asked.asset not in asked.model.assets:
        return Reason(
            code="refuse_data", texts={"reason": f"the model {asked.model.name} does not hold it"}
        )
    return refusal_of(asked)


def _left_out(asked: Asked, reason: Reason) -> NotImplied:
    known = asked.asset in asked.model.assets
    return NotImplied(
        asset=asked.asset,
        threshold=asked.reserve.threshold.value,
        reason=reason,
        debt_at_cap_usd=debt_at_cap(asked.market, asked.model, asked.asset) if known else None,
    )
