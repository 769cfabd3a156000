"""The law of depegs and discounts, pooled over events."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, gamma, genpareto

from govkit.data import Redemption, load_assets, load_pegs
from govkit.estimate.collateral.discount import discounts_of
from govkit.estimate.collateral.ratio import why_no_market
from govkit.estimate.collateral.spells import (
    PEG_LEVEL,
    STAKING_LEVEL,
    Watched,
    peg_discounts,
    watch,
)
from govkit.estimate.collateral.two_state import (
    comparable_pegs,
    event_refits,
    fit_two_state,
    limits_of,
)
from govkit.records.collateral import TwoState
from govkit.records.provenance import NotDone, Window
from govkit.records.returns import ReturnModel
from govkit.simulate.falls import return_law, simulate_falls
from tests.estimate.collateral.test_spells import real_pegs

WINDOW = Window(source="made", first="2021-01-01", last="2023-01-01", observations=0,
                input_digests=())  # fmt: skip
CONCENTRATION = (np.linspace(0.3, 0.8, 33), WINDOW)
OPEN = Redemption(opened="2020-01-01", source="made")
EVENT_HOURS = 100


def depegging(
    seed: int, events: int, volatility: float = 0.004, calm: float = 1e-4, depth: float = 0.05
) -> Watched:
    """A coin that spends 100 hours around `depth` below par every 400 hours, calm in between."""
    random = np.random.default_rng(seed)
    n = 400 * (events + 1)
    closes = 1 + calm * random.standard_normal(n)
    for event in range(events):
        first = 400 * event + 300
        # Pulled back to the depth, so that the event neither ends early nor goes to zero.
        away = 0.0
        for hour, shock in enumerate(volatility * random.standard_t(4, EVENT_HOURS)):
            away = float(np.clip(0.9 * away + shock, -0.2, 0.035))
            closes[first + hour] = 1 - depth + away
    index = pd.date_range("2021-01-01", periods=n, freq="h", tz="UTC")
    return watch(f"C{seed}", peg_discounts(pd.Series(closes, index=index)), PEG_LEVEL, OPEN)


def fitted(
    law: dict[str, Watched], jumps: dict[str, Watched] | None = None, **options: object
) -> tuple[TwoState, ReturnModel]:
    result = fit_two_state(
        law, jumps or law, basis="depeg", level=PEG_LEVEL, numeraire="USD", window=WINDOW,
        concentration=CONCENTRATION, **{"seed": 7, "refits": 10, **options},
    )  # type: ignore[arg-type]  # fmt: skip
    assert not isinstance(result, NotDone), result
    return result


def pool(*seeds: int, **options: float) -> dict[str, Watched]:
    made = [depegging(seed, 5, **options) for seed in seeds]
    return {one.asset: one for one in made}


def test_the_law_is_that_of_the_second_state_alone() -> None:
    law = pool(1, 2)
    state, model = fitted(law)
    changes = np.concatenate([spell.changes for one in law.values() for spell in one.spells])
    # Entry and return of each event are among its hours.
    assert model.window.observations == len(changes) == 10 * (EVENT_HOURS + 1)
    assert model.residual_quantiles[128] == pytest.approx(float(np.median(changes)))
    assert model.variance.method == "constant"
    assert (model.variance.omega, model.variance.alpha, model.variance.beta) == (1, 0, 0)
    assert model.variance.long_run_variance == pytest.approx(float((changes**2).mean()))
    assert set(model.states.trigger) == {1.0}
    assert len(model.states.trigger) == 65
    assert [len(row) for row in model.shadow.quantiles] == [33] * 12
    assert model.pooled_over == ("C1", "C2")
    assert len(state.events) == 10


def test_calm_volatility_has_no_part_in_it() -> None:
    """Seeded mistake to exclude: a hundred times the calm noise must not move the law."""
    quiet, loud = fitted(pool(1, 2, calm=1e-6))[1], fitted(pool(1, 2, calm=1e-4))[1]
    assert loud.lower_tail.scale == pytest.approx(quiet.lower_tail.scale, rel=0.02)
    wild = fitted(pool(1, 2, volatility=0.008))[1]
    assert wild.lower_tail.threshold > 1.3 * quiet.lower_tail.threshold


def test_rates_are_gamma_posteriors_with_half_a_count() -> None:
    law = pool(1, 2)
    state, model = fitted(law)
    hours = sum(one.calm_hours for one in law.values())
    assert state.entries_per_year == pytest.approx(10.5 / (hours / 8760))
    assert model.states.episodes_per_year == state.entries_per_year
    assert state.mean_hours == EVENT_HOURS
    exposed = 10 * (EVENT_HOURS + 1)
    jumps = model.jumps
    assert (jumps.count, jumps.hours) == (0, exposed)
    assert jumps.intensity_per_hour == pytest.approx(0.5 / exposed)
    assert jumps.intensity_high == pytest.approx(float(gamma.ppf(0.95, 0.5)) / exposed)
    assert (jumps.pooled_jumps, jumps.excess_mean) == (0, 0.05)


def test_a_collapse_elsewhere_sizes_the_jumps_and_not_the_law() -> None:
    closes = np.ones(600)
    closes[300:] = np.maximum(0.97 * 0.8 ** np.arange(300), 0.01)
    index = pd.date_range("2022-01-01", periods=600, freq="h", tz="UTC")
    doomed = watch("UST", peg_discounts(pd.Series(closes, index=index)), PEG_LEVEL, OPEN)
    law = pool(1, 2)
    alone, with_collapse = fitted(law)[1], fitted(law, law | {"UST": doomed})[1]
    assert with_collapse.jumps.excess_mean == pytest.approx(-np.log(0.8) - 0.1)
    assert with_collapse.jumps.pooled_jumps == len(doomed.spells[0].jumps) == 3
    assert with_collapse.jumps.intensity_per_hour == alone.jumps.intensity_per_hour
    assert with_collapse.lower_tail == alone.lower_tail
    tail = [
        (simulate_falls(return_law(one), hours=24, paths=40_000, seed=1, name="x")[:, -1] > 0.25)
        .mean()
        for one in (alone, with_collapse)
    ]  # fmt: skip
    assert tail[1] > 1.5 * tail[0] > 0


def test_too_few_events_or_hours_are_refused_with_their_number() -> None:
    def reason(law: dict[str, Watched]) -> str:
        result = fit_two_state(
            law, law, basis="depeg", level=PEG_LEVEL, numeraire="USD", window=WINDOW,
            concentration=CONCENTRATION, seed=1,
        )  # fmt: skip
        assert isinstance(result, NotDone)
        assert result.what == "two-state"
        return result.reason

    assert reason({"A": depegging(1, 4)}).startswith("4 depeg events with hourly prices on record")
    assert reason({"A": depegging(1, 0)}).startswith("0 depeg events")
    short = {name: cut(one, 30) for name, one in pool(1, 2).items()}
    assert "300 hours of depeg events" in reason(short)


def cut(one: Watched, hours: int) -> Watched:
    spells = tuple(replace(spell, changes=spell.changes[:hours]) for spell in one.spells)
    return replace(one, spells=spells)


def test_refits_draw_whole_events_and_depend_on_seed_number_and_pool_alone() -> None:
    events = [s.changes for one in pool(1, 2).values() for s in one.spells]
    few, many = event_refits(events, ("a", "b"), 7, 4), event_refits(events, ("a", "b"), 7, 9)
    assert few.rows == many.rows[:4]
    assert many.failed == 0  # events drawn twice do not tie with themselves
    assert event_refits(events, ("a", "b"), 8, 4).rows != few.rows
    assert event_refits(events, ("a", "c"), 7, 4).rows != few.rows
    threshold = many.columns.index("threshold")
    spread = np.std([row[threshold] for row in many.rows])
    assert 0 < spread < 0.01


def test_classes_pool_with_what_resembles_them() -> None:
    seen = {
        "F": ("fiat", depegging(1, 1)), "C": ("crypto", depegging(2, 1)),
        "A": ("algorithmic", depegging(3, 1)),
    }  # fmt: skip
    for backing, names in (("fiat", "CF"), ("crypto", "CF"), ("algorithmic", "ACF")):
        law, jumps = comparable_pegs(backing, seen)  # type: ignore[arg-type]
        assert "".join(sorted(law)) == names
        assert sorted(jumps) == ["A", "C", "F"]


@pytest.fixture(scope="module")
def pegs(shared_data: Path) -> dict[str, Watched]:
    return real_pegs(shared_data)


def with_class(pegs: dict[str, Watched]) -> dict[str, tuple[str, Watched]]:
    return {name: (entry.backing, pegs[name]) for name, entry in load_pegs().items()}


def paths(model: ReturnModel, hours: int, count: int = 100_000) -> np.ndarray:
    """Worst falls within 1 to `hours` hours, in plain numpy."""
    random = np.random.default_rng(11)
    u = random.random((count, hours))
    body = np.array(model.residual_quantiles)
    change = np.interp((u - 0.005) / 0.99, np.linspace(0, 1, len(body)), body)
    for tail, share, sign in ((model.lower_tail, u, -1), (model.upper_tail, 1 - u, 1)):
        beyond = share < 0.005
        drawn = genpareto.isf(share[beyond] / 0.005, tail.shape, scale=tail.scale)
        change[beyond] = sign * (tail.threshold + drawn)
    jump = random.random((count, hours)) < 0.5 / model.jumps.hours
    change -= jump * (model.jumps.size + random.exponential(model.jumps.excess_mean, jump.shape))
    level = np.minimum.accumulate(np.minimum(np.cumsum(change, axis=1), 0), axis=1)
    return np.asarray(1 - np.exp(level))


def test_the_simulator_runs_the_law_unchanged(pegs: dict[str, Watched]) -> None:
    law, jumps = comparable_pegs("fiat", with_class(pegs))  # type: ignore[arg-type]
    model = fitted(law, jumps)[1]
    theirs = paths(model, 24)
    ours = simulate_falls(return_law(model), hours=24, paths=100_000, seed=1, name="USDC")
    for hour in (0, 5, 23):
        for level, allowed in ((0.95, 0.03), (0.99, 0.05)):
            expected = float(np.quantile(theirs[:, hour], level))
            assert np.quantile(ours[:, hour], level) == pytest.approx(expected, rel=allowed)


def test_the_law_of_backed_pegs_brackets_what_happened(pegs: dict[str, Watched]) -> None:
    """Counts of entries whose falls exceeded the law, within the 99 % range of a binomial."""
    law, jumps = comparable_pegs("fiat", with_class(pegs))  # type: ignore[arg-type]
    state, model = fitted(law, jumps)
    assert 75 <= len(state.events) <= 90
    simulated = paths(model, 24)
    falls = np.array([s.falls for one in law.values() for s in one.spells])
    falls = falls[np.isfinite(falls).all(axis=1)]
    assert len(falls) >= 75
    for k, hour in enumerate((1, 2, 3, 6, 12, 24)):
        for probability in (0.05, 0.01, 0.005):
            allowance = np.quantile(simulated[:, hour - 1], 1 - probability)
            exceeded = int((falls[:, k] > allowance).sum())
            assert exceeded <= binom.ppf(0.995, len(falls), probability), (hour, probability)
    # USDC on 2023-03-11: from 0.99 to 0.8774 within a day; one such fall in some 80 events.
    depth = 1 - 0.8774 / 0.99
    chance = float((simulated[:, 23] >= depth).mean())
    assert 0.003 < chance < 0.05
    # Coins that hold their calm would never do that: a normal law of calm hours says zero.
    assert (simulated[:, 23] >= 0.5).mean() < 1e-3


def test_the_collapse_of_ust_needs_the_algorithmic_pool(pegs: dict[str, Watched]) -> None:
    """UST lost 20 % within 12 hours of 2022-05-09, counted from 0.98."""
    every = with_class(pegs)
    chance = {}
    for backing in ("fiat", "algorithmic"):
        law, jumps = comparable_pegs(backing, every)  # type: ignore[arg-type]
        model = fitted(law, jumps)[1]
        chance[backing] = float((paths(model, 12)[:, 11] >= 0.195).mean())
        assert model.jumps.pooled_jumps >= 5
    # One of some 85 entries.
    assert 0.004 < chance["algorithmic"] < 0.05
    assert 0 < chance["fiat"] < chance["algorithmic"] / 5


def test_staking_discounts_pool_over_tokens(shared_data: Path) -> None:
    assets = load_assets()
    seen = {}
    for name, ticker in (("wstETH", "STETH"), ("cbETH", "CBETH"), ("rETH", "RETH")):
        path = shared_data / "prices" / f"{ticker}-ETH-1h-close.csv.gz"
        ratio = pd.read_csv(path, parse_dates=["timestamp"], index_col="timestamp")["close"]
        seen[ticker] = watch(
            ticker, discounts_of(ratio, assets[name].redeems_at), STAKING_LEVEL,
            assets[name].redemption, market=why_no_market(ratio) is None,
        )  # fmt: skip
    result = fit_two_state(
        seen, seen, basis="discount", level=STAKING_LEVEL, numeraire="ETH", window=WINDOW,
        concentration=CONCENTRATION, seed=1, refits=20,
    )  # fmt: skip
    assert not isinstance(result, NotDone), result
    state, model = result
    assert (model.basis, model.numeraire) == ("discount", "ETH")
    june = next(event for event in state.events if event.first == "2022-05-21")
    assert june.depth == pytest.approx(0.0655, abs=0.004)
    assert june.trough_on[:7] == "2022-06"
    assert not any(event.redemption_open for event in state.events)
    cbeth = next(event for event in state.events if event.asset == "CBETH")
    assert cbeth.trough_on == "2023-03-13"
    assert model.refits.failed == 0
    # 99 % of six-hour paths lose less than stETH's whole discount of 2022.
    assert 0.02 < np.quantile(paths(model, 6, 40_000)[:, 5], 0.99) < 0.0655
    notes = limits_of(state, model)
    assert f"{model.window.observations} hours of {len(state.events)} events" in notes[0].what
    assert "only closes are known" in notes[1].what
