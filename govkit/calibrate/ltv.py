"""The gap between borrow LTV and liquidation threshold."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from govkit.calibrate.case import Asked
from govkit.calibrate.weighted import upper_quantile
from govkit.records.evidence import Parameters
from govkit.records.justification import LtvRule
from govkit.simulate.falls import draw, worst_falls

NORMAL_PATHS = 100_000
LEVEL = 0.99
OTHER_GAP_POINTS = {"pegged": 3.0, "staking": 5.0, "wrapped": 5.0, "volatile": 10.0}
"""Buffers of a published rule (Chaos Labs for Venus: 3, 5 and 10 points by risk class)."""


def normal_fall(asked: Asked) -> float | None:
    """Return the 99 % fall within one hour of the states of volatility below the trigger level.

    Stressed windows weigh at least a quarter in the mix of all states. None for a law that
    knows only its second state, such as a peg's.
    """
    states = asked.returns.states
    mixed, edge = np.array(states.mixed), states.trigger[0]
    steps = np.linspace(0, 1, len(mixed))
    below = float(np.interp(edge, mixed, steps)) if mixed[-1] > edge else 1.0
    if mixed[0] >= edge or below <= 0:
        return None
    # The table is that of quantile 1 - (1 - s) ** 3 at step s: cut it off at the trigger level.
    share = 1 - (1 - below) ** 3
    places = 1 - (1 - share * (1 - (1 - steps) ** 3)) ** (1 / 3)
    law = replace(asked.law, sigma_start=np.interp(places, steps, mixed))
    draws = draw(hours=1, paths=NORMAL_PATHS, seed=asked.seed, name=f"{asked.asset} normal hour")
    return upper_quantile(worst_falls(law, draws)[:, 0], draws.weight, 1 - LEVEL)


def ltv_rule(asked: Asked, proposed: Parameters, step_points: float) -> LtvRule | None:
    """Return what the gap has to hold at the proposed threshold, and whether the LTV is lowered.

    A fall within an ordinary hour must not carry a fresh loan from its LTV to the threshold:
    gap >= threshold x fall. An LTV of 0 is never touched, and one that misses the gap by less
    than a step of the decision grid is left alone.
    """
    fall = normal_fall(asked)
    if fall is None:
        return None
    needed = 100 * proposed.threshold * fall
    gap = 100 * (proposed.threshold - proposed.ltv)
    other = OTHER_GAP_POINTS[asked.reserve.kind]
    return LtvRule(
        gap_points=gap,
        normal_fall=fall,
        needed_points=needed,
        lowered=proposed.ltv > 0 and needed >= gap + step_points,
        other_rule_points=other,
        other_rule_ltv=max(proposed.threshold - other / 100, 0.0),
    )
