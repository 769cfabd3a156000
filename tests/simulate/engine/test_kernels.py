"""Three programs, one meaning: blocks = touched = twin to 1e-12 of the debt."""

from __future__ import annotations

import numpy as np
import pytest

from govkit.simulate.engine import Losses, run_accounts, run_book
from tests.simulate.engine.books import random_accounts_case, random_book_case

FIELDS = ("bad_debt_usd", "repaid_usd", "written_off_usd", "bonus_usd", "fee_usd", "seized_usd")
CASES = 500
BATCH = 50


def distance(one: Losses, other: Losses, debt: float, units: float) -> float:
    """Return the largest difference of any field on any path, as a share of debt or units."""
    whole = {"seized_usd": units}
    return max(
        float(np.max(np.abs(getattr(one, name) - getattr(other, name))))
        / max(whole.get(name, debt), 1.0)
        for name in FIELDS
    )


@pytest.mark.parametrize("begin", range(0, CASES, BATCH))
@pytest.mark.parametrize("kernel", ["blocks", "touched"])
def test_a_book_loses_the_same_by_every_kernel(kernel, begin):
    for seed in range(begin, begin + BATCH):
        case = random_book_case(seed)

        def losses(name: str, case=case) -> Losses:
            return run_book(
                case.prices,
                case.book,
                case.threshold,
                case.terms,
                case.depth,
                relever=case.relever,
                followed=case.followed,
                conditions=case.conditions,
                kernel=name,
            )

        scale = case.threshold / case.book.reference_threshold if case.relever else 1.0
        debt = float(case.book.debt_usd.sum()) * scale
        units = (
            float((case.book.debt_usd / case.book.trigger).sum()) / case.book.reference_threshold
        )
        ours, twins = losses(kernel), losses("twin")
        assert (ours.kernel, twins.kernel) == (kernel, "twin")
        assert distance(ours, twins, debt, units) < 1e-12, seed


@pytest.mark.parametrize("begin", range(0, CASES, BATCH))
def test_accounts_lose_the_same_by_both_kernels(begin):
    for seed in range(begin, begin + BATCH):
        case = random_accounts_case(seed)

        def losses(name: str, case=case) -> Losses:
            return run_accounts(
                case.prices,
                case.accounts,
                case.collaterals,
                followed=case.followed,
                conditions=case.conditions,
                kernel=name,
            )

        debt, units = float(case.accounts.debt_usd.sum()), float(case.accounts.units.sum())
        ours, twins = losses("touched"), losses("twin")
        assert (ours.kernel, twins.kernel) == ("touched", "twin")
        assert distance(ours, twins, debt, units) < 1e-12, seed
