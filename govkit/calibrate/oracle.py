"""How far the reported price of one asset can be trusted: scenarios, cases, manipulation."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from govkit.calibrate.feed_scenarios import (
    Feed,
    has_ratio,
    loss_per_debt,
    scenarios_of,
    simulate_feed,
)
from govkit.calibrate.keep_band import debt_below
from govkit.calibrate.manipulation import FACTORS, manipulation_screen, pool_depth, push
from govkit.records.book import AccountBook
from govkit.records.liquidity import LiquidityCurve
from govkit.records.market import Appetite, Market, OracleRule
from govkit.records.model import AccountDistribution
from govkit.records.oracle import (
    ManipulationScreen,
    OracleCase,
    OracleEvidence,
    PoolDepth,
    Push,
    UnderReporting,
)
from govkit.records.provenance import NotDone
from govkit.simulate.falls import ReturnLaw
from govkit.simulate.oracle import STEP_MINUTES

Array = NDArray[np.float64]

UNDER_REPORTED = 0.0285
UNDER_REPORTED_ON = "2026-03-10"
UNDER_REPORTED_SOURCE = (
    "Aave's wstETH adapter reported 2.85 % below the market on 2026-03-10 and 34 accounts were "
    "liquidated (post-mortem on governance.aave.com)"
)


def oracle_evidence(
    market: Market,
    asset: str,
    curve: LiquidityCurve | None,
    law: ReturnLaw,
    concentration: Array,
    *,
    threshold: float,
    bonus: float,
    horizon_hours: float,
    appetite: Appetite,
    accounts: AccountDistribution | AccountBook,
    debt_at_cap_usd: float | None,
    price_usd: float,
    seed: int,
    in_underlying: bool = False,
) -> OracleEvidence:
    """Run every check of the price feed of one reserve.

    Parameters
    ----------
    law, concentration:
        Return law of the token from a trigger on, with its ratio for wrappers, and the quantiles
        of the worst five minutes' share of an hour, as `price_paths` takes them.
    horizon_hours:
        Effective horizon of a forced sale.
    price_usd:
        Price at the trigger, for caps and pins in dollars.
    in_underlying:
        Whether `law` is that of the token against its underlying.
    """
    rule = market.feed(asset)
    latency = market.latency_minutes.value
    feed = Feed(rule, round(latency / STEP_MINUTES), horizon_hours, price_usd, in_underlying)
    falls = simulate_feed(feed, law, concentration, seed=seed, name=asset)
    level = appetite.position_probability
    case = case_of(rule, threshold, bonus)
    pool, pushes, screen = _screen(curve, rule, threshold, price_usd, market.depth_haircut.value)
    left = [screen] if isinstance(screen, NotDone) else []
    if rule.follows_underlying and not in_underlying and not has_ratio(law):
        left.append(
            NotDone(
                what="discount of the token against its underlying",
                reason="the model has no ratio for it, so market and reported price differ only "
                "by the feed's update rule",
            )
        )
    return OracleEvidence(
        rule=rule,
        own_rule=market.reserves[asset].oracle is not None,
        latency_minutes=latency,
        threshold=threshold,
        bonus=bonus,
        horizon_hours=horizon_hours,
        probability=level,
        tail_level=appetite.tail_level,
        paths=len(falls.lows),
        overstatement=max(float(np.quantile(falls.overstatement, 1 - level)), 0.0),
        scenarios=scenarios_of(falls, threshold, bonus, appetite),
        # A push of the price is a case for feeds that are known to have a bound to push to.
        cases=() if case.name == "inflated" and rule.sanity_bound is None else (case,),
        under_reporting=under_reporting(accounts, falls.lows),
        pool=pool,
        pushes=pushes,
        manipulation=screen if isinstance(screen, ManipulationScreen) else None,
        debt_at_cap_usd=debt_at_cap_usd,
        not_done=tuple(left),
    )


def under_reporting(accounts: AccountDistribution | AccountBook, lows: Array) -> UnderReporting:
    """Return the debt that is liquidated only because the feed shows 2.85 % too little.

    Parameters
    ----------
    lows:
        Shape (paths,): lowest market price of each episode, relative to its start, at most 1.
    """
    shown = 1 - UNDER_REPORTED
    at_once = debt_below(accounts, np.array([1 / shown]))
    beyond = debt_below(accounts, 1 / (shown * lows)) - debt_below(accounts, 1 / lows)
    return UnderReporting(
        fraction=UNDER_REPORTED,
        on=UNDER_REPORTED_ON,
        at_once_share=float(at_once[0]),
        episode_share=float(np.maximum(beyond, 0.0).mean()),
        source=UNDER_REPORTED_SOURCE,
    )


def case_of(rule: OracleRule, threshold: float, bonus: float) -> OracleCase:
    """Return the dated case of an adapter: what its price did not show, and what that costs.

    A price cap is no shelter and no risk in a fall: the feed follows the market down, and the
    book sees what a seller sees.
    """
    name: Literal["pinned", "discount", "depeg", "inflated"]
    if rule.adapter == "pinned":
        name, asset, on, fall = "pinned", "USDC", "2023-03-11", 0.12
        source = "USDC traded 12 % below its peg while pinned feeds went on showing one dollar"
    elif rule.follows_underlying:
        name, asset, on, fall = "discount", "stETH", "2022-06-18", 1 - 0.9306
        source = "hourly closes of stETH over ETH; its exchange rate did not fall"
    elif rule.price_cap_usd is not None:
        name, asset, on, fall = "depeg", "USDC", "2023-03-11", 0.12
        source = "USDC traded 12 % below its peg; a cap limits only a rise"
    else:
        name, asset, on, fall = "inflated", "MNGO", "2022-10-11", 1 - 0.0382 / 0.91
        source = "Mango: MNGO pushed from $0.0382 to $0.91, about $116M borrowed against it"
    loss = float(loss_per_debt(np.array([fall]), threshold, bonus)[0])
    return OracleCase(
        name=name,
        asset=asset,
        on=on,
        fall=fall,
        book_loss=loss if name == "depeg" else 0.0,
        economic_loss=loss,
        source=source,
    )


def _screen(
    curve: LiquidityCurve | None,
    rule: OracleRule,
    threshold: float,
    price_usd: float,
    haircut: float,
) -> tuple[PoolDepth | None, tuple[Push, ...], ManipulationScreen | NotDone]:
    if rule.adapter == "pinned":
        reason = "the price is pinned, so no trade can push it up"
        return None, (), NotDone(what="manipulation screen", reason=reason)
    if curve is None:
        reason = "there is no depth for the token, so no cost can be put on a push"
        return None, (), NotDone(what="manipulation screen", reason=reason)
    bound = rule.sanity_bound
    if rule.price_cap_usd is not None:
        capped = rule.price_cap_usd / price_usd
        bound = capped if bound is None else min(bound, capped)
    pool = pool_depth(curve, haircut)
    possible = [k for k in FACTORS if bound is None or k <= bound]
    pushes = () if pool is None else tuple(push(pool.reserve_usd, k, threshold) for k in possible)
    return pool, pushes, manipulation_screen(curve, threshold, bound, haircut=haircut)
