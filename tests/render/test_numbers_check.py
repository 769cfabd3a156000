from __future__ import annotations

import random
import re

import pytest

from govkit.render.documents import proposal
from govkit.render.numbers_check import TOKEN, stray_numbers
from tests.render import sample


@pytest.mark.parametrize("build", [sample.evidence, sample.special, sample.everything])
def test_every_printed_number_is_in_the_evidence(build: object) -> None:
    evidence = build()  # type: ignore[operator]
    assert stray_numbers(proposal(evidence, "forum"), evidence) == []
    assert stray_numbers(proposal(evidence, "report"), evidence) == []


@pytest.mark.parametrize("build", [getattr(sample, name) for name in sample.ASSETS])
def test_single_assets(build: object) -> None:
    evidence = sample.evidence(build())  # type: ignore[operator]
    assert stray_numbers(proposal(evidence, "forum"), evidence) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("binds, at 72.4", "binds, at 72.3"),
        ("**$41,200", "**$41,200"),
        ("99.40", "99.41"),
        ("$45.9M", "$46.9M"),
        ("T = 1.7", "T = 1.6"),
        ("11.8 fall", "11.6 fall"),
        ("2021-05-19", "2021-05-18"),
        ("15 days", "16 days"),
        ("numpy 2.4.6", "numpy 2.4.7"),
        ("size / $51.4M", "size / $52.4M"),
        ("volatility of 6.4 %", "volatility of 6.7 %"),
        ("| 11.8 % |", "| 11.7 % |"),
        ("is frozen for 6 h | 7.7 h", "is frozen for 6 h | 8.6 h"),
        ("| 2026-03-10 | 2.85 %", "| 2026-03-11 | 2.85 %"),
        ("34 accounts", "35 accounts"),
    ],
)
def test_a_wrong_number_is_caught(right: str, wrong: str) -> None:
    evidence = sample.evidence(sample.aave())
    text = proposal(evidence, "forum").replace("\u00a0", " ")
    if right == wrong:
        right, wrong = "$41,200", "$42,200"
    assert right in text
    changed = text.replace(right, wrong, 1)
    assert [stray.token for stray in stray_numbers(changed, evidence)], wrong


def test_hours_of_a_feed_are_read_from_its_minutes() -> None:
    evidence = sample.special()
    text = proposal(evidence, "forum").replace("\u00a0", " ")
    for right, wrong in (("0.45 % or 1.5 h", "0.45 % or 1.7 h"), ("or 24 h |", "or 25 h |")):
        assert right in text
        assert stray_numbers(text.replace(right, wrong), evidence)


def test_a_pinned_price_may_stand_beside_the_decision() -> None:
    evidence = sample.evidence(sample.link())
    text = proposal(evidence, "forum")
    assert text.count("always reports $1.02") == 1
    changed = text.replace("always reports $1.02", "always reports $1.03")
    assert [stray.token for stray in stray_numbers(changed, evidence)] == ["$1.03"]


def test_a_number_of_a_feed_is_no_excuse_elsewhere() -> None:
    evidence = sample.evidence(sample.weth())
    text = proposal(evidence, "forum").replace("\u00a0", " ")
    assert "| 95.8 % |" in text  # the fall of a dated case of feeds
    moved = text.replace("an average slippage of 3.7 %", "an average slippage of 95.8 %")
    assert moved != text
    assert [stray.token.strip() for stray in stray_numbers(moved, evidence)] == ["95.8"]


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("A sudden fall of 26.8 %", "A sudden fall of 26.7 %"),
        ("below 58 % (now 71 %)", "below 57 % (now 71 %)"),
        ("depth above $61M", "depth above $67M"),
        ("Supply cap: $219M → $74M", "Supply cap: $219M → $79M"),
        ("exposure from $90M", "exposure from $92M"),
        ("| bonus | 74.6 % |", "| bonus | 74.9 % |"),
        ("support 69.9 to 70.7 %", "support 69.7 to 70.7 %"),
        ("73 % carries $160M", "73 % carries $161M"),
        ("independent), both in 0.15 %", "independent), both in 0.17 %"),
        ("18 results below the cap", "19 results below the cap"),
    ],
)
def test_a_wrong_number_of_the_justification_is_caught(right: str, wrong: str) -> None:
    evidence = sample.evidence()
    text = proposal(evidence, "forum").replace("\u00a0", " ")
    assert right in text
    assert stray_numbers(text.replace(right, wrong), evidence)


def test_numbers_of_stress_and_of_the_joint_book_are_no_excuse_elsewhere() -> None:
    evidence = sample.evidence()
    text = proposal(evidence, "forum").replace("\u00a0", " ")
    for number in ("31.2", "0.15"):
        assert f"{number} %" in text
        moved = text.replace("82.6 %: above it, the book", f"{number} %: above it, the book", 1)
        assert moved != text
        assert [stray.token.strip() for stray in stray_numbers(moved, evidence)] == [number]


def test_a_point_of_the_frontier_that_is_not_quoted_is_no_excuse() -> None:
    evidence = sample.evidence(sample.weth())
    text = proposal(evidence, "forum").replace("\u00a0", " ")
    assert sample.weth().justification is not None
    hidden = sample.weth().justification.frontier[3]  # type: ignore[union-attr]
    assert 100 * hidden.unnecessary_share == pytest.approx(29.403)
    moved = text.replace("of the debt it liquidates is debt that 81.9 %",
                         "of the debt it liquidates is debt that 29.403 %")  # fmt: skip
    assert moved != text
    assert [stray.token.strip() for stray in stray_numbers(moved, evidence)] == ["29.403"]


def test_a_number_of_another_asset_is_caught() -> None:
    evidence = sample.evidence()
    text = proposal(evidence, "forum").replace("\u00a0", " ")
    moved = text.replace(
        "The **dated stress** limit binds, at 72.4", "The **dated stress** limit binds, at 82.6"
    )
    assert [stray.token.strip() for stray in stray_numbers(moved, evidence)] == ["82.6"]


def test_most_random_changes_of_a_digit_are_caught() -> None:
    evidence = sample.evidence(sample.aave())
    text = proposal(evidence, "forum")
    code = [
        m.span() for m in re.finditer(r"```.*?```|`[^`]*`|\]\([^)]*\)|\|690x388", text, re.DOTALL)
    ]
    spots = [
        match.end("digits") - 1
        for match in TOKEN.finditer(text)
        if len(match["digits"]) >= 3 and not any(a <= match.start() < b for a, b in code)
    ]
    chance = random.Random(7)
    caught = 0
    for spot in spots:
        other = chance.choice([d for d in "0123456789" if d != text[spot]])
        changed = text[:spot] + other + text[spot + 1 :]
        caught += bool(stray_numbers(changed, evidence))
    assert caught / len(spots) > 0.7, f"{caught} of {len(spots)}"
