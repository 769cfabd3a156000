"""Dated depegs and discounts."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from govkit.data import Redemption, load_pegs
from govkit.estimate.collateral.spells import (
    LAW_HOURS,
    PEG_LEVEL,
    Watched,
    join_observations,
    peg_discounts,
    watch,
)

OPEN = Redemption(opened="2020-01-01", source="made")


def calm(n: int = 2000, start: str = "2022-01-03") -> pd.Series:
    """A coin at par with small noise."""
    index = pd.date_range(start, periods=n, freq="h", tz="UTC")
    return pd.Series(1 + 1e-4 * np.random.default_rng(5).standard_normal(n), index=index)


def watched(closes: pd.Series, **options: object) -> Watched:
    return watch("X", peg_discounts(closes), PEG_LEVEL, OPEN, **options)  # type: ignore[arg-type]


def test_a_calm_coin_has_no_spell() -> None:
    seen = watched(calm())
    assert seen.spells == ()
    assert (seen.calm_hours, seen.discount_hours) == (2000, 0)


def test_a_spell_is_dated_measured_and_its_hours_kept() -> None:
    closes = calm()
    path = [0.985, 0.975, 0.96, 0.97, 0.98, 0.985]
    closes.iloc[500:506] = path
    (spell,) = watched(closes).spells
    event = spell.event
    assert (event.asset, event.first) == ("X", f"{closes.index[500]:%Y-%m-%d}")
    assert event.hours == 6
    # The median of five of that path: 0.985, 0.975, 0.975, 0.975, 0.98, 0.985.
    assert event.depth == pytest.approx(0.025, abs=1e-6)
    assert event.redemption_open
    # Hours from the last calm close to the first calm close again.
    assert len(spell.changes) == 7
    assert spell.changes.sum() == pytest.approx(0, abs=1e-3)
    # From the entry level of 0.99 to 0.985 in the first hour, then to 0.975.
    lowest = np.array([0.985, 0.975, 0.975, 0.975, 0.975, 0.975])
    assert spell.falls == pytest.approx(1 - lowest / 0.99, abs=1e-6)
    assert (spell.jumps.size, spell.exposed_hours) == (0, 7)


def test_pauses_of_three_days_do_not_end_a_spell_and_longer_ones_do() -> None:
    closes = calm()
    for first in (100, 100 + 70, 100 + 70 + 80):
        closes.iloc[first : first + 5] = 0.97
    spells = watched(closes).spells
    assert [spell.event.hours for spell in spells] == [75, 5]
    # The calm hours of the pause are not in the law: two falls and two returns of 6 hours.
    assert len(spells[0].changes) == 12


def test_one_or_two_odd_prints_are_no_spell() -> None:
    closes = calm()
    closes.iloc[700] = 0.5
    closes.iloc[900:902] = 0.9
    assert watched(closes).spells == ()
    closes.iloc[1200:1203] = 0.9
    assert len(watched(closes).spells) == 1


def test_the_law_ends_after_a_week_and_below_half_of_par() -> None:
    closes = calm()
    closes.iloc[500:] = 0.97
    (long,) = watched(closes).spells
    assert len(long.changes) == LAW_HOURS + 1
    assert long.exposed_hours == 1500
    dying = calm()
    dying.iloc[500:] = np.maximum(0.97 * 0.9 ** np.arange(1500), 0.01)
    (spell,) = watched(dying).spells
    # 0.97 x 0.9^6 = 0.515 is the last price above one half.
    assert spell.exposed_hours == len(spell.changes) == 8
    assert spell.jumps == pytest.approx(np.full(7, -np.log(0.9)), abs=1e-9)


def test_an_entry_that_was_not_seen_has_no_falls() -> None:
    closes = calm()
    closes.iloc[500:520] = 0.95
    (seen,) = watched(closes).spells
    assert np.isfinite(seen.falls).all()
    (begun,) = watched(closes.iloc[500:]).spells
    (gap,) = watched(closes.drop(closes.index[480:503])).spells
    for spell in (begun, gap):
        assert np.isnan(spell.falls).all()
        assert len(spell.changes) > 10


def test_a_reading_that_is_no_market_dates_spells_only() -> None:
    closes = calm()
    closes.iloc[500:520] = 0.95
    (spell,) = watched(closes, market=False).spells
    assert spell.event.depth == pytest.approx(0.05)
    assert (len(spell.changes), spell.exposed_hours) == (0, 0)
    assert np.isnan(spell.falls).all()


def daily(rows: dict[str, tuple[float, float]]) -> pd.DataFrame:
    index = pd.DatetimeIndex([pd.Timestamp(day, tz="UTC") for day in rows])
    return pd.DataFrame(list(rows.values()), columns=["low", "close"], index=index)


def test_days_deepen_a_spell_and_add_what_the_hours_did_not_see() -> None:
    closes = calm(200)  # until 2022-01-11
    closes.iloc[100:110] = 0.97
    days = daily({
        "2021-06-01": (0.8, 0.9),  # before the first hour: left out
        "2022-01-05": (0.95, 0.999),  # closes at par
        "2022-01-07": (0.88, 0.96),  # inside the spell
        "2022-03-01": (0.90, 0.97), "2022-03-02": (0.93, 0.98), "2022-03-09": (0.97, 0.985),
        "2022-04-01": (0.90, 0.999),
    })  # fmt: skip
    seen = watched(closes, daily=days)
    assert [(s.event.first, s.event.hours, round(s.event.depth, 4)) for s in seen.spells] == [
        ("2022-01-07", 10, 0.12), ("2022-03-01", 48, 0.1), ("2022-03-09", 24, 0.03),
    ]  # fmt: skip
    assert [len(spell.changes) for spell in seen.spells] == [11, 0, 0]
    assert seen.discount_hours == 10 + 3 * 24
    assert seen.calm_hours == 190 + 24
    assert seen.last == "2022-04-01"


def test_sources_are_joined_end_to_end_and_never_mixed() -> None:
    first, other = calm(100), calm(200, start="2022-01-01") + 0.5
    joined = join_observations(first, other)
    assert joined.index.is_monotonic_increasing
    assert joined.index.is_unique
    assert joined[first.index].equals(first)
    assert len(joined) == 200
    assert (joined.drop(first.index) > 1.4).all()


def test_redemption_follows_opening_stops_and_bank_days() -> None:
    usdc = load_pegs()["USDC"].redemption
    assert usdc.is_open(date(2023, 3, 10))
    assert not usdc.is_open(date(2023, 3, 11))
    assert usdc.is_open(date(2023, 3, 13))
    assert not usdc.is_open(date(2022, 6, 18))  # a Saturday
    assert not usdc.is_open(date(2019, 1, 1))
    assert not load_pegs()["UST"].redemption.is_open(date(2022, 5, 9))
    assert load_pegs()["LUSD"].redemption.is_open(date(2021, 11, 27))


@pytest.fixture(scope="module")
def real(shared_data: Path) -> dict[str, Watched]:
    return real_pegs(shared_data)


def real_pegs(folder: Path) -> dict[str, Watched]:
    """Watch the ten pegged coins of the shared data."""

    def read(name: str) -> pd.DataFrame:
        path = folder / "prices" / f"{name}.csv.gz"
        return pd.read_csv(path, parse_dates=["timestamp"], index_col="timestamp")

    seen = {}
    for name, entry in load_pegs().items():
        closes = read(f"{name}-1h-close")["close"]
        days = None
        if name == "USDC":
            exchange = read("USDC-1h")["close"]
            exchange.index += pd.Timedelta("1h")  # candles carry the time of their opening
            closes = join_observations(closes, exchange)
            days = read("USDC-1d")
        seen[name] = watch(
            name, peg_discounts(closes), PEG_LEVEL, entry.redemption, daily=days
        )  # fmt: skip
    return seen


def test_known_depegs_are_found_with_their_dates(real: dict[str, Watched]) -> None:
    """Depths against SOURCES.md: USDC 0.8774 on 2023-03-11; UST 0.092 on 2022-05-13."""
    (usdc,) = real["USDC"].spells
    assert usdc.event.trough_on == "2023-03-11"
    assert usdc.event.depth == pytest.approx(1 - 0.8774, abs=2e-4)
    assert not usdc.event.redemption_open
    assert 40 <= usdc.event.hours <= 60
    ust = max(real["UST"].spells, key=lambda spell: spell.event.depth)
    assert ust.event.first == "2022-05-08"
    assert ust.event.depth > 0.9
    assert len(ust.jumps) >= 5
    susd = max(real["SUSD"].spells, key=lambda spell: spell.event.depth)
    assert susd.event.first == "2021-09-19"
    assert susd.event.depth == pytest.approx(0.1175, abs=0.001)


def test_calm_coins_stay_quiet(real: dict[str, Watched]) -> None:
    """DAI kept its peg on 2021-05-19 and through UST's collapse; so did TUSD."""
    for name in ("DAI", "TUSD", "USDT"):
        assert len(real[name].spells) == 1, name
        assert all(spell.event.hours < 8 for spell in real[name].spells), name
    assert not any(spell.event.first.startswith("2021-05") for spell in real["DAI"].spells)
