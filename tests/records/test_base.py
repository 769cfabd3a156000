"""Canonical form, digests and refusals of records."""

from __future__ import annotations

import hashlib
import json
import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from govkit.errors import InputError
from govkit.records.base import Record, file_digest, rounded
from govkit.records.market import Appetite, Dated, HumanText, Question

# RFC 8785, appendix B: IEEE 754 bits and the text ECMAScript gives them.
RFC_8785_NUMBERS = {
    "0000000000000000": "0",
    "8000000000000000": "0",
    "0000000000000001": "5e-324",
    "8000000000000001": "-5e-324",
    "7fefffffffffffff": "1.7976931348623157e+308",
    "4340000000000000": "9007199254740992",
    "4430000000000000": "295147905179352830000",
    "44b52d02c7e14af5": "9.999999999999997e+22",
    "44b52d02c7e14af6": "1e+23",
    "444b1ae4d6e2ef4f": "999999999999999900000",
    "444b1ae4d6e2ef50": "1e+21",
    "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
    "3eb0c6f7a0b5ed8d": "0.000001",
    "41b3de4355555553": "333333333.3333332",
    "41b3de4355555555": "333333333.3333333",
    "becbf647612f3696": "-0.0000033333333333333333",
    "43143ff3c1cb0959": "1424953923781206.2",
}


class Held(Record):
    zulu: float = 0.0
    alpha: dict[str, float] = {}
    text: str = ""


@pytest.mark.parametrize(("bits", "text"), RFC_8785_NUMBERS.items())
def test_floats_as_in_rfc_8785(bits: str, text: str) -> None:
    value = struct.unpack(">d", bytes.fromhex(bits))[0]
    assert Held(zulu=value).canonical() == b'{"alpha":{},"text":"","zulu":%s}' % text.encode()


def test_keys_in_utf16_order() -> None:
    # The example of RFC 8785, section 3.2.3: by UTF-16 code units, not by code points.
    keys = ["\u20ac", "\r", "\ufb33", "1", "\U0001f600", "\u0080", "\u00f6"]
    text = Held(alpha=dict.fromkeys(keys, 1.0)).canonical().decode()
    order = [keys.index(key) for key in json.loads(text)["alpha"]]
    assert [keys[i] for i in order] == ["\r", "1", "\u0080", "\u00f6", "\u20ac", "\U0001f600",
                                        "\ufb33"]  # fmt: skip


def test_strings_escape_only_what_they_must() -> None:
    text = '\u20ac$\u000f\nA\'B"\\\\"/'
    expected = '"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"'
    assert expected.encode() in Held(text=text).canonical()


def test_digest_is_that_of_the_canonical_bytes() -> None:
    record = Dated(value=0.78, as_of="2024-08-14")
    text = b'{"as_of":"2024-08-14","value":0.78}'
    assert record.canonical() == text
    assert record.digest() == "sha256:" + hashlib.sha256(text).hexdigest()


@given(
    st.dictionaries(st.text(max_size=8), st.floats(allow_nan=False, allow_infinity=False)),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
)
def test_reading_back_gives_the_same_record_and_digest(
    alpha: dict[str, float], zulu: float, text: str
) -> None:
    record = Held(alpha=alpha, zulu=zulu, text=text)
    again = Held.from_json(record.canonical(), where="here")
    assert again == record
    shuffled = Held(text=text, zulu=zulu, alpha=dict(reversed(alpha.items())))
    assert again.digest() == record.digest() == shuffled.digest()


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_what_is_no_number_is_refused(constant: str) -> None:
    with pytest.raises(InputError) as caught:
        Held.from_json(f'{{"zulu": {constant}}}', where="model.json")
    assert caught.value.message() == f"model.json: not valid JSON ({constant} is not a number)"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_no_number_is_refused_in_data(value: float) -> None:
    with pytest.raises(InputError, match=r"^here: alpha\.x: input should be a finite number$"):
        Held.from_data({"alpha": {"x": value}}, where="here")


def test_number_too_large_for_a_double_is_refused() -> None:
    with pytest.raises(InputError, match="finite"):
        Held.from_json('{"zulu": 1e400}', where="here")


@pytest.mark.parametrize("text", ["", "{", '{"zulu": 1', "\x00", b"\xff\xfe"])
def test_what_is_no_json_is_refused(text: str | bytes) -> None:
    with pytest.raises(InputError, match=r"^here: not valid JSON"):
        Held.from_json(text, where="here")


@pytest.mark.parametrize("text", ["[]", "null", "1", '"text"'])
def test_json_that_is_no_record_is_refused(text: str) -> None:
    with pytest.raises(InputError, match=r"^here: the whole: input should be a valid dictionary"):
        Held.from_json(text, where="here")


def test_unknown_field_is_refused() -> None:
    with pytest.raises(InputError, match=r"^here: colour: extra inputs are not permitted$"):
        Held.from_data({"colour": "red"}, where="here")


def test_every_problem_at_once() -> None:
    data = {"market": 1, "assets": [], "appetite": "moderate", "seed": -1, "stray": 0}
    with pytest.raises(InputError) as caught:
        Question.from_data(data, where="proposal.toml")
    message = caught.value.message()
    assert "\n" not in message
    for part in ("market: ", "assets: ", "model: field required", "seed: ", "stray: extra"):
        assert part in message


def test_more_than_five_problems_are_counted() -> None:
    fields = len(Appetite.model_fields)
    with pytest.raises(InputError, match=f"; and {fields - 5} more$"):
        Appetite.from_data({}, where="here")


def test_records_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Dated(value=1.0, as_of="").value = 2.0  # type: ignore[misc]


@pytest.mark.parametrize("asset", ["WETH", "WBTC"])
def test_asset_asked_twice(asset: str) -> None:
    data = {"market": "m", "assets": [asset, asset], "appetite": "a", "model": "m", "seed": 1}
    with pytest.raises(InputError, match="an asset is named twice"):
        Question.from_data(data, where="here")


def test_overlay_for_an_asset_not_asked() -> None:
    overlay = {"asset": "UNI", "points": 2.0, "owner": "DAO", "date": "2026-01-01", "reason": "x"}
    data = {"market": "m", "assets": ["WETH"], "appetite": "a", "model": "m", "seed": 1,
            "overlays": [overlay]}  # fmt: skip
    with pytest.raises(InputError, match="overlays for assets not asked: UNI"):
        Question.from_data(data, where="here")


@pytest.mark.parametrize(("date", "good"), [("", True), ("2026-01-31", True), ("31.1.26", False)])
def test_dates_of_human_text(date: str, good: bool) -> None:
    if good:
        assert HumanText(date=date).date == date
    else:
        with pytest.raises(InputError, match=r"^here: date: "):
            HumanText.from_data({"date": date}, where="here")


def test_missing_human_text_is_named() -> None:
    assert HumanText().missing() == ("author", "date", "payer", "interests")
    assert HumanText(author=" ", date="2026-01-01", payer="DAO", interests="none").missing() == (
        "author",
    )


def test_rounding_walks_everything_and_keeps_the_rest() -> None:
    data = {"a": [0.123456789, (1234567.0, 3)], "b": {"c": -1e-9, "d": "1.23456789"}, "e": True,
            "f": None, "g": 7_654_321}  # fmt: skip
    assert rounded(data) == {
        "a": [0.123457, [1234570.0, 3]],
        "b": {"c": -1e-9, "d": "1.23456789"},
        "e": True,
        "f": None,
        "g": 7_654_321,
    }
    assert rounded(0.123456789, 3) == 0.123


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_rounding_is_close_and_settles(value: float) -> None:
    once = rounded(value)
    assert once == pytest.approx(value, rel=5.1e-6, abs=1e-300)
    assert rounded(once) == once


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_rounding_refuses_what_is_no_number(value: float) -> None:
    with pytest.raises(ValueError, match="cannot enter a record"):
        rounded({"deep": [{"er": (0.0, value)}]})


def test_file_digest(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "a"
    path.write_bytes(b"abc")
    # FIPS 180-2, appendix B.1.
    assert file_digest(path) == (
        "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )
