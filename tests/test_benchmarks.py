"""The benchmark's comparators say what the engine says. Nothing is timed here."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy.stats import t as student_t

from benchmarks.cascade import AGREEMENT, check_agreement, run_engine
from benchmarks.comparators import run_numba, run_numpy, run_python
from benchmarks.items import ITEMS, ROOMS, Aim, Row, Section, all_items
from benchmarks.measure import median_seconds, peak_mib
from benchmarks.page import page, shown
from benchmarks.work import Work, make_prices, reference_work

WAYS = {"Python": run_python, "NumPy": run_numpy, "numba": run_numba}


def bad_days(paths: int, accounts: int = 150, steps: int = 48) -> Work:
    """Return W, small, with every path pulled down so that most of them liquidate."""
    work = reference_work(accounts, paths, steps)
    return work.on(work.prices * np.linspace(1, 0.4, steps))


@pytest.mark.parametrize("way", WAYS)
def test_comparators_agree_with_the_engine(way: str) -> None:
    work = bad_days(12)
    bad, repaid = run_engine(work)
    assert (bad > 0).mean() > 0.5
    assert (repaid > 0).all()
    assert check_agreement(work, {way: WAYS[way]}) <= AGREEMENT


@pytest.mark.parametrize("kernel", ["blocks", "touched", "twin"])
def test_every_kernel_agrees_with_plain_loops(kernel: str) -> None:
    work = bad_days(4)
    ours, theirs = run_engine(work, kernel), run_python(work)
    for mine, other in zip(ours, theirs, strict=True):
        assert np.abs(mine - other).max() <= AGREEMENT * work.total_debt


def test_disagreement_is_refused() -> None:
    work = bad_days(2)

    def off_by_a_dollar(given: Work) -> tuple[np.ndarray, np.ndarray]:
        bad, repaid = run_python(given)
        return bad + 1, repaid

    with pytest.raises(RuntimeError, match=r"wrong and the engine are 1\.?\d* dollars apart"):
        check_agreement(work, {"wrong": off_by_a_dollar})


def test_paths_are_what_the_page_says() -> None:
    returns = np.diff(np.log(make_prices(4_000)), axis=1)
    # One step in 288 holds a jump; quartiles hardly notice. The variance of Student-t(4) is 2.
    scale = np.diff(np.quantile(returns, [0.25, 0.75]))[0] / (2 * student_t(4).ppf(0.75))
    assert scale * np.sqrt(2 * 365 * 288) == pytest.approx(1.2, rel=0.02)
    assert np.log(make_prices(4_000))[:, -1].mean() == pytest.approx(-0.08, abs=0.01)


def test_first_paths_do_not_depend_on_how_many_follow() -> None:
    assert np.array_equal(make_prices(20_000, 4)[:10_000], make_prices(10_000, 4))


def test_work_has_the_size_the_page_says() -> None:
    work = reference_work(paths=1)
    assert work.checks * 1_000 == 28_800_000_000
    assert work.total_debt == pytest.approx(200e6)
    assert work.pool.units_usd == pytest.approx(work.units().sum())
    assert (np.diff(work.book.trigger) <= 0).all()


def test_medians_are_of_runs_in_turns() -> None:
    calls: list[str] = []
    found = median_seconds({"a": lambda: calls.append("a"), "b": lambda: calls.append("b")}, 2)
    assert calls == ["a", "b"] * 3
    assert found.keys() == {"a", "b"}


def test_peak_memory_sees_an_array() -> None:
    before = peak_mib()
    array = np.ones(int(before + 64) * 2**17)
    assert peak_mib() >= array.nbytes / 2**20 > before


@pytest.mark.parametrize(
    ("figure", "text"),
    [(0.0000861, "86.1 µs"), (0.00123, "0.00123 s"), (0.042, "0.0420 s"), (1.5, "1.50 s"),
     (12.34, "12.3 s"), (1957.4, "1,957 s"), (0.0, "0.00 s")],
)  # fmt: skip
def test_figures_have_three_digits(figure: float, text: str) -> None:
    assert shown(Row("x", figure)) == text


def test_page_says_which_aims_are_met() -> None:
    all_items()
    rows = (
        Row("fast", 0.02, aim=Aim(0.04)),
        Row("slow", 0.2, aim=Aim(0.1)),
        Row("ratio", 400, "times", Aim(300, least=True)),
        Row("peak", 500, "MiB", Aim(1024)),
    )
    text = page({"cascade": Section(rows, "Words.")})
    aims = re.search(r"## Aims\n\n(.*?)\n\n", text, re.DOTALL)
    assert aims
    verdicts = [line.split("|")[-2].strip() for line in aims[1].splitlines()[2:]]
    assert verdicts == ["met", "**not met**", "met", "met"]
    assert "at least 300 times" in text
    assert "\n\nWords.\n" in text


def test_every_room_has_something_to_measure() -> None:
    all_items()
    assert {f"benchmarks.{room}" for room in ROOMS} == {
        entry.measure.__module__ for entry in ITEMS.values()
    }
    assert all(entry.measure.__doc__ for entry in ITEMS.values())
