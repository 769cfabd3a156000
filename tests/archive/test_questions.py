"""``proposal.toml`` gives back what was written, whatever people type."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from govkit.archive.questions import COMMENTS, read_question, write_question
from govkit.errors import InputError
from govkit.records.market import HumanText, Overlay, Question

# All of Unicode but surrogates, which no file in UTF-8 can hold.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
LINE = TEXT.filter(bool)
EVIL = 'quote " and \'\'\' \\ back\\nslash\r\n\ttab\b\f\0\x1b[31m\x7f\x85\u2028 \U0001f525 ]]"""'

QUESTIONS = st.builds(
    Question,
    market=TEXT,
    assets=st.lists(LINE, min_size=1, max_size=4, unique=True).map(tuple),
    appetite=TEXT,
    model=TEXT,
    seed=st.integers(0, 2**32 - 1),
    book=TEXT,
    text=st.builds(
        HumanText,
        title=TEXT,
        author=TEXT,
        payer=TEXT,
        interests=TEXT,
        motivation=TEXT,
        date=st.sampled_from(["", "2026-02-28"]),
        discussion=st.sampled_from(["", "https://example.org/t/1?a=%20&b=\U0001f525"]),
    ),
)


def question(**changed: object) -> Question:
    values = {"market": "aave-v3-ethereum", "assets": ("WETH",), "appetite": "moderate",
              "model": "reference", "seed": 1}  # fmt: skip
    return Question.model_validate(values | changed)


def test_every_field_people_fill_in_has_a_comment() -> None:
    assert set(COMMENTS) == set(HumanText.model_fields)
    text = write_question(question()).decode()
    for comment in COMMENTS.values():
        assert f"\n# {comment}\n" in text


@given(QUESTIONS)
@example(question(text=HumanText(title=EVIL, motivation=EVIL), book=EVIL, assets=(EVIL,)))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, asked: Question) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.toml"
    path.write_bytes(write_question(asked))
    assert read_question(path) == asked
    assert write_question(read_question(path)) == path.read_bytes()


@given(st.floats(0, 25, exclude_min=True), LINE, LINE)
@example(5e-324, EVIL, EVIL)
@example(1e-5, "DAO", "custody")
def test_overlays_round_trip(points: float, owner: str, reason: str) -> None:
    overlay = Overlay(asset="WETH", points=points, owner=owner, date="2026-02-11", reason=reason)
    other = overlay.model_copy(update={"reason": reason + " 2"})
    asked = question(overlays=(overlay, other))
    data = tomllib.loads(write_question(asked).decode())
    assert Question.from_data(data, where="here") == asked


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"market = ", "not valid TOML"),
        (b"\xff\xfe", "not valid TOML"),
        (b'market = "m"\nmarket = "n"', "not valid TOML"),
        (b"", "market: field required"),
        (b'market = "m"\nassets = []\nappetite = "a"\nmodel = "m"\nseed = 1', "assets: "),
    ],
)
def test_broken_file_is_named(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "proposal.toml"
    path.write_bytes(text)
    with pytest.raises(InputError) as caught:
        read_question(path)
    assert caught.value.message().startswith(f"{path}: ")
    assert message in caught.value.message()
    assert "\n" not in caught.value.message()


def test_mistyped_key_is_named(tmp_path: Path) -> None:
    path = tmp_path / "proposal.toml"
    path.write_bytes(write_question(question()).replace(b"author = ", b"autor = "))
    with pytest.raises(InputError, match=r"text\.autor: extra inputs are not permitted"):
        read_question(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"proposal\.toml: cannot be read \(No such file"):
        read_question(tmp_path / "proposal.toml")
