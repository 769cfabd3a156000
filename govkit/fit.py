"""From a snapshot to a market model: everything that needs the price series happens here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context

import numpy as np
import pandas as pd

from govkit import __version__
from govkit.calibrate.walkforward import walk_forward
from govkit.data import AssetEntry, load_assets, load_events
from govkit.errors import DataUnavailable, unknown_name
from govkit.estimate.accounts import account_distribution
from govkit.estimate.asset_model import estimate_asset
from govkit.estimate.dependence import fit_copula
from govkit.estimate.history import TABLE_HORIZONS, TABLE_PROBABILITIES
from govkit.estimate.inputs import priced_hours, window_of
from govkit.estimate.refit import REFITS, refit_rows
from govkit.estimate.return_model import estimate_returns, ewma_variant, refuse_history
from govkit.estimate.returns import Array, HourlyReturns
from govkit.estimate.states import trigger_mask, worst_five_minutes
from govkit.estimate.volatility import Variance, filter_variance
from govkit.market.store import Snapshot
from govkit.records.base import rounded
from govkit.records.model import (
    AccountDistribution,
    AssetModel,
    FallTable,
    MarketModel,
    NotDone,
    Refits,
    ReturnModel,
    Window,
)
from govkit.simulate.falls import return_law, simulate_falls

Progress = Callable[[str, int, int], None]

COMPARISON_PATHS = 200_000
REFITS_PER_TASK = 10


@dataclass(frozen=True)
class Priced:
    """A priced asset's series and provenance."""

    hours: HourlyReturns
    candles: pd.DataFrame
    window: Window


def fit_model(
    snapshot: Snapshot,
    *,
    name: str,
    assets: tuple[str, ...] = (),
    as_of: str = "",
    seed: int = 1,
    workers: int = 1,
    refits: int = REFITS,
    progress: Progress = lambda stage, done, total: None,
) -> MarketModel:
    """Fit a market model to a snapshot.

    Parameters
    ----------
    assets:
        Collaterals to fit; all known ones that the snapshot has a price for when empty.
    as_of:
        Date; observations on or after it are not used. Empty uses all.
    workers:
        Processes for the refits. The result does not depend on it.

    Raises
    ------
    InputError
        For an unknown asset.
    DataUnavailable
        When no asset has a usable price series, or no accounts are in the snapshot.
    """
    known = load_assets()
    for asset in assets:
        if asset not in known:
            raise unknown_name("asset", asset, known)
    wanted = {a: known[a] for a in (assets or tuple(known))}
    until = pd.Timestamp(as_of, tz="UTC") if as_of else None
    priced = _priced(snapshot, wanted, until)
    progress("returns", 0, len(priced))
    returns, refused = _returns(snapshot, priced, until, progress)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        returns = _with_refits(pool, priced, returns, seed, refits, progress)
        returns = _with_history(pool, priced, returns, seed, progress)
    collaterals, missing = _assets(snapshot, wanted, priced, refused, until)
    residuals = {t: _residuals(priced[t].hours, m) for t, m in returns.items()}
    model = MarketModel(
        name=name,
        as_of=min(
            (a.as_of for a in collaterals.values() if a.supported),
            default=min(a.as_of for a in collaterals.values()),
        ),
        numeraire="USD; hourly candles are quoted in USDT, taken at par",
        snapshot_digest=snapshot.digest,
        fitted_with={"govkit": __version__} | {p: version(p) for p in ("arch", "numpy", "scipy")},
        seed=seed,
        returns=returns,
        assets=collaterals,
        accounts=_accounts(snapshot),
        dependence=fit_copula(residuals),
        not_done=missing,
    )
    return MarketModel.model_validate(rounded(model.model_dump()))


def _priced(
    snapshot: Snapshot, wanted: dict[str, AssetEntry], until: pd.Timestamp | None
) -> dict[str, Priced]:
    found = {}
    for ticker in sorted({e.priced_as for e in wanted.values() if e.kind != "pegged"}):
        series = priced_hours(snapshot, ticker, until)
        if series is not None:
            found[ticker] = Priced(*series)
    return found


def _returns(
    snapshot: Snapshot,
    priced: dict[str, Priced],
    until: pd.Timestamp | None,
    progress: Progress,
) -> tuple[dict[str, ReturnModel], dict[str, NotDone]]:
    concentration = _concentration(snapshot, until)
    pooled = [p.hours.log_returns for p in priced.values()]
    models: dict[str, ReturnModel] = {}
    refused: dict[str, NotDone] = {}
    for n, (ticker, series) in enumerate(priced.items()):
        refusal = refuse_history(series.hours)
        result = refusal or estimate_returns(series.hours, series.window, concentration, pooled)
        if isinstance(result, NotDone):
            refused[ticker] = result
        else:
            models[ticker] = result
        progress("returns", n + 1, len(priced))
    return models, refused


def _concentration(snapshot: Snapshot, until: pd.Timestamp | None) -> tuple[Array, Window]:
    entries = snapshot.entries(kind="candles", interval="5m")
    cut = [(e, snapshot.table(e)) for e in entries]
    if until is not None:
        cut = [(e, f[f.index < until]) for e, f in cut]
    entries, frames = tuple(e for e, f in cut if len(f)), [f for _, f in cut if len(f)]
    quantiles, count = worst_five_minutes(frames)
    if not entries:
        none = Window(source="no five-minute candles: the whole fall is taken to happen in five "
                      "minutes", first="", last="", observations=0, input_digests=())  # fmt: skip
        return quantiles, none
    spans = pd.concat(frames).sort_index()
    return quantiles, window_of(entries, spans).model_copy(update={"observations": count})


def _with_refits(
    pool: Executor,
    priced: dict[str, Priced],
    models: dict[str, ReturnModel],
    seed: int,
    refits: int,
    progress: Progress,
) -> dict[str, ReturnModel]:
    tasks = []
    for ticker, model in models.items():
        seeds = np.random.SeedSequence([seed, len(ticker), *ticker.encode()]).generate_state(refits)
        for first in range(0, refits, REFITS_PER_TASK):
            draws = [int(s) for s in seeds[first : first + REFITS_PER_TASK]]
            tasks.append((ticker, priced[ticker].hours.log_returns, _variance(model), draws))
    rows: dict[str, list[tuple[float, ...]]] = {ticker: [] for ticker in models}
    for n, (ticker, found) in enumerate(pool.map(_refit_task, tasks)):
        rows[ticker] += [row for row in found if row is not None]
        progress("refits", n + 1, len(tasks))
    return {
        ticker: model.model_copy(
            update={"refits": Refits(rows=tuple(rows[ticker]), seed=seed,
                                     block_hours=model.refits.block_hours)}
        )
        for ticker, model in models.items()
    }  # fmt: skip


def _with_history(
    pool: Executor,
    priced: dict[str, Priced],
    models: dict[str, ReturnModel],
    seed: int,
    progress: Progress,
) -> dict[str, ReturnModel]:
    """Add the comparison models and the walk-forward test, one task an asset."""
    tasks = [(priced[ticker].hours, model, seed) for ticker, model in models.items()]
    done = {}
    for n, (ticker, model) in enumerate(zip(models, pool.map(_history_task, tasks), strict=True)):
        done[ticker] = model
        progress("walk-forward", n + 1, len(tasks))
    return done


def _refit_task(
    task: tuple[str, Array, Variance, list[int]],
) -> tuple[str, list[tuple[float, ...] | None]]:
    ticker, returns, variance, draws = task
    sigma = np.sqrt(filter_variance(returns, variance)[:-1])
    trigger_mean = float(sigma[trigger_mask(sigma)].mean())
    return ticker, refit_rows(returns, variance, trigger_mean, draws)


def _variance(model: ReturnModel) -> Variance:
    v = model.variance
    return Variance(v.method, v.omega, v.alpha, v.gamma, v.beta, v.nu, v.log_likelihood,
                    v.starts, v.agreeing_starts)  # fmt: skip


def _history_task(task: tuple[HourlyReturns, ReturnModel, int]) -> ReturnModel:
    hours, model, seed = task
    tables = list(model.comparisons)
    ewma = ewma_variant(hours, model)
    if ewma is not None:
        falls = simulate_falls(
            return_law(ewma), hours=max(TABLE_HORIZONS), paths=COMPARISON_PATHS, seed=seed,
            name=f"{hours.asset} ewma",
        )  # fmt: skip
        levels = [1 - p for p in TABLE_PROBABILITIES]
        rows = tuple(
            tuple(float(q) for q in np.quantile(falls[:, h - 1], levels)) for h in TABLE_HORIZONS
        )
        tables.append(
            FallTable(model="EWMA filter, same simulation", horizons_hours=TABLE_HORIZONS,
                      probabilities=TABLE_PROBABILITIES, falls=rows)
        )  # fmt: skip
    return model.model_copy(
        update={"comparisons": tuple(tables), "exceptions": walk_forward(hours, seed)}
    )


def _residuals(hours: HourlyReturns, model: ReturnModel) -> pd.Series:
    sigma2 = filter_variance(hours.log_returns, _variance(model))[:-1]
    return pd.Series(hours.log_returns / np.sqrt(sigma2), index=hours.times)


def _assets(
    snapshot: Snapshot,
    wanted: dict[str, AssetEntry],
    priced: dict[str, Priced],
    refused: dict[str, NotDone],
    until: pd.Timestamp | None,
) -> tuple[dict[str, AssetModel], tuple[NotDone, ...]]:
    events = load_events()
    models: dict[str, AssetModel] = {}
    missing: list[NotDone] = []
    for asset, entry in wanted.items():
        series = priced.get(entry.priced_as)
        refusal = refused.get(entry.priced_as)
        if series is None and entry.kind != "pegged":
            refusal = NotDone(what="returns", reason=f"no hourly candles of {entry.priced_as}")
        result = estimate_asset(
            snapshot, asset, entry, series.hours if series else None, refusal, events, until
        )
        if isinstance(result, NotDone):
            missing.append(result)
        else:
            models[asset] = result
    if not models:
        raise DataUnavailable(
            "no asset in the snapshot has a price series that can be used",
            where=str(snapshot.folder.name),
            todo="Import hourly candles with 'govkit snapshot import'.",
        )
    return models, tuple(missing)


def _accounts(snapshot: Snapshot) -> AccountDistribution:
    entries = snapshot.entries(kind="accounts")
    tables = [snapshot.table(e) for e in entries]
    with_health = [n for n, t in enumerate(tables) if t["health_factor"].notna().any()]
    if with_health:
        rest = tuple(n for n in range(len(tables)) if n != with_health[0])
        order = (with_health[0], *rest)
        windows = tuple(
            window_of((entries[n],)).model_copy(update={"observations": len(tables[n])})
            for n in order
        )
        fitted = account_distribution(tables[order[0]], [tables[n] for n in rest], windows)
        if fitted is not None:
            return fitted
    raise DataUnavailable(
        "no table with the health factors of at least 20 accounts",
        where=str(snapshot.folder.name),
        todo="Import one with 'govkit snapshot import' (see docs/snapshot.md).",
    )
