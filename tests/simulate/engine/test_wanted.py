"""Pairs of which only the loss is wanted end early, and lose the same to the last bit."""

from __future__ import annotations

import numpy as np
import pytest

from govkit.simulate.engine import EVERYTHING, LOSSES, SKIPPED, run_grid
from tests.simulate.engine.books import random_book_case


@pytest.mark.parametrize("begin", range(0, 400, 100))
def test_losses_alone_equal_those_of_whole_paths(begin: int) -> None:
    ended_early = 0
    for seed in range(begin, begin + 100):
        case = random_book_case(seed)
        grid = case.threshold * np.array([0.5, 0.8, 1.0, 1.1])
        shape = (len(case.prices), len(grid))
        whole, alone = (
            run_grid(
                case.prices, case.book, grid, case.terms, case.depth, relever=case.relever,
                followed=case.followed, conditions=case.conditions,
                wanted=np.full(shape, asked, np.int8),
            )
            for asked in (EVERYTHING, LOSSES)
        )  # fmt: skip
        assert np.array_equal(whole.bad_debt_usd, alone.bad_debt_usd), seed
        assert np.array_equal(whole.written_off_usd, alone.written_off_usd), seed
        ended_early += int((alone.repaid_usd < whole.repaid_usd).any())
    assert ended_early > 0


def test_what_is_skipped_is_zero() -> None:
    case = random_book_case(3)
    grid = np.array([0.5, 0.9])
    wanted = np.full((len(case.prices), 2), SKIPPED, np.int8)
    wanted[0, 1] = EVERYTHING
    found = run_grid(case.prices, case.book, grid, case.terms, case.depth, wanted=wanted)
    whole = run_grid(case.prices, case.book, grid, case.terms, case.depth)
    assert found.repaid_usd[0, 1] == whole.repaid_usd[0, 1]
    assert found.repaid_usd.sum() == found.repaid_usd[0, 1]
    assert found.bad_debt_usd.sum() == found.bad_debt_usd[0, 1]
