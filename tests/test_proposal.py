"""The pipeline: what must not matter does not, and what must push down pushes down."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from govkit.data import appetite_names, load_market, load_model
from govkit.errors import InputError
from govkit.protocols import rule_book
from govkit.records.book import AccountBook
from govkit.records.evidence import AssetEvidence, Evidence
from govkit.records.market import Market, Overlay
from govkit.records.model import MarketModel
from tests.calibrate.pipeline import (
    NAME,
    evidence_of,
    fewer_paths,
    one,
    with_asset,
    with_constant,
    with_depth,
    with_reserve,
)

# WETH is limited by the fall over one hour; LINK sells for five hours into a thin curve.
ASSETS = ("WETH", "LINK")
# Enough that the tail loss is the mean of two hundred paths; each path alone may gain from less
# depth, when the price recovers before the queue is sold.
BOOK = 6000


@pytest.fixture(autouse=True, scope="module")
def small_samples() -> Iterator[None]:
    with fewer_paths(book=500):
        yield


@pytest.fixture(scope="module")
def market() -> Market:
    return load_market(NAME)


@pytest.fixture(scope="module")
def model() -> MarketModel:
    return load_model()


@pytest.fixture(scope="module")
def together() -> Evidence:
    return evidence_of(*ASSETS, "USDC")


@pytest.fixture(scope="module")
def base(together: Evidence) -> dict[str, AssetEvidence]:
    return {asset.asset: asset for asset in together.assets}


def supported(asset: AssetEvidence) -> float:
    assert asset.support is not None
    return asset.support.bound


def limit(asset: AssetEvidence, name: str) -> float:
    (found,) = [one.threshold for one in asset.limits if one.name == name]
    return 1.0 if found is None else found


def horizon(asset: AssetEvidence) -> float:
    assert asset.clearing is not None
    return asset.clearing.horizon_hours


@pytest.fixture(scope="module")
def uni() -> AssetEvidence:
    """UNI on enough book paths that a single one does not decide its tail loss."""
    with fewer_paths(book=BOOK):
        return one("UNI")


def worse(market: Market | None, model: MarketModel | None, uni: AssetEvidence) -> float:
    """Return by how much the supported value of UNI falls, in points."""
    with fewer_paths(book=BOOK):
        return 100 * (supported(uni) - supported(one("UNI", market=market, model=model)))


@pytest.mark.parametrize("asset", ASSETS)
def test_latency_never_helps(base: dict[str, AssetEvidence], market: Market, asset: str) -> None:
    slow = one(asset, market=with_constant(market, "latency_minutes", 185.0))
    assert horizon(slow) > horizon(base[asset])
    assert limit(slow, "position") < limit(base[asset], "position")
    assert supported(slow) <= supported(base[asset])


def test_long_latency_moves_the_supported_value(market: Market, uni: AssetEvidence) -> None:
    assert worse(with_constant(market, "latency_minutes", 24 * 60.0), None, uni) > 1


@pytest.mark.parametrize(("asset", "factor"), [("WETH", 3.0), ("LINK", 2.0)])
def test_exposure_lengthens_the_sale(
    base: dict[str, AssetEvidence], market: Market, asset: str, factor: float
) -> None:
    # LINK's doubled cap stays below the $1B at which the rule's exposure share changes.
    cap = market.reserves[asset].supply_cap.value * factor
    full = one(asset, market=with_reserve(market, asset, supply_cap=cap))
    assert full.clearing is not None
    assert full.clearing.exposure_basis == base[asset].clearing.exposure_basis  # type: ignore[union-attr]
    assert horizon(full) > horizon(base[asset])
    assert limit(full, "position") < limit(base[asset], "position")


def test_exposure_never_helps(market: Market, uni: AssetEvidence) -> None:
    cap = market.reserves["UNI"].supply_cap.value
    assert worse(with_reserve(market, "UNI", supply_cap=3 * cap), None, uni) > 1


def with_deviation(market: Market, asset: str, value: float) -> Market:
    oracle = market.feed(asset).model_copy(update={"deviation": value})
    return with_reserve(market, asset, oracle=oracle)


@pytest.mark.parametrize("asset", ASSETS)
def test_oracle_deviation_lowers_the_position_limit(
    base: dict[str, AssetEvidence], market: Market, asset: str
) -> None:
    coarse = one(asset, market=with_deviation(market, asset, 0.02))
    was = market.feed(asset).deviation
    assert was is not None
    # (1 - x)(1 - delta) / (1 + b), and a coarser feed that leaves less room for slippage.
    assert limit(coarse, "position") <= limit(base[asset], "position") * 0.98 / (1 - was) + 1e-6


def test_the_markets_deviation_serves_only_reserves_without_a_feed_of_their_own(
    base: dict[str, AssetEvidence], market: Market
) -> None:
    coarse = with_constant(market, "oracle_deviation", 0.02)
    assert market.reserves["WETH"].oracle is not None
    assert one("WETH", market=coarse) == base["WETH"]
    assert market.reserves["MKR"].oracle is None
    assert limit(one("MKR", market=coarse), "position") < limit(one("MKR"), "position")


@pytest.mark.parametrize("asset", ASSETS)
def test_depth_shortens_the_sale(
    base: dict[str, AssetEvidence], model: MarketModel, asset: str
) -> None:
    before = base[asset]
    assert before.clearing is not None
    for factor in (0.25, 2.0):
        changed = one(asset, model=with_depth(model, asset, factor))
        assert changed.clearing is not None
        assert changed.clearing.chunk_usd == pytest.approx(
            factor * before.clearing.chunk_usd, rel=1e-5
        )
        deep, shallow = (changed, before) if factor > 1 else (before, changed)
        assert horizon(deep) <= horizon(shallow)
        assert limit(deep, "position") >= limit(shallow, "position")


def test_depth_never_hurts(model: MarketModel, uni: AssetEvidence) -> None:
    assert worse(None, with_depth(model, "UNI", 4.0), uni) <= 0
    assert worse(None, with_depth(model, "UNI", 0.25), uni) > 1


@pytest.mark.parametrize("asset", ["WETH"])
def test_stricter_appetite_never_raises(base: dict[str, AssetEvidence], asset: str) -> None:
    asked = [supported(one(asset, appetite=name)) for name in appetite_names()]
    assert asked == sorted(asked)
    # Asking under an appetite gives the value that the others list for it.
    assert asked == [shown.supported for shown in base[asset].alternatives]


def test_overlay_is_deducted_in_full(base: dict[str, AssetEvidence]) -> None:
    overlay = Overlay(
        asset="LINK", points=2.5, owner="Risk council", date="2026-02-11", reason="concentration"
    )
    asked = evidence_of("LINK", overlays=(overlay,)).assets[0]
    assert supported(asked) == pytest.approx(supported(base["LINK"]) - 0.025, abs=2e-6)
    assert asked.support.point == base["LINK"].support.point  # type: ignore[union-attr]
    assert asked.overlays == (overlay,)
    (bar,) = [b for b in asked.waterfall if b.name == "overlays"]
    assert bar.points < 0


def test_bonus_that_pays_for_nothing_is_refused(market: Market) -> None:
    # Nobody liquidates while (1 + b (1 - phi)) (1 - delta) (1 - f) < 1 + g: b < 0.6706 %.
    smallest = ((1.0005 / (0.995 * 0.9995)) - 1) / 0.9
    asked = one("WETH", market=with_reserve(market, "WETH", bonus=smallest - 1e-4))
    assert (asked.action, asked.reasons[0].code) == ("refuse", "refuse_liquidity")
    assert asked.recommended.threshold == asked.in_force.threshold.value
    assert asked.support is None
    assert asked.limits == ()
    # Just above it, chunks are so small that the sale takes days: another refusal.
    asked = one("WETH", market=with_reserve(market, "WETH", bonus=smallest + 1e-6))
    assert (asked.action, asked.reasons[0].code) == ("refuse", "refuse_horizon")
    assert asked.reasons[0].numbers["hours"] > 72


def test_a_market_far_smaller_than_the_book_is_refused(model: MarketModel) -> None:
    asked = one("WETH", model=with_depth(model, "WETH", 1 / 300))
    assert (asked.action, asked.reasons[0].code) == ("refuse", "refuse_horizon")
    assert asked.recommended.threshold == asked.in_force.threshold.value
    assert asked.support is None


def test_asset_without_history_is_refused(model: MarketModel) -> None:
    returns = {name: value for name, value in model.returns.items() if name != "LINK"}
    asked = one("LINK", model=model.model_copy(update={"returns": returns}))
    assert (asked.action, asked.reasons[0].code) == ("refuse", "refuse_history")


def test_asset_without_depth_is_refused(model: MarketModel) -> None:
    asked = one("LINK", model=with_asset(model, "LINK", curves=()))
    assert (asked.action, asked.reasons[0].code) == ("refuse", "refuse_data")


def test_asset_whose_data_are_not_supported_is_refused(model: MarketModel) -> None:
    doubted = with_asset(
        model, "LINK", supported=False, verdict="Not supported: two venues differ."
    )
    asked = one("LINK", model=doubted)
    assert (asked.action, asked.reasons[0].code) == ("refuse", "refuse_data")
    assert asked.reasons[0].texts == {"reason": "Not supported: two venues differ."}


def test_order_of_the_question_changes_nothing(base: dict[str, AssetEvidence]) -> None:
    turned = evidence_of("USDC", *reversed(ASSETS))
    assert [asset.asset for asset in turned.assets] == ["USDC", "LINK", "WETH"]
    for asset in turned.assets:
        assert asset == base[asset.asset]


def test_company_changes_nothing_and_same_seed_same_digest(
    together: Evidence, base: dict[str, AssetEvidence]
) -> None:
    alone = evidence_of("LINK")
    assert alone.assets == (base["LINK"],)
    assert evidence_of(*ASSETS, "USDC").digest() == together.digest()
    other = evidence_of("LINK", seed=2)
    assert other.digest() != alone.digest()
    assert supported(other.assets[0]) != supported(alone.assets[0])


@pytest.mark.slow
def test_decisions_do_not_hang_on_the_seed() -> None:
    """Five seeds, one tenth of the shipped book paths: noisier than what users run."""
    with fewer_paths(book=2000, refits=500):
        found = [evidence_of("WETH", "WBTC", seed=seed).assets for seed in range(1, 6)]
    assert {tuple(a.action for a in assets) for assets in found} == {("keep", "keep")}
    assert {tuple(a.recommended.threshold for a in assets) for assets in found} == {(0.83, 0.78)}


def test_real_accounts_replace_the_distribution(base: dict[str, AssetEvidence]) -> None:
    book = AccountBook(
        health_factor=(1.02, 1.5, 2.0, 0.99), debt_usd=(4e6, 3e6, 2e6, 1e6), source="book.csv",
        sha256="sha256:0",
    )  # fmt: skip
    asked = one("LINK", books={"LINK": book})
    assert asked.clearing is not None
    assert asked.clearing.exposure_basis == "book"
    share = 9e6 / asked.clearing.debt_at_cap_usd
    assert asked.clearing.exposure_share == pytest.approx(max(share, 0.05), rel=1e-5)
    assert asked.impact is not None
    assert (asked.impact.basis, asked.impact.accounts) == ("book", 4)
    assert asked.impact.debt_usd == 10e6
    assert asked.impact.liquidatable_now_usd == 1e6
    # A cut from 71 % to t % puts the first account below 1 when 1.02 t / 71 < 1.
    ratio = asked.recommended.threshold / 0.71
    expected = 1e6 + sum(d for h, d in ((1.02, 4e6), (1.5, 3e6), (2.0, 2e6)) if h * ratio < 1)
    assert asked.impact.liquidatable_after_usd == expected
    assert base["LINK"].impact is not None
    assert base["LINK"].impact.basis == "distribution"


def test_specification_is_the_rule_books(together: Evidence) -> None:
    rules = rule_book("aave_v3")
    rows = []
    for asset in together.assets:
        now = asset.in_force
        current = asset.recommended.model_copy(
            update={"ltv": now.ltv.value, "threshold": now.threshold.value,
                    "bonus": now.bonus.value}
        )  # fmt: skip
        mode = f" of e-mode {now.e_mode}" if now.e_mode else ""
        rows += [
            row.model_copy(update={"parameter": row.parameter + mode})
            for row in rules.changes(asset.asset, current, asset.recommended)
        ]
        assert asset.path.steward_days == max(asset.path.steward_steps - 1, 0) * 3
        # e-mode steps are 10 basis points, those of a reserve 50.
        moved = round(abs(asset.recommended.threshold - now.threshold.value) * 10_000)
        assert asset.path.steward_steps == -(-moved // (10 if now.e_mode else 50))
    assert together.changes == tuple(rows)
    assert together.guard_rails_passed == all(r.passed for r in together.guard_rails if r.blocks)


def test_evidence_survives_its_own_json(together: Evidence) -> None:
    assert Evidence.from_json(together.canonical(), where="here") == together


def test_unknown_asset(model: MarketModel) -> None:
    with pytest.raises(InputError, match=r"unknown asset of Aave v3 Ethereum 'WETG'\. Did you "
                       r"mean WETH"):  # fmt: skip
        evidence_of("WETG")
    assets = {name: known for name, known in model.assets.items() if name != "LINK"}
    with pytest.raises(InputError, match="unknown asset in model 'reference' 'LINK'"):
        evidence_of("LINK", model=model.model_copy(update={"assets": assets}))
