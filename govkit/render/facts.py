"""What templates and charts look up in the evidence: selections and plain differences."""

from __future__ import annotations

import re
from collections.abc import Sequence

from govkit.records.evidence import (
    Alternative,
    AssetEvidence,
    Change,
    Evidence,
    GridPoint,
    GuardRail,
    Limit,
    Reason,
    TailPoint,
)
from govkit.records.model import HistoricalFall
from govkit.records.oracle import OracleEvidence, OracleScenario
from govkit.records.returns import Exceptions
from govkit.render import numbers

TITLE_LIMIT = 255
"""Characters a forum allows in a title."""

ORDER = ("lower", "raise", "keep", "refuse")
DEPTH_SOURCES = {
    "quotes": "quotes",
    "constant product": "reserves of a constant-product pool",
    "stableswap": "reserves of a StableSwap pool",
    "volume law": "a law of traded volume",
}


def slug(name: str) -> str:
    """Return a name as a part of a file name or an address."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-") or "asset"


def slugs(evidence: Evidence) -> dict[str, str]:
    """Return a distinct file-name part for every asset."""
    taken: dict[str, str] = {}
    for asset in evidence.assets:
        name = base = slug(asset.asset)
        number = 2
        while name in taken.values():
            name, number = f"{base}-{number}", number + 1
        taken[asset.asset] = name
    return taken


def chosen(evidence: Evidence, action: str) -> list[AssetEvidence]:
    """Return the assets with a given decision."""
    return [asset for asset in evidence.assets if asset.action == action]


def now(asset: AssetEvidence) -> float:
    """Return the threshold in force."""
    return asset.in_force.threshold.value


def move(asset: AssetEvidence) -> str:
    """Write the decision on one asset: 76 → 73 %, 83 %."""
    current, proposed = numbers.setting(now(asset)), numbers.setting(asset.recommended.threshold)
    if current == proposed:
        return current
    bare = current.removesuffix(numbers.SPACE + "%")
    return f"{bare}{numbers.SPACE}→{numbers.SPACE}{proposed}"


def decision(evidence: Evidence) -> str:
    """Write all decisions in one line: lower AAVE 76 → 73 %; keep WETH 83 %."""
    parts = []
    for action in ORDER:
        assets = chosen(evidence, action)
        names = [
            asset.asset if action == "refuse" else f"{asset.asset} {move(asset)}"
            for asset in assets
        ]
        if names:
            verb = "no recommendation for" if action == "refuse" else action
            parts.append(f"{verb} {', '.join(names)}")
    return "; ".join(parts)


def decision_counts(evidence: Evidence) -> str:
    """Write the number of decisions of each kind, for titles of many assets."""
    parts = [(action, len(chosen(evidence, action))) for action in ORDER]
    return ", ".join(f"{action} {count}" for action, count in parts if count)


def counted_decisions(evidence: Evidence) -> str:
    """Write the number of decisions of each kind that was taken."""
    words = {"lower": "to lower", "raise": "to raise", "keep": "to keep"}
    parts = [
        f"{numbers.integer(count)} {words.get(action, 'without a recommendation')}"
        for action in ORDER
        if (count := len(chosen(evidence, action)))
    ]
    return ", ".join(parts)


def title(evidence: Evidence) -> str:
    """Return the title; whoever reads nothing else knows the decision."""
    names = join([asset.asset for asset in evidence.assets])
    start = (
        evidence.text.title.strip()
        or f"{names} liquidation threshold{'s' if len(evidence.assets) > 1 else ''}"
    )
    start = f"{start}, {evidence.market.title}" if not evidence.text.title.strip() else start
    whole = f"{start}: {decision(evidence)}"
    return whole if len(whole) <= TITLE_LIMIT else f"{start}: {decision_counts(evidence)}"


def moved(evidence: Evidence) -> list[Change]:
    """Return the rows of the specification whose value changes."""
    return [change for change in evidence.changes if change.raw_current != change.raw_proposed]


def told_changes(evidence: Evidence) -> list[Change]:
    """Return the rows of the specification of assets of which some value changes."""
    moving = {change.asset for change in moved(evidence)}
    return [change for change in evidence.changes if change.asset in moving]


def join(names: Sequence[str], word: str = "and") -> str:
    """Write a list in words: A, B and C."""
    if len(names) < 2:
        return "".join(names)
    return f"{', '.join(names[:-1])} {word} {names[-1]}"


def reason(asset: AssetEvidence) -> Reason | None:
    """Return the first reason, which is the one to read in a table."""
    return asset.reasons[0] if asset.reasons else None


def binding(asset: AssetEvidence) -> Limit | None:
    """Return the limit that binds."""
    return next((limit for limit in asset.limits if limit.binding), None)


def by_slack(asset: AssetEvidence) -> list[Limit]:
    """Return the limits, the binding one first and those without a value last."""
    return sorted(asset.limits, key=lambda limit: (limit.threshold is None, limit.threshold or 0.0))


def nearest(grid: Sequence[GridPoint], threshold: float) -> GridPoint:
    """Return the point of the grid that is nearest to a threshold."""
    return min(grid, key=lambda point: abs(point.threshold - threshold))


def excerpt(asset: AssetEvidence, step: float = 0.01) -> list[GridPoint]:
    """Return the losses at the current and recommended thresholds and a point around each."""
    anchors = (now(asset), asset.recommended.threshold)
    wanted = {round(a + k * step, 6) for a in anchors for k in (-1, 0, 1)}
    points = {nearest(asset.grid, value).threshold for value in wanted}
    return [point for point in asset.grid if point.threshold in points]


def allowance(evidence: Evidence, asset: AssetEvidence, threshold: float, bonus: float) -> float:
    """Return the fall after the trigger that a threshold and a bonus leave room for."""
    constant = evidence.market.constants.get("oracle_deviation")
    deviation = constant.value if constant else 0.0
    if asset.oracle is not None:
        deviation = asset.oracle.rule.deviation or 0.0
    return 1 - threshold * (1 + bonus) / (1 - deviation)


def quoted_tail(asset: AssetEvidence) -> list[TailPoint]:
    """Return the points of the tail nearest to a chance of 1 % and of 0.1 %."""
    return [
        min(asset.tail, key=lambda point: abs(point.probability - chance))
        for chance in (0.01, 0.001)
    ]


def newly_liquidatable(asset: AssetEvidence) -> float:
    """Return the debt that the change itself makes liquidatable, in dollars."""
    if asset.impact is None:
        return 0.0
    return max(0.0, asset.impact.liquidatable_after_usd - asset.impact.liquidatable_now_usd)


def at_horizon(fall: HistoricalFall, horizon: float) -> tuple[float, float]:
    """Return the horizon nearest to the one asked for and the worst fall over it."""
    index = min(
        range(len(fall.horizons_hours)), key=lambda i: abs(fall.horizons_hours[i] - horizon)
    )
    return fall.horizons_hours[index], fall.falls[index]


def told_horizons(asset: AssetEvidence) -> list[float]:
    """Return the horizons of dated falls that a table shows: T, an hour, six hours, a day."""
    if not asset.worst_falls:
        return []
    known = asset.worst_falls[0].horizons_hours

    def nearest_to(wanted: float) -> float:
        return min(known, key=lambda hours: abs(hours - wanted))

    return sorted({nearest_to(hours) for hours in (horizon(asset) or 24, 1, 6, 24)})


def fall_over(fall: HistoricalFall, hours: float) -> float | None:
    """Return the worst fall over exactly that horizon, where it is known."""
    known = dict(zip(fall.horizons_hours, fall.falls, strict=True))
    return known.get(hours)


def worst(asset: AssetEvidence, horizon: float, most: int) -> list[HistoricalFall]:
    """Return the worst dated falls over a horizon, the worst first."""
    ordered = sorted(asset.worst_falls, key=lambda fall: -at_horizon(fall, horizon)[1])
    return ordered[:most]


def shown_grid(asset: AssetEvidence, around: float = 0.15) -> list[GridPoint]:
    """Return the part of the grid that a chart shows: around the two thresholds."""
    anchors = (now(asset), asset.recommended.threshold)
    low, high = min(anchors) - around, max(anchors) + around
    return [point for point in asset.grid if low <= point.threshold <= high]


def other_appetites(evidence: Evidence, asset: AssetEvidence) -> list[Alternative]:
    """Return what the appetites say that were not chosen."""
    return [other for other in asset.alternatives if other.appetite != evidence.appetite.name]


def worst_exceptions(test: Exceptions, most: int = 2) -> list[tuple[str, float, float]]:
    """Return the exceptions that exceeded their allowance most, in the order of their dates."""
    largest = sorted(test.dated, key=lambda dated: dated[2] - dated[1])[:most]
    return sorted(largest)


def told_scenarios(oracle: OracleEvidence) -> list[OracleScenario]:
    """Return the feed at work and its two worst states: frozen longest and furthest too high."""
    told = []
    for name in ("normal", "frozen", "stale"):
        states = [state for state in oracle.scenarios if state.name == name]
        # Ordered by what makes that state bad: one of the two is 0 in the others.
        told += sorted(states, key=lambda state: (state.stale_high, state.frozen_hours))[-1:]
    return told


def tried_out(evidence: Evidence) -> list[tuple[tuple[str, ...], tuple[Exceptions, ...]]]:
    """Return the exceptions with the assets that share them: one price, one count."""
    found: dict[tuple[Exceptions, ...], list[str]] = {}
    for asset in evidence.assets:
        if asset.exceptions:
            found.setdefault(asset.exceptions, []).append(asset.asset)
    return [(tuple(names), tests) for tests, names in found.items()]


def told_rails(evidence: Evidence) -> list[GuardRail]:
    """Return the guard-rail checks of assets that move, and every one that is not met."""
    moving = {asset.asset for asset in evidence.assets if asset.path.moves}
    return [r for r in evidence.guard_rails if r.asset in moving or not r.passed]


def sold(asset: AssetEvidence) -> str:
    """Return what the curve of slippage sells, in the spelling of the evidence."""
    ticker = asset.liquidity.asset_in if asset.liquidity else ""
    return asset.asset if ticker.lower() == asset.asset.lower() else ticker


def beyond_quotes(asset: AssetEvidence) -> bool:
    """Return whether the stressed sale is larger than the curve of slippage reaches.

    The slippage of such a sale is the last one of the curve, which it exceeds.
    """
    if asset.liquidity is None or asset.clearing is None:
        return False
    return asset.clearing.chunk_slippage >= max(asset.liquidity.slippage) * (1 - 1e-6)


def share_of(unit: str) -> str | None:
    """Return what a constant is a share of, or none where its unit is no share."""
    first, _, rest = unit.partition(" ")
    return rest if first in ("share", "fraction") else None


def horizon(asset: AssetEvidence) -> float | None:
    """Return the effective horizon in hours, where there is one."""
    return asset.clearing.horizon_hours if asset.clearing else asset.grid_horizon_hours


def breaches(evidence: Evidence, *, blocking: bool) -> list[GuardRail]:
    """Return the guard-rails that failed, those that forbid the change or the others."""
    return [r for r in evidence.guard_rails if not r.passed and r.blocks == blocking]
