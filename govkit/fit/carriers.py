"""Decide what carries each asset's returns: its own history, comparables', or a second state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import pandas as pd

from govkit.calibrate.ensemble import own_table
from govkit.data import AssetEntry
from govkit.estimate.asset_model import Carrier
from govkit.estimate.collateral.two_state import limits_of
from govkit.estimate.collateral.underlying import Ratio, read_ratio
from govkit.estimate.inputs import daily_prices, window_of
from govkit.estimate.quality.judge import refusal
from govkit.estimate.returns.hours import Array, HourlyReturns
from govkit.estimate.returns.model import estimate_returns, fit_findings, refuse_history
from govkit.estimate.returns.pooled import pooled_finding, pooled_returns, relative_volatility
from govkit.fit.second_states import SeenPegs, depeg_model, pair_model, seen_pegs
from govkit.fit.series import Priced
from govkit.fit.tasks import with_history, with_refits
from govkit.market.store import Snapshot
from govkit.records.provenance import NotDone, Window
from govkit.records.returns import ReturnModel
from govkit.records.snapshot import Finding
from govkit.runners import Progress, Runner


@dataclass(frozen=True)
class Fit:
    """What every step of one fit shares."""

    snapshot: Snapshot
    until: pd.Timestamp | None
    numeraire: str
    seed: int
    refits: int
    shared: tuple[Array, Window]
    stressed: list[tuple[str, str]]
    runner: Runner
    progress: Progress


def own_models(
    fit: Fit, series: Mapping[str, Priced]
) -> tuple[dict[str, ReturnModel], dict[str, NotDone]]:
    """Fit every series that can carry a model of its own, with refits and other models."""
    moving = {ticker: one.hours for ticker, one in series.items() if one.hours is not None}
    jumps = [hours.log_returns for hours in moving.values()]
    models: dict[str, ReturnModel] = {}
    refused: dict[str, NotDone] = {}
    for n, (ticker, one) in enumerate(series.items()):
        fit.progress("returns", n, len(series))
        hours = moving.get(ticker)
        result = refusal(one.findings) or (refuse_history(hours) if hours is not None else None)
        if result is None and hours is not None:
            fitted = estimate_returns(
                hours, one.window, fit.shared, jumps, fit.stressed, fit.numeraire
            )
            if isinstance(fitted, ReturnModel):
                models[ticker] = fitted
                continue
            result = fitted
        refused[ticker] = result or NotDone(what="returns", reason="the price never moves")
    fit.progress("returns", len(series), len(series))
    kept = {ticker: moving[ticker] for ticker in models}
    models = with_refits(fit.runner, kept, models, fit.seed, fit.refits, fit.progress)
    models = with_history(fit.runner, kept, models, fit.seed, fit.progress)
    return {
        ticker: model.model_copy(update={"findings": fit_findings(f"{ticker} returns", model)})
        for ticker, model in models.items()
    }, refused


def carriers(
    fit: Fit,
    wanted: Mapping[str, AssetEntry],
    known: Mapping[str, AssetEntry],
    series: Mapping[str, Priced],
    own: Mapping[str, ReturnModel],
    refused: Mapping[str, NotDone],
) -> tuple[dict[str, ReturnModel], dict[str, Carrier]]:
    """Return all return models by key, and what carries each wanted asset.

    Parameters
    ----------
    wanted, known:
        The assets asked for and all that govkit knows; the latter give staking tokens to pool.
    own, refused:
        From `own_models`, by ticker.
    """
    models = {e.priced_as: own[e.priced_as] for e in wanted.values() if e.priced_as in own}
    found: dict[str, Carrier] = {}
    for asset, entry in wanted.items():
        if entry.kind == "pegged":
            continue
        one = series.get(entry.priced_as)
        hours = one.hours if one is not None else None
        found[asset] = Carrier(hours, findings=one.findings if one is not None else ())
        if entry.priced_as not in own:
            nothing = NotDone(what="returns", reason=f"no hourly candles of {entry.priced_as}")
            why = refused.get(entry.priced_as, nothing)
            found[asset] = _pooled(fit, entry, found[asset], series, own, why, models)
    pegs = seen_pegs(fit.snapshot, fit.until)
    _with_pegs(fit, wanted, pegs, models, found)
    _with_pairs(fit, wanted, known, pegs, models, found)
    return models, found


def _pooled(
    fit: Fit,
    entry: AssetEntry,
    carrier: Carrier,
    series: Mapping[str, Priced],
    own: Mapping[str, ReturnModel],
    why: NotDone,
    models: dict[str, ReturnModel],
) -> Carrier:
    """Let comparables stand in where the asset declares some, or keep the refusal."""
    alike: dict[str, tuple[HourlyReturns, ReturnModel]] = {}
    for ticker in entry.comparables:
        hours = series[ticker].hours if ticker in series else None
        if ticker in own and hours is not None:
            alike[ticker] = (hours, own[ticker])
    daily = daily_prices(fit.snapshot, entry.priced_as, fit.until)
    # An error in the asset's own history is not mended by the history of others.
    if not entry.comparables or daily is None or refusal(carrier.findings) is not None:
        return replace(carrier, refusal=why)
    frame, entries = daily
    model = pooled_returns(
        entry.priced_as, frame["close"], alike, window_of(entries, frame),
        numeraire=fit.numeraire, seed=fit.seed, refits=fit.refits,
    )  # fmt: skip
    if isinstance(model, NotDone):
        return replace(carrier, refusal=model)
    said = pooled_finding(entry.priced_as, relative_volatility(frame["close"], alike), model)
    models[entry.priced_as] = _finished(fit, entry.priced_as, model, (said,))
    return carrier


def _with_pegs(
    fit: Fit,
    wanted: Mapping[str, AssetEntry],
    pegs: SeenPegs,
    models: dict[str, ReturnModel],
    found: dict[str, Carrier],
) -> None:
    pegged = [asset for asset, entry in wanted.items() if entry.kind == "pegged"]
    for n, asset in enumerate(pegged):
        fit.progress("depegs", n, len(pegged))
        result = depeg_model(asset, pegs, fit.shared, fit.seed, fit.refits)
        if isinstance(result, NotDone):
            found[asset] = Carrier(refusal=result)
            continue
        key = wanted[asset].priced_as
        models[key] = _finished(fit, key, result[1], limits_of(*result))
        found[asset] = Carrier(two_state=result[0])
    fit.progress("depegs", len(pegged), len(pegged))


def _with_pairs(
    fit: Fit,
    wanted: Mapping[str, AssetEntry],
    known: Mapping[str, AssetEntry],
    pegs: SeenPegs,
    models: dict[str, ReturnModel],
    found: dict[str, Carrier],
) -> None:
    """Add, for each underlying of a wanted staking token, the discounts pooled over all of them."""
    underlyings = {e.priced_as for e in wanted.values() if e.kind == "staking"}
    for underlying in sorted(underlyings):
        tokens = {
            asset: entry
            for asset, entry in known.items()
            if entry.kind == "staking" and entry.priced_as == underlying
        }
        ratios = {
            asset: ratio
            for asset, entry in tokens.items()
            if isinstance(ratio := read_ratio(fit.snapshot, entry, fit.until), Ratio)
        }
        result = pair_model(underlying, ratios, tokens, pegs, fit.shared, fit.seed, fit.refits)
        key = f"staking/{underlying}"
        for asset in tokens.keys() & wanted.keys():
            if isinstance(result, NotDone):
                found[asset] = replace(found[asset], undone=(*found[asset].undone, result))
            else:
                found[asset] = replace(found[asset], two_state=result[0], pair=key)
        if not isinstance(result, NotDone):
            models[key] = _finished(fit, key, result[1], limits_of(*result))


def _finished(fit: Fit, key: str, model: ReturnModel, findings: tuple[Finding, ...]) -> ReturnModel:
    """Add what the model itself says of falls, and what asks for care in it."""
    said = (*findings, *fit_findings(f"{key} returns", model))
    table = own_table(model, fit.seed, key)
    return model.model_copy(update={"falls": table, "findings": said})
