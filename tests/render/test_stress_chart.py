"""Which scenarios the stress chart shows, and what its title says."""

from __future__ import annotations

from govkit.render.charts.stress import LEAST_DECIDING, MOST_BARS, finding, shown
from tests.render.stresses import stress

WITHIN = stress(0.4, (0.0011, 0.0004, 0.0, 0.0, 0.0, 0.0), (0.2, 0.22))
BROKEN = stress(0.4, (0.0061, 0.0026, 0.0004, 0.0, 0.0, 0.0), (0.2, 0.22))


def test_the_costliest_are_shown_with_some_that_decide() -> None:
    rows = shown(WITHIN)
    assert len(rows) == min(MOST_BARS, len(WITHIN.results))
    losses = [row.loss_recommended for row in rows]
    assert losses == sorted(losses, reverse=True)
    assert sum(row.decides for row in rows) >= LEAST_DECIDING
    costliest = max(WITHIN.results, key=lambda one: one.loss_recommended)
    assert rows[0] == costliest


def test_the_title_counts_the_deciding_events() -> None:
    plain = {text: finding(one).replace("\u00a0", " ") for text, one in
             (("within", WITHIN), ("broken", BROKEN))}  # fmt: skip
    assert plain["within"] == (
        "6 deciding events stay within the cap of 0.25 % of debt; Sudden fall of 50 %, which does "
        "not decide, costs 15.2 %"
    )
    assert plain["broken"] == (
        "2 of 6 deciding events cost more than the cap of 0.25 % of debt; Black Thursday costs "
        "0.61 %"
    )


def test_without_deciding_events_the_costliest_scenario_is_the_title() -> None:
    others = WITHIN.model_copy(
        update={"results": tuple(one for one in WITHIN.results if not one.decides)}
    )
    assert finding(others).replace("\u00a0", " ") == (
        "Sudden fall of 50 % costs 15.2 % of debt, cap 0.25 %"
    )
