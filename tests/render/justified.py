"""Justifications with plausible numbers: what each input is worth, what would change a mind."""

from __future__ import annotations

from govkit.records.justification import (
    Agreement,
    AppetiteCost,
    Baseline,
    BreakEven,
    FrontierPoint,
    Justification,
    KeepBand,
    Lever,
    LtvRule,
    ModelRange,
    Removed,
    SensitivityBar,
)


def r(value: float) -> float:
    """Round to the six significant digits that records carry."""
    return float(f"{value:.6g}")


INPUTS = (
    ("volatility", "yearly", 0.61, 1.04, 0.71, 0.041, -0.049, 0.537),
    ("exposure", "usd", 90e6, 360e6, 180e6, 0.009, -0.031, 0.214),
    ("depth", "usd", 21e6, 84e6, 42.2e6, -0.028, 0.008, 0.163),
    ("oracle deviation", "fraction", 0.0025, 0.01, 0.005, 0.002, -0.0043, 0.031),
    ("latency", "minutes", 2.0, 20.0, 5.0, 0.001, -0.0062, 0.022),
    ("refill", "minutes", 10.0, 30.0, 15.0, 0.0032, -0.0054, 0.021),
    ("bonus", "fraction", 0.04, 0.075, 0.05, 0.0021, -0.012, 0.043),
    ("swap fee", "fraction", 0.0003, 0.003, 0.0005, 0.0, -0.0011, 0.004),
    ("gas", "fraction", 0.0001, 0.002, 0.0005, 0.0, -0.0009, 0.003),
)  # fmt: skip
"""Input, unit, range, value now, change of the supported value at either end, share of variance."""


def sensitivity(supported: float) -> tuple[SensitivityBar, ...]:
    """Return a bar for every input around a supported value."""
    return tuple(
        SensitivityBar(
            input=name, unit=unit, low=low, high=high,  # type: ignore[arg-type]
            at_low=r(supported + down), at_high=r(supported + up), total=total,
            total_error=r(0.02 + 0.1 * total), source="range over the refits",
        )
        for name, unit, low, high, _, down, up, total in INPUTS
    )  # fmt: skip


def break_evens(supported: float, current: float) -> tuple[BreakEven, ...]:
    """Return break-evens on the side that the distance to the value in force asks for."""
    worse = supported >= current
    rows = {
        "volatility": 0.96 if worse else 0.58,
        "depth": 21e6 if worse else 61e6,
        "latency": 38.0 if worse else None,
        "exposure": 410e6 if worse else 96e6,
    }
    stays = f"even at a tenth of it the value stays below {100 * current:g} %"
    made = []
    for name, unit, _, _, now, *_ in INPUTS:
        if name in rows:
            at = rows[name]
            reason = "" if at is not None else stays
            made.append(BreakEven(input=name, unit=unit, now=now, at=at, reason=reason))  # type: ignore[arg-type]
    return tuple(made)


def removed(supported: float) -> tuple[Removed, ...]:
    """Return the supported value without each input."""
    gains = {
        "clearing time": 0.012, "oracle deviation": 0.0043, "bonus": 0.043,
        "book, feedback and stress": 0.0, "uncertainty": 0.024,
    }  # fmt: skip
    return tuple(
        Removed(input=name, supported=r(supported + gain), points=r(100 * gain))
        for name, gain in gains.items()
    )


def baselines(supported: float, current: float) -> tuple[Baseline, ...]:
    """Return the rules of others, one of which cannot be computed."""

    def rule(name: str, threshold: float | None, words: str, reason: str = "") -> Baseline:
        difference = None if threshold is None else r(100 * (threshold - supported))
        return Baseline(
            name=name, threshold=threshold, difference_points=difference, words=words,
            source="docs/method.md", reason=reason,
        )  # fmt: skip

    return (
        rule("SmartLTV", 0.8721, "drift and diffusion to a failure rate, c = 1.4"),
        rule("Gearbox", 0.8105, "1 − bonus − the largest hourly fall of the last year"),
        rule("historical 99 % fall", 0.8302, "99 % fall in a day, bonus and slippage deducted"),
        rule("whale test", None, "the largest account sold without loss", "no book was given"),
        rule("clearing-house margin", 0.7911, "five days at 99.5 %, a quarter of stress added"),
        rule("value in force", current, "unchanged"),
    )


def frontier(supported: float, cap_usd: float) -> tuple[FrontierPoint, ...]:
    """Return a frontier on whole points; the lowest thresholds are dominated."""
    points = []
    for step in range(-14, 11):
        threshold = round(round(100 * supported) / 100 + step / 100, 4)
        distance = 100 * (threshold - supported)
        points.append(
            FrontierPoint(
                threshold=threshold,
                borrowing_usd=r(threshold * cap_usd),
                es_share=r(0.00023 * 1.28**distance),
                unnecessary_share=r(max(0.0, -0.027 * distance)),
                dominated=step < -11,
            )
        )
    return tuple(points)


def costs(cap_usd: float, **supported: float) -> tuple[AppetiteCost, ...]:
    """Return what each appetite's supported value costs."""
    middle = supported["moderate"]
    return tuple(
        AppetiteCost(
            appetite=name, threshold=value, p_bad_debt=r(0.0021 * 1.3 ** (100 * (value - middle))),
            es_share=r(0.00023 * 1.28 ** (100 * (value - middle))),
            unnecessary_share=r(max(0.0, 2.7 * (middle - value))), borrowing_usd=r(value * cap_usd),
        )
        for name, value in supported.items()
    )  # fmt: skip


def justification(
    supported: float, current: float, cap_usd: float, **appetites: float
) -> Justification:
    """Return every part of a justification around one supported value."""
    return Justification(
        removed=removed(supported),
        break_evens=break_evens(supported, current),
        sensitivity=sensitivity(supported),
        sensitivity_points=2304,
        baselines=baselines(supported, current),
        frontier=frontier(supported, cap_usd),
        costs=costs(cap_usd, **appetites),
    )


def keep_band(lowest: float, highest: float, current: float, recommended: float) -> KeepBand:
    """Return a band whose needless share grows by the same amount each point."""
    return KeepBand(
        highest=highest, lowest=lowest, most_unnecessary=0.35,
        at_current=r(max(0.0, 2.7 * (highest - current))),
        at_recommended=r(max(0.0, 2.7 * (highest - recommended))),
    )  # fmt: skip


def agreement(supported: float, sets: int = 5, agreeing: int = 5) -> Agreement:
    """Return what independent sets of paths gave."""
    return Agreement(
        sets=sets, agreeing=agreeing, lowest=r(supported - 0.0041), highest=r(supported + 0.0037)
    )


def ltv_rule(gap_points: float, threshold: float, ltv: float, *, fall: float = 0.0214) -> LtvRule:
    """Return the rule of the gap between LTV and threshold."""
    needed = r(100 * threshold * fall)
    return LtvRule(
        gap_points=gap_points, normal_fall=fall, needed_points=needed, lowered=needed > gap_points,
        other_rule_points=5.0, other_rule_ltv=r(threshold - 0.05),
    )  # fmt: skip


def model_range(lowest: tuple[str, float], highest: tuple[str, float], gap: float) -> ModelRange:
    """Return the range of the other market models."""
    return ModelRange(
        lowest_model=lowest[0], lowest=lowest[1], highest_model=highest[0], highest=highest[1],
        history_gap_points=gap,
    )  # fmt: skip


def levers(*, cap: tuple[float, float], bonus: tuple[float, float | None]) -> tuple[Lever, ...]:
    """Return the four levers in their order: now and needed."""
    return (
        Lever(name="cap", unit="usd", now=cap[0], needed=cap[1],
              reason="with the same share of the debt to be sold"),
        Lever(name="bonus", unit="fraction", now=bonus[0], needed=bonus[1],
              reason="" if bonus[1] else "a larger bonus costs more than it clears"),
        Lever(name="close rule", unit="none", now=None, needed=None,
              reason="closing half a position at a time halves no exposure at stress"),
        Lever(name="oracle", unit="fraction", now=0.005, needed=None,
              reason="even a feed without deviation is not enough"),
    )  # fmt: skip
