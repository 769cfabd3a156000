"""From a snapshot to a market model: everything that needs the price series happens here."""

from __future__ import annotations

from importlib.metadata import version

import numpy as np
import pandas as pd

from govkit import __version__
from govkit.data import AssetEntry, load_assets, load_events, load_pegs
from govkit.errors import DataUnavailable, InputError, unknown_name
from govkit.estimate.accounts import account_distribution
from govkit.estimate.asset_model import Carrier, estimate_asset
from govkit.estimate.dependence.fit import fit_copula
from govkit.estimate.inputs import window_of
from govkit.estimate.returns.model import fitted_variance
from govkit.estimate.returns.refit import REFITS
from govkit.estimate.returns.volatility import filter_variance
from govkit.fit.carriers import Fit, carriers, own_models
from govkit.fit.series import Priced, concentration, priced_series
from govkit.market.store import Snapshot
from govkit.records.base import rounded
from govkit.records.model import AccountDistribution, AssetModel, Dependence, MarketModel
from govkit.records.provenance import NotDone
from govkit.records.returns import ReturnModel
from govkit.records.snapshot import SnapshotFile
from govkit.runners import Progress, Runner
from govkit.runners.serial import SERIAL

NUMERAIRE = "USDC"


def fit_model(
    snapshot: Snapshot,
    *,
    name: str,
    assets: tuple[str, ...] = (),
    as_of: str = "",
    numeraire: str = NUMERAIRE,
    seed: int = 1,
    refits: int = REFITS,
    runner: Runner = SERIAL,
    progress: Progress = lambda stage, done, total: None,
) -> MarketModel:
    """Fit a market model to a snapshot.

    Parameters
    ----------
    assets:
        Collaterals to fit; all known ones that the snapshot has a price for when empty.
    as_of:
        Date; observations on or after it are not used. Empty uses all.
    numeraire:
        Debt asset in which falls are measured.
    runner:
        Where the long parts run. The result does not depend on it.

    Raises
    ------
    InputError
        For an unknown asset, or a numeraire that is neither a dollar token nor in the snapshot.
    DataUnavailable
        When no asset has a usable price series, or no accounts are in the snapshot.
    """
    known = load_assets()
    for asset in assets:
        if asset not in known:
            raise unknown_name("asset", asset, known)
    if numeraire not in load_pegs() and not snapshot.entries("candles", numeraire, None, "1h"):
        raise InputError(
            f"there are no hourly candles of '{numeraire}' to measure falls in",
            where="numeraire",
            todo=f"Import them, or choose one of {', '.join(sorted(load_pegs()))}.",
        )
    wanted = {a: known[a] for a in (assets or tuple(known))}
    until = pd.Timestamp(as_of, tz="UTC") if as_of else None
    accounts, undated = _accounts(snapshot, until)
    series = priced_series(snapshot, _tickers(wanted), numeraire, until)
    fit = Fit(
        snapshot=snapshot, until=until, numeraire=numeraire, seed=seed, refits=refits,
        shared=concentration(snapshot, until),
        stressed=[(e.first, e.last) for e in load_events() if e.decides],
        runner=runner, progress=progress,
    )  # fmt: skip
    own, refused = own_models(fit, series)
    models, found = carriers(fit, wanted, known, series, own, refused)
    collaterals, missing = _assets(fit, wanted, known, found, models)
    missing = (*missing, *undated)
    # Comparables that nobody asked for carry others but do not stand in the model.
    dependence = _dependence(series, {t: m for t, m in own.items() if t in models})
    if isinstance(dependence, NotDone):
        missing = (*missing, dependence)
    supported = [a.as_of for a in collaterals.values() if a.supported]
    model = MarketModel(
        name=name,
        as_of=min(supported or [a.as_of for a in collaterals.values()]),
        numeraire=f"{numeraire}; candles are quoted in USDT and converted where {numeraire} has "
        "candles of its own, else taken at par",
        snapshot_digest=snapshot.digest,
        fitted_with={"govkit": __version__} | {p: version(p) for p in ("arch", "numpy", "scipy")},
        seed=seed,
        returns=models,
        assets=collaterals,
        accounts=accounts,
        dependence=None if isinstance(dependence, NotDone) else dependence,
        not_done=missing,
    )
    return MarketModel.model_validate(rounded(model.model_dump()))


def _tickers(wanted: dict[str, AssetEntry]) -> dict[str, tuple[str, ...]]:
    """Return every ticker to read with those that may stand in for it; theirs come along."""
    found: dict[str, tuple[str, ...]] = {}
    for entry in wanted.values():
        if entry.kind != "pegged":
            found[entry.priced_as] = entry.comparables
            for ticker in entry.comparables:
                found.setdefault(ticker, ())
    return dict(sorted(found.items()))


def _dependence(series: dict[str, Priced], own: dict[str, ReturnModel]) -> Dependence | NotDone:
    residuals, volatility = {}, {}
    for ticker, model in own.items():
        hours = series[ticker].hours
        if hours is not None:
            variance = fitted_variance(model.variance)
            sigma = np.sqrt(filter_variance(hours.log_returns, variance)[:-1])
            residuals[ticker] = pd.Series(hours.log_returns / sigma, index=hours.times)
            volatility[ticker] = pd.Series(sigma, index=hours.times)
    return fit_copula(residuals, volatility)


def _assets(
    fit: Fit,
    wanted: dict[str, AssetEntry],
    known: dict[str, AssetEntry],
    found: dict[str, Carrier],
    returns: dict[str, ReturnModel],
) -> tuple[dict[str, AssetModel], tuple[NotDone, ...]]:
    events = load_events()
    donors = {a: e for a, e in known.items() if e.kind == "staking"}
    models: dict[str, AssetModel] = {}
    missing: list[NotDone] = []
    for n, (asset, entry) in enumerate(wanted.items()):
        fit.progress("assets", n, len(wanted))
        law = returns.get(entry.priced_as)
        result = estimate_asset(
            fit.snapshot, asset, entry, found[asset], donors, events, fit.until,
            law.findings if law is not None else (),
        )  # fmt: skip
        if isinstance(result, NotDone):
            missing.append(result)
        else:
            models[asset] = result
    fit.progress("assets", len(wanted), len(wanted))
    if not models:
        whys = dict.fromkeys(one.refusal.reason for one in found.values() if one.refusal)
        told = f" ({'; '.join(list(whys)[:3])})" if whys else ""
        raise DataUnavailable(
            f"no asset in the snapshot has a price series that can be used{told}",
            where=str(fit.snapshot.folder.name),
            todo="Import hourly candles with 'govkit snapshot import'.",
        )
    return models, tuple(missing)


def _accounts(
    snapshot: Snapshot, until: pd.Timestamp | None
) -> tuple[AccountDistribution, tuple[NotDone, ...]]:
    """Fit the accounts known before `until`; without any, later ones, and say so."""
    entries = snapshot.entries(kind="accounts")
    # A table that says no date is taken to be older.
    before = tuple(
        e for e in entries if until is None or not e.first or pd.Timestamp(e.first) < until
    )
    fitted = _distribution(snapshot, before)
    if fitted is not None:
        return fitted, ()
    later = _distribution(snapshot, entries)
    if later is not None:
        reason = f"no table of that time; the accounts of {later.windows[0].first} stand in"
        return later, (NotDone(what=f"accounts before {until:%Y-%m-%d}", reason=reason),)
    raise DataUnavailable(
        "no table with the health factors of at least 20 accounts",
        where=str(snapshot.folder.name),
        todo="Import one with 'govkit snapshot import' (see docs/snapshot.md).",
    )


def _distribution(
    snapshot: Snapshot, entries: tuple[SnapshotFile, ...]
) -> AccountDistribution | None:
    """Fit the first table with health factors; the others widen the sample of debts."""
    tables = [snapshot.table(e) for e in entries]
    first = next((n for n, t in enumerate(tables) if t["health_factor"].notna().any()), None)
    if first is None:
        return None
    order = (first, *(n for n in range(len(tables)) if n != first))
    windows = tuple(
        window_of((entries[n],)).model_copy(update={"observations": len(tables[n])}) for n in order
    )
    return account_distribution(tables[first], [tables[n] for n in order[1:]], windows)
