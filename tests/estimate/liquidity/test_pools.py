"""Exact swaps of pools, and curves from their reserves."""

from __future__ import annotations

from decimal import Decimal, getcontext
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from govkit.estimate.liquidity.pools import Pool, curve_from_pool, pool_curves
from govkit.estimate.liquidity.swaps import (
    balance_after,
    constant_product_out,
    invariant,
    stableswap_out,
)
from govkit.records.liquidity import LiquidityCurve
from govkit.records.provenance import NotDone, Window
from govkit.records.snapshot import SnapshotFile

WEI = 10**18
WINDOW = Window(
    source="closed form", first="2024-01-01", last="2024-01-02", observations=1, input_digests=()
)
amounts = st.integers(min_value=10**12, max_value=10**26)


@pytest.mark.parametrize(
    ("amount", "reserve_in", "reserve_out", "out"),
    # getInputPrice table of the Uniswap v2-core tests, with the fee of 30 basis points.
    [
        (1, 5, 10, 1662497915624478906),
        (1, 10, 5, 453305446940074565),
        (2, 5, 10, 2851015155847869602),
        (2, 10, 5, 831248957812239453),
        (1, 10, 10, 906610893880149131),
        (1, 100, 100, 987158034397061298),
        (1, 1000, 1000, 996006981039903216),
    ],
)
def test_constant_product_to_the_wei(
    amount: int, reserve_in: int, reserve_out: int, out: int
) -> None:
    assert constant_product_out(amount * WEI, reserve_in * WEI, reserve_out * WEI) == out


@given(amounts, amounts, amounts, st.integers(0, 9999))
def test_constant_product_never_lowers_the_product(x: int, y: int, q: int, fee: int) -> None:
    out = constant_product_out(q, x, y, fee)
    assert 0 <= out < y
    assert (x + q) * (y - out) >= x * y


@pytest.mark.parametrize("bad", [(0, 1, 1, 30), (1, 0, 1, 30), (1, 1, 0, 30), (1, 1, 1, 10_000)])
def test_constant_product_refuses_what_is_no_swap(bad: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match=r"above zero|basis points"):
        constant_product_out(*bad)


def residual(balances: list[int], d: int, a: int) -> Decimal:
    """Left over right side of the StableSwap equation, with 60 digits: 1 at the root."""
    getcontext().prec = 60
    n, total, product = len(balances), Decimal(sum(balances)), Decimal(1)
    for balance in balances:
        product *= Decimal(balance)
    big = Decimal(d)
    left = a * n * total + big
    return left / (a * n * big + big ** (n + 1) / (Decimal(n) ** n * product))


@given(st.lists(amounts, min_size=2, max_size=4), st.integers(1, 5000))
def test_invariant_solves_its_equation(balances: list[int], a: int) -> None:
    assume(max(balances) <= 100 * min(balances))
    d = invariant(balances, a)
    # The root lies between neighbours of D: rounding down in each round moves it a few units.
    around = [residual(balances, d + step, a) for step in (-8, 8)]
    assert around[0] >= 1 >= around[1] or abs(residual(balances, d, a) - 1) < Decimal("1e-10")


@pytest.mark.parametrize("n", [2, 3, 4])
@pytest.mark.parametrize("a", [1, 85, 2000])
def test_invariant_of_a_balanced_pool_is_its_sum(n: int, a: int) -> None:
    assert invariant([10**24] * n, a) == n * 10**24


@given(amounts, st.floats(0.2, 5), st.floats(0.001, 0.5), st.integers(1, 5000))
def test_a_swap_without_fee_keeps_the_invariant(x: int, skew: float, size: float, a: int) -> None:
    assume(x >= 10**18)
    y = int(x * skew)
    q = int(min(x, y) * size)
    out = stableswap_out(q, 0, 1, (x, y), a)
    before, after = invariant((x, y), a), invariant((x + q, y - out), a)
    # The pool keeps a unit or two of what is paid; each D is within a few units of its root.
    assert abs(after - before) <= 12


def test_three_coins_keep_the_invariant_and_the_idle_coin_matters() -> None:
    balances = (10**24, 2 * 10**24, 15 * 10**23)
    out = stableswap_out(10**22, 0, 2, balances, 100)
    assert abs(invariant((10**24 + 10**22, balances[1], balances[2] - out), 100)
               - invariant(balances, 100)) <= 2  # fmt: skip
    assert balance_after(0, 2, balances[0], balances, 100) == pytest.approx(balances[2], rel=1e-15)


def test_low_amplification_is_a_constant_product() -> None:
    # A = 0.01 as later contracts store it (hundredths); the difference is of the order of A.
    for size in (1, 50, 500, 5000):
        stable = stableswap_out(size * WEI, 0, 1, (1000 * WEI, 1000 * WEI), 1, precision=100)
        product = constant_product_out(size * WEI, 1000 * WEI, 1000 * WEI, 0)
        assert stable == pytest.approx(product, rel=0.02)
        assert stable > product
    rising = [
        stableswap_out(500 * WEI, 0, 1, (1000 * WEI, 1000 * WEI), a) for a in (1, 5, 50, 500, 5000)
    ]
    assert all(b > a for a, b in pairwise(rising))


def test_high_amplification_is_one_to_one() -> None:
    out = stableswap_out(500 * WEI, 0, 1, (1000 * WEI, 1000 * WEI), 10**7)
    assert out == pytest.approx(500 * WEI, rel=1e-7)
    assert out < 500 * WEI


@given(st.integers(10**18, 10**27), st.integers(1, 5000))
def test_larger_sales_pay_more_and_each_unit_less(q: int, a: int) -> None:
    balances = (10**26, 7 * 10**25)
    one, two = (stableswap_out(k * q, 0, 1, balances, a) for k in (1, 2))
    assert one <= two <= 2 * one + 4
    assert two < balances[1]


def test_the_stableswap_fee_is_taken_from_what_is_paid() -> None:
    balances = (10**24, 10**24)
    free = stableswap_out(10**21, 0, 1, balances, 100)
    assert stableswap_out(10**21, 0, 1, balances, 100, fee=4_000_000) == free - free * 4 // 10**4


@pytest.mark.parametrize(
    "call",
    [
        lambda: invariant((0, 1), 100),
        lambda: invariant((1, 1), 0),
        lambda: stableswap_out(0, 0, 1, (1, 1), 100),
        lambda: stableswap_out(1, 1, 1, (1, 1), 100),
        lambda: stableswap_out(1, 0, 1, (1, 1), 100, fee=10**10),
    ],
)
def test_stableswap_refuses_what_is_no_swap(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match="must be above zero"):
        call()


def pool(**changed: object) -> Pool:
    given_ = {
        "name": "toy", "type": "constant product", "asset_in": "TOY", "asset_out": "USDC",
        "reserve_in": 1000.0, "reserve_out": 1e6, "price_in_usd": 1000.0, "fee": 0.0,
    } | changed  # fmt: skip
    return Pool(**given_)  # type: ignore[arg-type]


def curve(**changed: object) -> LiquidityCurve:
    made = curve_from_pool(pool(**changed), WINDOW)
    assert isinstance(made, LiquidityCurve), made
    return made


def test_constant_product_curve_is_the_closed_form() -> None:
    made = curve()
    tokens = np.array(made.sizes_usd) / 1000
    np.testing.assert_allclose(made.slippage, tokens / (1000 + tokens), rtol=1e-9)
    np.testing.assert_allclose(made.marginal, 1 - (1000 / (1000 + tokens)) ** 2, rtol=1e-9)
    assert (made.method, made.as_of) == ("constant product", "2024-01-02")
    assert made.slippage[0] < 1e-3 < 0.9 < made.slippage[-1] < 0.95

    def at(values: tuple[float, ...], known: tuple[float, ...], x: float) -> float:
        return float(np.interp(x, known, values))

    # Oracle H3: 50 into 1,000 slips 4.7619 %, price ratio after 0.907029; a sale of 52.63 costs
    # 5 % on average, one of 25.978 moves the price by 5 %. Between sizes the curve is linear.
    assert at(made.slippage, made.sizes_usd, 50e3) == pytest.approx(0.047619047619, rel=0.005)
    assert 1 - at(made.marginal, made.sizes_usd, 50e3) == pytest.approx(0.907029478458, rel=0.001)
    assert at(made.sizes_usd, made.slippage, 0.05) == pytest.approx(52.6315789e3, rel=0.005)
    assert at(made.sizes_usd, made.marginal, 0.05) == pytest.approx(25.9783521e3, rel=0.005)


def test_curve_and_exact_swaps_agree_with_the_fee() -> None:
    made = curve(fee=0.003)
    for size, slippage in list(zip(made.sizes_usd, made.slippage, strict=True))[::9]:
        wei = int(size / 1000 * WEI)
        out = constant_product_out(wei, 1000 * WEI, 10**6 * WEI, 30)
        assert 1 - out / (1000 * wei) == pytest.approx(slippage, abs=1e-9)
    assert made.slippage[0] > 0.003


@pytest.mark.parametrize("reserves", [(1e8, 1e8), (1e8, 0.4e8), (0.4e8, 1e8)])
def test_stableswap_curve_and_exact_swaps_agree(reserves: tuple[float, float]) -> None:
    made = curve(
        type="stableswap", reserve_in=reserves[0], reserve_out=reserves[1], price_in_usd=1.0,
        amplification=200.0,
    )  # fmt: skip
    balances = tuple(int(r) * WEI for r in reserves)
    spot = stableswap_out(10**15, 0, 1, balances, 200) / 10**15
    for k in range(0, len(made.sizes_usd), 6):
        wei = int(made.sizes_usd[k] * WEI)
        out = stableswap_out(wei, 0, 1, balances, 200)
        assert made.slippage[k] == pytest.approx(1 - out / wei / spot, abs=2e-6)
        # The last unit by a difference of two exact swaps.
        step = wei // 1000
        last = (stableswap_out(wei + step, 0, 1, balances, 200)
                - stableswap_out(wei - step, 0, 1, balances, 200)) / (2 * step)  # fmt: skip
        assert made.marginal[k] == pytest.approx(1 - last / spot, abs=1e-4)


def test_a_stable_pool_is_far_deeper_until_it_runs_out() -> None:
    reserves = {"reserve_in": 1e8, "reserve_out": 1e8, "price_in_usd": 1.0}
    stable, product = curve(type="stableswap", amplification=500.0, **reserves), curve(**reserves)
    at = [float(np.interp(2e7, c.sizes_usd, c.slippage)) for c in (stable, product)]
    assert at[0] < at[1] / 50
    gone = [float(np.interp(4e8, c.sizes_usd, c.slippage)) for c in (stable, product)]
    assert gone[0] == pytest.approx(0.75, abs=0.01)  # all 1e8 for 4e8


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"reserve_out": 0.0}, "pool toy: zero depth: it holds no USDC"),
        ({"reserve_in": 0.0}, "pool toy: zero depth: it holds no TOY"),
        ({"reserve_in": -1.0}, "reserve of TOY is -1"),
        ({"reserve_out": float("nan")}, "reserve of USDC is nan"),
        ({"price_in_usd": 0.0}, "price of TOY is 0"),
        ({"fee": 1.0}, "fee is 1"),
        ({"type": "stableswap"}, "amplification of at least 1"),
        ({"type": "stableswap", "amplification": 0.5}, "amplification of at least 1"),
        (
            {"type": "stableswap", "amplification": 1.0, "reserve_in": 1e12, "reserve_out": 1.0},
            "the invariant did not converge",
        ),
        ({"type": "stableswap", "amplification": 100.0, "reserve_in": 1e-19}, "above zero"),
    ],
)
def test_a_pool_that_cannot_be_used_says_why(changed: dict[str, object], reason: str) -> None:
    made = curve_from_pool(pool(**changed), WINDOW)
    assert isinstance(made, NotDone)
    assert made.what == "depth of TOY into USDC"
    assert reason in made.reason


def table(*rows: tuple[str, str, str, str, float]) -> tuple[pd.DataFrame, SnapshotFile]:
    frame = pd.DataFrame(
        [
            {"timestamp": pd.Timestamp(day, tz="UTC"), "pool": name, "type": "constant product",
             "asset_in": "TOY", "asset_out": out, "reserve_in": depth / 1000, "reserve_out": depth,
             "price_in_usd": 1000.0, "fee": 0.0, "amplification": np.nan}
            for day, name, _, out, depth in rows
        ]
    )  # fmt: skip
    entry = SnapshotFile(
        path="pools/toy.csv.gz", kind="pools", asset="*", quote="USD", interval="irregular",
        rows=len(frame), first="", last="", sha256="sha256:" + "0" * 64, source="closed form",
        licence="", original="toy.csv", original_sha256="",
    )  # fmt: skip
    return frame, entry


def test_the_last_row_of_the_deepest_pool_counts() -> None:
    frame, entry = table(
        ("2024-01-01", "big", "", "USDC", 9e8),
        ("2024-01-03", "big", "", "USDC", 2e6),
        ("2024-01-02", "mid", "", "USDC", 5e6),
        ("2024-01-01", "other", "", "DAI", 1e6),
    )
    usdc, dai = pool_curves(frame, entry, "TOY")
    assert isinstance(usdc, LiquidityCurve)
    assert isinstance(dai, LiquidityCurve)
    assert (usdc.asset_out, dai.asset_out) == ("USDC", "DAI")
    # 3 % of $5M / 0.97 in the pool of January 2; the $900M of January 1 are gone.
    assert np.interp(0.03, usdc.slippage, usdc.sizes_usd) == pytest.approx(5e6 * 3 / 97, rel=0.01)
    assert usdc.as_of == "2024-01-02"
    assert list(pool_curves(frame, entry, "CRV")) == []


def test_a_drained_pool_is_not_done() -> None:
    frame, entry = table(("2024-01-01", "dry", "", "USDC", 0.0))
    (made,) = pool_curves(frame, entry, "TOY")
    assert isinstance(made, NotDone)
    assert "zero depth" in made.reason


def test_a_sale_in_parts_costs_the_same_without_refill_and_less_with_it() -> None:
    """Oracles H3.split and H3.two: 50 into reserves of 1,000 and 1,000,000, in units of 1e-18."""
    unit = 10**18
    whole = constant_product_out(50 * unit, 1000 * unit, 10**6 * unit, 0)
    assert whole / unit == pytest.approx(47619.04761904762, abs=1e-6)
    first = constant_product_out(25 * unit, 1000 * unit, 10**6 * unit, 0)
    second = constant_product_out(25 * unit, 1025 * unit, 10**6 * unit - first, 0)
    assert (first + second) / unit == pytest.approx(whole / unit, abs=1e-6)
    refilled = 1 - first / (25 * 1000 * unit)
    assert refilled == pytest.approx(0.024390244, abs=1e-8)
    assert refilled < 1 - whole / (50 * 1000 * unit)
