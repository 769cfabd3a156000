"""The supported threshold as a fast function of its inputs.

One simulation gives the fall at every horizon; what an input changes then is arithmetic: how much
slippage the bonus pays for, how large a chunk is, how long the sale takes, how far the price
falls meanwhile. What the other limits, the uncertainty and the overlays take beyond the position
limit keeps its proportion, so at the inputs in use the value is exactly the supported one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from govkit.calibrate.case import Case
from govkit.calibrate.clearing import LONGEST_HORIZON_HOURS
from govkit.calibrate.weighted import upper_quantile
from govkit.records.evidence import Support
from govkit.records.market import Appetite
from govkit.simulate.falls import draw_tilted, worst_falls

Array = NDArray[np.float64]

PATHS = 16_384
INPUTS = (
    "volatility", "depth", "latency", "refill", "exposure", "oracle deviation", "bonus",
    "swap fee", "gas",
)  # fmt: skip


@dataclass(frozen=True)
class Surrogate:
    """The inputs of one asset's supported threshold; see `supported`.

    `falls`, shape (72,), is the fall exceeded with the appetite's probability within 1 to 72
    hours; `rare_falls` the one exceeded with 0.5 %.
    """

    falls: Array
    rare_falls: Array
    sizes_usd: Array
    slippage: Array
    exposure_usd: float
    latency_hours: float
    refill_hours: float
    deviation: float
    bonus: float
    protocol_fee_share: float
    swap_fee: float
    gas_share: float
    margin: float
    protocol_limit: float
    kept: float

    def supported(self, factors: Mapping[str, Array | float]) -> Array:
        """Return the supported threshold with some inputs multiplied, shape that of the factors.

        Parameters
        ----------
        factors:
            By name of `INPUTS`; those left out stay as they are. Volatility multiplies every log
            return, which turns 1 - x into (1 - x) ** k exactly; depth multiplies sizes.

        Returns
        -------
        Array
            0 where nobody would liquidate or the sale takes more than 72 hours: no threshold
            is supported there.
        """
        k = {name: np.asarray(factors.get(name, 1.0), dtype=np.float64) for name in INPUTS}
        bonus, deviation = self.bonus * k["bonus"], self.deviation * k["oracle deviation"]
        horizon = self.horizon_hours(factors)
        fall = np.interp(horizon, np.arange(1, len(self.falls) + 1), self.falls)
        position = (1 - fall) ** k["volatility"] * (1 - deviation) / (1 + bonus)
        value = np.minimum(self.kept * position, (1 - self.margin) / (1 + bonus))
        value = np.minimum(value, self.protocol_limit)
        return np.asarray(np.where(horizon <= LONGEST_HORIZON_HOURS, value, 0.0))

    def horizon_hours(self, factors: Mapping[str, Array | float]) -> Array:
        """Return the effective horizon T, infinite where nobody would liquidate."""
        k = {name: np.asarray(factors.get(name, 1.0), dtype=np.float64) for name in INPUTS}
        chunk, bonus = self.chunk_usd(factors), self.bonus * k["bonus"]
        chunks = (1 + bonus) * self.exposure_usd * k["exposure"] / np.where(chunk > 0, chunk, 1.0)
        waiting = self.refill_hours * k["refill"] * np.maximum(chunks - 1, 0.0)
        horizon = np.maximum(1.0, self.latency_hours * k["latency"] + waiting)
        return np.asarray(np.where(chunk > 0, horizon, np.inf))

    def chunk_usd(self, factors: Mapping[str, Array | float]) -> Array:
        """Return the largest size that the bonus pays for at stressed depth, 0 where none."""
        k = {name: np.asarray(factors.get(name, 1.0), dtype=np.float64) for name in INPUTS}
        earned = 1 + self.bonus * k["bonus"] * (1 - self.protocol_fee_share)
        kept = (1 - self.deviation * k["oracle deviation"]) * (1 - self.swap_fee * k["swap fee"])
        slack = 1 - (1 + self.gas_share * k["gas"]) / (earned * kept)
        size = np.interp(slack, self.slippage, self.sizes_usd) * k["depth"]
        return np.asarray(np.where(slack > 0, size, 0.0))


def surrogate_of(case: Case, support: Support, appetite: Appetite) -> Surrogate:
    """Gather the inputs of a case and scale the surrogate to its supported value."""
    asked, terms = case.asked, case.terms
    draws = draw_tilted(
        hours=int(LONGEST_HORIZON_HOURS), paths=PATHS, seed=asked.seed,
        name=f"{asked.asset} horizons",
    )  # fmt: skip
    falls = worst_falls(asked.law, draws)

    def curve(probability: float) -> Array:
        return np.array([upper_quantile(column, draws.weight, probability) for column in falls.T])

    one = Surrogate(
        falls=curve(appetite.position_probability),
        rare_falls=curve(0.005),
        sizes_usd=case.depth.sizes_usd,
        slippage=case.depth.slippage,
        exposure_usd=case.clearing.exposure_usd,
        latency_hours=asked.market.latency_minutes.value / 60,
        refill_hours=asked.market.refill_minutes.value / 60,
        deviation=asked.deviation,
        bonus=asked.bonus,
        protocol_fee_share=terms.protocol_fee_share,
        swap_fee=terms.swap_fee,
        gas_share=terms.gas_share,
        margin=appetite.invariant_margin,
        protocol_limit=case.protocol_limit,
        kept=1.0,
    )
    fall = np.interp(case.clearing.horizon_hours, np.arange(1, len(one.falls) + 1), one.falls)
    position = (1 - float(fall)) * (1 - one.deviation) / (1 + one.bonus)
    return Surrogate(**(one.__dict__ | {"kept": support.bound / position}))
