"""Exact integer swaps of automated market makers, as the deployed contracts compute them.

Constant product (x y = k, Uniswap v2) and StableSwap (Egorov 2019). Amounts are in the token's
smallest unit; divisions round down.
"""

from __future__ import annotations

from collections.abc import Sequence

BASIS_POINTS = 10_000
FEE_UNIT = 10**10
"""StableSwap contracts write fees in units of 1e-10."""

ROUNDS = 255


def constant_product_out(
    amount_in: int, reserve_in: int, reserve_out: int, fee_bps: int = 30
) -> int:
    """Return what a constant-product pool pays, to the wei.

    out = in' y / (x + in') with in' = in (1 - fee), rounded down once, as Uniswap v2 does.

    Raises
    ------
    ValueError
        For an amount or reserve that is not above zero, or a fee outside [0, 10000).
    """
    if amount_in <= 0 or reserve_in <= 0 or reserve_out <= 0:
        raise ValueError("amount and reserves must be above zero")
    if not 0 <= fee_bps < BASIS_POINTS:
        raise ValueError(f"a fee of {fee_bps} basis points")
    kept = amount_in * (BASIS_POINTS - fee_bps)
    return kept * reserve_out // (reserve_in * BASIS_POINTS + kept)


def invariant(balances: Sequence[int], amplification: int, precision: int = 1) -> int:
    """Return D, the coins a StableSwap pool would hold in all if it were balanced.

    Newton's method on A n^n S + D = A n^n D + D^(n+1) / (n^n prod x) from D = S, in integers.

    Parameters
    ----------
    balances:
        n amounts in a common unit, such as 1e-18.
    amplification:
        A as the contracts hold it, which is A n^(n-1) of the paper, times `precision`.
    precision:
        1 for the first contracts, 100 for those that store hundredths of A.

    Raises
    ------
    ValueError
        For a balance or A that is not above zero.
    ArithmeticError
        Without convergence to one unit in 255 rounds: with reserves more than a thousand times
        apart rounding can go round in circles, and the contracts revert too.
    """
    if min(balances) <= 0 or amplification <= 0:
        raise ValueError("balances and amplification must be above zero")
    n, total = len(balances), sum(balances)
    weight = amplification * n
    d = total
    for _ in range(ROUNDS):
        product = d
        for balance in balances:
            product = product * d // (balance * n)
        before = d
        above = (weight * total // precision + product * n) * d
        d = above // ((weight - precision) * d // precision + (n + 1) * product)
        if abs(d - before) <= 1:
            return d
    raise ArithmeticError("the invariant did not converge, its reserves are too far apart")


def balance_after(
    into: int, out_of: int, balance_in: int, balances: Sequence[int], amplification: int,
    precision: int = 1,
) -> int:  # fmt: skip
    """Return the balance of coin `out_of` that keeps D when coin `into` holds `balance_in`.

    Newton's method on y^2 + (b - D) y = c from y = D, in integers; `balances` are those before.
    """
    n, d = len(balances), invariant(balances, amplification, precision)
    weight = amplification * n
    others = [
        balance_in if k == into else balance
        for k, balance in enumerate(balances)
        if k != out_of
    ]  # fmt: skip
    c = d
    for balance in others:
        c = c * d // (balance * n)
    c = c * d * precision // (weight * n)
    b = sum(others) + d * precision // weight
    y = d
    for _ in range(ROUNDS):
        before = y
        y = (y * y + c) // (2 * y + b - d)
        if abs(y - before) <= 1:
            return y
    raise ArithmeticError("the balance did not converge")


def stableswap_out(
    amount_in: int, into: int, out_of: int, balances: Sequence[int], amplification: int,
    fee: int = 0, precision: int = 1,
) -> int:  # fmt: skip
    """Return what a StableSwap pool of two or more coins pays, as the contracts compute it.

    One unit less than the balance that keeps D, less the fee in units of 1e-10.

    Raises
    ------
    ValueError
        For an amount that is not above zero, a coin swapped for itself, or a fee outside
        [0, 1e10).
    """
    if amount_in <= 0 or into == out_of or not 0 <= fee < FEE_UNIT:
        raise ValueError("the amount must be above zero, the coins differ and the fee be below 1")
    after = balance_after(
        into, out_of, balances[into] + amount_in, balances, amplification, precision
    )
    out = max(balances[out_of] - after - 1, 0)
    return out - out * fee // FEE_UNIT
