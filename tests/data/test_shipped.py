"""The shipped files load, agree with each other and with the records they were taken from."""

from __future__ import annotations

import json
import tomllib
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from govkit import data
from govkit.errors import InputError
from govkit.protocols import rule_book
from govkit.records.market import Appetite, Dated, Market
from govkit.records.model import MarketModel

MARKET = "aave-v3-ethereum"


@pytest.fixture(scope="module")
def market() -> Market:
    return data.load_market(MARKET)


@pytest.fixture(scope="module")
def model() -> MarketModel:
    return data.load_model()


def test_every_toml_loads() -> None:
    files = sorted(data.FOLDER.rglob("*.toml"))
    assert {path.stem for path in files} >= {MARKET, "moderate", "assets", "dated", "synthetic"}
    for path in files:
        assert tomllib.loads(path.read_text(encoding="utf-8"))
    for name in data.market_names():
        assert data.load_market(name).name == name
    for name in data.appetite_names():
        assert data.load_appetite(name).name == name


def test_appetites_are_ordered_from_strict_to_bold() -> None:
    assert data.appetite_names() == ["conservative", "moderate", "aggressive"]
    rows = [data.load_appetite(name) for name in data.appetite_names()]
    # calibration.md, section 2, column by column.
    table = {
        "position_probability": [0.002, 0.005, 0.01],
        "book_probability": [0.002, 0.005, 0.01],
        "tail_loss_share": [0.0002, 0.0005, 0.0015],
        "stress_loss_share": [0.0005, 0.0025, 0.005],
        "invariant_margin": [0.03, 0.02, 0.01],
        "confidence": [0.95, 0.80, 0.50],
        "most_unnecessary": [0.20, 0.35, 0.50],
    }
    for field, values in table.items():
        assert [getattr(row, field) for row in rows] == values
    # One rule of decision for all of them.
    same = ["book_floor_share", "book_floor_usd", "tail_level", "keep_band_points", "step_points",
            "raise_margin_points", "largest_cut_points", "raise_points_per_30_days"]  # fmt: skip
    for field in same:
        assert len({getattr(row, field) for row in rows}) == 1
    assert set(Appetite.model_fields) - {"name", "description"} - set(table) - set(same) == {
        "far_above_points"
    }


def test_every_value_in_force_has_a_date(market: Market) -> None:
    newest = date.fromisoformat(market.as_of)
    for name, reserve in market.reserves.items():
        dated = [value for _, value in reserve if isinstance(value, Dated)]
        assert len(dated) >= 4, name
        for value in dated:
            assert date(2020, 1, 1) <= date.fromisoformat(value.as_of) <= newest, name


def test_reserves_fulfil_the_contracts_invariants(market: Market) -> None:
    rules = rule_book(market.protocol)
    for name, reserve in market.reserves.items():
        assert 0 <= reserve.ltv.value <= reserve.threshold.value, name
        assert reserve.threshold.value <= rules.largest_threshold(reserve.bonus.value), name
        assert reserve.address.startswith("0x"), name
        assert len(reserve.address) == 42, name
    assert len({reserve.address for reserve in market.reserves.values()}) == len(market.reserves)


def test_link_lives_in_its_e_mode(market: Market) -> None:
    link = market.reserves["LINK"]
    assert (link.ltv.value, link.threshold.value, link.bonus.value) == (0.66, 0.71, 0.07)
    assert "id 40" in link.e_mode
    assert link.reserve_ltv == Dated(value=0.0, as_of="2026-01-27")
    assert [n for n, r in market.reserves.items() if r.e_mode or r.reserve_ltv] == ["LINK"]


def test_reserves_with_ltv_zero_say_why(market: Market) -> None:
    zero = {name for name, reserve in market.reserves.items() if reserve.ltv.value == 0}
    assert zero == {name for name, reserve in market.reserves.items() if reserve.offboarding}
    assert zero == {"UNI", "CRV", "DAI", "1INCH"}


def test_values_are_those_of_the_votes(market: Market, shared_data: Path) -> None:
    known = pd.read_csv(
        shared_data / "reserves" / "aave-v3-ethereum-latest-known.csv", index_col="asset"
    )
    fields = {"ltv": "ltv", "threshold": "liquidationThreshold", "bonus": "liquidationBonus",
              "supply_cap": "supplyCap"}  # fmt: skip
    for name, reserve in market.reserves.items():
        row = known.loc[name]
        for field, column in fields.items():
            value = getattr(reserve, field)
            if reserve.e_mode and field != "supply_cap":
                continue
            raw = float(row[column])
            expected = {"supply_cap": raw, "bonus": raw / 1e4 - 1}.get(field, raw / 1e4)
            assert value.value == pytest.approx(expected, abs=1e-9), (name, field)
            assert value.as_of == row[f"{column}_as_of"], (name, field)
        if reserve.reserve_ltv is not None:
            assert reserve.reserve_ltv.value == float(row["ltv"]) / 1e4
            assert reserve.reserve_ltv.as_of == row["ltv_as_of"]


def test_e_mode_values_are_those_of_the_vote(market: Market, shared_data: Path) -> None:
    changes = pd.read_csv(shared_data / "reserves" / "aave-v3-param-changes.csv.gz")
    link = changes[
        (changes["market"] == "AaveV3Ethereum")
        & (changes["kind"] == "emode")
        & changes["asset"].str.startswith("LINK__USDC_USDT")
    ].set_index("field")
    reserve = market.reserves["LINK"]
    assert reserve.e_mode.replace(" ", "") in link["asset"].iloc[0].replace("id: ", "id").replace(
        " ", ""
    )
    for field, column, base in (
        ("ltv", "ltv", 0), ("threshold", "liquidationThreshold", 0),
        ("bonus", "liquidationBonus", 10_000),
    ):  # fmt: skip
        raw = float(link.loc[column, "after_value"])
        value = getattr(reserve, field)
        assert value.value == pytest.approx((raw - base) / 10_000, abs=1e-9)
        assert value.as_of == link.loc[column, "commit_date"]


def test_every_feed_has_a_rule_with_its_source(market: Market) -> None:
    for name, reserve in market.reserves.items():
        rule = reserve.oracle
        if rule is None:  # no source could be cited: the market's constant applies
            assert name in {"cbETH", "rETH", "weETH", "MKR", "1INCH"}
            continue
        assert rule.sanity_bound is None, name
        assert rule.as_of in rule.source or rule.as_of == "2026-03", name
        assert "Chainlink's directory of Ethereum feeds" in rule.source, name
        assert ("Aave's proposal Set Price Cap Adapters" in rule.source) == (
            rule.adapter == "capped"
        ), name
        assert (rule.price_cap_usd == 1.04) == (reserve.kind == "pegged"), name
        assert rule.follows_underlying == (reserve.kind == "staking"), name
        assert rule.deviation in (0.0025, 0.005, 0.01), name
        assert rule.heartbeat_minutes in (60.0, 1440.0), name
    assert market.reserves["wstETH"].oracle.growth_cap_per_year == 0.0968  # type: ignore[union-attr]
    # The constant is that of the two feeds its source names; smaller tokens' feeds are coarser.
    coarse = {n for n, r in market.reserves.items() if r.oracle and r.oracle.deviation == 0.01}
    assert coarse == {"LINK", "AAVE", "UNI", "CRV"}
    for name in ("WETH", "WBTC", "wstETH"):
        assert market.reserves[name].oracle.deviation == market.oracle_deviation.value  # type: ignore[union-attr]


def test_every_reserve_is_known_to_the_model(market: Market, model: MarketModel) -> None:
    entries = data.load_assets()
    assert set(market.reserves) <= set(model.assets)
    for name, reserve in market.reserves.items():
        known, entry = model.assets[name], entries[name]
        assert known.asset == name
        assert known.priced_as == entry.priced_as
        assert reserve.kind == entry.kind
        assert (known.ratio is not None) <= bool(entry.ratio), name
        if known.supported:
            assert known.priced_as in model.returns, name
            assert known.curves, name
        else:
            assert known.not_done, name


def test_model_holds_what_it_says(model: MarketModel) -> None:
    # calibration.md, section 6.
    for name, returns in model.returns.items():
        assert len(returns.residual_quantiles) == 257, name
        assert len(returns.refits.rows) == 200, name
        assert {len(row) for row in returns.shadow.quantiles} == {33}, name
        assert len(returns.shadow.quantiles) == len(returns.shadow.residual_edges) + 1 == 12, name
        assert returns.variance.persistence <= 0.995 + 1e-6, name
        assert returns.jumps.intensity_per_hour > 0, name
        body = list(returns.residual_quantiles)
        assert body == sorted(body), name
    for name, known in model.assets.items():
        for curve in known.curves:
            sizes, slips = list(curve.sizes_usd), list(curve.slippage)
            assert len(sizes) == len(slips) == len(curve.error) == len(curve.marginal), name
            assert sizes == sorted(set(sizes)), name
            assert slips == sorted(slips), name
    supported = [a.as_of for a in model.assets.values() if a.supported]
    assert model.as_of == min(supported)


def test_model_is_small(model: MarketModel) -> None:
    path = data.FOLDER / "models" / "reference.json"
    assert path.stat().st_size <= 60_000 * len(model.returns)
    for name, returns in model.returns.items():
        assert len(returns.canonical()) <= 60_000, name
    assert path.read_bytes().strip() == model.canonical()


def test_falls_of_the_model_are_dated_events(model: MarketModel) -> None:
    events = {event.name: event for event in data.load_events()}
    for name, known in model.assets.items():
        for fall in known.falls:
            event = events[fall.event]
            assert event.first <= fall.on <= event.last, (name, fall.event)
            assert list(fall.falls) == sorted(fall.falls), (name, fall.event)


def test_events_are_in_order_of_time() -> None:
    events = data.load_events()
    assert [e.first for e in events] == sorted(e.first for e in events)
    assert all(e.first <= e.last for e in events)
    assert len({e.name for e in events}) == len(events)


@pytest.mark.parametrize(
    ("load", "name", "message"),
    [
        (data.load_market, "aave-v3-etherum",
         "unknown market 'aave-v3-etherum'. Did you mean aave-v3-ethereum?"),
        (data.load_appetite, "Moderat",
         "unknown appetite 'Moderat'. Did you mean moderate or conservative?"),
        (data.load_appetite, "x",
         "unknown appetite 'x'. Known: aggressive, conservative, moderate."),
        (data.load_model, "referenz", "unknown model 'referenz'. Did you mean reference?"),
        (data.load_market, "no/such.toml", "no/such.toml: no such market file"),
        (data.load_appetite, "such.toml", "such.toml: no such appetite file"),
        (data.load_model, "such.json", "such.json: no such model file"),
    ],
)  # fmt: skip
def test_unknown_names(load, name: str, message: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError) as caught:
        load(name)
    assert caught.value.message() == message


REFERENCE = (data.FOLDER / "models" / "reference.json").read_text(encoding="utf-8")


def other_schema() -> str:
    return json.dumps(json.loads(REFERENCE) | {"schema_id": "govkit/market-model/99"})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (REFERENCE[:5000].encode(), "the file is cut short or is not JSON"),
        (b"", "the file is cut short or is not JSON"),
        (b"\x89PNG\r\n\xff", "the file is cut short or is not JSON"),
        (b"[]", "the file is cut short or is not JSON"),
        (b"{}", "has schema 'None'"),
        (other_schema().encode(), "has schema 'govkit/market-model/99', this govkit reads "),
        (REFERENCE.replace('"seed":1', '"seed":NaN').encode(), "NaN is not a number"),
        (REFERENCE.replace('"seed":1', '"seed":1,"stray":1').encode(), "stray: extra inputs"),
        (b'{"schema_id":"govkit/market-model/1"}', "name: field required"),
    ],
    ids=["cut short", "empty", "binary", "list", "no schema", "other schema", "NaN", "stray",
         "nothing in it"],
)  # fmt: skip
def test_model_that_cannot_be_used(tmp_path: Path, text: bytes, message: str) -> None:
    path = tmp_path / "model.json"
    path.write_bytes(text)
    with pytest.raises(InputError) as caught:
        data.load_model(str(path))
    shown = caught.value.message()
    assert shown.startswith(f"{path}: ")
    assert message in shown
    assert "\n" not in shown


def test_model_that_is_a_folder_or_missing(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.json"):
        with pytest.raises(InputError) as caught:
            data.load_model(str(path))
        assert caught.value.message() == f"{path}: no such model file"


def test_model_by_path(tmp_path: Path, model: MarketModel) -> None:
    path = tmp_path / "model.json"
    path.write_text(REFERENCE, encoding="utf-8")
    assert data.load_model(str(path)).digest() == model.digest()


def test_appetite_of_a_user(tmp_path: Path) -> None:
    path = tmp_path / "bold.toml"
    text = (data.FOLDER / "appetites" / "aggressive.toml").read_text(encoding="utf-8")
    path.write_text(text.replace('"aggressive"', '"bold"'), encoding="utf-8")
    assert data.load_appetite(str(path)).name == "bold"
    path.write_text(text.replace("0.975", "1.975"), encoding="utf-8")
    with pytest.raises(InputError, match=r"bold\.toml: tail_level: input should be less than 1"):
        data.load_appetite(str(path))
    path.write_text(text + "\n[", encoding="utf-8")
    with pytest.raises(InputError, match=r"bold\.toml: not valid TOML"):
        data.load_appetite(str(path))
