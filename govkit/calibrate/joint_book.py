"""The joint check: all proposed assets in one book, their losses of the same episode added up.

Each asset's book passed its own limits on episodes of its own. Here all start in their trigger
states in the same hour and fall together as the model's dependence says, each at its recommended
threshold. Assets of one family sell into the same depth, and each one's book already holds the
debt of the whole family; so a family stands in the joint book once, with the member that loses
the most, as if all the family's debt were that member's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from govkit.calibrate import case as alone
from govkit.calibrate.case import BOOK_HOURS, Case
from govkit.calibrate.joint_losses import JointLosses, joint_record
from govkit.calibrate.position import SETS
from govkit.calibrate.weighted import expected_shortfall
from govkit.records.joint import JointCheck
from govkit.records.market import Appetite
from govkit.records.model import Dependence
from govkit.records.provenance import NotDone
from govkit.simulate.engine import run_book
from govkit.simulate.falls import Draws, ReturnLaw, draw_tilted, underlying
from govkit.simulate.joint import tilted_joint_draws
from govkit.simulate.paths import price_paths

Array = NDArray[np.float64]

TIED_SETS = 2
"""Sets of paths for correlation one: its share of the sum is then known to half a percent."""


def joint_check(
    cases: Mapping[str, Case],
    thresholds: Mapping[str, float],
    appetite: Appetite,
    dependence: Dependence | None,
    seed: int,
) -> JointCheck | NotDone:
    """Run all assets' books along common paths and hold the joint loss against the appetite.

    Parameters
    ----------
    cases:
        The calibrated assets of one market, by name. An asset without a place in `dependence`
        (pegged, a pair, priced by comparable assets) is left out and named.
    thresholds:
        Recommended threshold of each, fractions.
    dependence:
        Of the market model; None when it holds none.
    seed:
        All numbers follow from it; the order of the assets changes none.

    Returns
    -------
    JointCheck or NotDone
        The latter, with its reason, when fewer than two families are left.

    Notes
    -----
    As many paths of `BOOK_HOURS` as each book alone has, with importance weights. The book and
    tail-loss limits are the appetite's own, over the debt of all. Correlation one gives every
    asset the same uniform numbers: each falls as far in its own law as every other.
    """
    if dependence is None:
        return _not_done("the market model holds no dependence between assets")
    outside = {name: _outside(case, dependence) for name, case in cases.items()}
    placed = {name: cases[name] for name in sorted(cases) if not outside[name]}
    if len({case.asked.reserve.family for case in placed.values()}) < 2:
        return _not_done("fewer than two families of assets have a place in the dependence")
    losses = _in_one_book(placed, thresholds, appetite, dependence, seed)
    left_out = tuple(
        f"{name}: {outside[name] or _stands_for(case, losses)}"
        for name, case in cases.items()
        if name not in losses.assets
    )
    found = joint_record(losses, appetite, left_out)
    order = list(cases)
    listed = sorted(found.assets, key=lambda one: order.index(one.asset))
    return found.model_copy(update={"assets": tuple(listed)})


def losses_along(
    cases: Mapping[str, Case],
    thresholds: Mapping[str, float],
    draw: Callable[[str], Mapping[str, Draws]],
    seed: int,
    sets: int = SETS,
) -> tuple[Array, Array]:
    """Run re-levered books along common paths, set by set.

    Parameters
    ----------
    draw:
        Given the name of a set, what drives each return model's paths, by its key. All assets
        plunge in the same minutes of an hour.

    Returns
    -------
    loss_usd, weight:
        Shapes (paths, assets) and (paths,).
    """
    losses, weights = [], []
    for k in range(sets):
        stream = f"joint book {k}"
        draws = draw(stream)
        columns = [
            _loss(case, thresholds[name], draws[case.asked.returns_key], seed, stream)
            for name, case in cases.items()
        ]
        losses.append(np.column_stack(columns))
        weights.append(next(iter(draws.values())).weight)
    return np.concatenate(losses), np.concatenate(weights)


def one_per_family(
    families: Sequence[str], loss_usd: Array, weight: Array, debts_usd: Array, tail_level: float
) -> tuple[int, ...]:
    """Return the columns of the members that lose the most, one of each family, increasing.

    The larger expected shortfall in dollars counts, then the larger mean loss, then the debt.
    """
    shortfall, _ = expected_shortfall(loss_usd, weight, tail_level)
    sizes = list(zip(shortfall, weight @ loss_usd, debts_usd, strict=True))
    first: dict[str, int] = {}
    for k, family in enumerate(families):
        if family not in first or sizes[k] > sizes[first[family]]:
            first[family] = k
    return tuple(sorted(first.values()))


def _in_one_book(
    cases: Mapping[str, Case],
    thresholds: Mapping[str, float],
    appetite: Appetite,
    dependence: Dependence,
    seed: int,
) -> JointLosses:
    """Run one book of each family on joint paths, and again with the same numbers for all."""
    tickers = tuple(sorted({case.asked.returns_key for case in cases.values()}))
    size = {"hours": BOOK_HOURS, "paths": alone.BOOK_PATHS // SETS, "seed": seed}

    def joint(name: str) -> Mapping[str, Draws]:
        return tilted_joint_draws(dependence, tickers, name=name, **size)

    def same(name: str) -> Mapping[str, Draws]:
        return dict.fromkeys(tickers, draw_tilted(name=f"{name} correlation one", **size))

    debts = np.array([_debt(case, thresholds[name]) for name, case in cases.items()])
    families = [case.asked.reserve.family for case in cases.values()]
    loss, weight = losses_along(cases, thresholds, joint, seed)
    columns = list(one_per_family(families, loss, weight, debts, appetite.tail_level))
    kept = {name: cases[name] for k, name in enumerate(cases) if k in columns}
    tied, tied_weight = losses_along(kept, thresholds, same, seed, TIED_SETS)
    return JointLosses(
        assets=tuple(kept),
        families=tuple(families[k] for k in columns),
        thresholds=tuple(thresholds[name] for name in kept),
        debts_usd=debts[columns],
        loss_usd=loss[:, columns],
        weight=weight,
        tied_usd=tied,
        tied_weight=tied_weight,
        horizon_hours=float(BOOK_HOURS),
    )


def _loss(case: Case, threshold: float, draws: Draws, seed: int, stream: str) -> Array:
    """Run one book; its feed follows the market, the underlying, or a pin."""
    asked, followed = case.asked, None
    inside = np.array(asked.returns.worst_five_minutes)

    def prices_of(law: ReturnLaw) -> Array:
        return price_paths(law, inside, draws, seed=seed, name=stream)

    prices = prices_of(asked.law)
    if asked.pinned:
        followed = np.ones_like(prices)
    elif asked.hides_discount:
        followed = prices_of(underlying(asked.law))
    found = run_book(prices, case.book, threshold, case.terms, case.depth, followed=followed)
    return found.bad_debt_usd


def _debt(case: Case, threshold: float) -> float:
    return case.book.backed_usd * threshold / case.book.reference_threshold


def _outside(case: Case, dependence: Dependence) -> str:
    """Return why an asset has no place in the joint book, or nothing."""
    asked = case.asked
    if asked.in_pair:
        return f"its falls are those of its ratio to {asked.market.debt_asset}, drawn on their own"
    if asked.returns_key in dependence.assets:
        return ""
    if asked.returns.basis == "depeg":
        return "its depegs are rare events of their own, not tied to the hours of other assets"
    if asked.returns.basis == "pooled":
        return "its falls are those of comparable assets, not of its own hours"
    return f"{asked.returns_key} is not among the assets of the model's dependence"


def _stands_for(case: Case, losses: JointLosses) -> str:
    other = losses.assets[losses.families.index(case.asked.reserve.family)]
    return f"sells into the same depth as {other}, which stands for all the family's debt"


def _not_done(reason: str) -> NotDone:
    return NotDone(what="joint book", reason=reason)
