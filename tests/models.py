"""A small market model of invented numbers that is whole: every part, every kind of collateral.

The numbers come from closed forms (t(4) residuals, a lognormal of volatilities, a square-root
curve of slippage), so that parts agree with each other as fitted ones do.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from govkit.records.base import rounded
from govkit.records.model import MarketModel

DIGEST = "sha256:" + "ab" * 32
AS_OF = "2026-02-19"
HORIZONS = (1.0, 2.0, 6.0, 24.0)
PROBABILITIES = (0.002, 0.005, 0.01, 0.05)
Data = dict[str, Any]


def window(source: str = "Invented exchange, hourly", last: str = AS_OF, n: int = 62_268) -> Data:
    """Return the provenance of invented rows."""
    return {"role": "", "source": source, "first": "2019-01-01", "last": last,
            "observations": n, "input_digests": (DIGEST,)}  # fmt: skip


def dense(n: int) -> np.ndarray:
    """Return n + 1 probabilities from 0 to 1 that crowd near 1."""
    return 1 - (1 - np.linspace(0, 1, n + 1)) ** 3


def gpd(threshold: float, shape: float = 0.25, scale: float = 0.0, excesses: int = 311) -> Data:
    """Return a tail that begins at a threshold; a t(4) has the shape 1/4."""
    return {
        "threshold": threshold, "shape": shape, "scale": scale or shape * threshold,
        "probability": 0.005, "excesses": excesses, "shape_low": shape - 0.09,
        "shape_high": shape + 0.12, "goodness": 0.43, "extremal_index": 0.8,
        "shape_prior": excesses < 80,
    }  # fmt: skip


def returns(yearly: float = 0.8, **changes: Any) -> Data:
    """Return hourly returns with a long-run volatility a year and t(4) residuals."""
    variance = yearly**2 / 8760
    unit_t = stats.t(4, scale=np.sqrt(0.5))
    body = unit_t.ppf(np.linspace(0.005, 0.995, 257))
    volatility = np.sqrt(variance) * stats.lognorm(0.4).ppf(0.001 + 0.998 * dense(64))
    depth = stats.expon.ppf(0.99 * dense(32))
    falls = [[1 - np.exp(-yearly / 10 * np.sqrt(h) * (0.005 / p) ** 0.25) for p in PROBABILITIES]
             for h in HORIZONS]  # fmt: skip
    refit = [variance * 0.006, 0.06, 0.014, 0.927, -body[0], 0.25, 0.9,
             *(0.97, 0.98, 1.0, 1.02, 1.03)]  # fmt: skip
    data = {
        "basis": "own", "pooled_over": (), "numeraire": "USDC", "window": window(),
        "variance": {
            "method": "gjr", "omega": variance * 0.005, "alpha": 0.0586, "gamma": 0.0138,
            "beta": 0.9295, "nu": 3.5, "persistence": 0.995, "log_likelihood": -59_366.3,
            "starts": 4, "agreeing_starts": 3, "worst_start_gap": 12.0, "fallback": "",
            "long_run_variance": variance, "last_variance": variance / 2,
            "last_at": "2026-02-20T00:00Z",
        },
        "residual_quantiles": tuple(body),
        "lower_tail": gpd(-body[0]), "upper_tail": gpd(body[-1]),
        "shadow": {"residual_edges": (-1.0, 0.0, 1.0),
                   "quantiles": (tuple(depth / 2), *(tuple(depth),) * 3), "wicks_filtered": 0},
        "worst_five_minutes": tuple(np.linspace(0.2, 0.9, 33)),
        "worst_five_minutes_window": window("Invented exchange, five minutes"),
        "states": {"trigger": tuple(volatility * 1.6), "mixed": tuple(volatility),
                   "stressed_share": 0.04, "stressed_weight": 0.25, "episodes_per_year": 21.0},
        "jumps": {"size": 0.1, "count": 11, "hours": 62_268, "intensity_per_hour": 11.5 / 62_268,
                  "intensity_low": stats.gamma(11.5).ppf(0.05) / 62_268,
                  "intensity_high": stats.gamma(11.5).ppf(0.95) / 62_268,
                  "excess_mean": 0.04, "pooled_jumps": 60},
        "refits": {"rows": tuple(tuple(refit) for _ in range(40)), "failed": 0,
                   "block_hours": 720, "seed": 1},
        "falls": {"model": "this model", "horizons_hours": HORIZONS,
                  "probabilities": PROBABILITIES, "falls": falls},
        "comparisons": (),
        "exceptions": ({"probability": 0.005, "horizon_hours": 1.0, "windows": 400,
                        "expected": 2.0, "dated": (("2025-10-10", 0.12, 0.09),)},),
    }  # fmt: skip
    return data | changes


def curve(into: str = "USDC", depth: float = 100e6) -> Data:
    """Return slippage linear in size that reaches 5 % at a depth in dollars."""
    sizes = depth * np.array([0.01, 0.1, 0.5, 1.0, 2.0])
    slippage = 0.05 * sizes / depth
    return {
        "asset_in": "X", "asset_out": into, "method": "quotes", "sizes_usd": tuple(sizes),
        "slippage": tuple(slippage), "marginal": tuple(2 * slippage), "error": (0.001,) * 5,
        "as_of": "2023-11-20", "window": window("Invented quotes", "2023-11-20", 800),
    }  # fmt: skip


def asset(name: str, priced_as: str, **changes: Any) -> Data:
    """Return a supported collateral with one curve and one dated fall."""
    data = {
        "asset": name, "priced_as": priced_as, "price_usd": 2000.0, "price_as_of": AS_OF,
        "as_of": AS_OF, "curves": (curve(),),
        "falls": ({"event": "Black Thursday", "on": "2020-03-13", "horizons_hours": (1.0, 24.0),
                   "falls": (0.21, 0.48)},),
        "findings": (), "not_done": (), "supported": True,
        "verdict": "Supported: nothing was found in its data that asks for care.",
    }  # fmt: skip
    return data | changes


def ratio(underlying: str = "BTC") -> Data:
    """Return a wrapper's ratio: hourly changes of a t(4) of a tenth of a percent."""
    body = stats.t(4, scale=0.001).ppf(np.linspace(0.005, 0.995, 257))
    return {
        "underlying": underlying, "kind": "wrapped", "window": window("Two invented series"),
        "quantiles": tuple(body), "lower_tail": gpd(-body[0]), "upper_tail": gpd(body[-1]),
        "worst_discount": 0.014, "worst_discount_on": "2022-11-25",
        "discounts": tuple(0.014 * dense(64)), "half_life_hours": 9.0, "stationary_p": 0.01,
        "growth_per_year": None, "frozen_worst_discount": None,
    }  # fmt: skip


def two_state() -> Data:
    """Return pooled depegs of two coins."""
    event = {"asset": "USDC", "first": "2023-03-11", "hours": 60, "depth": 0.12,
             "trough_on": "2023-03-11", "redemption_open": False}  # fmt: skip
    other = event | {"asset": "DAI", "first": "2023-03-11", "depth": 0.1}
    return {"entry_level": 0.02, "pooled_over": ("DAI", "USDC"), "calm_hours": 80_000,
            "discount_hours": 120, "entries_per_year": 0.27, "mean_hours": 60.0,
            "events": (event, other)}  # fmt: skip


def depeg_returns() -> Data:
    """Return the returns of a pegged asset: whole changes, no memory."""
    body = stats.t(4, scale=0.004).ppf(np.linspace(0.005, 0.995, 257))
    whole = {
        "method": "constant", "omega": 1.0, "alpha": 0.0, "gamma": 0.0, "beta": 0.0, "nu": None,
        "persistence": 0.0, "log_likelihood": 0.0, "starts": 0, "agreeing_starts": 0,
        "worst_start_gap": 0.0, "fallback": "", "long_run_variance": 1.0, "last_variance": 1.0,
        "last_at": "2026-02-20T00:00Z",
    }  # fmt: skip
    row = (1.0, 0.0, 0.0, 0.0, -body[0], 0.25, 0.005, 1.0, 1.0, 1.0, 1.0, 1.0)
    return returns(
        basis="depeg", pooled_over=("DAI", "USDC"), variance=whole,
        residual_quantiles=tuple(body), lower_tail=gpd(-body[0], excesses=61),
        upper_tail=gpd(body[-1], excesses=61),
        states={"trigger": (1.0, 1.0), "mixed": (1.0, 1.0), "stressed_share": 0.0,
                "stressed_weight": 0.0, "episodes_per_year": 0.27},
        refits={"rows": (row,) * 40, "failed": 0, "block_hours": 720, "seed": 1},
        exceptions=(),
    )  # fmt: skip


def copula(correlation: float) -> Data:
    """Return a skewed t copula of two assets whose lows are tied more closely."""
    return {"degrees_of_freedom": 5.8, "skewness": -0.33, "level": 0.005,
            "correlation": ((1.0, correlation), (correlation, 1.0))}  # fmt: skip


def model_data() -> Data:
    """Return the sample as plain data, to be changed by a test."""
    short = {"severity": "error", "where": "CRV hourly",
             "what": "only 4,000 hours of returns, 8,760 are needed (one year)"}  # fmt: skip
    care = {"severity": "warning", "where": "LDO hourly", "what": "only 5,000 hours of returns"}
    scaled = {"severity": "warning", "where": "LDO returns",
              "what": "no hourly history of a year; the model is pooled over ETH, UNI"}  # fmt: skip
    assets = [
        asset("WETH", "ETH", curves=(curve(), curve("USDT", 40e6))),
        asset("WBTC", "BTC", ratio=ratio(), pair="BTC/ETH", price_usd=70_000.0),
        asset("USDC", "USDC", two_state=two_state(), price_usd=1.0),
        asset("LDO", "LDO", findings=(care,), price_usd=0.4,
              verdict="Supported, with care: only 5,000 hours of returns."),
        asset("CRV", "CRV", supported=False, findings=(short,), as_of="2025-10-22", curves=(),
              not_done=({"what": "returns", "reason": "only 4,000 hours of returns"},),
              verdict="Not supported: only 4,000 hours of returns."),
    ]  # fmt: skip
    data = {
        "name": "sample", "as_of": AS_OF, "numeraire": "USD", "snapshot_digest": DIGEST,
        "fitted_with": {"govkit": "0.2.0", "numpy": "2.4.6"}, "seed": 1,
        "returns": {
            "ETH": returns(), "BTC": returns(0.6), "BTC/ETH": returns(0.4, numeraire="ETH"),
            "USDC": depeg_returns(),
            "LDO": returns(1.1, basis="pooled", pooled_over=("ETH", "UNI"), findings=(scaled,)),
        },
        "assets": {one["asset"]: one for one in assets},
        "accounts": {"health_log_mean": -0.7, "health_log_sd": 0.9, "debt_log_mean": 10.0,
                     "debt_log_sd": 2.0, "average_health_factor": 1.82, "accounts": 42,
                     "windows": (window("Invented accounts", "2025-01-28", 42),)},
        "dependence": {
            "assets": ("BTC", "ETH"), "kendall_tau": ((1.0, 0.62), (0.62, 1.0)),
            "degrees_of_freedom": 3.1, "degrees_low": 2.8, "degrees_high": 3.5,
            "common_hours": 62_000, "joint_level": 0.05,
            "joint_falls": ({"assets": ("BTC", "ETH"), "observed": 0.03, "student": 0.029,
                             "gaussian": 0.02, "skewed": 0.031},),
            "tail_dependence": ({"assets": ("BTC", "ETH"), "chi": 0.6, "student": 0.58},),
            "residuals": copula(0.81), "starts": copula(0.6) | {"level": 0.1},
        },
        "not_done": ({"what": "STG", "reason": "no price series in the snapshot"},),
    }  # fmt: skip
    plain: Data = rounded(MarketModel.model_validate(data).model_dump(mode="json"))
    return plain


def sample_model(**changes: Any) -> MarketModel:
    """Return the sample; `changes` replace fields of the whole model."""
    return MarketModel.model_validate(model_data() | changes)
