"""From a snapshot of real series to a market model."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from govkit.data import load_assets, load_events, load_model
from govkit.errors import DataUnavailable, InputError
from govkit.estimate.asset_model import estimate_asset
from govkit.estimate.inputs import priced_hours
from govkit.estimate.return_model import estimate_returns
from govkit.fit import fit_model
from govkit.market.intake import import_files
from govkit.market.store import Snapshot
from govkit.market.tables import Request
from govkit.records.model import AssetModel, ReturnModel
from tests.estimate.real import real_hours

CRASHES = ("crash/2021-05-19-5m.csv.gz", "crash/2025-10-10-5m.csv.gz")
QUOTES = "depth/quotes-1inch-2023-11-20.csv.gz"
ACCOUNTS = "positions/aave-v3-ethereum-wbtc-usdc-2025-01-28.csv"
WANTED = ("WETH", "WBTC")

Change = Callable[[pd.DataFrame], pd.DataFrame]


def snapshot_of(
    data: Path, folder: Path, *, change: Change, tickers: tuple[str, ...] = ("ETH", "BTC", "WBTC"),
    others: tuple[str, ...] = (*CRASHES, QUOTES, ACCOUNTS),
) -> Snapshot:  # fmt: skip
    """Import changed hourly candles of some tickers and other files as they are."""
    folder.mkdir()
    files = []
    for ticker in tickers:
        table = pd.read_csv(data / "prices" / f"{ticker}-1h.csv.gz", dtype={"timestamp": str})
        path = folder / f"{ticker}-1h.csv.gz"
        path.write_bytes(gzip.compress(change(table).to_csv(index=False).encode(), mtime=0))
        files.append(path)
    stated = Request(retrieved=pd.Timestamp("2026-08-01", tz="UTC"))
    made, _ = import_files([*files, *(data / name for name in others)], folder / "made", stated)
    return made


def unchanged(table: pd.DataFrame) -> pd.DataFrame:
    return table


def between(first: str, last: str) -> Change:
    return lambda table: table[(table["timestamp"] >= first) & (table["timestamp"] < last)]


@pytest.fixture(scope="module")
def whole(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Snapshot:
    folder = tmp_path_factory.mktemp("whole") / "files"
    return snapshot_of(shared_data, folder, change=unchanged)


@pytest.mark.slow
@pytest.mark.parametrize("ticker", ["ETH", "BTC"])
def test_the_shipped_models_returns_come_from_these_series(whole: Snapshot, ticker: str) -> None:
    """Tolerances: variance and sigma tables 1 %, residual quantiles 0.5 %, tail shape 0.02."""
    series = priced_hours(whole, ticker, None)
    assert series is not None
    hours, _, window = series
    ours = estimate_returns(hours, window, (np.ones(33), window), [hours.log_returns])
    assert isinstance(ours, ReturnModel)
    shipped = load_model().returns[ticker]
    assert ours.window.observations == shipped.window.observations
    assert ours.window.last == shipped.window.last
    for name in ("omega", "alpha", "beta", "persistence", "nu", "long_run_variance"):
        got, wanted = getattr(ours.variance, name), getattr(shipped.variance, name)
        assert got == pytest.approx(wanted, rel=0.01), name
    assert ours.variance.gamma == pytest.approx(shipped.variance.gamma, abs=1e-3)
    assert ours.variance.log_likelihood == pytest.approx(shipped.variance.log_likelihood, abs=0.5)
    np.testing.assert_allclose(
        ours.residual_quantiles, shipped.residual_quantiles, rtol=0.005, atol=1e-3
    )
    assert ours.lower_tail.shape == pytest.approx(shipped.lower_tail.shape, abs=0.02)
    assert ours.upper_tail.shape == pytest.approx(shipped.upper_tail.shape, abs=0.02)
    np.testing.assert_allclose(ours.sigma_all, shipped.sigma_all, rtol=0.01)
    np.testing.assert_allclose(ours.sigma_trigger, shipped.sigma_trigger, rtol=0.01)
    assert ours.jumps.count == shipped.jumps.count
    assert ours.jumps.hours == shipped.jumps.hours


@pytest.mark.slow
@pytest.mark.parametrize("asset", WANTED)
def test_prices_falls_and_liquidity_are_those_of_the_shipped_model(
    whole: Snapshot, asset: str
) -> None:
    theirs, entry = load_model().assets[asset], load_assets()[asset]
    series = priced_hours(whole, entry.priced_as, None)
    assert series is not None
    ours = estimate_asset(whole, asset, entry, series[0], None, load_events(), None)
    assert isinstance(ours, AssetModel)
    assert ours.supported
    assert ours.price_usd == pytest.approx(theirs.price_usd, rel=1e-5)
    assert ours.price_as_of == theirs.price_as_of
    assert [f.event for f in ours.falls] == [f.event for f in theirs.falls]
    for fall, known in zip(ours.falls, theirs.falls, strict=True):
        assert fall.falls == pytest.approx(known.falls, rel=1e-5)
        assert fall.on == known.on
    assert ours.liquidity is not None
    assert theirs.liquidity is not None
    assert ours.liquidity.sizes_usd == pytest.approx(theirs.liquidity.sizes_usd, rel=1e-5)
    assert ours.liquidity.slippage == pytest.approx(theirs.liquidity.slippage, rel=1e-5, abs=1e-9)
    assert (ours.ratio is None) == (theirs.ratio is None) == (asset == "WETH")
    if ours.ratio is not None and theirs.ratio is not None:
        assert ours.ratio.worst_discount == pytest.approx(theirs.ratio.worst_discount, rel=1e-4)


@pytest.mark.slow
def test_the_shipped_model_holds_no_price_series(shared_data: Path) -> None:
    """No list of more than 300 numbers, and no run of closes, returns or lows."""
    shipped = load_model()
    data = json.loads(shipped.canonical())
    hours = real_hours(shared_data, "ETH")
    daily = hours.closes[23::24]
    series = [hours.closes, daily, hours.log_returns, np.exp(hours.log_lows)]
    # A run of three consecutive values of a series would show it; sorted tables hold none.
    runs = {w for values in series for w in runs_of([float(f"{v:.6g}") for v in values])}
    for place, numbers in number_lists(data, "model"):
        assert len(numbers) <= 300, place
        assert not runs & runs_of(numbers), place
    # 20 to 40 kB an asset, and the refits.
    assert len(shipped.canonical()) < 60_000 * len(shipped.assets)


def runs_of(values: list[float]) -> set[tuple[float, ...]]:
    """Every three neighbours, but not those of a constant stretch."""
    triples = zip(values, values[1:], values[2:], strict=False)
    return {t for t in triples if len(set(t)) == 3}


def number_lists(data: Any, place: str) -> list[tuple[str, list[float]]]:
    """Every list of numbers inside plain data, with where it is."""
    if isinstance(data, dict):
        return [x for k, v in data.items() for x in number_lists(v, f"{place}.{k}")]
    if isinstance(data, list):
        if data and all(isinstance(v, int | float) for v in data):
            return [(place, [float(v) for v in data])]
        return [x for v in data for x in number_lists(v, place)]
    return []


@pytest.mark.slow
def test_the_number_of_workers_does_not_change_the_model(shared_data: Path, tmp_path: Path) -> None:
    """A year of candles and 20 refits, in tasks of ten: split over two processes and not."""
    snapshot = snapshot_of(
        shared_data, tmp_path / "files", change=between("2021-01-01", "2022-01-20"),
        tickers=("ETH", "BTC"), others=(CRASHES[0], QUOTES, ACCOUNTS),
    )  # fmt: skip
    one, two = (
        fit_model(snapshot, name="small", assets=WANTED, refits=20, workers=n) for n in (1, 2)
    )
    assert one.digest() == two.digest()
    rows = one.returns["ETH"].refits.rows
    assert len(rows) >= 18
    assert len(set(rows)) == len(rows)


@pytest.mark.slow
def test_nothing_after_the_date_can_change_the_model(shared_data: Path, tmp_path: Path) -> None:
    """The same numbers when every later candle is replaced by nonsense."""
    date = "2022-01-01"

    def garbage(table: pd.DataFrame) -> pd.DataFrame:
        later = (table["timestamp"] >= date).to_numpy()
        random = np.random.default_rng(0)
        price = np.exp(10 * random.random(later.sum()))
        changed = table.copy()
        for column, factor in (("open", 1.0), ("high", 1.5), ("low", 0.1), ("close", 1.2)):
            changed.loc[later, column] = price * factor
        changed.loc[later, "volume"] = 1e9 * random.random(later.sum())
        return changed

    window = between("2020-12-15", "2022-03-01")
    models = []
    for name, change in (("true", window), ("false", lambda t: garbage(window(t)))):
        snapshot = snapshot_of(
            shared_data, tmp_path / name, change=change, tickers=("ETH",),
            others=(*CRASHES, ACCOUNTS),
        )  # fmt: skip
        models.append(
            fit_model(snapshot, name="x", assets=("WETH",), as_of=date, refits=2, workers=1)
        )
    true, false = (m.model_dump(mode="json") for m in models)
    assert true["assets"]["WETH"]["price_as_of"] <= date  # the candle that closes at midnight
    eth = true["returns"]["ETH"]
    assert eth["window"]["last"] < date
    for data in (true, false):
        # Digests name the files, which do differ.
        del data["snapshot_digest"]
        for place in (
            data["returns"]["ETH"]["window"],
            data["assets"]["WETH"]["liquidity"]["window"],
        ):
            del place["input_digests"]
    assert true["returns"] == false["returns"]
    assert true == false


@pytest.mark.slow
def test_five_minute_candles_after_the_date_are_neither_used_nor_named(
    shared_data: Path, tmp_path: Path
) -> None:
    date = "2022-01-01"
    models = []
    for name, others in (("with", CRASHES), ("without", CRASHES[:1])):
        snapshot = snapshot_of(
            shared_data, tmp_path / name, change=between("2020-12-15", "2022-01-01"),
            tickers=("ETH",), others=(*others, ACCOUNTS),
        )  # fmt: skip
        fitted = fit_model(snapshot, name="x", assets=("WETH",), as_of=date, refits=1, workers=1)
        models.append(fitted.returns["ETH"])
    assert models[0].worst_five_minutes == models[1].worst_five_minutes
    assert models[0].worst_five_minutes_window.last < date


@pytest.mark.slow
def test_too_short_a_history_is_refused_with_its_reason(shared_data: Path, tmp_path: Path) -> None:
    snapshot = snapshot_of(
        shared_data, tmp_path / "files", change=between("2021-01-01", "2021-06-01"),
        tickers=("ETH",), others=(ACCOUNTS, QUOTES),
    )  # fmt: skip
    model = fit_model(snapshot, name="short", assets=("WETH",), refits=2, workers=1)
    assert model.returns == {}
    weth = model.assets["WETH"]
    assert not weth.supported
    (refusal,) = [n for n in weth.not_done if n.what == "returns"]
    assert "hours of history, 8760 are needed" in refusal.reason
    assert weth.price_usd > 1000  # what is known is still told
    assert weth.liquidity is not None


@pytest.mark.slow
def test_what_cannot_be_fitted_is_said(shared_data: Path, tmp_path: Path) -> None:
    snapshot = snapshot_of(
        shared_data, tmp_path / "files", change=between("2021-01-01", "2021-03-01"),
        tickers=("ETH",), others=(QUOTES,),
    )  # fmt: skip
    with pytest.raises(InputError, match="WHET"):
        fit_model(snapshot, name="x", assets=("WETH", "WHET"), refits=1)
    with pytest.raises(DataUnavailable, match="health factors"):
        fit_model(snapshot, name="x", assets=("WETH",), refits=1)
    with pytest.raises(DataUnavailable, match="no asset"):
        fit_model(snapshot, name="x", assets=("LINK",), refits=1)
