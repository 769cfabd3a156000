"""The pipeline on shipped data, with fewer paths where a property and not a number is tested."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from govkit.calibrate import case, feed_scenarios, position
from govkit.calibrate.case import Asked, Case, simulate_case
from govkit.data import appetite_names, load_appetite, load_market, load_model, load_scenarios
from govkit.proposal import make_evidence
from govkit.records.evidence import AssetEvidence, Evidence
from govkit.records.market import Appetite, Market, Overlay, Question
from govkit.records.model import MarketModel

NAME = "aave-v3-ethereum"
SUPPORTED = ("WETH", "WBTC", "wstETH", "LINK", "AAVE", "UNI", "CRV", "MKR")
PEGGED = ("USDC", "USDT")
# No depth of the staking tokens and of DAI is known; 1INCH has no hourly history of its own.
REFUSED = {
    "cbETH": "refuse_data", "rETH": "refuse_data", "weETH": "refuse_data", "DAI": "refuse_data",
    "1INCH": "refuse_long_tail",
}  # fmt: skip


@contextmanager
def fewer_paths(
    book: int = 5 * 512, falls: int = 5 * 4096, refits: int = 1024, feed: int = 5000
) -> Iterator[None]:
    """Run the same code on smaller samples; users run 40,960, of falls 163,840."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(case, "BOOK_PATHS", book)
        patch.setattr(position, "FALL_PATHS", falls)
        patch.setattr(position, "REFIT_PATHS", refits)
        patch.setattr(feed_scenarios, "ORACLE_PATHS", feed)
        yield


def question(*assets: str, seed: int = 1, overlays: tuple[Overlay, ...] = ()) -> Question:
    return Question(
        market=NAME, assets=assets, appetite="moderate", model="reference", seed=seed,
        overlays=overlays,
    )  # fmt: skip


def evidence_of(
    *assets: str,
    market: Market | None = None,
    model: MarketModel | None = None,
    appetite: str | Appetite = "moderate",
    seed: int = 1,
    overlays: tuple[Overlay, ...] = (),
    **rest: Any,
) -> Evidence:
    return make_evidence(
        question(*assets, seed=seed, overlays=overlays),
        market or load_market(NAME),
        model or load_model(),
        load_appetite(appetite) if isinstance(appetite, str) else appetite,
        load_scenarios(),
        **rest,
    )


def one(asset: str, **rest: Any) -> AssetEvidence:
    return evidence_of(asset, **rest).assets[0]


def with_reserve(market: Market, asset: str, **values: Any) -> Market:
    """Return the market with other values of one reserve; dated values keep their date."""
    reserve = market.reserves[asset]
    changed = {
        name: getattr(reserve, name).model_copy(update={"value": value})
        if isinstance(value, float)
        else value
        for name, value in values.items()
    }
    reserves = market.reserves | {asset: reserve.model_copy(update=changed)}
    return market.model_copy(update={"reserves": reserves})


def with_constant(market: Market, name: str, value: float) -> Market:
    constant = getattr(market, name).model_copy(update={"value": value})
    return market.model_copy(update={name: constant})


def with_depth(model: MarketModel, asset: str, factor: float) -> MarketModel:
    """Return the model with every quoted size of one asset times `factor`."""
    curves = tuple(
        curve.model_copy(update={"sizes_usd": tuple(size * factor for size in curve.sizes_usd)})
        for curve in model.assets[asset].curves
    )
    return with_asset(model, asset, curves=curves)


def with_asset(model: MarketModel, asset: str, **values: Any) -> MarketModel:
    """Return the model with other values of one collateral."""
    changed = model.assets[asset].model_copy(update=values)
    return model.model_copy(update={"assets": model.assets | {asset: changed}})


def small_case(asset: str, *, deciding: frozenset[str] = frozenset(), refits: int = 12) -> Case:
    """Simulate one shipped asset on few paths, and on the first of its stored refits."""
    market, model = load_market(NAME), load_model()
    asked = Asked(market, model, asset, None, 1)
    stored = asked.returns.refits
    few = asked.returns.model_copy(
        update={"refits": stored.model_copy(update={"rows": stored.rows[:refits]})}
    )
    model = model.model_copy(update={"returns": model.returns | {asked.returns_key: few}})
    asked, curve = Asked(market, model, asset, None, 1), asked.curve
    assert curve is not None
    appetites = tuple(load_appetite(name) for name in appetite_names())
    with fewer_paths():
        return simulate_case(asked, curve, 0.95, deciding, appetites)
