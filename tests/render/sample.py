"""Evidence with plausible numbers, built by hand: every kind of decision, collateral and feed."""

from __future__ import annotations

import math
from typing import Any

from govkit.records.evidence import (
    Alternative,
    AssetEvidence,
    Bar,
    Change,
    Clearing,
    Evidence,
    GridPoint,
    GuardRail,
    Impact,
    Implied,
    InForce,
    Limit,
    MarketFacts,
    ModelFacts,
    Parameters,
    PathOfChange,
    Reason,
    SlippagePoint,
    Support,
    TailPoint,
)
from govkit.records.liquidity import LiquidityCurve
from govkit.records.market import Appetite, Dated, HumanText, Overlay, Sourced
from govkit.records.model import HistoricalFall
from govkit.records.provenance import NotDone, Window
from govkit.records.returns import Exceptions, FallTable
from govkit.records.snapshot import Finding
from tests.render import feeds, justified, stresses

DEVIATION = 0.005
HAIRCUT = 0.5
AFFORDABLE = 0.0371
ASSETS = ("weth", "wbtc", "aave", "usdc", "link", "wsteth", "usdt", "oneinch")
HORIZONS = (1.0, 2.0, 6.0, 24.0)
SOURCES = {
    "quotes": "aggregator quotes, main net",
    "constant product": "pool reserves, main net",
    "stableswap": "pool reserves, main net",
    "volume law": "Binance spot volumes",
}


def digest(letter: str) -> str:
    """Return a digest that no file has."""
    return "sha256:" + letter * 64


def r(value: float) -> float:
    """Round to the six significant digits that records carry."""
    return float(f"{value:.6g}")


def appetite() -> Appetite:
    """Return the moderate appetite."""
    return Appetite(
        name="moderate",
        description="Bad debt in at most one trigger episode of 200.",
        position_probability=0.005,
        book_probability=0.005,
        book_floor_share=0.001,
        book_floor_usd=50_000,
        tail_level=0.975,
        tail_loss_share=0.0005,
        stress_loss_share=0.0025,
        invariant_margin=0.02,
        confidence=0.8,
        most_unnecessary=0.35,
        keep_band_points=2,
        raise_margin_points=1,
        raise_points_per_30_days=1,
        far_above_points=5,
        largest_cut_points=3,
        step_points=0.5,
    )


def in_force(ltv: float, threshold: float, bonus: float, cap: float) -> InForce:
    """Return values in force, all of one date but the cap."""
    return InForce(
        ltv=Dated(value=ltv, as_of="2025-09-30"),
        threshold=Dated(value=threshold, as_of="2025-09-30"),
        bonus=Dated(value=bonus, as_of="2025-09-30"),
        supply_cap=Dated(value=cap, as_of="2025-11-03"),
        e_mode="",
        reserve_ltv=None,
        offboarding="",
    )


def waterfall(threshold: float, factors: dict[str, float]) -> tuple[Bar, ...]:
    """Return order-free bars; a decision bar takes what the factors leave."""
    rest = threshold / math.prod(factors.values())
    named = {**factors, "decision": rest} if abs(rest - 1) > 1e-9 else factors
    total = math.log(threshold)
    weight = 100 * (threshold - 1) / total
    return tuple(
        Bar(name=name, factor=r(factor), points=r(weight * math.log(factor)))  # type: ignore[arg-type]
        for name, factor in named.items()
    )


def grid(centre: float, p_centre: float, current: float) -> tuple[GridPoint, ...]:
    """Return losses on half points that grow by the same factor each point."""
    rows = []
    low = round(min(centre, current) * 200) - 12
    high = round(max(centre, current) * 200) + 10
    for step in range(low, high + 1):
        threshold = step / 200
        p = min(0.6, p_centre * math.exp(45 * (threshold - centre)))
        rows.append(
            GridPoint(
                threshold=threshold,
                p_bad_debt=r(p),
                p_low=r(p * 0.86),
                p_high=r(p * 1.16),
                es_share=r(p * 0.07),
                es_low=r(p * 0.055),
                es_high=r(p * 0.09),
                liquidated_share=r(0.02 + 0.4 * max(0.0, 0.95 - threshold)),
            )
        )
    return tuple(rows)


def tail(scale: float, shape: float = 0.28) -> tuple[TailPoint, ...]:
    """Return a generalised Pareto tail of falls from a chance of 30 % to 0.01 %."""
    points = []
    for i in range(30):
        probability = 10 ** (-0.52 - i * 0.12)
        fall = scale / shape * ((0.3 / probability) ** shape - 1) + scale
        fall = 1 - math.exp(-fall)
        spread = 0.06 + 0.012 * i
        points.append(
            TailPoint(
                probability=r(probability),
                fall=r(fall),
                low=r(fall * (1 - spread)),
                high=r(min(0.95, fall * (1 + spread))),
            )
        )
    return tuple(points)


def falls(worst: float) -> tuple[HistoricalFall, ...]:
    """Return the dated events with falls scaled to the worst six-hour fall."""
    return tuple(
        HistoricalFall(
            event=event,
            on=on,
            horizons_hours=HORIZONS,
            falls=tuple(r(worst * size * part) for part in (0.55, 0.68, 1.0, 1.25)),
        )
        for event, on, size in stresses.EVENTS
    )


def liquidity(
    chunk: float, asset: str, method: str = "quotes", into: str = "USDC"
) -> LiquidityCurve:
    """Return a curve on which the bonus pays for `chunk` dollars at stressed depth.

    Only quotes have an error; only a law of traded volume has a volume.
    """
    depth = chunk / (1 - HAIRCUT) / (AFFORDABLE / 0.01) ** (1 / 0.9)
    sizes = tuple(depth * 10 ** (k / 4) for k in range(-8, 9))
    slippage = tuple(r(min(0.6, 0.01 * (s / depth) ** 0.9)) for s in sizes)
    return LiquidityCurve(
        asset_in=asset,
        asset_out=into,
        method=method,  # type: ignore[arg-type]
        sizes_usd=tuple(r(s) for s in sizes),
        slippage=slippage,
        marginal=tuple(r(min(1.0, 1.9 * s)) for s in slippage),
        error=tuple(r(s * 0.1) if method == "quotes" else 0.0 for s in slippage),
        as_of="2025-03-14",
        window=Window(
            role="depth",
            source=SOURCES[method],
            first="2024-11-02",
            last="2025-03-14",
            observations=1204,
            input_digests=(digest("d"),),
        ),
        daily_volume_usd=51.4e6 if method == "volume law" else None,
        daily_volatility=0.0643 if method == "volume law" else None,
        coefficient=4.0 if method == "volume law" else None,
    )


def prices(asset: str, first: str, hours: int) -> Window:
    """Return the window of an hourly price table."""
    return Window(
        role="prices",
        source=f"Binance spot {asset}/USDT, hourly",
        first=first,
        last="2026-02-14T23:00:00Z",
        observations=hours,
        input_digests=(digest("a"),),
    )


def by_size(chunk: float, method: str) -> tuple[SlippagePoint, ...]:
    """Return the sizes up to $100M that the curve of `liquidity(chunk)` reaches."""
    curve = liquidity(chunk, "")
    end = curve.sizes_usd[-1]
    one = curve.sizes_usd[8]  # where the average is 1 %

    def average(size: float) -> float:
        return r(min(0.6, 0.01 * (min(size, end) / one) ** 0.9))

    return tuple(
        SlippagePoint(
            size_usd=size,
            average=average(size),
            stressed_average=average(size / (1 - HAIRCUT)),
            marginal=r(min(1.0, 1.9 * average(size))),
            error=r(0.1 * average(size)) if method == "quotes" else 0.0,
            beyond_quotes=size / (1 - HAIRCUT) >= end,
        )
        for size in (1e6, 5e6, 10e6, 25e6, 50e6, 100e6)
        if size <= end
    )


def clearing(
    sale: float,
    chunk: float,
    horizon: float,
    family: tuple[str, ...],
    cap: float,
    price: float,
    method: str = "quotes",
) -> Clearing:
    """Return how a forced sale is cleared on the curve of `liquidity(chunk)`."""
    at_once = cap * chunk / sale
    at_longest = at_once * (1 + (72 * 60 - 5) / 15)
    return Clearing(
        exposure_usd=r(sale / 1.05),
        exposure_basis="cap_large",
        exposure_share=0.05,
        debt_at_cap_usd=r(sale / 1.05 / 0.05),
        family=family,
        sale_usd=sale,
        affordable_slippage=AFFORDABLE,
        chunk_usd=chunk,
        cleared_per_hour_usd=r(4 * chunk),
        chunk_slippage=r(min(0.6, AFFORDABLE * (sale / chunk) ** 0.9)),
        chunks=r(sale / chunk),
        horizon_hours=horizon,
        participation_margin=0.0312,
        longest_horizon_hours=72.0,
        supply_cap_usd=r(cap * price),
        cap_within_chunk_tokens=r(at_once),
        cap_within_chunk_usd=r(at_once * price),
        cap_within_horizon_tokens=r(at_longest),
        cap_within_horizon_usd=r(at_longest * price),
        slippage_by_size=by_size(chunk, method),
    )


def implied(threshold: float, survival: float, episodes: float) -> Implied:
    """Return what a threshold implies."""
    return Implied(
        threshold=threshold,
        survival=survival,
        episodes_per_year=episodes,
        failures_per_year=r(episodes * (1 - survival)),
    )


def limits(values: dict[str, float | None]) -> tuple[Limit, ...]:
    """Return limits with their slack; the smallest binds."""
    least = min(v for v in values.values() if v is not None)
    return tuple(
        Limit(
            name=name,  # type: ignore[arg-type]
            threshold=value,
            slack_points=None if value is None else r(100 * (value - least)),
            binding=value == least,
            reason="no rule of its own" if value is None else "",
        )
        for name, value in values.items()
    )


def models(**supported: float) -> tuple[Alternative, ...]:
    """Return the supported value under other models."""
    return tuple(
        Alternative(appetite=name, supported=value, action="keep", threshold=value)
        for name, value in supported.items()
    )


def appetites(kept: float, conservative: float, aggressive: float) -> tuple[Alternative, ...]:
    """Return the supported value under the other appetites, both of which keep."""
    supported = {"conservative": conservative, "aggressive": aggressive}
    return tuple(
        Alternative(appetite=name, supported=value, action="keep", threshold=kept)
        for name, value in supported.items()
    )


def exceptions(dated: tuple[tuple[str, float, float], ...]) -> tuple[Exceptions, ...]:
    """Return the walk-forward count at the appetite's level."""
    return (
        Exceptions(probability=0.005, horizon_hours=2.0, windows=412, expected=2.06, dated=dated),
    )


def told(
    supported: float,
    current: float,
    recommended: float,
    ltv: float,
    cap_usd: float,
    others: tuple[float, float],
    fall: float = 0.0214,
) -> dict[str, Any]:
    """Return the fields that say why, around one supported value."""
    return {
        "keep_band": justified.keep_band(r(supported - 0.0475), supported, current, recommended),
        "agreement": justified.agreement(supported),
        "ltv_rule": justified.ltv_rule(
            r(100 * (recommended - ltv)), recommended, ltv, fall=fall
        ),
        "justification": justified.justification(
            supported, current, cap_usd, conservative=others[0], moderate=supported,
            aggressive=others[1],
        ),
    }  # fmt: skip


def weth() -> AssetEvidence:
    """Return WETH: the value in force is within the interval, so it is kept."""
    return AssetEvidence(
        asset="WETH",
        priced_as="ETH",
        kind="wrapped",
        price_usd=2071.4,
        price_as_of="2026-02-14T23:00:00Z",
        data_as_of="2025-03-14",
        in_force=in_force(0.805, 0.83, 0.05, 2_700_000),
        recommended=Parameters(ltv=0.805, threshold=0.83, bonus=0.05),
        action="keep",
        reasons=(
            Reason(
                code="within_interval", numbers={"current": 0.83, "low": 0.8074, "high": 0.8441}
            ),
            Reason(code="binding", numbers={"threshold": 0.8262}, texts={"limit": "book"}),
        ),
        path=PathOfChange(moves=False, points=0, end_state=0.83, steward_steps=0, steward_days=0),
        limits=limits(
            {
                "position": 0.8310,
                "book": 0.8262,
                "tail loss": 0.8417,
                "dated stress": 0.8525,
                "invariant": 0.9333,
                "protocol": 0.9523,
            }
        ),
        support=Support(
            point=0.8262,
            bound=0.8189,
            rounded=0.815,
            low=0.8074,
            high=0.8441,
            path_error_points=0.18,
            refits=200,
            paths=100_000,
        ),
        waterfall=waterfall(
            0.83,
            {
                "fall": 0.9212,
                "clearing": 0.9704,
                "oracle": 0.995,
                "bonus": 1 / 1.05,
                "book and stress": 0.9942,
                "uncertainty": 0.9912,
                "rounding": 0.9952,
            },
        ),
        clearing=clearing(412e6, 52.4e6, 1.77, ("WETH", "wstETH", "weETH"), 2_700_000, 2071.4),
        grid=grid(0.8262, 0.005, 0.83),
        grid_horizon_hours=1.77,
        implied_current=implied(0.83, 0.99251, 14.2),
        implied_recommended=implied(0.83, 0.99251, 14.2),
        tail=tail(0.0172),
        stress=stresses.stress(0.26, (0.0019, 0.0007, 0.0, 0.0001, 0.0003, 0.0002), (0.312, 0.312)),
        alternatives=(
            Alternative(
                appetite="conservative",
                supported=0.7981,
                action="lower",
                threshold=0.80,
                reason="above_support",
            ),
            Alternative(
                appetite="aggressive",
                supported=0.8432,
                action="keep",
                threshold=0.83,
                reason="within_keep_band",
            ),
        ),
        model_range=justified.model_range(("jumps", 0.8188), ("empirical", 0.8331), -0.4),
        **told(0.8189, 0.83, 0.83, 0.805, 5.59e9, (0.7981, 0.8432)),
        models=models(EWMA=0.8205, empirical=0.8331, jumps=0.8188),
        impact=Impact(
            basis="distribution",
            accounts=9120,
            debt_usd=4.31e9,
            liquidatable_now_usd=212_000,
            liquidatable_after_usd=212_000,
            liquidatable_after_share=0.0000492,
            liquidatable_accounts=None,
            near_after_share=0.0121,
        ),
        liquidity=liquidity(52.4e6, "WETH"),
        oracle=feeds.market(0.83, 0.05, 1.77),
        worst_falls=falls(0.26),
        comparisons=(
            FallTable(
                model="empirical",
                horizons_hours=(1.0, 6.0),
                probabilities=(0.01, 0.005),
                falls=((0.062, 0.079), (0.131, 0.162)),
            ),
        ),
        exceptions=exceptions(
            (
                ("2020-03-12", 0.213, 0.142),
                ("2021-05-19", 0.171, 0.139),
                ("2024-08-05", 0.142, 0.131),
            )
        ),
        windows=(prices("ETH", "2019-01-01", 62_380),),
        findings=(
            Finding(
                severity="warning", where="ETH 2024-09-06", what="8 days of prices are missing"
            ),
        ),
    )


def wbtc() -> AssetEvidence:
    """Return WBTC: market risk supports far more than is in force."""
    return AssetEvidence(
        asset="WBTC",
        priced_as="BTC",
        kind="wrapped",
        price_usd=71204.0,
        price_as_of="2026-02-14T23:00:00Z",
        data_as_of="2025-03-14",
        in_force=in_force(0.73, 0.78, 0.05, 43_000),
        recommended=Parameters(ltv=0.73, threshold=0.78, bonus=0.05),
        action="keep",
        reasons=(
            Reason(
                code="supported_above",
                numbers={"current": 0.78, "point": 0.8611, "low": 0.8402, "high": 0.8754},
                texts={"not_modelled": "custody of the wrapped coins, concentration of holders"},
            ),
            Reason(code="binding", numbers={"threshold": 0.8611}, texts={"limit": "position"}),
        ),
        path=PathOfChange(moves=False, points=0, end_state=0.78, steward_steps=0, steward_days=0),
        limits=limits(
            {
                "position": 0.8611,
                "book": 0.8634,
                "tail loss": 0.8702,
                "dated stress": 0.8790,
                "invariant": 0.9333,
                "protocol": 0.9523,
            }
        ),
        support=Support(
            point=0.8611,
            bound=0.8534,
            rounded=0.85,
            low=0.8402,
            high=0.8754,
            path_error_points=0.15,
            refits=200,
            paths=100_000,
        ),
        waterfall=waterfall(
            0.78,
            {
                "fall": 0.9391,
                "clearing": 0.9752,
                "oracle": 0.995,
                "bonus": 1 / 1.05,
                "uncertainty": 0.9911,
                "rounding": 0.996,
            },
        ),
        clearing=clearing(131e6, 61.8e6, 1.03, ("WBTC",), 43_000, 71204.0),
        grid=grid(0.8611, 0.005, 0.78),
        grid_horizon_hours=1.03,
        implied_current=implied(0.78, 0.99896, 12.9),
        implied_recommended=implied(0.78, 0.99896, 12.9),
        tail=tail(0.0135),
        stress=stresses.stress(0.21, (0.0004, 0.0, 0.0, 0.0, 0.0, 0.0), (0.372, 0.372)),
        alternatives=(
            Alternative(
                appetite="conservative",
                supported=0.8301,
                action="keep",
                threshold=0.78,
                reason="supported_above",
            ),
            Alternative(
                appetite="aggressive",
                supported=0.8703,
                action="keep",
                threshold=0.78,
                reason="supported_above",
            ),
        ),
        model_range=justified.model_range(("EWMA", 0.8592), ("empirical", 0.8664), 0.3),
        **told(0.8534, 0.78, 0.78, 0.73, 3.06e9, (0.8301, 0.8703), fall=0.0176),
        models=models(EWMA=0.8592, empirical=0.8664),
        impact=Impact(
            basis="distribution",
            accounts=2210,
            debt_usd=1.21e9,
            liquidatable_now_usd=41_200,
            liquidatable_after_usd=41_200,
            liquidatable_after_share=0.000034,
            liquidatable_accounts=None,
            near_after_share=0.0094,
        ),
        liquidity=liquidity(61.8e6, "WBTC"),
        oracle=feeds.feed(feeds.EXCHANGE_RATE, 0.78, 0.05, 1.03, overstatement=0.0467),
        worst_falls=falls(0.21),
        exceptions=exceptions((("2020-03-12", 0.182, 0.118),)),
        windows=(prices("BTC", "2019-01-01", 62_380),),
    )


def aave() -> AssetEvidence:
    """Return AAVE: above what is supported, so it is lowered by the largest cut of one vote."""
    return AssetEvidence(
        asset="AAVE",
        priced_as="AAVE",
        kind="volatile",
        price_usd=118.32,
        price_as_of="2026-02-14T23:00:00Z",
        data_as_of="2025-03-14",
        in_force=in_force(0.66, 0.76, 0.075, 1_850_000),
        recommended=Parameters(ltv=0.63, threshold=0.73, bonus=0.075),
        action="lower",
        reasons=(
            Reason(
                code="above_support",
                numbers={"current": 0.76, "bound": 0.7034, "excess_points": 5.66},
            ),
            Reason(code="cut_limited", numbers={"end_state": 0.70, "cut_points": 3}),
            Reason(code="binding", numbers={"threshold": 0.7241}, texts={"limit": "dated stress"}),
        ),
        path=PathOfChange(moves=True, points=-3, end_state=0.70, steward_steps=6, steward_days=15),
        limits=limits(
            {
                "position": 0.7392, "book": 0.7298, "tail loss": 0.7355, "dated stress": 0.7241,
                "invariant": 0.9116, "protocol": None,
            }
        ),
        support=Support(
            point=0.7241, bound=0.7034, rounded=0.70, low=0.6978, high=0.7440,
            path_error_points=0.24, refits=200, paths=100_000,
        ),
        waterfall=waterfall(
            0.73,
            {
                "fall": 0.8714, "clearing": 0.9244, "oracle": 0.995, "bonus": 1 / 1.075,
                "book and stress": 0.9803, "overlays": 0.986, "uncertainty": 0.984,
                "rounding": 0.9969,
            },
        ),
        clearing=clearing(48.2e6, 6.4e6, 1.71, ("AAVE",), 1_850_000, 118.32, "volume law"),
        grid=grid(0.7298, 0.005, 0.76),
        grid_horizon_hours=1.71,
        implied_current=implied(0.76, 0.98972, 17.4),
        implied_recommended=implied(0.73, 0.99402, 17.4),
        tail=tail(0.0288),
        stress=stresses.stress(
            0.37, (0.0081, 0.0042, 0.0, 0.0009, 0.0014, 0.0003), (0.241, 0.268), recommended=0.34
        ),
        alternatives=(
            Alternative(
                appetite="conservative", supported=0.6705, action="lower", threshold=0.73,
                reason="above_support",
            ),
            Alternative(
                appetite="aggressive", supported=0.7512, action="keep", threshold=0.76,
                reason="within_interval",
            ),
        ),
        model_range=justified.model_range(("jumps", 0.7096), ("empirical", 0.7302), 0.9),
        **told(0.7034, 0.76, 0.73, 0.63, 219e6, (0.6705, 0.7512), fall=0.0391)
        | {"agreement": justified.agreement(0.7034, agreeing=4)},
        levers=justified.levers(cap=(219e6, 74e6), bonus=(0.075, None)),
        models=models(EWMA=0.7188, empirical=0.7302, jumps=0.7096),
        impact=Impact(
            basis="distribution", accounts=812, debt_usd=31.2e6, liquidatable_now_usd=3_900,
            liquidatable_after_usd=45_100, liquidatable_after_share=0.00145,
            liquidatable_accounts=None, near_after_share=0.0208,
        ),
        liquidity=liquidity(6.4e6, "AAVE", "volume law"),
        oracle=feeds.assumed(0.73, 0.075, 1.71),
        worst_falls=falls(0.37)[1:],
        exceptions=exceptions((("2021-05-19", 0.302, 0.221), ("2022-05-12", 0.241, 0.223))),
        windows=(prices("AAVE", "2020-10-15", 46_720),),
        overlays=(
            Overlay(
                asset="AAVE", points=1.0, owner="risk council", date="2026-01-20",
                reason="half of the depth sits in one pool",
            ),
        ),
        findings=(
            Finding(severity="note", where="AAVE", what="fewer than 7 years of prices"),
        ),
        not_done=(
            NotDone(what="largest accounts", reason="no book of accounts was given"),
        ),
    )  # fmt: skip


def usdc() -> AssetEvidence:
    """Return USDC: refused, with nearly every part missing."""
    return AssetEvidence(
        asset="USDC",
        priced_as="USDC",
        kind="pegged",
        price_usd=0.9998,
        price_as_of="2026-02-14",
        data_as_of="2022-09-26",
        in_force=in_force(0.75, 0.78, 0.045, 6_500_000_000),
        recommended=Parameters(ltv=0.75, threshold=0.78, bonus=0.045),
        action="refuse",
        reasons=(
            Reason(code="refuse_pegged", texts={"reason": "1 depeg is too few to fit a tail"}),
        ),
        path=PathOfChange(moves=False, points=0, end_state=0.78, steward_steps=0, steward_days=0),
        not_done=(
            NotDone(what="tail of falls", reason="1 depeg is too few to fit a tail"),
            NotDone(what="liquidity", reason="no quotes for USDC in the snapshot"),
        ),
    )


def day_falls(worst: float) -> tuple[HistoricalFall, ...]:
    """Return the dated events of an asset whose daily lows only are known."""
    return tuple(
        HistoricalFall(event=event, on=on, horizons_hours=(24.0,), falls=(r(worst * size),))
        for event, on, size in stresses.EVENTS[1:]
    )


def oneinch() -> AssetEvidence:
    """Return 1INCH: refused, because what stands in for its history needs a smaller cap."""
    return usdc().model_copy(
        update={
            "asset": "1INCH", "priced_as": "1INCH", "kind": "volatile", "price_usd": 0.2104,
            "in_force": in_force(0.0, 0.67, 0.075, 30_000_000).model_copy(
                update={"offboarding": "taken out of new borrowing on 2025-10-23"}
            ),
            "recommended": Parameters(ltv=0.0, threshold=0.67, bonus=0.075),
            "reasons": (
                Reason(
                    code="refuse_long_tail",
                    numbers={"cap_usd": 6.312e6, "largest_usd": 557_400.0},
                ),
            ),
            "levers": justified.levers(cap=(6.312e6, 557_400.0), bonus=(0.075, 0.1042)),
            "worst_falls": day_falls(0.52),
            "findings": (
                Finding(
                    severity="warning", where="1INCH returns",
                    what="no hourly history of a year; the model is pooled over AAVE and LINK",
                ),
            ),
            "not_done": (
                NotDone(
                    what="decision",
                    reason="refused; the value in force is neither supported nor rejected",
                ),
            ),
        }
    )  # fmt: skip


def wsteth() -> AssetEvidence:
    """Return wstETH: kept inside the band, with a feed that does not see its discount."""
    curve = liquidity(42.9e6, "WSTETH")
    ratio = prices("stETH", "2021-01-01", 18_800).model_copy(
        update={"role": "ratio", "last": "2023-02-25", "input_digests": (digest("e"),)}
    )
    known = Finding(
        severity="note", where="STETH against ETH", what="the ratio is known to 2023-02-25 only"
    )
    band = {"current": 0.81, "bound": 0.8163, "difference_points": 0.63, "band_points": 2.0}
    return weth().model_copy(
        update={
            "asset": "wstETH", "kind": "staking", "price_usd": 2513.2,
            "in_force": in_force(0.785, 0.81, 0.06, 1_250_000),
            "recommended": Parameters(ltv=0.785, threshold=0.81, bonus=0.06),
            "reasons": (
                Reason(code="within_band", numbers=band),
                Reason(code="binding", numbers={"threshold": 0.8394}, texts={"limit": "tail loss"}),
            ),
            "limits": limits({"tail loss": 0.8394, "position": 0.8511, "invariant": 0.9245}),
            "support": Support(
                point=0.8394, bound=0.8163, rounded=0.815, low=0.7989, high=0.8522,
                path_error_points=0.21, refits=200, paths=100_000,
            ),
            "waterfall": waterfall(
                0.81,
                {"fall": 0.9204, "oracle": 0.9955, "bonus": 1 / 1.06, "book and stress": 0.985,
                 "uncertainty": 0.972},
            ),
            "clearing": clearing(
                190e6, 42.9e6, 1.15, ("WETH", "wstETH", "weETH"), 1_250_000, 2513.2
            ),
            "grid": grid(0.8394, 0.005, 0.81),
            "grid_horizon_hours": 24.0,
            "implied_current": implied(0.81, 0.99838, 25.8),
            "implied_recommended": implied(0.81, 0.99838, 25.8),
            "liquidity": curve,
            "oracle": feeds.growth(0.81, 0.06, 1.15),
            "alternatives": appetites(0.81, 0.7805, 0.8602),
            **told(0.8163, 0.81, 0.81, 0.785, 3.14e9, (0.7805, 0.8602)),
            "windows": (prices("ETH", "2019-01-01", 62_380), ratio, curve.window),
            "findings": (*weth().findings, known),
        }
    )  # fmt: skip


def usdt() -> AssetEvidence:
    """Return USDT: pegged and kept, because its second state could be fitted."""
    none = {"p_bad_debt": 0.0, "p_low": 0.0, "p_high": 0.000184, "es_share": 0.0, "es_low": 0.0,
            "es_high": 0.0}  # fmt: skip
    far = {"current": 0.78, "point": 0.9341, "low": 0.9164, "high": 0.9382}
    return wbtc().model_copy(
        update={
            "asset": "USDT", "priced_as": "USDT", "kind": "pegged", "price_usd": 0.9994,
            "in_force": in_force(0.75, 0.78, 0.045, 2_250_000_000),
            "recommended": Parameters(ltv=0.75, threshold=0.78, bonus=0.045),
            "reasons": (
                Reason(
                    code="supported_above", numbers=far,
                    texts={"not_modelled": "default of the issuer"},
                ),
            ),
            "limits": tuple(
                limit.model_copy(update={"reason": "not reached up to 94 %"})
                if limit.threshold is None
                else limit
                for limit in limits({"position": 0.9341, "invariant": 0.9378, "book": None})
            ),
            "support": Support(
                point=0.9341, bound=0.9283, rounded=0.925, low=0.9164, high=0.9382,
                path_error_points=0.12, refits=200, paths=100_000,
            ),
            "waterfall": waterfall(
                0.78,
                {"fall": 0.981, "oracle": 0.9975, "bonus": 1 / 1.045, "uncertainty": 0.9938},
            ),
            "clearing": clearing(
                107e6, 32.5e6, 1.0, ("USDC", "USDT"), 2_250_000_000, 0.9994, "stableswap"
            ),
            "grid": tuple(
                point.model_copy(update=none) if point.threshold < 0.79 else point
                for point in grid(0.9341, 0.005, 0.78)
            ),
            "grid_horizon_hours": 24.0,
            "implied_current": implied(0.78, 0.99998, 2.9),
            "implied_recommended": implied(0.78, 0.99998, 2.9),
            "tail": tail(0.0031),
            "stress": None,
            "model_range": None,
            "liquidity": liquidity(32.5e6, "USDT", "stableswap"),
            "oracle": feeds.height(0.78, 0.045, 1.0),
            "alternatives": appetites(0.78, 0.8831, 0.9392),
            **told(0.9283, 0.78, 0.78, 0.75, 2.25e9, (0.8831, 0.9392), fall=0.0007),
            "models": (
                Alternative(
                    appetite="empirical, 80 entries seen hour by hour", supported=0.9012,
                    action="keep", threshold=0.78,
                ),
            ),
            "worst_falls": day_falls(0.12),
            "exceptions": (),
            "windows": (prices("USDC", "2019-01-01", 51_000),),
            "findings": (
                Finding(
                    severity="warning", where="depeg model",
                    what="only closes are known: lows inside the hour are not in the falls",
                ),
            ),
        }
    )  # fmt: skip


def link() -> AssetEvidence:
    """Return LINK: strongly supported, so it is raised by a point."""
    base = wbtc()
    return base.model_copy(
        update={
            "asset": "LINK",
            "priced_as": "LINK",
            "kind": "volatile",
            "price_usd": 14.02,
            "in_force": in_force(0.66, 0.71, 0.07, 15_000_000).model_copy(
                update={
                    "e_mode": "LINK correlated",
                    "reserve_ltv": Dated(value=0.0, as_of="2026-01-27"),
                }
            ),
            "recommended": Parameters(ltv=0.66, threshold=0.72, bonus=0.07),
            "action": "raise",
            "reasons": (
                Reason(
                    code="raise_supported",
                    numbers={"current": 0.71, "bound": 0.7489, "low": 0.7402, "step_points": 1},
                ),
                Reason(code="binding", numbers={"threshold": 0.7611}, texts={"limit": "position"}),
            ),
            "path": PathOfChange(
                moves=True, points=1, end_state=0.72, steward_steps=2, steward_days=3
            ),
            "limits": limits({"position": 0.7611, "book": 0.7634}),
            "support": Support(
                point=0.7611,
                bound=0.7489,
                rounded=0.745,
                low=0.7402,
                high=0.7754,
                path_error_points=0.15,
                refits=200,
                paths=100_000,
            ),
            "waterfall": waterfall(0.72, {"fall": 0.85, "clearing": 0.97, "bonus": 1 / 1.07}),
            "grid": grid(0.7611, 0.005, 0.71),
            "implied_current": implied(0.71, 0.99951, 12.9),
            "implied_recommended": implied(0.72, 0.99944, 12.9),
            "clearing": clearing(
                21e6, 22e6, 1.0, ("LINK",), 15_000_000, 14.02, "constant product"
            ).model_copy(update={"chunks": 1.0}),
            **told(0.7489, 0.71, 0.72, 0.66, 210e6, (0.7304, 0.7661), fall=0.0335),
            "alternatives": appetites(0.71, 0.7304, 0.7661),
            "exceptions": exceptions(()),
            "liquidity": liquidity(22e6, "LINK", "constant product"),
            "oracle": feeds.feed(feeds.PINNED, 0.72, 0.07, 1.0, cases=(feeds.HIDDEN_FALL,)),
        }
    )


def change(asset: AssetEvidence, parameter: str, current: float, proposed: float) -> Change:
    """Return a row of the specification in basis points."""
    return Change(
        asset=asset.asset,
        parameter=parameter,
        current=current,
        proposed=proposed,
        raw_current=str(round(current * 10_000)),
        raw_proposed=str(round(proposed * 10_000)),
        raw_unit="basis points",
    )


def changes(assets: tuple[AssetEvidence, ...]) -> tuple[Change, ...]:
    """Return threshold and LTV of every asset, moved or not."""
    rows = []
    for asset in assets:
        pairs = (
            ("liquidation threshold", asset.in_force.threshold.value, asset.recommended.threshold),
            ("LTV", asset.in_force.ltv.value, asset.recommended.ltv),
        )
        rows += [change(asset, name, old, new) for name, old, new in pairs]
    return tuple(rows)


def guard_rails(assets: tuple[AssetEvidence, ...], passed: bool) -> tuple[GuardRail, ...]:
    """Return one blocking rule and one that is only reported, per moving asset."""
    rows = []
    for asset in assets:
        if asset.path.moves:
            rows.append(
                GuardRail(
                    rule="threshold × (1 + bonus) below 1",
                    asset=asset.asset,
                    value=f"{asset.recommended.threshold * (1 + asset.recommended.bonus):.4f}",
                    limit="1",
                    passed=passed,
                    blocks=True,
                )
            )
            rows.append(
                GuardRail(
                    rule="largest steward step",
                    asset=asset.asset,
                    value=f"{abs(asset.path.points):g} points",
                    limit="0.5 points",
                    passed=False,
                    blocks=False,
                )
            )
    return tuple(rows)


def evidence(
    *assets: AssetEvidence, text: HumanText | None = None, passed: bool = True
) -> Evidence:
    """Return evidence of the given assets, WETH and AAVE when none is given."""
    chosen = assets or (weth(), aave())
    clearings = {a.asset: a.clearing for a in chosen if a.clearing is not None}
    in_book = [a for a in chosen if a.asset in clearings]
    together = [
        (a.asset, a.recommended.threshold, clearings[a.asset].debt_at_cap_usd) for a in in_book
    ]
    left_out = tuple(f"{a.asset}: no recommendation" for a in chosen if a not in in_book)
    minutes = {"latency_minutes": 5.0, "refill_minutes": 15.0}
    shares = {
        "depth_haircut": HAIRCUT, "oracle_deviation": DEVIATION, "swap_fee": 0.0005,
        "gas_share": 0.001, "protocol_fee_share": 0.1,
    }  # fmt: skip
    constants = {
        k: Sourced(value=v, unit="minutes", source="engine replay") for k, v in minutes.items()
    }
    constants |= {
        k: Sourced(value=v, unit="share", source="market file") for k, v in shares.items()
    }
    return Evidence(
        govkit="0.1.0",
        command="govkit propose " + " ".join(a.asset for a in chosen) + " --seed 7",
        market=MarketFacts(
            name="aave-v3-ethereum",
            title="Aave v3 Ethereum",
            protocol="aave_v3",
            protocol_version="3.4",
            chain="Ethereum",
            chain_id=1,
            pool="0x87870Bca3F3fD6335C3F4ce8392D69350B4fA4E2",
            debt_asset="USDC",
            source="votes of the protocol",
            as_of="2025-11-03",
            constants=constants,
        ),
        appetite=appetite(),
        model=ModelFacts(
            name="reference 2026-02",
            model_digest=digest("b"),
            as_of="2025-03-14",
            numeraire="USDC",
            snapshot_digest=digest("c"),
            accounts=12_142,
            average_health_factor=1.83,
        ),
        seed=7,
        paths=100_000,
        text=text if text is not None else HumanText(),
        assets=tuple(chosen),
        joint=stresses.joint(*together, left_out=left_out) if len(together) > 1 else None,
        changes=changes(tuple(chosen)),
        guard_rails=guard_rails(tuple(chosen), passed),
        guard_rails_passed=passed,
        toolchain={"python": "3.11.7", "numpy": "2.4.6", "numba": "0.68.1"},
    )


def special() -> Evidence:
    """Return the collateral that needs more than a price: staking token, pegs, a long tail."""
    return evidence(wsteth(), usdt(), usdc(), oneinch())


def everything() -> Evidence:
    """Return every kind of decision, collateral and feed, with all that people can state."""
    return evidence(
        weth(),
        wbtc(),
        aave(),
        usdc(),
        link(),
        wsteth(),
        usdt(),
        oneinch(),
        text=HumanText(
            title="Liquidation thresholds, first quarter",
            author="A. Steward",
            date="2026-02-20",
            payer="the protocol's treasury, by the vote of January",
            interests="The author holds no position in the assets named.",
            motivation="The quarter's review of volatile collateral is due.",
            discussion="https://forum.example.org/t/1",
        ),
    )
