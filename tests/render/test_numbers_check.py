from __future__ import annotations

import random
import re

import pytest

from govkit.render.documents import proposal
from govkit.render.numbers_check import TOKEN, stray_numbers
from tests.render import sample


@pytest.mark.parametrize("build", [sample.evidence, sample.everything])
def test_every_printed_number_is_in_the_evidence(build: object) -> None:
    evidence = build()  # type: ignore[operator]
    assert stray_numbers(proposal(evidence, "forum"), evidence) == []
    assert stray_numbers(proposal(evidence, "report"), evidence) == []


@pytest.mark.parametrize("build", [sample.usdc, sample.link, sample.wbtc])
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
