"""Evidence of price feeds with plausible numbers, one for each kind of adapter."""

from __future__ import annotations

from govkit.records.market import OracleRule
from govkit.records.oracle import (
    ManipulationScreen,
    OracleCase,
    OracleEvidence,
    OracleLoss,
    OracleScenario,
    PoolDepth,
    Push,
    UnderReporting,
)
from govkit.records.provenance import NotDone

LOW = UnderReporting(
    fraction=0.0285, on="2026-03-10", at_once_share=0.00034, episode_share=0.0017,
    source="an adapter stood 2.85 % too low and 34 accounts were liquidated",
)  # fmt: skip
NO_BOUND = NotDone(
    what="manipulation screen",
    reason="no upper bound of the feed is known, so no exposure can be called safe",
)
MARKET = OracleRule(
    adapter="market", deviation=0.005, heartbeat_minutes=60,
    source="directory of feeds, commit 211224bb, feed eth-usd", as_of="2026-03",
)  # fmt: skip
GROWTH = OracleRule(
    adapter="capped", deviation=0.0045, heartbeat_minutes=90, growth_cap_per_year=0.0968,
    source="vote on price cap adapters of 2024-02-27", as_of="2024-02-27",
)  # fmt: skip
HEIGHT = OracleRule(
    adapter="capped", deviation=0.0025, heartbeat_minutes=1440, price_cap_usd=1.04,
    sanity_bound=1.0401, source="vote on price cap adapters of 2024-02-27", as_of="2024-02-27",
)  # fmt: skip
EXCHANGE_RATE = OracleRule(
    adapter="exchange rate", deviation=0.0035, source="docs of the adapter", as_of="2025-01"
)
PINNED = OracleRule(adapter="pinned", pin_usd=1.02, source="vote 311", as_of="2025-06-04")


def loss(chance: float, at_level: float) -> OracleLoss:
    """Return a loss with an interval around its chance."""
    return OracleLoss(
        chance=chance, chance_low=chance * 0.8, chance_high=min(1.0, chance * 1.25 + 0.0001),
        at_level=at_level, shortfall=at_level * 1.4,
    )  # fmt: skip


def scenario(
    name: str, horizon: float, high: float, frozen: float, book: OracleLoss, seller: OracleLoss
) -> OracleScenario:
    """Return one state of a feed over the horizon and the time it is frozen."""
    return OracleScenario(
        name=name, stale_high=high, frozen_hours=frozen, window_hours=horizon + frozen,
        book=book, economic=seller,
    )  # type: ignore[arg-type]  # fmt: skip


def scenarios(horizon: float, size: float) -> tuple[OracleScenario, ...]:
    """Return a feed at work, frozen twice and too high twice; losses grow with `size`."""
    return (
        scenario("normal", horizon, 0.0, 0.0, loss(0.0018 * size, 0.0), loss(0.0019 * size, 0.0)),
        scenario("frozen", horizon, 0.0, 1.0, loss(0.0032 * size, 0.0), loss(0.0042 * size, 0.0)),
        scenario(
            "frozen", horizon, 0.0, 6.0, loss(0.017 * size, 0.064 * size),
            loss(0.0253 * size, 0.0941 * size),
        ),
        scenario("stale", horizon, 0.0159, 0.8167, loss(0.0046 * size, 0), loss(0.0058 * size, 0)),
        scenario(
            "stale", horizon, 0.05, 0.8167, loss(0.0113 * size, 0.0304 * size),
            loss(0.0142 * size, 0.0373 * size),
        ),
    )  # fmt: skip


def pool() -> PoolDepth:
    """Return a constant-product pool that is as deep as the quotes."""
    return PoolDepth(reserve_usd=174e6, haircut=0.5, points=6, as_of="2023-11-20")


def push(factor: float, cost: float, pays_above: float | None) -> Push:
    """Return a push of that pool."""
    return Push(factor=factor, cost_usd=cost, capital_usd=5.45 * cost, break_even_usd=pays_above)


def case(
    name: str, asset: str, on: str, fall: float, book: float, seller: float, source: str
) -> OracleCase:
    """Return a dated case."""
    return OracleCase(
        name=name, asset=asset, on=on, fall=fall, book_loss=book, economic_loss=seller,
        source=source,
    )  # type: ignore[arg-type]  # fmt: skip


HIDDEN_FALL = case(
    "pinned", "TOY", "2025-11-03", 0.31, 0.0, 0.28, "closes of TOY while its price was pinned"
)


def feed(
    rule: OracleRule, threshold: float, bonus: float, horizon: float, **parts: object
) -> OracleEvidence:
    """Return the evidence of one feed; `parts` replace or add fields."""
    given = {
        "rule": rule, "own_rule": True, "latency_minutes": 5.0, "threshold": threshold,
        "bonus": bonus, "horizon_hours": horizon, "probability": 0.005, "tail_level": 0.975,
        "paths": 20_000, "overstatement": 0.0574, "scenarios": scenarios(horizon, 1.0),
        "under_reporting": LOW, "debt_at_cap_usd": 3.61e9, "not_done": (NO_BOUND,),
    }  # fmt: skip
    return OracleEvidence.model_validate(given | parts)


def market(threshold: float, bonus: float, horizon: float, **parts: object) -> OracleEvidence:
    """Return a feed of the token's own price, whose pool could be pushed up."""
    given = {
        "cases": (
            case("inflated", "MNGO", "2022-10-11", 0.958, 0.0, 0.952,
                 "MNGO pushed from $0.0382 to $0.91, about $116M borrowed against it"),
        ),
        "pool": pool(),
        "pushes": (push(1.2, 7.3e6, None), push(1.5, 39.1e6, 160e6), push(2.0, 88e6, 174e6)),
    }  # fmt: skip
    return feed(MARKET, threshold, bonus, horizon, **(given | parts))


def assumed(threshold: float, bonus: float, horizon: float) -> OracleEvidence:
    """Return a feed for which the market's constant stands in."""
    rule = OracleRule(
        adapter="market", deviation=0.005, source="constant of the market", as_of="2025-11-03"
    )
    return feed(rule, threshold, bonus, horizon, own_rule=False, overstatement=0.1184,
                scenarios=scenarios(horizon, 1.2), debt_at_cap_usd=None)  # fmt: skip


def growth(threshold: float, bonus: float, horizon: float) -> OracleEvidence:
    """Return a redemption ratio whose growth is capped, with a discount that it hides."""
    hidden = case("discount", "stETH", "2022-06-18", 0.0691, 0.0, 0.0124,
                  "hourly closes of stETH over ETH")  # fmt: skip
    return feed(GROWTH, threshold, bonus, horizon, cases=(hidden,), overstatement=0.0552)


def height(threshold: float, bonus: float, horizon: float) -> OracleEvidence:
    """Return a dollar token's feed under a price cap, screened for manipulation."""
    worst = push(1.0401, 1.27e6, 2.41e9)
    return feed(
        HEIGHT, threshold, bonus, horizon, overstatement=0.0141, not_done=(), pool=pool(),
        cases=(case("depeg", "USDC", "2023-03-11", 0.1196, 0.0, 0.0, "USDC below its peg"),),
        scenarios=scenarios(horizon, 0.2), debt_at_cap_usd=2.07e9,
        manipulation=ManipulationScreen(
            threshold=threshold, sanity_bound=1.0401, at_bound=worst, worst=worst,
            safe_exposure_usd=2.41e9,
        ),
    )  # fmt: skip
