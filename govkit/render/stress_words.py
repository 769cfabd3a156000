"""Results of the stress library in plain text."""

from __future__ import annotations

from collections.abc import Iterator

from govkit.records.stress import ScenarioResult, StressEvidence
from govkit.render import numbers
from govkit.render.model_words import plain


def show_stress(
    asset: str, threshold: float, horizon_hours: float, stress: StressEvidence, *, sources: bool
) -> tuple[str, ...]:
    """Return one asset's stress at one threshold in lines of plain text.

    Parameters
    ----------
    horizon_hours:
        Effective horizon of a forced sale, for the heading of the falls.
    sources:
        Say below the table where every scenario is from and what it leaves out.
    """
    lines = [f"{asset}: {numbers.setting(threshold)} in force, book re-levered, stressed depth"]
    lines += [f"  {line}" for line in _table(stress, horizon_hours)]
    lines += ["", *(f"  {line}" for line in _findings(stress))]
    if sources:
        lines += [f"  {line}" for one in stress.results for line in _source(one)]
    return tuple(plain(line) for line in lines)


def _table(stress: StressEvidence, horizon_hours: float) -> Iterator[str]:
    if not stress.results:
        yield "no scenario applies"
        return
    head = (
        "scenario", "day", f"fall in {numbers.hours(horizon_hours)}", "in a day", "bad debt",
        "repaid", "cap",
    )  # fmt: skip
    rows = [head, *(_row(one) for one in stress.results)]
    widths = [max(len(row[k]) for row in rows) for k in range(len(head))]
    for row in rows:
        cells = [
            cell.ljust(width) if k in (0, 1, 6) else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(cells).rstrip()


def _row(one: ScenarioResult) -> tuple[str, ...]:
    return (
        one.name + (" *" if one.decides else ""),
        one.on,
        numbers.percent(one.fall_in_horizon),
        numbers.percent(one.fall_in_day),
        numbers.percent(one.loss_recommended),
        numbers.percent(one.liquidated_share),
        "within" if one.passed else "above",
    )


def _findings(stress: StressEvidence) -> Iterator[str]:
    reverse, solvency = stress.reverse, stress.solvency
    cap = numbers.percent(reverse.cap_share)
    deciding = [one for one in stress.results if one.decides]
    if deciding:
        within = numbers.integer(sum(one.passed for one in deciding))
        events = numbers.count(len(deciding), "event")
        yield f"* decides: {within} of {events} within the cap of {cap} of debt"
    for one in stress.results:
        if one.unnecessary_share > 0:
            share = numbers.percent(one.unnecessary_share)
            yield f"{one.name}: {share} of debt liquidated that a true price would have spared"
    if reverse.gap_recommended is None:
        yield f"no sudden fall up to 95 % costs more than {cap} of debt"
    elif reverse.gap_recommended == 0:
        yield f"even without a fall, forced sales cost more than {cap} of debt{_on_record(stress)}"
    else:
        yield (
            f"smallest sudden fall that costs more than {cap} of debt: "
            f"{numbers.percent(reverse.gap_recommended)}{_on_record(stress)}"
        )
    yield (
        "with nobody liquidated, all collateral is worth less than all debt from a common fall of "
        f"{numbers.percent(solvency.together_recommended)} on"
    )
    yield (
        f"and more than {cap} of debt is uncovered in its own account from "
        f"{numbers.percent(solvency.uncovered_recommended)} on ({_basis(stress)})"
    )
    if stress.skipped:
        yield f"not applied: {'; '.join(stress.skipped)}"


def _on_record(stress: StressEvidence) -> str:
    reverse = stress.reverse
    if reverse.worst_on_record is None:
        return ""
    span = "hour" if reverse.worst_within_hours == 1 else "day"
    return (
        f" (worst {span} on record {numbers.percent(reverse.worst_on_record)}, {reverse.worst_on})"
    )


def _basis(stress: StressEvidence) -> str:
    return "real accounts" if stress.solvency.basis == "book" else "fitted distribution of accounts"


def _source(one: ScenarioResult) -> Iterator[str]:
    yield f"{one.name}: {', '.join(one.channels)}"
    if one.note:
        yield f"  {one.note}"
    yield f"  source: {one.source}"
