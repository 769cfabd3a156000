"""Write docs/thresholds.md: every shipped asset under the three appetites.

Usage: python scripts/thresholds.py [ASSET...]

With assets only their rows are printed. All rows of one seed take about a minute and a half, the
seeds beside it five more.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from govkit.calibrate.case import Asked, simulate_case
from govkit.calibrate.decision import settled
from govkit.calibrate.limits import limits_of, support_of
from govkit.calibrate.refusal import refusal_of
from govkit.calibrate.ruling import agreement_on, rule_on
from govkit.data import (
    appetite_names,
    load_appetite,
    load_market,
    load_model,
    load_scenarios,
)
from govkit.proposal import make_evidence
from govkit.protocols import rule_book
from govkit.records.evidence import Evidence
from govkit.records.market import Question
from govkit.render import facts, numbers
from govkit.render.environment import fill
from govkit.render.layout import unwrap

PAGE = Path(__file__).parents[1] / "docs" / "thresholds.md"
MARKET = "aave-v3-ethereum"
APPETITE = "moderate"
SEEDS = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Row:
    """One asset: its evidence, its line of the table, and what the seeds say."""

    evidence: Evidence
    line: str


def evidence_of(asset: str, seed: int = 1) -> Evidence:
    """Return the evidence of one asset under the moderate appetite."""
    question = Question(
        market=MARKET, assets=(asset,), appetite=APPETITE, model="reference", seed=seed
    )
    return make_evidence(
        question, load_market(MARKET), load_model(), load_appetite(APPETITE), load_scenarios()
    )


def decided(asset: str, seed: int) -> tuple[str, float] | None:
    """Return action and supported value of one seed; None where no threshold is given."""
    market = load_market(MARKET)
    asked = Asked(market, load_model(), asset, None, seed)
    if refusal_of(asked) is not None or asked.curve is None:
        return None
    appetite = load_appetite(APPETITE)
    deciding = frozenset(one.name for one in load_scenarios() if one.decides)
    largest = rule_book(market.protocol).largest_threshold(asked.bonus)
    case = simulate_case(asked, asked.curve, largest, deciding, (appetite,))
    support = support_of(case, limits_of(case, appetite), appetite, ())
    ruling = rule_on(case, support, appetite)
    agreement = agreement_on(case, ruling.action, appetite, ())
    return settled(ruling, agreement, asked.reserve.threshold.value).action, support.bound


def seeds_cell(asset: str) -> str:
    """Return the range of the supported value over the seeds and how many decide alike."""
    found = [decided(asset, seed) for seed in SEEDS]
    known = [one for one in found if one is not None]
    if not known:
        return "–"
    low, high = min(bound for _, bound in known), max(bound for _, bound in known)
    alike = sum(action == known[0][0] for action, _ in known)
    return f"{low * 100:.1f} to {high * 100:.1f} %, {alike} of {len(SEEDS)} alike"


def line_of(evidence: Evidence, seeds: str) -> str:
    """Return one row of the table."""
    (asset,) = evidence.assets
    now = numbers.setting(facts.now(asset))
    if asset.support is None:
        return f"| {asset.asset} | {now} | refuse | – | – | – | – | – | – | {seeds} |"
    by_name = {one.appetite: numbers.percent(one.supported) for one in asset.alternatives}
    cells = [
        asset.asset, now, " ".join([asset.action, facts.move(asset)]),
        *(by_name[name] for name in appetite_names()), facts.binding(asset).name,
        f"{asset.support.low * 100:.1f} to {asset.support.high * 100:.1f} %",
        numbers.points(asset.support.path_error_points), seeds,
    ]  # fmt: skip
    return f"| {' | '.join(cells)} |"


def page(rows: list[Row]) -> str:
    """Return the page as Markdown."""
    return unwrap(fill(None, "thresholds/index.md.j2", {"rows": rows}))


def main() -> int:
    """Write the page, or print the rows of the assets named."""
    assets = sys.argv[1:] or list(load_market(MARKET).reserves)
    rows = []
    for asset in assets:
        found = evidence_of(asset)
        rows.append(Row(found, line_of(found, seeds_cell(asset))))
        sys.stdout.write(rows[-1].line + "\n")
        sys.stdout.flush()
    if not sys.argv[1:]:
        PAGE.write_text(page(rows), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
