"""Models of assets without a year of hourly history, from comparable ones."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from govkit.estimate.returns.hours import HourlyReturns, hourly_returns
from govkit.estimate.returns.model import estimate_returns, fitted_variance
from govkit.estimate.returns.pooled import (
    pooled_finding,
    pooled_returns,
    relative_volatility,
)
from govkit.estimate.returns.refit import refit_rows
from govkit.records.provenance import NotDone, Window
from govkit.records.returns import Refits, ReturnModel
from govkit.simulate.falls import return_law, simulate_falls
from tests.estimate.real import real_hours

WINDOW = Window(source="made", first="2021-01-01", last="2022-01-01", observations=0,
                input_digests=())  # fmt: skip
CONCENTRATION = (np.linspace(0.3, 0.8, 33), WINDOW)
HOURS = 9000


def made_hours(seed: int, scale: float = 1.0) -> HourlyReturns:
    """GARCH(1,1) with t errors of 5 degrees: long-run hourly volatility of 1 % times `scale`."""
    random = np.random.default_rng(seed)
    shock = random.standard_t(5, HOURS) / np.sqrt(5 / 3)
    variance, returns = 1e-4, np.empty(HOURS)
    for k in range(HOURS):
        returns[k] = np.sqrt(variance) * shock[k]
        variance = 1e-4 * 0.02 + 0.08 * returns[k] ** 2 + 0.90 * variance
    closes = 100 * np.exp(np.cumsum(scale * returns))
    index = pd.date_range("2021-01-01", periods=HOURS, freq="h", tz="UTC")
    opens = np.concatenate([[100], closes[:-1]])
    low = np.minimum(opens, closes) * (1 - 0.002 * scale * random.random(HOURS))
    high = np.maximum(opens, closes)
    return hourly_returns(
        f"M{seed}", pd.DataFrame({"open": opens, "high": high, "low": low, "close": closes}, index)
    )


def modelled(hours: HourlyReturns) -> ReturnModel:
    model = estimate_returns(hours, WINDOW, CONCENTRATION, [hours.log_returns], [], "USDC")
    assert isinstance(model, ReturnModel), model
    return model


@cache
def comparables() -> dict[str, tuple[HourlyReturns, ReturnModel]]:
    made = {f"M{k}": made_hours(k, scale) for k, scale in ((1, 1.0), (2, 1.2), (3, 0.9))}
    return {name: (hours, modelled(hours)) for name, hours in made.items()}


def daily_closes(hours: HourlyReturns, days: int, first: int = 30) -> pd.Series:
    series = pd.Series(hours.closes, index=hours.times - pd.Timedelta("1h"))
    return series.resample("1D").last().iloc[first : first + days]


def pooled(daily: pd.Series | None, **options: object) -> ReturnModel:
    model = pooled_returns(
        "X", daily, comparables(), WINDOW, numeraire="USDC", seed=3, **options
    )  # type: ignore[arg-type]  # fmt: skip
    assert isinstance(model, ReturnModel), model
    return model


def test_the_volatility_is_compared_on_the_same_days() -> None:
    twin = daily_closes(comparables()["M1"][0], 200)
    relative = relative_volatility(np.exp(2 * np.log(twin)), comparables())
    assert relative.days == 199
    middle = np.median(
        [np.std(np.diff(np.log(daily_closes(h, 200)))) for h, _ in comparables().values()]
    )
    own = 2 * np.std(np.diff(np.log(twin)))
    assert relative.measured == pytest.approx(own / middle, rel=0.01)
    assert relative.used == pytest.approx(relative.measured ** (199 / 289))


def test_a_calm_short_history_does_not_give_a_low_volatility() -> None:
    """Seeded mistake: 120 days of a tenth of the usual moves."""
    twin = daily_closes(comparables()["M1"][0], 120)
    calm = relative_volatility(np.exp(0.1 * np.log(twin)), comparables())
    assert calm.measured < 0.2
    assert calm.used == 1.0
    flat = relative_volatility(twin * 0 + 5.0, comparables())
    assert (flat.measured, flat.used) == (0.0, 1.0)


def test_too_few_days_take_a_high_volatility_of_the_comparables() -> None:
    twin = daily_closes(comparables()["M1"][0], 90)
    short = relative_volatility(twin, comparables())
    none = relative_volatility(None, comparables())
    assert (short.days, none.days) == (89, 0)
    assert np.isnan(short.measured)
    assert short.used == none.used
    levels = [m.variance.long_run_variance**0.5 for _, m in comparables().values()]
    assert none.used == pytest.approx(np.quantile(levels, 0.75) / np.median(levels))
    longer = relative_volatility(daily_closes(comparables()["M1"][0], 91), comparables())
    assert longer.days == 90
    assert np.isfinite(longer.measured)


def test_days_with_a_gap_between_them_are_no_daily_return() -> None:
    twin = daily_closes(comparables()["M1"][0], 200)
    assert relative_volatility(twin.drop(twin.index[100]), comparables()).days == 197


def test_the_recursion_holds_the_long_run_variance_it_says() -> None:
    model = pooled(None)
    v = model.variance
    assert model.basis == "pooled"
    assert model.pooled_over == ("M1", "M2", "M3")
    assert v.persistence == pytest.approx(v.alpha + v.gamma / 2 + v.beta)
    assert v.persistence <= 0.995
    assert v.omega / (1 - v.persistence) == pytest.approx(v.long_run_variance)
    levels = [m.variance.long_run_variance**0.5 for _, m in comparables().values()]
    expected = np.median(levels) * relative_volatility(None, comparables()).used
    assert v.long_run_variance**0.5 == pytest.approx(expected)


def test_everything_scales_with_the_volatility_and_the_residuals_do_not() -> None:
    twin = daily_closes(comparables()["M1"][0], 300)
    base, wild = pooled(np.exp(1.5 * np.log(twin))), pooled(np.exp(3 * np.log(twin)))
    ratio = (wild.variance.long_run_variance / base.variance.long_run_variance) ** 0.5
    assert ratio > 1.4
    assert np.array(wild.states.trigger) == pytest.approx(ratio * np.array(base.states.trigger))
    assert wild.lower_tail == base.lower_tail
    assert wild.residual_quantiles == base.residual_quantiles
    assert [len(row) for row in wild.shadow.quantiles] == [33] * 12
    falls = [
        np.quantile(
            simulate_falls(return_law(one), hours=6, paths=20_000, seed=1, name="x")[:, -1], 0.99
        )
        for one in (base, wild)
    ]
    assert np.log1p(-falls[1]) / np.log1p(-falls[0]) == pytest.approx(ratio, rel=0.1)


def test_jumps_of_all_comparables_count() -> None:
    hours, model = comparables()["M1"]
    crashed = hours.log_returns.copy()
    crashed[100:103] = -0.15
    group = comparables() | {"M1": (replace(hours, log_returns=crashed), model)}
    result = pooled_returns("X", None, group, WINDOW, numeraire="USDC", seed=3)
    assert isinstance(result, ReturnModel)
    before = pooled(None).jumps
    assert result.jumps.count == before.count + 3
    assert result.jumps.hours == before.hours == 3 * (HOURS - 1)


def test_refits_are_those_of_the_comparables_rescaled() -> None:
    group = {}
    for name, (hours, model) in comparables().items():
        rows = refit_rows(hours.log_returns, fitted_variance(model.variance), [1, 2])
        kept = tuple(row for row in rows if row is not None)
        group[name] = (
            hours, model.model_copy(update={"refits": Refits(rows=kept, block_hours=720, seed=1)})
        )  # fmt: skip
    result = pooled_returns("X", None, group, WINDOW, numeraire="USDC", seed=3, refits=30)
    assert isinstance(result, ReturnModel)
    again = pooled_returns("X", None, group, WINDOW, numeraire="USDC", seed=3, refits=12)
    other = pooled_returns("X", None, group, WINDOW, numeraire="USDC", seed=4, refits=12)
    assert isinstance(again, ReturnModel)
    assert isinstance(other, ReturnModel)
    assert len(result.refits.rows) == 30
    assert again.refits.rows == result.refits.rows[:12] != other.refits.rows
    columns = result.refits.columns
    shapes = {row[columns.index("shape")] for row in result.refits.rows}
    assert shapes == {
        row[columns.index("shape")] for _, m in group.values() for row in m.refits.rows
    }
    # The long-run volatility of the rows is spread around the asset's own, as theirs are.
    levels = [
        (row[0] / (1 - row[1] - row[2] / 2 - row[3])) ** 0.5 for row in result.refits.rows
    ]  # fmt: skip
    own = result.variance.long_run_variance**0.5
    assert np.median(levels) == pytest.approx(own, rel=0.2)
    assert 0.03 < np.std(np.log(levels)) < 0.5
    # Without refits of theirs there are none to take.
    assert pooled(None).refits.rows == ()


def test_one_comparable_or_one_without_garch_is_not_enough() -> None:
    hours, model = comparables()["M1"]
    filtered = model.model_copy(
        update={"variance": model.variance.model_copy(update={"method": "ewma"})}
    )
    for group in ({"M1": (hours, model)}, {"M1": (hours, model), "M2": (hours, filtered)}, {}):
        result = pooled_returns("X", None, group, WINDOW, numeraire="USDC", seed=3)
        assert isinstance(result, NotDone)
        assert result.what == "returns"
        assert "comparable assets with a model of their own, 2 are needed" in result.reason


def test_the_finding_says_where_the_volatility_comes_from() -> None:
    twin = daily_closes(comparables()["M1"][0], 200)
    measured = relative_volatility(np.exp(2 * np.log(twin)), comparables())
    said = pooled_finding("X", measured, pooled(np.exp(2 * np.log(twin)))).what
    assert f"on 199 common days its volatility was {measured.measured:.2f} times" in said
    assert "pooled over M1, M2, M3" in said
    unknown = pooled_finding("X", relative_volatility(None, comparables()), pooled(None)).what
    assert "0 common days of prices are too few" in unknown


@pytest.mark.slow
def test_link_as_if_it_were_new_errs_to_the_cautious_side(shared_data: Path) -> None:
    """LINK with 120 daily closes and AAVE, UNI, CRV against LINK with its own 61,928 hours.

    Measured: falls 7 to 16 % larger. Required: between 2 % smaller and 30 % larger.
    """
    made = {name: real_hours(shared_data, name) for name in ("LINK", "AAVE", "UNI", "CRV")}
    models = {name: (hours, modelled(hours)) for name, hours in made.items()}

    def fall(model: ReturnModel) -> np.ndarray:
        falls = simulate_falls(return_law(model), hours=6, paths=100_000, seed=1, name="LINK")
        return np.asarray(np.quantile(falls[:, -1], [0.99, 0.999]))

    own = fall(models["LINK"][1])
    others = {name: pair for name, pair in models.items() if name != "LINK"}
    path = shared_data / "prices" / "LINK-1d.csv.gz"
    closes = pd.read_csv(path, parse_dates=["timestamp"], index_col="timestamp")["close"]
    for first in ("2021-03-01", "2022-04-01", "2023-06-01"):
        days = closes[closes.index >= first][:120]
        model = pooled_returns("LINK", days, others, WINDOW, numeraire="USDC", seed=1)
        assert isinstance(model, ReturnModel)
        ratio = fall(model) / own
        assert (ratio > 0.98).all(), (first, ratio)
        assert (ratio < 1.30).all(), (first, ratio)
