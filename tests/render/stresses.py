"""Results of a stress library with plausible numbers, and a joint book of two assets."""

from __future__ import annotations

from govkit.records.joint import JointAsset, JointCheck, JointShortfall
from govkit.records.stress import ReverseStress, ScenarioResult, Solvency, StressEvidence

CAP = 0.0025
EVENTS = (
    ("Black Thursday", "2020-03-12", 1.0),
    ("May 2021 sell-off", "2021-05-19", 0.72),
    ("Terra collapse", "2022-05-12", 0.41),
    ("FTX collapse", "2022-11-09", 0.47),
    ("Yen carry unwind", "2024-08-05", 0.55),
    ("October 2025 liquidations", "2025-10-10", 0.50),
)
GIVEN = (
    ("Sudden fall of 20 %", "gap", 0.20, 0.0),
    ("Sudden fall of 35 %", "gap", 0.35, 0.0412),
    ("Sudden fall of 50 %", "gap", 0.50, 0.152),
    ("Depth times 0.1", "liquidity", 0.161, 0.0031),
    ("Keepers out for 1 h", "keeper outage", 0.161, 0.0012),
    ("Feed frozen for 6 h", "stale oracle", 0.161, 0.0021),
    ("All debt at health factor 1", "concentration", 0.161, 0.0023),
)
SKIPPED = (
    "stETH discount of June 2022 (only for staking tokens)",
    "USDC behind a pinned feed, March 2023 (only for pegged assets)",
)


def r(value: float) -> float:
    """Round to the six significant digits that records carry."""
    return float(f"{value:.6g}")


def result(
    name: str, on: str, channel: str, within: float, day: float, loss: float, recommended: float
) -> ScenarioResult:
    """Return one result; dated ones decide, losses scale to the recommended threshold."""
    return ScenarioResult(
        name=name,
        on=on,
        channels=(channel,),
        decides=bool(on),
        fall_in_horizon=r(within),
        fall_in_day=r(day),
        loss_current=loss,
        loss_recommended=r(loss * recommended),
        liquidated_share=r(0.05 + 0.4 * within),
        loss_cap=CAP,
        passed=loss * recommended <= CAP,
        source="falls of the fitted snapshot" if on else "synthetic",
    )


def low_feed() -> ScenarioResult:
    """Return a case in which debt was liquidated that a true price would have spared."""
    case = result("Feed too low", "", "unnecessary liquidation", 0.0, 0.0, 0.0, 1.0)
    return case.model_copy(update={"unnecessary_share": 0.0217})


def stress(
    scale: float, losses: tuple[float, ...], gaps: tuple[float, float], recommended: float = 1.0
) -> StressEvidence:
    """Return dated events, given falls, reverse stress and solvency.

    `gaps` are the sudden falls that exceed the cap at the threshold now and as recommended.
    """
    dated = [
        result(event, on, "gap", scale * size * 0.6, scale * size * 1.25, loss, recommended)
        for (event, on, size), loss in zip(EVENTS, losses, strict=False)
    ]
    given = [
        result(name, "", channel, fall, fall, loss, recommended)
        for name, channel, fall, loss in GIVEN
    ]
    shocks = tuple(k / 20 for k in range(16))
    return StressEvidence(
        results=(*dated, *given, low_feed()),
        skipped=SKIPPED,
        reverse=ReverseStress(
            cap_share=CAP,
            gap_current=gaps[0],
            gap_recommended=gaps[1],
            worst_on_record=r(0.81 * scale),
            worst_within_hours=1.0,
            worst_on="2020-03-13",
        ),
        solvency=Solvency(
            basis="distribution",
            together_current=r(gaps[0] + 0.142),
            together_recommended=r(gaps[1] + 0.142),
            uncovered_current=r(gaps[0] - 0.113),
            uncovered_recommended=r(gaps[1] - 0.113),
            cap_share=CAP,
            shocks=shocks,
            uncovered_share=tuple(r(max(0.0, x - gaps[1] + 0.113) ** 2) for x in shocks),
        ),
    )


def joint(*parts: tuple[str, float, float], left_out: tuple[str, ...] = ()) -> JointCheck:
    """Return a joint book of assets, each with its threshold and debt."""
    debt = sum(part[2] for part in parts)
    return JointCheck(
        assets=tuple(
            JointAsset(
                asset=name, family=name, threshold=threshold, debt_usd=owed,
                floor_usd=r(0.001 * owed), p_bad_debt=r(0.0031 - 0.0006 * k),
                es_share=r(0.00034 - 0.00007 * k), es_part=r(owed / debt),
            )
            for k, (name, threshold, owed) in enumerate(parts)
        ),
        debt_usd=r(debt), floor_usd=r(0.001 * debt), horizon_hours=24.0, paths=20_000,
        p_bad_debt=0.00293, p_low=0.00241, p_high=0.00354, p_any=0.00402, p_independent=0.00548,
        p_all=0.00153, p_all_independent=7.9e-6, p_limit=0.005, es_limit=0.0005, passed=True,
        tail=shortfall(0.975, 0.000331, 0.0), rare=shortfall(0.999, 0.00782, 0.1329),
        left_out=left_out,
    )  # fmt: skip


def shortfall(level: float, alone: float, diversification: float) -> JointShortfall:
    """Return the shortfalls of a joint book at one level."""
    together = alone * (1 - diversification)
    return JointShortfall(
        level=level, es_share=r(together), es_low=r(0.81 * together), es_high=r(1.19 * together),
        es_sum_share=alone, es_share_correlation_one=r(0.5 * (alone + together)),
        diversification=diversification,
    )  # fmt: skip
