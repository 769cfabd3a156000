"""Which results of the stress library a document shows, and what it says of the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from govkit.records.evidence import AssetEvidence, Evidence
from govkit.records.stress import ScenarioResult

MOST_EVENTS, MOST_FAILING = 2, 4
"""Deciding events that a table shows of an asset: if none fails, and if some do."""
MOST_OTHERS = 3
"""Scenarios that do not decide and that a table shows of an asset."""


def _results(asset: AssetEvidence, *, decides: bool) -> list[ScenarioResult]:
    """Return results that decide, or the others: those that fail and cost most first."""
    found = asset.stress.results if asset.stress else ()
    chosen = [s for s in found if s.decides == decides]
    return sorted(chosen, key=lambda s: (s.passed, -s.loss_recommended, -s.fall_in_horizon))


def deciding(asset: AssetEvidence) -> list[ScenarioResult]:
    """Return the results that decide, the most harmful first."""
    return _results(asset, decides=True)


def others(asset: AssetEvidence) -> list[ScenarioResult]:
    """Return the results that do not decide, the most harmful first."""
    return _results(asset, decides=False)


def told(asset: AssetEvidence) -> list[ScenarioResult]:
    """Return the deciding events that tell: those that fail, then the costliest and largest."""
    events = deciding(asset)
    failing = sum(not s.passed for s in events)
    return events[: max(MOST_EVENTS, min(failing, MOST_FAILING))]


def told_others(asset: AssetEvidence) -> list[ScenarioResult]:
    """Return the scenarios that do not decide and cost most."""
    return others(asset)[:MOST_OTHERS]


def needless(asset: AssetEvidence) -> ScenarioResult | None:
    """Return the scenario that liquidates most without need, where one does."""
    found = asset.stress.results if asset.stress else ()
    worst = max(found, key=lambda s: s.unnecessary_share, default=None)
    return worst if worst is not None and worst.unnecessary_share > 0 else None


def untold(evidence: Evidence, *, passed: bool) -> int:
    """Return how many results below the cap, or above it, the tables leave out."""
    return sum(
        s.passed == passed
        for asset in evidence.assets
        for s in [*deciding(asset)[len(told(asset)) :], *others(asset)[MOST_OTHERS:]]
    )


@dataclass(frozen=True)
class Skipped:
    """Scenarios that do not apply to the same assets, for the same reason."""

    assets: tuple[str, ...]
    names: tuple[str, ...]
    reason: str


def skipped(evidence: Evidence) -> list[Skipped]:
    """Return the scenarios that do not apply, merged by assets and reason."""
    assets: dict[str, list[str]] = {}
    for asset in evidence.assets:
        for what in asset.stress.skipped if asset.stress else ():
            assets.setdefault(what, []).append(asset.asset)
    found: dict[tuple[tuple[str, ...], str], list[str]] = {}
    for what, of in assets.items():
        name, reason = _parts(what)
        found.setdefault((tuple(of), reason), []).append(name)
    return [Skipped(of, tuple(names), reason) for (of, reason), names in found.items()]


def _parts(skipped: str) -> tuple[str, str]:
    """Split "name (reason)"; a text without brackets has no reason."""
    name, _, reason = skipped.removesuffix(")").rpartition(" (")
    return (name, reason) if name else (skipped, "")


def printable(asset: AssetEvidence) -> dict[str, Any]:
    """Return the parts of an asset's stress that a document may print."""
    if asset.stress is None:
        return {}
    # The chart's text names three of each.
    shown = [*told(asset), *deciding(asset)[:3], *others(asset)[:3]]
    shown += [s for s in [needless(asset)] if s is not None]
    return {
        "results": [s.model_dump() for s in shown],
        "skipped": [part for what in asset.stress.skipped for part in _parts(what)],
        "reverse": asset.stress.reverse.model_dump(),
        "solvency": asset.stress.solvency.model_dump(exclude={"shocks", "uncovered_share"}),
    }
