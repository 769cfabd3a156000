"""``govkit model``: what a model says, what is wrong with one, what changed between two."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result
from scipy import stats

from govkit.cli import main
from govkit.records.check_model import model_problems
from govkit.records.model import MarketModel
from govkit.render.model_facts import median, model_facts, size_at, yearly_volatility
from govkit.render.model_words import plain
from tests.models import dense, model_data, returns, sample_model

Data = dict[str, Any]


def govkit(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["model", *(str(word) for word in words)])


def stored(folder: Path, name: str = "model.json", data: Data | None = None) -> Path:
    path = folder / name
    path.write_text(json.dumps(model_data() if data is None else data), encoding="utf-8")
    return path


def changed(*steps: str | int, to: Any) -> Data:
    """The sample with one value replaced."""
    data = json.loads(json.dumps(model_data()))
    place = data
    for step in steps[:-1]:
        place = place[step]
    place[steps[-1]] = to
    return data


# --- show -----------------------------------------------------------------------------------


def test_show_says_the_verdict_and_the_facts_of_every_part(tmp_path: Path) -> None:
    result = govkit("show", stored(tmp_path))
    assert result.exit_code == 0, result.output
    lines = [line.strip() for line in result.stdout.splitlines()]
    for line in (
        "WETH: Supported: nothing was found in its data that asks for care.",
        "CRV: Not supported: only 4,000 hours of returns.",
        "price: $2,000 (on 2026-02-19)",
        "sold for USDT at a slippage of 5 %: $40M (quotes, as of 2023-11-20)",
        "largest discount: 1.4 % (against BTC, on 2022-11-25)",
        "deepest discount on record: 12 % (USDC on 2023-03-11)",
        "worst fall within 24 hours: 48 % (Black Thursday, 2020-03-13)",
        "not done, returns: only 4,000 hours of returns",
        "Returns of BTC/ETH, hourly",
        "carried by: the pooled history of comparable assets, scaled to its own volatility "
        "(ETH, UNI)",
        "long-run volatility a year: 80 %",
        "half of a volatility shock is gone after: 138.3 h",
        "tail of falls, shape: 0.25 (95 % interval 0.16 to 0.37, 311 excesses)",
        "hours with a fall of 9.5 % or more: 1.6 a year (90 % interval 0.92 to 2.5, 11 such "
        "hours on record)",
        "STG: no price series in the snapshot",
        "falls are measured in: USD",
        # A return model has findings of its own beside those of the asset's data.
        "warning: no hourly history of a year; the model is pooled over ETH, UNI (LDO returns)",
        "warning: only 5,000 hours of returns (LDO hourly)",
        "dependence, skewness of residuals: −0.33 (skewed t copula with 5.8 degrees of freedom; "
        "below zero, falls are tied more closely than rises)",
        "dependence, skewness of volatilities at the start: −0.33 (skewed t copula with 5.8 "
        "degrees of freedom; below zero, high ones are tied more closely than low)",
        "hours in which the pair fitted worst fall together: 3 % (BTC and ETH, all beyond their "
        "5 % quantile; 3.1 % as drawn, 2.9 % with a t copula, 2 % with a Gaussian one)",
    ):
        assert line in lines, line
    assert lines[0].startswith("sample: as of 2026-02-19")
    assert lines[0].endswith("5 assets, 4 supported")
    assert f"digest {sample_model().digest()}" in lines
    assert "\u00a0" not in result.stdout
    assert result.stderr == ""


def test_show_one_asset_with_the_returns_it_uses(tmp_path: Path) -> None:
    shown = govkit("show", stored(tmp_path), "--asset", "WBTC").stdout
    assert "\nWBTC: " in shown
    assert "\nReturns of BTC, hourly" in shown
    assert "\nReturns of BTC/ETH, hourly" in shown
    assert "WETH" not in shown
    assert "Returns of ETH" not in shown
    assert "STG" not in shown


def test_show_as_json_holds_the_same_facts(tmp_path: Path) -> None:
    result = govkit("show", stored(tmp_path), "--asset", "WETH", "--json")
    data = json.loads(result.stdout)
    assert data["digest"] == sample_model().digest()
    assert list(data["assets"]) == ["WETH"]
    assert data["assets"]["WETH"]["supported"] is True
    facts = {fact["name"]: fact for fact in data["returns"]["ETH"]}
    assert facts["long-run volatility a year"]["value"] == pytest.approx(0.8, rel=1e-5)
    assert facts["long-run volatility a year"]["unit"] == "share"
    assert data["findings_of_returns"] == {"ETH": []}
    whole = json.loads(govkit("show", stored(tmp_path), "--json").stdout)
    (told,) = whole["findings_of_returns"]["LDO"]
    assert (told["severity"], told["where"]) == ("warning", "LDO returns")


def test_show_of_a_pegged_asset_claims_no_volatility(tmp_path: Path) -> None:
    shown = govkit("show", stored(tmp_path), "--asset", "USDC").stdout
    assert "variance filter: none, whole changes are drawn" in shown
    assert "volatility a year" not in shown


def test_the_joint_falls_that_the_drawn_copula_misses_most_are_shown() -> None:
    def row(assets: tuple[str, ...], observed: float, drawn: float) -> Data:
        return {"assets": assets, "observed": observed, "skewed": drawn, "student": drawn,
                "gaussian": drawn / 2}  # fmt: skip

    rows = (
        row(("BTC", "ETH"), 0.03, 0.029),  # misses 3 %
        row(("BTC", "LDO"), 0.02, 0.016),  # misses 20 %, the most of a pair
        row(("ETH", "LDO"), 0.025, 0.030),  # too many are drawn, none is missed
        row(("BTC", "ETH", "LDO"), 0.018, 0.017),
    )
    model = sample_model(dependence=model_data()["dependence"] | {"joint_falls": rows})
    shown = [fact for fact in model_facts(model) if fact.name.startswith("hours in which")]
    assert [(fact.name.split()[4], fact.value) for fact in shown] == [
        ("pair", 0.02), ("three", 0.018),
    ]  # fmt: skip
    assert plain(shown[0].remark).startswith("BTC and LDO, all beyond their 5 % quantile; 1.6 %")
    assert shown[1].remark.startswith("BTC, ETH and LDO, all")


def test_a_model_without_dependence_claims_none() -> None:
    assert not [f for f in model_facts(sample_model(dependence=None)) if "depend" in f.name]


def test_volatility_is_annualised_by_hours_of_365_days() -> None:
    assert yearly_volatility(0.01**2) == pytest.approx(0.01 * np.sqrt(365 * 24))


def test_the_median_of_crowded_quantiles() -> None:
    """Of a uniform law it is exact, because quantiles are linear in their probability."""
    assert median(tuple(dense(64))) == pytest.approx(0.5, rel=1e-12)
    volatility = stats.lognorm(0.4, scale=0.01).ppf(0.9999 * dense(64))
    assert median(tuple(volatility)) == pytest.approx(0.01, rel=1e-3)


def test_depth_is_read_off_the_curve() -> None:
    curve = sample_model().assets["WETH"].curves[0]
    assert size_at(curve, 0.05) == pytest.approx(100e6, rel=1e-6)
    assert size_at(curve, 0.00025) == pytest.approx(0.5e6, rel=1e-6)  # under the first size
    assert size_at(curve, 0.1001) is None


def test_a_curve_that_ends_before_five_percent_says_so(tmp_path: Path) -> None:
    curve = model_data()["assets"]["WETH"]["curves"][0]
    cheap = curve | {"slippage": [s / 10 for s in curve["slippage"]]}
    data = changed("assets", "WETH", "curves", to=[cheap])
    shown = govkit("show", stored(tmp_path, data=data), "--asset", "WETH").stdout
    assert "at a slippage of 5 %: more than is known (more than the largest size known, $200M;" in (
        shown
    )


# --- check ----------------------------------------------------------------------------------


def test_a_whole_model_passes(tmp_path: Path) -> None:
    result = govkit("check", stored(tmp_path))
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "sample: no problem found; as of 2026-02-19, 5 assets, 4 supported, 5 return models",
        f"digest {sample_model().digest()}",
    ]


ETH = ("returns", "ETH")
FAULTS: list[tuple[tuple[str | int, ...], Any, str]] = [
    (("as_of",), "2026-01-01", "as of: 2026-01-01, but the oldest price of a supported asset is"),
    (("snapshot_digest",), "sha256:short", "snapshot digest: 'sha256:short' is not a SHA-256"),
    (("fitted_with",), {}, "fitted with: the version of govkit is missing"),
    ((*ETH, "window", "first"), "last year", "ETH, prices, window: 'last year' is not a date"),
    ((*ETH, "window", "first"), "2026-03-01", "begins on 2026-03-01, after its end 2026-02-19"),
    ((*ETH, "window", "input_digests"), [], "ETH, prices, window: no digest of an input"),
    ((*ETH, "window", "observations"), 0, "ETH, prices, window: no observations"),
    ((*ETH, "variance", "persistence"), 0.97, "persistence 0.97, its parts add up to 0.995"),
    ((*ETH, "variance", "omega"), 0.0, "ETH, variance: omega is 0"),
    ((*ETH, "variance", "nu"), None, "no degrees of freedom above 2"),
    ((*ETH, "variance", "agreeing_starts"), 5, "ETH, variance: 5 of 4 starts agree"),
    ((*ETH, "variance", "last_at"), "2025-02-20T00:00Z", "of 2025-02-20, but the last price is"),
    ((*ETH, "residual_quantiles", 100), 9.0, "ETH, body: quantile 102 of 257 is lower than"),
    ((*ETH, "lower_tail", "threshold"), 4.4, "the lower tail begins at 4.4, the body ends at 3.2"),
    ((*ETH, "lower_tail", "shape"), 0.9, "shape 0.9 of the lower tail lies outside its interval"),
    ((*ETH, "upper_tail", "excesses"), 60, "was not used for 60 excesses of the upper tail"),
    ((*ETH, "shadow", "quantiles", 1, 5), 9.0, "ETH, lows within the hour, bin 2: quantile 7"),
    ((*ETH, "shadow", "residual_edges"), [0.0, 1.0], "4 rows for 3 bins"),
    ((*ETH, "worst_five_minutes", 32), 1.4, "they must lie between 0 and 1"),
    ((*ETH, "states", "trigger", 64), 0.0001, "volatility in trigger states: quantile 65"),
    ((*ETH, "states", "stressed_weight"), 0.1, "stressed hours weigh 10 %, at least 25 %"),
    ((*ETH, "jumps", "intensity_low"), 0.01, "the intensity lies outside its own interval"),
    ((*ETH, "jumps", "count"), 5, "the intensity is not (count + 1/2) / hours"),
    ((*ETH, "refits", "rows"), [], "ETH, refits: 0 are stored, at least 20 are needed"),
    ((*ETH, "refits", "failed"), 10, "ETH, refits: 10 of 50 failed"),
    ((*ETH, "refits", "rows", 3, 6), -1.0, "ETH, refits, row 4: scale must be above zero"),
    ((*ETH, "refits", "rows", 3, 3), 0.99, "ETH, refits, row 4: persistence 1.057 is not stable"),
    ((*ETH, "falls", "falls", 0, 1), 0.5, "a rarer fall is smaller than a more frequent one"),
    ((*ETH, "falls", "falls", 3), [0.03, 0.02, 0.01, 0.0], "a fall over more hours is smaller"),
    ((*ETH, "exceptions", 0, "dated", 0), ["2025-10-10", 0.1, 0.2], "did not exceed its allowance"),
    ((*ETH, "exceptions", 0, "expected"), 9.0, "9 expected, 0.005 of 400 windows"),
    (("returns", "LDO", "pooled_over"), [], "a pooled model names no assets that carry it"),
    (("assets", "WETH", "verdict"), " ", "WETH: no verdict"),
    (("assets", "WETH", "priced_as"), "WBTC", "called supported without a return model of WBTC"),
    (("assets", "WETH", "curves"), [], "WETH: called supported without a curve for selling it"),
    (("assets", "WETH", "asset"), "LINK", "WETH: the record is that of LINK"),
    (("assets", "WETH", "falls", 0, "falls"), [0.4, 0.3], "falls must be fractions that do not"),
    (("assets", "WBTC", "pair"), "BTC/SOL", "WBTC: there is no return model 'BTC/SOL'"),
    (("assets", "WBTC", "ratio", "discounts", 64), 0.001, "WBTC, ratio discounts: quantile 65"),
    (("assets", "USDC", "two_state"), None, "pooled depegs, but the two states are missing"),
    (("assets", "USDC", "two_state", "entry_level"), 0.11, "smaller than the entry level"),
    (("assets", "CRV", "supported"), True, "CRV: called supported in spite of an error"),
    (("accounts", "windows"), [], "accounts: no window says where they come from"),
    (("dependence", "kendall_tau", 0, 1), 0.3, "tau of ETH and BTC is 0.62 and 0.3"),
    (("dependence", "assets", 0), "SOL", "dependence: there is no return model of SOL"),
    (("dependence", "degrees_high"), 3.0, "lie outside their interval 2.8 to 3"),
]


@pytest.mark.parametrize(("steps", "value", "words"), FAULTS)
def test_every_seeded_fault_is_named(
    tmp_path: Path, steps: tuple[str | int, ...], value: Any, words: str
) -> None:
    result = govkit("check", stored(tmp_path, data=changed(*steps, to=value)))
    assert result.exit_code == 1, result.output
    assert any(words in line for line in result.stdout.splitlines()), result.stdout
    assert "Error: " in result.stderr


def test_a_reason_is_needed_for_calling_an_asset_unsupported() -> None:
    data = changed("assets", "CRV", "findings", to=[])
    data["assets"]["CRV"]["not_done"] = []
    found = model_problems(MarketModel.model_validate(data))
    assert found == ("CRV: called unsupported without a reason",)


def test_dates_in_the_future_are_a_problem_only_where_the_day_is_known() -> None:
    model = sample_model()
    assert model_problems(model, date(2026, 2, 19)) == ()
    found = model_problems(model, date(2025, 12, 31))
    assert "as of: 2026-02-19 lies in the future" in found
    assert "WETH, price: 2026-02-19 lies in the future" in found


def test_all_problems_are_told_at_once(tmp_path: Path) -> None:
    data = changed("returns", "ETH", "refits", "rows", to=[])
    data["assets"]["WETH"]["verdict"] = ""
    data["accounts"]["windows"] = []
    result = govkit("check", stored(tmp_path, data=data))
    assert len(result.stdout.splitlines()) == 3
    assert "the model has 3 problems" in result.stderr


def test_what_the_schema_refuses_is_told_line_by_line(tmp_path: Path) -> None:
    data = changed("returns", "ETH", "lower_tail", "scale", to=-1.0)
    data["assets"]["WETH"]["price_usd"] = "dear"
    data["colour"] = "red"
    for n in range(6):
        data["returns"]["BTC"]["residual_quantiles"][n] = None
    result = govkit("check", stored(tmp_path, data=data))
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert len(lines) == 9
    assert any(line.startswith("returns.ETH.lower_tail.scale: ") for line in lines)
    assert any(line.startswith("assets.WETH.price_usd: ") for line in lines)
    assert any(line.startswith("colour: ") for line in lines)
    assert "the model has 9 problems" in result.stderr


def test_not_a_number_is_refused(tmp_path: Path) -> None:
    data = changed("returns", "ETH", "variance", "last_variance", to=float("nan"))
    result = govkit("check", stored(tmp_path, data=data))
    assert result.exit_code == 1
    assert result.stdout.startswith("returns.ETH.variance.last_variance: ")


# --- diff -----------------------------------------------------------------------------------


def other_model() -> Data:
    """The sample a quarter later: stormier, thinner, without LDO, with CRV supported."""
    data = deepcopy(model_data())
    data["name"] = "later"
    data["returns"]["ETH"] = json.loads(json.dumps(returns(0.9)))
    data["assets"]["WETH"]["curves"][0]["sizes_usd"] = [
        size * 0.9 for size in data["assets"]["WETH"]["curves"][0]["sizes_usd"]
    ]
    data["assets"]["WETH"]["verdict"] = "Supported, with care: 2 candles."
    del data["assets"]["LDO"], data["returns"]["LDO"]
    data["assets"]["UNI"] = data["assets"]["WETH"] | {"asset": "UNI"}
    return data


def test_diff_says_what_changed_and_by_how_much(tmp_path: Path) -> None:
    one, two = stored(tmp_path), stored(tmp_path, "later.json", other_model())
    result = govkit("diff", one, two)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0].startswith("before: sample, as of 2026-02-19, sha256:")
    assert lines[1].startswith("after:  later, as of 2026-02-19, sha256:")
    for line in (
        "only before: asset LDO",
        "only before: returns LDO",
        "only after: asset UNI",
        "WETH, verdict",
        "  was: Supported: nothing was found in its data that asks for care.",
        "  is:  Supported, with care: 2 candles.",
        "  long-run volatility a year: 80 % → 90 %, 10 points higher",
        "  sold for USDC at a slippage of 5 %: $100M → $90M, 10 % lower",
    ):
        assert line in lines, result.stdout
    # What did not change is not told: the shape, WBTC, the accounts.
    assert not any("shape" in line or "WBTC" in line or "accounts" in line for line in lines)


def test_diff_as_json(tmp_path: Path) -> None:
    one, two = stored(tmp_path), stored(tmp_path, "later.json", other_model())
    data = json.loads(govkit("diff", one, two, "--json").stdout)
    assert data["removed"] == ["asset LDO", "returns LDO"]
    assert data["added"] == ["asset UNI"]
    (long_run,) = [c for c in data["changed"] if c["name"] == "long-run volatility a year"]
    assert (long_run["of"], long_run["unit"]) == ("returns ETH", "share")
    assert long_run["after"] / long_run["before"] == pytest.approx(0.9 / 0.8, rel=1e-5)
    assert [v["asset"] for v in data["verdicts"]] == ["WETH"]


def test_diff_backwards_turns_the_signs(tmp_path: Path) -> None:
    one, two = stored(tmp_path), stored(tmp_path, "later.json", other_model())
    shown = govkit("diff", two, one).stdout
    assert "long-run volatility a year: 90 % → 80 %, 10 points lower" in shown
    assert "only after: asset LDO" in shown


def test_diff_of_equal_models(tmp_path: Path) -> None:
    one = stored(tmp_path)
    assert govkit("diff", one, one).stdout.endswith("the two models are the same\n")
    data = changed("returns", "ETH", "shadow", "wicks_filtered", to=3)
    shown = govkit("diff", one, stored(tmp_path, "b.json", data)).stdout
    assert shown.endswith("nothing that is shown differs, but the digests do\n")


# --- bad input ------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["show", "check"])
@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("missing.json", None, "no such model file"),
        ("cut.json", '{"schema_id": "govkit/market', "the file is cut short or is not JSON"),
        ("list.json", "[1, 2]", "the file is cut short or is not JSON"),
        ("empty.json", "", "the file is cut short or is not JSON"),
        ("binary.json", "\x00\x01", "the file is cut short or is not JSON"),
    ],
)
def test_what_is_no_model_ends_with_one_line(
    tmp_path: Path, verb: str, name: str, text: str | None, words: str
) -> None:
    path = tmp_path / name
    if text is not None:
        path.write_text(text, encoding="utf-8")
    result = govkit(verb, path)
    assert (result.exit_code, result.stdout) == (2, ""), result.output
    (line,) = result.stderr.splitlines()
    assert words in line
    assert str(path) in line


def edit_name(_: Path) -> tuple[str | Path, ...]:
    return ("show", "refrence")


def edit_asset(folder: Path) -> tuple[str | Path, ...]:
    return ("show", stored(folder), "--asset", "WETHH")


def edit_second(folder: Path) -> tuple[str | Path, ...]:
    return ("diff", stored(folder), folder / "gone.json")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (edit_name, "unknown model 'refrence'. Did you mean reference?"),
        (edit_asset, "unknown asset 'WETHH'. Did you mean WETH"),
        (edit_second, "no such model file"),
    ],
)
def test_wrong_names_are_told_in_one_line(
    tmp_path: Path, words: Callable[[Path], tuple[str | Path, ...]], said: str
) -> None:
    result = govkit(*words(tmp_path))
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.splitlines()
    assert said in line


def test_a_staking_token_shows_its_growth_and_what_a_stop_of_redemption_did() -> None:
    """The shipped model: stETH paid 3.9 % a year; its deepest discounts came before redemption."""
    result = CliRunner().invoke(main, ["model", "show", "--asset", "wstETH"])
    assert result.exit_code == 0, result.output
    assert "  growth a year: 3.9 % (a loop that borrows ETH at more than this" in result.stdout
    assert "  half of a discount is made good after: 238.8 h" in result.stdout
    assert "  largest discount while redemption was closed: 7 %" in result.stdout
