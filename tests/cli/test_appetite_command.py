"""``govkit appetite``: appetites in words and tables, implied confidence, one's own files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from govkit.calibrate.case import BOOK_HOURS
from govkit.calibrate.implied import implied_confidence
from govkit.cli import main
from govkit.data import FOLDER, appetite_names, load_appetite, load_market, load_model
from govkit.records.evidence import Reason
from govkit.records.implied import ImpliedConfidence
from govkit.records.market import Appetite
from govkit.render import appetite_words
from govkit.render.implied_words import refusal_words, show_implied
from govkit.render.model_words import plain

MARKET = "aave-v3-ethereum"
SHIPPED = [load_appetite(name) for name in appetite_names()]


def govkit(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["appetite", *(str(word) for word in words)])


def lines_of(result: Result) -> list[str]:
    assert result.exit_code == 0, result.output
    return [line.strip() for line in result.stdout.splitlines()]


@pytest.fixture(scope="module")
def implied() -> ImpliedConfidence:
    return implied_confidence(load_market(MARKET), load_model(), SHIPPED, seed=1)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    text = (FOLDER / "appetites" / "moderate.toml").read_text(encoding="utf-8")
    text = text.replace('name = "moderate"', 'name = "treasury"')
    text = text.replace("position_probability = 0.005", "position_probability = 0.003")
    path = tmp_path / "treasury.toml"
    path.write_text(text.replace("confidence = 0.8", "confidence = 0.7"), encoding="utf-8")
    return path


def test_without_a_name_the_shipped_ones_stand_side_by_side() -> None:
    lines = lines_of(govkit())
    assert lines[0].split() == ["conservative", "moderate", "aggressive"]
    table = {line.rsplit("  ", 3)[0].strip(): line for line in lines}
    rows = {
        "position: chance of bad debt per trigger episode over T, of one position": [0.2, 0.5, 1],
        "book: chance per trigger episode over 24 h, whole book": [0.2, 0.5, 1],
        "tail loss: mean per trigger episode over 24 h, whole book, share of debt":
            [0.02, 0.05, 0.15],
        "dated stress: bad debt in one event that decides, share of debt": [0.05, 0.25, 0.5],
    }  # fmt: skip
    for start, values in rows.items():
        row = next(line for line in table.values() if line.startswith(start))
        assert row.removeprefix(start).split() == [
            word for value in values for word in (f"{value:g}", "%")
        ]


def test_an_appetite_in_words_names_units_and_horizons() -> None:
    lines = lines_of(govkit("moderate"))
    assert (
        "position: 0.5 % per trigger episode over T, of one position: largest chance of bad debt"
        in lines
    )
    assert (
        "book: 0.5 % per trigger episode over 24 h, whole book: largest chance of bad debt above "
        "0.1 % of debt (at least $50,000)" in lines
    )
    assert appetite_words.BOOK_HOURS == BOOK_HOURS
    assert "aggressive: at least as strict in everything" in lines
    assert not any(line.startswith("moderate: at least") for line in lines)


def test_a_file_of_ones_own_stands_between_the_shipped_ones(own: Path) -> None:
    lines = lines_of(govkit(own))
    beside = lines[lines.index("Beside the others") + 1 :]
    assert beside[1] == "moderate: laxer in confidence; stricter in position probability"
    assert beside[2] == "aggressive: at least as strict in everything"


def test_json_is_the_appetite(own: Path) -> None:
    for name in (*appetite_names(), str(own)):
        printed = govkit(name, "--json").stdout
        assert Appetite.from_json(printed, where=name) == load_appetite(name)
    listed = json.loads(govkit("--json").stdout)
    assert {name: Appetite(**one) for name, one in listed.items()} == {
        one.name: one for one in SHIPPED
    }


def test_implied_json_is_the_record(implied: ImpliedConfidence) -> None:
    result = govkit("--implied", "--json")
    assert result.exit_code == 0, result.output
    assert ImpliedConfidence.from_json(result.stdout, where="stdout") == implied


def test_implied_says_each_value_in_one_sentence(implied: ImpliedConfidence) -> None:
    lines = lines_of(govkit("--implied", "--market", MARKET, "--seed", "1"))
    assert lines == [line.strip() for line in show_implied(implied)]
    for one in implied.assets:
        (said,) = (line for line in lines if line.startswith(f"{one.asset}: "))
        assert f"{one.threshold * 100:g} % survives " in said
        assert f"(T = {one.horizon_hours:.1f} h)".replace(".0 h", " h") in said
        chance = said.split(" survives ")[1].split(" %")[0]
        if not chance.startswith("more than"):
            assert float(chance) == pytest.approx(100 * one.survival, abs=0.006)
        assert "of trigger episodes" in said
    weth = next(one for one in implied.assets if one.asset == "WETH")
    table = next(line for line in lines if line.startswith("WETH "))
    assert table.split()[1:3] == ["83", "%"]
    for need in weth.needs:
        assert f"{need.threshold * 100:.1f}".removesuffix(".0") in table.split()


def test_implied_says_why_an_asset_has_no_figure(implied: ImpliedConfidence) -> None:
    lines = lines_of(govkit("--implied"))
    at = lines.index("Not computed")
    assert len(implied.not_implied) == 5
    said = lines[at + 1 : at + 6]
    assert "DAI, 77 % in force: liquidity not done (no quotes, pools or volume of DAI)" in said
    assert any(
        line.startswith("1INCH, 67 % in force: its history is that of comp") for line in said
    )


def test_implied_sums_the_market_up(implied: ImpliedConfidence) -> None:
    lines = lines_of(govkit("--implied"))
    market = lines[lines.index("The market") + 1 :]
    assert implied.whole is not None
    assert len(market) == 4
    assert "10 assets" in market[0]
    assert market[2].startswith(f"weakest: {implied.whole.weakest}, a loss in ")
    assert market[3].startswith("appetite implied: ")
    assert implied.whole.place.meets in market[3]


def test_implied_compares_with_a_file_of_ones_own(own: Path) -> None:
    found = ImpliedConfidence.from_json(govkit(own, "--implied", "--json").stdout, where="stdout")
    assert list(found.appetites.items())[1] == ("treasury", 0.003)
    assert [need.appetite for need in found.assets[0].needs] == [
        "conservative", "treasury", "moderate", "aggressive",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "numbers", "texts", "said"),
    [
        ("refuse_liquidity", {"bonus": 0.02, "slippage": 0.03}, {},
         "the bonus of 2 % does not pay for 3 % of slippage, so nobody would liquidate"),
        ("refuse_horizon", {"hours": 90.0, "limit_hours": 72.0}, {},
         "a forced sale would take 90 h, longer than 72 h"),
        ("refuse_history", {}, {"reason": "only 4,000 hours of returns."},
         "the price history cannot carry a threshold: only 4,000 hours of returns"),
        ("refuse_pegged", {}, {"reason": "no depeg on record"},
         "the record cannot carry the law of its depegs: no depeg on record"),
        ("refuse_fit", {}, {}, "refuse fit"),
    ],
)  # fmt: skip
def test_every_refusal_has_words(
    code: str, numbers: dict[str, float], texts: dict[str, str], said: str
) -> None:
    assert plain(refusal_words(Reason(code=code, numbers=numbers, texts=texts))) == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["bold"], "unknown appetite 'bold'. Known: aggressive, conservative, moderate."),
        (["none/x.toml"], "none/x.toml: no such appetite file"),
        (["--market", MARKET], "--market: only with --implied"),
        (["moderate", "--seed", "3", "--model", "x"], "--model and --seed: only with --implied"),
        (["--implied", "--market", "aave-v9"], "unknown market 'aave-v9'"),
        (["--implied", "--model", "refrence"], "unknown model 'refrence'. Did you mean reference?"),
    ],
)
def test_bad_input_is_one_clear_message(words: list[str], said: str) -> None:
    result = govkit(*words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert result.stdout == ""


def test_a_contradictory_file_names_file_settings_and_remedy(own: Path) -> None:
    own.write_text(own.read_text().replace("keep_band_points = 2.0", "keep_band_points = 0.1"))
    result = govkit(own)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: {own}: keep_band_points (0.1) is finer than the grid, step_points (0.5); "
        "write 0 for no band, or at least 0.5\n"
    )
