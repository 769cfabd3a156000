"""What a result must not depend on: company of paths, grids, what is wanted, threads, numba."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from govkit.records.liquidation import CloseRule
from govkit.simulate.compiled import MISSING
from govkit.simulate.engine import (
    EVERYTHING,
    LOSSES,
    SKIPPED,
    Accounts,
    Book,
    Depth,
    Losses,
    Pool,
    Rules,
    Terms,
    run_accounts,
    run_book,
    run_grid,
)
from govkit.simulate.random import generator
from tests.simulate.engine.books import random_accounts_case, random_book_case

KERNELS = ("blocks", "touched", "twin")
FIELDS = ("bad_debt_usd", "repaid_usd", "written_off_usd", "bonus_usd", "fee_usd", "seized_usd")
TERMS = Terms(bonus=0.06, protocol_fee_share=0.1, deviation=0.005, swap_fee=0.0005,
              gas_share=0.0005, refill_steps=3.0, permanent_share=1 / 3)  # fmt: skip
AAVE = replace(TERMS, rules=Rules(close=CloseRule(close_factor=0.5, full_close_health=0.95)))
CURVE = Depth(np.array([0.0, 1e5, 1e6, 1e7]), np.array([0.0, 0.002, 0.02, 0.3]))
GRID = np.arange(0.6, 0.95, 0.05)


def values(losses: Losses) -> np.ndarray:
    return np.array([getattr(losses, name) for name in FIELDS])


def market(paths: int = 60, accounts: int = 40, steps: int = 36) -> tuple[np.ndarray, Book]:
    rng = generator(7, "same numbers")
    prices = np.exp(np.cumsum(-0.004 + 0.02 * rng.standard_normal((paths, steps)), axis=1))
    trigger = np.sort(rng.uniform(0.7, 1.0, accounts))[::-1].copy()
    debt = np.exp(rng.uniform(9, 14, accounts))
    return prices, Book(trigger, debt, 0.8, float(debt.sum()))


def holders(count: int = 200) -> Accounts:
    """Return accounts of two collaterals with health factors of 1 to 1.4."""
    rng = generator(8, "same numbers")
    debt = np.exp(rng.uniform(9, 13, count))
    share = rng.uniform(0.1, 0.9, count)
    worth = debt * rng.uniform(1.0, 1.4, count) / 0.8
    return Accounts(
        debt_usd=debt,
        first=np.arange(0, 2 * count + 1, 2),
        collateral=np.tile([0, 1], count),
        units=np.column_stack([share * worth, (1 - share) * worth]).ravel(),
        threshold=np.full(2 * count, 0.8),
        bonus=np.full(2 * count, 0.06),
    )


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("depth", [CURVE, Pool(2e7, 12.0)], ids=["curve", "pool"])
def test_paths_run_together_or_one_by_one(kernel: str, depth: Depth | Pool) -> None:
    prices, book = market(paths=150 if kernel != "twin" else 8)
    followed = np.sqrt(prices)
    together = run_grid(prices, book, GRID, AAVE, depth, followed=followed, kernel=kernel)
    for i in range(0, len(prices), 7):
        one = slice(i, i + 1)
        alone = run_grid(
            prices[one], book, GRID, AAVE, depth, followed=followed[one], kernel=kernel
        )
        np.testing.assert_array_equal(values(alone), values(together)[:, one])
    backwards = run_grid(
        prices[::-1], book, GRID, AAVE, depth, followed=followed[::-1], kernel=kernel
    )
    np.testing.assert_array_equal(values(backwards)[:, ::-1], values(together))
    assert together.bad_debt_usd.max() > 0


@pytest.mark.parametrize("kernel", ["touched", "twin"])
def test_paths_of_several_collaterals_run_together_or_one_by_one(kernel: str) -> None:
    prices, _ = market(paths=150 if kernel != "twin" else 6)
    both = np.stack([prices, np.sqrt(prices)])
    collaterals = ((AAVE, CURVE), (AAVE, Pool(2e7, 12.0)))
    together = values(run_accounts(both, holders(), collaterals, kernel=kernel))
    for i in range(0, both.shape[1], 7):
        alone = run_accounts(both[:, i : i + 1], holders(), collaterals, kernel=kernel)
        np.testing.assert_array_equal(values(alone), together[:, i : i + 1])
    assert together[0].max() > 0


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("relever", [True, False])
def test_a_grid_is_its_single_runs(kernel: str, relever: bool) -> None:
    prices, book = market(paths=60 if kernel != "twin" else 5)
    grid = run_grid(prices, book, GRID, AAVE, CURVE, relever=relever, kernel=kernel)
    for k, threshold in enumerate(GRID):
        single = run_book(
            prices, book, float(threshold), AAVE, CURVE, relever=relever, kernel=kernel
        )
        np.testing.assert_array_equal(values(grid)[..., k], values(single))
    turned = run_grid(prices, book, GRID[::-1], AAVE, CURVE, relever=relever, kernel=kernel)
    np.testing.assert_array_equal(values(turned)[..., ::-1], values(grid))


@pytest.mark.parametrize("kernel", KERNELS)
def test_pairs_that_are_wanted_have_their_numbers_and_others_zeros(kernel: str) -> None:
    prices, book = market(paths=80 if kernel != "twin" else 6)
    every = values(run_grid(prices, book, GRID, AAVE, CURVE, kernel=kernel))
    rng = generator(9, "wanted")
    for share in (0.0, 0.1, 0.5, 1.0):
        some = rng.random((len(prices), len(GRID))) < share
        wanted = np.where(some, EVERYTHING, SKIPPED).astype(np.int8)
        found = run_grid(prices, book, GRID, AAVE, CURVE, wanted=wanted, kernel=kernel)
        np.testing.assert_array_equal(values(found), np.where(some, every, 0.0))


@pytest.mark.parametrize("kernel", KERNELS)
@pytest.mark.parametrize("terms", [TERMS, AAVE], ids=["full", "half"])
@pytest.mark.parametrize("depth", [CURVE, Pool(2e7, 12.0)], ids=["curve", "pool"])
def test_where_losses_alone_are_wanted_bad_debt_is_the_same(
    kernel: str, terms: Terms, depth: Depth | Pool
) -> None:
    prices, book = market(paths=1000 if kernel == "blocks" else 5)
    for followed in (None, np.sqrt(prices)):
        every = run_grid(prices, book, GRID, terms, depth, followed=followed, kernel=kernel)
        wanted = np.full((len(prices), len(GRID)), LOSSES, np.int8)
        found = run_grid(
            prices, book, GRID, terms, depth, followed=followed, wanted=wanted, kernel=kernel
        )
        np.testing.assert_array_equal(found.bad_debt_usd, every.bad_debt_usd)
        assert (values(found) <= values(every)).all()


# Threads and numba: other processes


def digest() -> str:
    """Return a digest of every bit that both compiled kernels find on one market."""
    prices, book = market(paths=500)
    both = np.stack([prices, np.sqrt(prices)])
    found = [
        values(run_grid(prices, book, GRID, AAVE, CURVE, kernel=kernel))
        for kernel in ("blocks", "touched")
    ]
    found.append(values(run_accounts(both, holders(), ((AAVE, CURVE),) * 2)))
    return hashlib.sha256(b"".join(each.tobytes() for each in found)).hexdigest()


def losses_of_random_cases(kernel: str = "") -> list[dict[str, Any]]:
    """Return losses of ten books and ten sets of accounts, with the debt of each."""
    found = []
    for seed in range(10):
        case = random_book_case(seed)
        scale = case.threshold / case.book.reference_threshold if case.relever else 1.0
        losses = run_book(
            case.prices, case.book, case.threshold, case.terms, case.depth,
            relever=case.relever, followed=case.followed, conditions=case.conditions,
            kernel=kernel,
        )  # fmt: skip
        found.append((losses, float(case.book.debt_usd.sum()) * scale))
    for seed in range(10):
        one = random_accounts_case(seed)
        losses = run_accounts(
            one.prices, one.accounts, one.collaterals, followed=one.followed,
            conditions=one.conditions, kernel=kernel,
        )  # fmt: skip
        found.append((losses, float(one.accounts.debt_usd.sum())))
    return [
        {"kernel": losses.kernel, "debt": debt, "values": values(losses).tolist()}
        for losses, debt in found
    ]


def python(code: str, **environment: str) -> str:
    """Run code in another Python, which must say nothing but what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environment, capture_output=True,
        text=True, check=False, timeout=300,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


THREADS = """
import numba
from tests.simulate.engine.test_same_numbers import digest
for threads in (1, 2, 1):
    numba.set_num_threads(threads)
    print(digest())
"""


def test_one_thread_and_two_find_the_same_bits() -> None:
    assert {*python(THREADS, NUMBA_NUM_THREADS="2").split()} == {digest()}


WITHOUT_NUMBA = """
import sys
sys.modules["numba"] = None
import json
from govkit.simulate.compiled import MISSING
from tests.simulate.engine.test_same_numbers import losses_of_random_cases
print(json.dumps({"missing": MISSING, "losses": losses_of_random_cases()}))
"""


def test_without_numba_the_twin_finds_the_same() -> None:
    assert MISSING == ""
    answer = json.loads(python(WITHOUT_NUMBA))
    assert answer["missing"].startswith("numba cannot be loaded (")
    assert "numba" in answer["missing"].removeprefix("numba cannot be loaded ")
    ours, theirs = losses_of_random_cases(), answer["losses"]
    assert {one["kernel"] for one in ours} == {"blocks", "touched"}
    assert {one["kernel"] for one in theirs} == {"twin"}
    for one, other in zip(ours, theirs, strict=True):
        assert one["debt"] == other["debt"]
        limit = 1e-12 * max(one["debt"], 1.0)
        np.testing.assert_allclose(
            np.array(one["values"])[:-1], np.array(other["values"])[:-1], rtol=0, atol=limit
        )
        np.testing.assert_allclose(one["values"][-1], other["values"][-1], rtol=1e-11, atol=limit)


ASKS_FOR_A_COMPILED_KERNEL = """
import sys
sys.modules["numba"] = None
from govkit.simulate.engine import kernel_for, Rules
print(kernel_for(Rules()), kernel_for(Rules(gas_usd=1.0)))
"""


def test_without_numba_every_rule_is_the_twins() -> None:
    assert python(ASKS_FOR_A_COMPILED_KERNEL).split() == ["twin", "twin"]


# Losses over thresholds


@pytest.mark.parametrize("kernel", ["blocks", "touched"])
def test_with_full_closes_in_a_deep_market_no_path_loses_less_at_a_higher_threshold(
    kernel: str,
) -> None:
    free = Terms(0.05, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0)
    deep = Depth(np.array([0.0, 1e15]), np.array([0.0, 1e-9]))
    prices, book = market(paths=400)
    fine = np.arange(0.5, 0.99, 0.01)
    bad = run_grid(prices, book, fine, free, deep, kernel=kernel).bad_debt_usd
    assert (np.diff(bad, axis=1) >= -1e-6).all()
    assert bad[:, -1].mean() > 0


def test_where_sales_move_prices_single_paths_may_lose_less_at_a_higher_threshold(
    record_property: Any,
) -> None:
    """No law says they do not; how many there are goes into the report of the run."""
    prices, book = market(paths=2000)
    fine = np.arange(0.6, 0.95, 0.01)
    bad = run_grid(prices, book, fine, AAVE, CURVE).bad_debt_usd
    debt = book.debt_usd.sum() * fine / 0.8
    falling = sum(int((b < a - 1e-9 * debt[0]).sum()) for a, b in pairwise(bad.T))
    record_property("pairs of path and threshold that lose less one step up", falling)
    assert (bad >= 0).all()
    assert (bad <= debt).all()
