"""``govkit stress``: tables, one scenario, files, JSON, charts, and what cannot be run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from govkit.cli import main
from govkit.data import load_scenarios

OWN = """
[[scenario]]
name = "Half at once"
channels = ["gap"]
decides = false
source = "mine"
note = "a test of the worst"
horizons_hours = [0.08]
falls = [0.5]
"""


def govkit(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["stress", *(str(word) for word in words)])


def test_a_table_of_the_whole_library_with_reverse_stress_and_solvency() -> None:
    result = govkit("WETH", "USDC")
    assert result.exit_code == 0, result.output
    weth, usdc = result.stdout.split("\n\nUSDC: ")
    assert weth.startswith("WETH: 83 % in force, book re-levered, stressed depth\n")
    rows = [line.strip() for line in weth.splitlines()]
    assert rows[1].split("  ")[0] == "scenario"
    (black,) = [row for row in rows if row.startswith("Black Thursday *")]
    assert black.split()[3:6] == ["2020-03-13", "20.9", "%"]
    assert black.endswith("within")
    assert "* decides: 18 of 18 events within the cap of 0.25 % of debt" in rows
    (smallest,) = [row for row in rows if row.startswith("smallest sudden fall")]
    assert smallest.endswith("(worst hour on record 20.9 %, 2020-03-13)")
    assert any(row.startswith("with nobody liquidated, all collateral") for row in rows)
    (left_out,) = [row for row in rows if row.startswith("not applied: ")]
    assert "Redemption frozen (only for staking tokens)" in left_out
    assert "(worst day on record 12.2 %, 2023-03-11)" in usdc
    for one in load_scenarios():
        assert one.name in weth


def test_one_scenario_says_where_it_is_from_and_what_it_leaves_out() -> None:
    result = govkit("WETH", "--scenario", "keepers out for 1 h", "--scenario", "Black Thursday")
    assert result.exit_code == 0, result.output
    assert "Keepers out for 1 h: keeper outage\n" in result.stdout
    assert "  source: synthetic; about 40 minutes on 2020-03-12\n" in result.stdout
    assert "Black Thursday: gap, keeper outage\n" in result.stdout
    assert "Sudden fall" not in result.stdout


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN, encoding="utf-8")
    result = govkit("WETH", "--scenario", path)
    assert result.exit_code == 0, result.output
    (row,) = [line for line in result.stdout.splitlines() if line.startswith("  Half at once  ")]
    assert row.split()[3:7] == ["50", "%", "50", "%"]
    assert row.endswith("above")
    assert "a test of the worst" in result.stdout


def test_the_appetite_sets_the_cap() -> None:
    caps = {}
    for name in ("conservative", "moderate", "aggressive"):
        data = json.loads(govkit("WETH", "--appetite", name, "--json").stdout)
        assert data["appetite"] == name
        reverse = data["assets"]["WETH"]["stress"]["reverse"]
        caps[reverse["cap_share"]] = reverse["gap_current"]
    assert list(caps) == [0.0005, 0.0025, 0.005]
    assert list(caps.values()) == sorted(caps.values())


def test_json_holds_the_record_and_the_horizon() -> None:
    result = govkit("WETH", "DAI", "--json")
    assert result.exit_code == 0, result.output
    data = json.loads(result.stdout)
    assert (data["market"], data["model"]) == ("aave-v3-ethereum", "reference")
    weth = data["assets"]["WETH"]
    assert weth["threshold"] == 0.83
    assert weth["horizon_hours"] >= 1
    names = {one["name"] for one in weth["stress"]["results"]}
    skipped = {text.rsplit(" (", 1)[0] for text in weth["stress"]["skipped"]}
    assert names | skipped == {one.name for one in load_scenarios()}
    assert "no depth" in data["assets"]["DAI"]["not_run"]


def test_a_book_of_accounts_replaces_the_distribution(tmp_path: Path) -> None:
    book = tmp_path / "book.csv"
    # Collateral that together is twice the debt: 83 % x 2 is a health factor of 1.66.
    book.write_text("collateral_usd,debt_usd\n3000000,1000000\n1000000,1000000\n", "utf-8")
    result = govkit("WETH", "--book", book, "--json")
    assert result.exit_code == 0, result.output
    solvency = json.loads(result.stdout)["assets"]["WETH"]["stress"]["solvency"]
    assert solvency["basis"] == "book"
    assert solvency["together_current"] == pytest.approx(0.5, abs=1e-6)
    # The second account has no room at all: 0.25 % of 2M is 0.5 % of its debt.
    assert solvency["uncovered_current"] == pytest.approx(0.005, abs=1e-6)


def test_a_chart_of_every_asset(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "charts"
    result = govkit("WETH", "DAI", "--out", out)
    assert result.exit_code == 0, result.output
    assert [path.name for path in out.iterdir()] == ["weth-stress.png"]
    first = (out / "weth-stress.png").read_bytes()
    assert first.startswith(b"\x89PNG")
    assert govkit("WETH", "--out", out).exit_code == 0
    assert (out / "weth-stress.png").read_bytes() == first
    assert f"written: {out / 'weth-stress.png'}" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["WET"], "unknown asset of Aave v3 Ethereum 'WET'. Did you mean WETH"),
        (["WETH", "--scenario", "Black Friday"],
         "unknown scenario 'Black Friday'. Did you mean Black Thursday?"),
        (["WETH", "--scenario", "no/such.toml"], "no/such.toml: no such scenario file"),
        (["WETH", "--appetite", "moderat"], "unknown appetite 'moderat'. Did you mean moderate"),
        (["WETH", "--model", "x"], "unknown model 'x'. Known: reference."),
    ],
)  # fmt: skip
def test_what_is_unknown_is_named_with_what_is_near(words: list[str], message: str) -> None:
    result = govkit(*words)
    assert result.exit_code == 2
    assert message in result.stderr
    assert result.stdout == ""


def test_a_stress_without_channel_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(OWN.replace('channels = ["gap"]\n', ""), encoding="utf-8")
    result = govkit("WETH", "--scenario", path)
    assert result.exit_code == 2
    assert result.stderr == f"Error: {path}: scenario 1 (Half at once): channels: field required\n"


def test_a_file_where_the_folder_of_charts_should_be(tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("", encoding="utf-8")
    result = govkit("WETH", "--out", taken)
    assert result.exit_code == 2
    assert f"{taken}: is no folder to write to" in result.stderr
