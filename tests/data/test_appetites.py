"""Appetite files: the shipped ones in order, users' own checked."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkit.data import FOLDER, appetite_names, load_appetite
from govkit.errors import InputError
from govkit.records.appetites import at_least_as_strict, laxer_in
from govkit.records.market import Appetite

MODERATE = (FOLDER / "appetites" / "moderate.toml").read_text(encoding="utf-8")


def written(folder: Path, **values: float | str) -> Path:
    """The moderate appetite under its own name, some settings replaced."""
    text = MODERATE.replace('name = "moderate"', 'name = "mine"', 1)
    for key, value in values.items():
        line = f"{key} = {value!r}".replace("'", '"')
        text, found = re.subn(rf"^{key} = .*$", line, text, flags=re.MULTILINE)
        assert found == 1, key
    path = folder / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def refusal(folder: Path, **values: float | str) -> str:
    path = written(folder, **values)
    with pytest.raises(InputError) as caught:
        load_appetite(str(path))
    message = caught.value.message()
    assert message.startswith(f"{path}: ")
    return message.removeprefix(f"{path}: ")


def with_values(**values: float) -> Appetite:
    return load_appetite("moderate").model_copy(update=values)


def test_shipped_appetites_go_from_strict_to_lax() -> None:
    shipped = [load_appetite(name) for name in appetite_names()]
    for stricter, laxer in pairwise(shipped):
        assert at_least_as_strict(stricter, laxer)
        assert not at_least_as_strict(laxer, stricter)


@pytest.mark.parametrize("name", appetite_names())
def test_every_probability_in_a_file_names_its_unit_and_horizon(name: str) -> None:
    text = (FOLDER / "appetites" / f"{name}.toml").read_text(encoding="utf-8")
    said = {}
    for block in text.split("\n\n"):
        words = " ".join(re.findall(r"^# (.*)$", block, re.MULTILINE))
        said |= dict.fromkeys(re.findall(r"^(\w+) = ", block, re.MULTILINE), words)
    assert "per trigger episode" in said["position_probability"]
    assert "over T, the asset's effective horizon" in said["position_probability"]
    assert "per trigger episode" in said["book_probability"]
    assert "over 24 h, whole book" in said["book_probability"]
    assert "trigger episodes, over 24 h, whole book" in said["tail_loss_share"]
    assert all(said[key] for key in Appetite.model_fields if key not in ("name", "description"))


def test_a_file_of_ones_own_is_read(tmp_path: Path) -> None:
    mine = load_appetite(str(written(tmp_path, position_probability=0.003)))
    assert mine == with_values(name="mine", position_probability=0.003)


def test_a_file_may_not_pass_for_a_shipped_appetite(tmp_path: Path) -> None:
    said = refusal(tmp_path, name="moderate", confidence=0.5)
    assert said == (
        "is named 'moderate' like a shipped appetite and holds other values. "
        "Give it a name of its own."
    )
    assert load_appetite(str(written(tmp_path, name="moderate"))) == load_appetite("moderate")


@pytest.mark.parametrize(
    ("key", "written_as", "fraction"),
    [
        ("position_probability", 0.5, "0.005"),
        ("position_probability", 0.2, "0.002"),
        ("book_probability", 1, "0.01"),
        ("book_floor_share", 0.1, "0.001"),
        ("tail_loss_share", 0.02, "0.0002"),
        ("tail_level", 97.5, "0.975"),
        ("stress_loss_share", 0.25, "0.0025"),
        ("invariant_margin", 2, "0.02"),
        ("confidence", 80, "0.8"),
        ("most_unnecessary", 35, "0.35"),
    ],
)
def test_a_percentage_is_not_taken_for_a_fraction(
    tmp_path: Path, key: str, written_as: float, fraction: str
) -> None:
    said = refusal(tmp_path, **{key: written_as})
    assert said.startswith(f"{key}: {written_as:g} should be less than ")
    assert said.endswith(f"probabilities and shares are fractions: {written_as:g} % is {fraction}")


CONTRADICTIONS = {
    "a band finer than the grid": (
        {"keep_band_points": 0.2},
        "keep_band_points (0.2) is finer than the grid, step_points (0.5); write 0 for no band, "
        "or at least 0.5",
    ),
    "a cut smaller than a step": (
        {"largest_cut_points": 0.4},
        "largest_cut_points (0.4) is smaller than one step of the grid, step_points (0.5), so no "
        "cut is possible; write at least 0.5",
    ),
    "a raise smaller than a step": (
        {"raise_points_per_30_days": 0.25},
        "raise_points_per_30_days (0.25) is smaller than one step of the grid, step_points (0.5), "
        "so no raise is possible; write at least 0.5",
    ),
    "a raise that needs what is not acted on": (
        {"raise_margin_points": 4.0},
        "raise_margin_points (4) is not below far_above_points (3), so nothing could be raised; "
        "make far_above_points larger",
    ),
    "a band up to what is not acted on": (
        {"keep_band_points": 3.0},
        "keep_band_points (3) is not below far_above_points (3), so nothing could be raised; "
        "make far_above_points larger",
    ),
    "a mean above the worst": (
        {"tail_loss_share": 0.004},
        "tail_loss_share (0.004), a mean of the worst episodes, is above stress_loss_share "
        "(0.0025), the worst event on record; write at most 0.0025",
    ),
    "a book limit that never binds": (
        {"book_floor_share": 0.01},
        "book_probability (0.005) with losses above book_floor_share (0.01) is an expected "
        "shortfall of at least 0.002, and tail_loss_share allows 0.0005, so the book limit could "
        "never bind; lower book_probability or book_floor_share, or raise tail_loss_share",
    ),
}


@pytest.mark.parametrize(("values", "said"), CONTRADICTIONS.values(), ids=CONTRADICTIONS)
def test_a_contradiction_names_both_settings_and_what_to_write(
    tmp_path: Path, values: dict[str, float], said: str
) -> None:
    assert refusal(tmp_path, **values) == said


def test_several_contradictions_are_told_at_once(tmp_path: Path) -> None:
    said = refusal(tmp_path, step_points=4.0).split("; ")
    assert [part.split()[0] for part in said[::2]] == [
        "keep_band_points", "largest_cut_points", "raise_points_per_30_days",
    ]  # fmt: skip


def test_no_keep_band_is_allowed(tmp_path: Path) -> None:
    assert load_appetite(str(written(tmp_path, keep_band_points=0.0))).keep_band_points == 0


def test_a_chance_that_no_simulation_shows_is_refused(tmp_path: Path) -> None:
    said = refusal(tmp_path, position_probability=0.0)
    assert said == "position_probability: input should be greater than or equal to 0.0001"


def test_an_unknown_setting_offers_the_nearest(tmp_path: Path) -> None:
    path = written(tmp_path)
    path.write_text(path.read_text() + "keep_band = 2.0\n")
    with pytest.raises(InputError, match=r"unknown setting 'keep_band'\. Did you mean keep_band_p"):
        load_appetite(str(path))


def test_a_missing_setting_is_named(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(MODERATE.replace("confidence = 0.8\n", ""))
    with pytest.raises(InputError, match="confidence: field required"):
        load_appetite(str(path))


@given(
    st.lists(st.floats(0, 0.3), min_size=200, max_size=400),
    st.floats(0.002, 0.05), st.floats(0.51, 0.99),
)  # fmt: skip
def test_no_losses_escape_the_inequality_between_book_and_tail_loss(
    losses: list[float], floor: float, level: float
) -> None:
    # Expected shortfall of a finite sample with equal weights, the fractional path included.
    ordered = np.sort(losses)[::-1]
    tail = 1 - level
    share = np.clip(tail * len(ordered) - np.arange(len(ordered)), 0, 1) / (tail * len(ordered))
    shortfall = float(share @ ordered)
    chance = float((ordered > floor).mean())
    assert shortfall >= floor * min(chance, tail) / tail - 1e-9


def test_strictness_is_a_partial_order() -> None:
    moderate, mixed = load_appetite("moderate"), with_values(confidence=0.9, tail_loss_share=0.001)
    assert at_least_as_strict(moderate, moderate)
    assert laxer_in(mixed, moderate) == ("tail_loss_share",)
    assert laxer_in(moderate, mixed) == ("confidence",)
    assert not at_least_as_strict(mixed, moderate)
    assert not at_least_as_strict(moderate, mixed)


@pytest.mark.parametrize(
    ("key", "stricter"),
    [
        ("position_probability", 0.004), ("book_probability", 0.004), ("book_floor_share", 0.0005),
        ("book_floor_usd", 10_000.0), ("tail_level", 0.99), ("tail_loss_share", 0.0003),
        ("stress_loss_share", 0.002), ("invariant_margin", 0.03), ("confidence", 0.9),
    ],
)  # fmt: skip
def test_a_smaller_loss_or_a_larger_margin_is_stricter(key: str, stricter: float) -> None:
    moderate, other = load_appetite("moderate"), with_values(**{key: stricter})
    assert at_least_as_strict(other, moderate)
    assert not at_least_as_strict(moderate, other)


@pytest.mark.parametrize("key", ["keep_band_points", "largest_cut_points", "most_unnecessary"])
def test_when_to_act_is_not_part_of_strictness(key: str) -> None:
    moderate, other = load_appetite("moderate"), with_values(**{key: 0.9})
    assert at_least_as_strict(other, moderate)
    assert at_least_as_strict(moderate, other)
