"""The stress library on one asset: replays on its book, reverse stress, solvency."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from govkit.calibrate.case import Case
from govkit.calibrate.replay import Replay, Setting, replay_of
from govkit.calibrate.solvency import solvency_of
from govkit.records.market import Appetite
from govkit.records.model import HistoricalFall
from govkit.records.stress import ReverseStress, Scenario, ScenarioResult, StressEvidence
from govkit.simulate.engine import STEPS_PER_HOUR, run_book

GAP_HOURS = 24
GAPS = np.arange(951) / 1000
"""Sudden falls that the reverse stress tries: none, and to a tenth of a point up to 95 %."""


def run_scenarios(
    case: Case | Setting,
    scenarios: tuple[Scenario, ...],
    threshold_current: float,
    threshold_recommended: float,
    appetite: Appetite,
) -> StressEvidence:
    """Replay every scenario that applies on the asset's book, at two thresholds.

    The book is re-levered and already holds the exposure at stress at health factor 1. Dated
    events run on the same path for the same time as in the dated-stress limit, so what decides
    there is what is shown here. A scenario that does not apply is named with the reason.
    """
    results, skipped = [], []
    for scenario in scenarios:
        replay = replay_of(case, scenario)
        if isinstance(replay, str):
            skipped.append(f"{scenario.name} ({replay})")
        else:
            results.append(
                _result(case, scenario, replay, threshold_current, threshold_recommended, appetite)
            )
    return StressEvidence(
        results=tuple(results),
        skipped=tuple(skipped),
        reverse=reverse_stress(case, threshold_current, threshold_recommended, appetite),
        solvency=solvency_of(
            case.asked.book or case.asked.model.accounts, threshold_current,
            threshold_recommended, appetite.stress_loss_share,
        ),
    )  # fmt: skip


def reverse_stress(
    case: Case | Setting, threshold_current: float, threshold_recommended: float, appetite: Appetite
) -> ReverseStress:
    """Return the smallest fall within five minutes, flat for a day, that breaks the stress cap."""
    worst = _worst_hour(case.asked.falls)
    return ReverseStress(
        cap_share=appetite.stress_loss_share,
        gap_current=smallest_gap(case, threshold_current, appetite.stress_loss_share),
        gap_recommended=smallest_gap(case, threshold_recommended, appetite.stress_loss_share),
        worst_on_record=worst.falls[0] if worst else None,
        worst_within_hours=worst.horizons_hours[0] if worst else None,
        worst_on=worst.on if worst else "",
    )


def smallest_gap(case: Case | Setting, threshold: float, cap_share: float) -> float | None:
    """Return the smallest of `GAPS` whose bad debt exceeds the cap; None where none does.

    All gaps run at once, which takes less time than a bisection and does not need losses to
    grow with the gap.
    """
    paths = np.repeat(1 - GAPS[:, None], GAP_HOURS * STEPS_PER_HOUR, axis=1)
    losses = run_book(paths, case.book, threshold, case.terms, case.depth)
    over = np.flatnonzero(losses.bad_debt_usd / _debt(case, threshold) > cap_share)
    return float(GAPS[over[0]]) if len(over) else None


def _result(
    case: Case | Setting,
    scenario: Scenario,
    replay: Replay,
    threshold_current: float,
    threshold_recommended: float,
    appetite: Appetite,
) -> ScenarioResult:
    debt = _debt(case, threshold_recommended)
    now, after = replay.run(threshold_current), replay.run(threshold_recommended)
    repaid = float(after.repaid_usd[0])
    loss = float(after.bad_debt_usd[0] / debt)
    unnecessary = 0.0
    if scenario.feed_low:
        true = replay.run(threshold_recommended, replace(replay.conditions, feed_low=0.0))
        # Less than a dollar is rounding of the sums.
        more = repaid - float(true.repaid_usd[0])
        unnecessary = more / debt if more > 1.0 else 0.0
    return ScenarioResult(
        name=scenario.name,
        on=replay.on,
        channels=scenario.channels,
        decides=scenario.decides,
        fall_in_horizon=replay.fall(case.clearing.horizon_hours),
        fall_in_day=replay.fall(24.0),
        loss_current=float(now.bad_debt_usd[0] / _debt(case, threshold_current)),
        loss_recommended=loss,
        liquidated_share=repaid / debt,
        unnecessary_share=unnecessary,
        loss_cap=appetite.stress_loss_share,
        passed=loss <= appetite.stress_loss_share,
        source=scenario.source,
        note=scenario.note,
    )


def _worst_hour(falls: tuple[HistoricalFall, ...]) -> HistoricalFall | None:
    """Return the event with the largest fall over the shortest horizon on record."""
    shortest = min((one.horizons_hours[0] for one in falls), default=0.0)
    known = [one for one in falls if one.horizons_hours[0] == shortest]
    return max(known, key=lambda one: one.falls[0], default=None)


def _debt(case: Case | Setting, threshold: float) -> float:
    """Debt of the re-levered book, dollars."""
    return case.book.backed_usd * threshold / case.book.reference_threshold
