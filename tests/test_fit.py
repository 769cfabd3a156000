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
from govkit.estimate.asset_model import Carrier, estimate_asset
from govkit.estimate.returns.model import estimate_returns
from govkit.fit import fit_model
from govkit.fit.series import priced_series
from govkit.market.intake import import_files
from govkit.market.store import Snapshot
from govkit.market.tables import Request
from govkit.records.check_model import model_problems
from govkit.records.model import AssetModel, MarketModel
from govkit.records.returns import ReturnModel
from govkit.runners import open_runner
from tests.estimate.real import real_hours

CRASHES = ("crash/2021-05-19-5m.csv.gz", "crash/2025-10-10-5m.csv.gz")
QUOTES = "depth/quotes-1inch-2023-11-20.csv.gz"
ACCOUNTS = "positions/aave-v3-ethereum-wbtc-usdc-2025-01-28.csv"
WANTED = ("WETH", "WBTC")

Change = Callable[[pd.DataFrame], pd.DataFrame]


def snapshot_of(
    data: Path, folder: Path, *, change: Change,
    tickers: tuple[str, ...] = ("ETH", "BTC", "WBTC", "USDC"),
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
    series = priced_series(whole, {ticker: ()}, "USDC", None)[ticker]
    hours, window = series.hours, series.window
    assert hours is not None
    stressed = [(e.first, e.last) for e in load_events() if e.decides]
    ours = estimate_returns(
        hours, window, (np.ones(33), window), [hours.log_returns], stressed, "USDC"
    )
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
    np.testing.assert_allclose(ours.states.mixed, shipped.states.mixed, rtol=0.01)
    np.testing.assert_allclose(ours.states.trigger, shipped.states.trigger, rtol=0.01)
    assert ours.states.stressed_share == pytest.approx(shipped.states.stressed_share, rel=1e-4)
    assert ours.jumps.count == shipped.jumps.count
    assert ours.jumps.hours == shipped.jumps.hours


@pytest.mark.slow
@pytest.mark.parametrize("asset", WANTED)
def test_prices_falls_and_liquidity_are_those_of_the_shipped_model(
    whole: Snapshot, asset: str
) -> None:
    theirs, entry = load_model().assets[asset], load_assets()[asset]
    series = priced_series(whole, {entry.priced_as: ()}, "USDC", None)[entry.priced_as]
    ours = estimate_asset(
        whole,
        asset,
        entry,
        Carrier(series.hours, findings=series.findings),
        {},
        load_events(),
        None,
    )
    assert isinstance(ours, AssetModel)
    assert ours.supported
    assert ours.price_usd == pytest.approx(theirs.price_usd, rel=1e-5)
    assert ours.price_as_of == theirs.price_as_of
    assert [f.event for f in ours.falls] == [f.event for f in theirs.falls]
    for fall, known in zip(ours.falls, theirs.falls, strict=True):
        assert fall.falls == pytest.approx(known.falls, rel=1e-5)
        assert fall.on == known.on
    assert [c.asset_out for c in ours.curves] == [c.asset_out for c in theirs.curves]
    assert ours.curves
    for curve, known in zip(ours.curves, theirs.curves, strict=True):
        assert curve.sizes_usd == pytest.approx(known.sizes_usd, rel=1e-5)
        assert curve.slippage == pytest.approx(known.slippage, rel=1e-5, abs=1e-9)
        assert curve.marginal == pytest.approx(known.marginal, rel=1e-4, abs=1e-9)
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
    """A year of candles and 40 refits, in tasks of twenty: split over two processes and not."""
    snapshot = snapshot_of(
        shared_data, tmp_path / "files", change=between("2021-01-01", "2022-01-20"),
        tickers=("ETH", "BTC"), others=(CRASHES[0], QUOTES, ACCOUNTS),
    )  # fmt: skip
    made = []
    for workers in (1, 2):
        with open_runner(workers) as runner:
            made.append(fit_model(snapshot, name="small", assets=WANTED, refits=40, runner=runner))
    one, two = made
    assert one.digest() == two.digest()
    rows = one.returns["ETH"].refits.rows
    assert len(rows) >= 36
    assert len(set(rows)) == len(rows)


COINS = ("USDC", "USDT", "DAI", "FRAX", "LUSD", "SUSD", "GUSD", "UST")
FILES = (
    *(f"prices/{ticker}-1h.csv.gz" for ticker in ("ETH", "LINK", "AAVE", "USDC")),
    *(f"prices/{coin}-1h-close.csv.gz" for coin in COINS),
    "prices/STETH-ETH-1h-close.csv.gz",
    "prices/CBETH-ETH-1h-close.csv.gz",
    "prices/WSTETH-1d.csv.gz",
    "prices/1INCH-1d.csv.gz",
    "prices/DAI-1d-close.csv.gz",
    CRASHES[0],
)
EVERY_KIND = ("WETH", "LINK", "wstETH", "cbETH", "1INCH", "USDC", "DAI")


def changed(data: Path, folder: Path, names: tuple[str, ...], change: Change) -> list[Path]:
    """Write changed copies of real files under their own names."""
    written = []
    for name in names:
        table = pd.read_csv(data / name, dtype={"timestamp": str})
        path = folder / Path(name).name
        path.write_bytes(gzip.compress(change(table).to_csv(index=False).encode(), mtime=0))
        written.append(path)
    return written


def every_kind(data: Path, folder: Path, change: Change, until: str = "") -> MarketModel:
    """Fit one asset of every kind to real series."""
    folder.mkdir()
    files = changed(data, folder, FILES, change)
    dated = Request(retrieved=pd.Timestamp("2026-08-01", tz="UTC"))
    before = Request(retrieved=pd.Timestamp("2021-12-01", tz="UTC"))
    import_files(files, folder / "made", dated)
    import_files([data / QUOTES], folder / "made", dated)
    made, _ = import_files([data / ACCOUNTS], folder / "made", before)
    with open_runner(2) as runner:
        return fit_model(made, name="x", assets=EVERY_KIND, as_of=until, refits=4, runner=runner)


@pytest.mark.slow
def test_every_kind_of_collateral_has_something_that_carries_it(
    shared_data: Path, tmp_path: Path
) -> None:
    model = every_kind(shared_data, tmp_path / "files", unchanged)
    carried = {a: model.returns[known.priced_as].basis for a, known in model.assets.items()}
    assert carried == {
        "WETH": "own", "LINK": "own", "wstETH": "own", "cbETH": "own",
        "1INCH": "pooled", "USDC": "depeg", "DAI": "depeg",
    }  # fmt: skip
    assert model.returns["1INCH"].pooled_over == ("AAVE", "LINK")
    assert set(model.returns["USDC"].pooled_over) >= {"USDC", "DAI", "SUSD"}
    assert "UST" not in model.returns["USDC"].pooled_over  # algorithmic: it sizes the jumps only
    assert model.returns["USDC"].jumps.pooled_jumps > 0
    pair = model.returns["staking/ETH"]
    assert (pair.basis, pair.numeraire) == ("discount", "ETH")
    wsteth, cbeth = model.assets["wstETH"], model.assets["cbETH"]
    assert wsteth.pair == cbeth.pair == "staking/ETH"
    assert wsteth.ratio is not None
    assert cbeth.ratio is not None
    assert (wsteth.ratio.pooled_over, cbeth.ratio.pooled_over) == ((), ("STETH",))
    # The token's price is that of ETH times what has grown since: 1.2 and 1.08 by their last day.
    assert wsteth.price_usd / model.assets["WETH"].price_usd == pytest.approx(1.21, abs=0.03)
    assert cbeth.price_usd / model.assets["WETH"].price_usd == pytest.approx(1.083, abs=0.01)
    supported = {a: known.supported for a, known in model.assets.items()}
    assert supported == {
        "WETH": True, "LINK": True, "wstETH": True, "cbETH": False,
        "1INCH": True, "USDC": True, "DAI": False,
    }  # fmt: skip
    assert "no quotes, pools or volume of CBETH" in cbeth.verdict
    # DAI has no candles of its own; its daily closes go on to 2026.
    assert model.assets["DAI"].price_as_of == "2026-07-13"
    assert model.returns["ETH"].numeraire == "USDC"
    # Four refits are too few for an interval, which is the only thing wrong.
    assert [p for p in model_problems(model) if ", refits: 4 are stored" not in p] == []
    assert model.dependence is not None
    assert model.dependence.assets == ("ETH", "LINK")  # AAVE only lends its history


@pytest.mark.slow
def test_nothing_after_the_date_can_change_the_model(shared_data: Path, tmp_path: Path) -> None:
    """The same numbers when every later row of every table is replaced by nonsense."""
    date = "2022-06-01"

    def garbage(table: pd.DataFrame) -> pd.DataFrame:
        later = (table["timestamp"] >= date).to_numpy()
        random = np.random.default_rng(0)
        price = np.exp(10 * random.random(later.sum()))
        spoilt = table.copy()
        factors = (("open", 1.0), ("high", 1.5), ("low", 0.1), ("close", 1.2))
        for column, factor in factors:
            if column in spoilt:
                spoilt.loc[later, column] = price * factor
        if "volume" in spoilt:
            spoilt.loc[later, "volume"] = 1e9 * random.random(later.sum())
        return spoilt

    models = [
        every_kind(shared_data, tmp_path / name, change, date)
        for name, change in (("true", unchanged), ("false", garbage))
    ]
    true, false = (without_digests(m.model_dump(mode="json")) for m in models)
    assert true["assets"]["WETH"]["price_as_of"] <= date  # the candle that closes at midnight
    assert all(r["window"]["last"] <= date for r in true["returns"].values())
    # The quotes are of 2023, so no curve may come from them.
    assert {c["method"] for a in true["assets"].values() for c in a["curves"]} == {"volume law"}
    assert true["returns"]["USDC"]["basis"] == "depeg"
    for part in true:
        assert true[part] == false[part], part


def without_digests(value: Any) -> Any:
    """Leave out the digests of files, which do differ when their later rows do."""
    if isinstance(value, dict):
        left = ("snapshot_digest", "input_digests")
        return {k: without_digests(v) for k, v in value.items() if k not in left}
    return [without_digests(v) for v in value] if isinstance(value, list) else value


@pytest.mark.slow
def test_accounts_of_a_later_date_stand_in_only_where_there_are_no_earlier_ones(
    shared_data: Path, tmp_path: Path
) -> None:
    """The table says 2026-08-01, so a fit as of 2022 says that it stands in."""
    snapshot = snapshot_of(
        shared_data, tmp_path / "files", change=between("2020-06-01", "2022-01-01"),
        tickers=("ETH",), others=(CRASHES[0], ACCOUNTS),
    )  # fmt: skip
    late = fit_model(snapshot, name="x", assets=("WETH",), as_of="2022-01-01", refits=1)
    (said,) = [n for n in late.not_done if n.what.startswith("accounts")]
    assert (said.what, "2026-08-01" in said.reason) == ("accounts before 2022-01-01", True)
    now = fit_model(snapshot, name="x", assets=("WETH",), refits=1)
    assert not [n for n in now.not_done if n.what.startswith("accounts")]


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
        fitted = fit_model(snapshot, name="x", assets=("WETH",), as_of=date, refits=1)
        models.append(fitted.returns["ETH"])
    assert models[0].worst_five_minutes == models[1].worst_five_minutes
    assert models[0].worst_five_minutes_window.last < date


@pytest.mark.slow
def test_too_short_a_history_is_refused_with_its_reason(shared_data: Path, tmp_path: Path) -> None:
    snapshot = snapshot_of(
        shared_data, tmp_path / "files", change=between("2021-01-01", "2021-06-01"),
        tickers=("ETH",), others=(ACCOUNTS, QUOTES),
    )  # fmt: skip
    model = fit_model(snapshot, name="short", assets=("WETH",), refits=2)
    assert model.returns == {}
    weth = model.assets["WETH"]
    assert not weth.supported
    (refusal,) = [n for n in weth.not_done if n.what == "returns"]
    assert refusal.reason == "only 3,612 hours of returns, 8,760 are needed (one year)"
    assert weth.price_usd > 1000  # what is known is still told
    assert weth.curves


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
    known = snapshot_of(
        shared_data, tmp_path / "known", change=between("2021-01-01", "2021-03-01"),
        tickers=("ETH",), others=(QUOTES, ACCOUNTS),
    )  # fmt: skip
    with pytest.raises(DataUnavailable, match="no asset"):
        fit_model(known, name="x", assets=("LINK",), refits=1)
