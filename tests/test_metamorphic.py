"""What must not matter does not, and limits that are known in closed form are met."""

from __future__ import annotations

from collections.abc import Iterator
from math import log

import numpy as np
import pytest

from govkit.calibrate.book import stressed_book
from govkit.calibrate.case import Asked, simulate_case
from govkit.data import appetite_names, load_appetite, load_market, load_model
from govkit.errors import InputError
from govkit.records.book import AccountBook
from govkit.records.evidence import AssetEvidence
from govkit.records.market import Market, Question
from govkit.records.model import MarketModel
from govkit.simulate.engine import run_book
from govkit.simulate.falls import draw_tilted
from govkit.simulate.paths import price_paths
from tests.calibrate.pipeline import NAME, fewer_paths, one, with_asset, with_depth, with_reserve


@pytest.fixture(autouse=True, scope="module")
def small_samples() -> Iterator[None]:
    with fewer_paths():
        yield


@pytest.fixture(scope="module")
def market() -> Market:
    return load_market(NAME)


@pytest.fixture(scope="module")
def model() -> MarketModel:
    return load_model()


@pytest.fixture(scope="module")
def uni() -> AssetEvidence:
    return one("UNI")


def supported(asset: AssetEvidence) -> float:
    assert asset.support is not None
    return asset.support.bound


def limits(asset: AssetEvidence) -> dict[str, float | None]:
    return {limit.name: limit.threshold for limit in asset.limits}


def with_volatility(model: MarketModel, ticker: str, factor: float) -> MarketModel:
    """Return the model with every log return of one asset times `factor`."""
    known = model.returns[ticker]
    states = known.states.model_copy(
        update={
            "trigger": tuple(factor * s for s in known.states.trigger),
            "mixed": tuple(factor * s for s in known.states.mixed),
        }
    )
    variance = known.variance.model_copy(update={"omega": factor**2 * known.variance.omega})
    refits = known.refits.model_copy(
        update={"rows": tuple((factor**2 * row[0], *row[1:]) for row in known.refits.rows)}
    )
    changed = known.model_copy(update={"states": states, "variance": variance, "refits": refits})
    return model.model_copy(update={"returns": model.returns | {ticker: changed}})


def test_more_volatility_lowers_every_simulated_limit(
    model: MarketModel, uni: AssetEvidence
) -> None:
    wilder = one("UNI", model=with_volatility(model, "UNI", 1.3))
    for name in ("position", "book", "tail loss"):
        before, after = limits(uni)[name], limits(wilder)[name]
        assert before is not None
        assert after is not None
        assert after < before
    assert supported(wilder) < supported(uni)


def test_a_calm_market_leaves_only_bonus_and_feed(market: Market, model: MarketModel) -> None:
    # As falls vanish the position limit tends to (1 - delta) / (1 + b).
    calm = one("UNI", model=with_volatility(model, "UNI", 1e-4))
    reserve = market.reserves["UNI"]
    delta = market.feed("UNI").deviation
    assert delta is not None
    ceiling = (1 - delta) / (1 + reserve.bonus.value)
    found = limits(calm)["position"]
    assert found is not None
    assert found <= ceiling
    # What is left is the jump that no history has shown and the token's own five minutes.
    assert found == pytest.approx(ceiling, abs=2e-3)


def test_smaller_units_of_the_token_change_nothing(
    market: Market, model: MarketModel, uni: AssetEvidence
) -> None:
    # A thousand new tokens for one old: the price is a thousandth, the cap a thousand times it.
    price = model.assets["UNI"].price_usd
    cap = market.reserves["UNI"].supply_cap.value
    split = one(
        "UNI",
        market=with_reserve(market, "UNI", supply_cap=cap * 1000),
        model=with_asset(model, "UNI", price_usd=price / 1000),
    )
    assert limits(split) == limits(uni)
    assert split.support == uni.support
    assert split.recommended == uni.recommended


def test_another_unit_of_account_changes_nothing(
    market: Market, model: MarketModel, uni: AssetEvidence
) -> None:
    # Everything counted in dollars is doubled: price, depth, debts of accounts, the floor.
    unit = 2.0
    doubled = with_depth(model, "UNI", unit)
    doubled = with_asset(doubled, "UNI", price_usd=model.assets["UNI"].price_usd * unit)
    accounts = model.accounts.model_copy(
        update={"debt_log_mean": model.accounts.debt_log_mean + log(unit)}
    )
    doubled = doubled.model_copy(update={"accounts": accounts})
    asked = Asked(market, doubled, "UNI", None, 1)
    usual = load_appetite("moderate")
    appetite = usual.model_copy(update={"book_floor_usd": usual.book_floor_usd * unit})
    assert asked.curve is not None
    case = simulate_case(asked, asked.curve, 0.95, frozenset(), (appetite,))
    plain = Asked(market, model, "UNI", None, 1)
    assert plain.curve is not None
    before = simulate_case(plain, plain.curve, 0.95, frozenset(), (usual,))
    assert case.clearing.horizon_hours == pytest.approx(before.clearing.horizon_hours)
    np.testing.assert_allclose(case.losses.share, before.losses.share, atol=1e-5)


def test_order_of_accounts_changes_nothing(market: Market) -> None:
    health, debt = (1.02, 1.5, 2.0, 1.1), (2e6, 1e6, 5e5, 1e6)
    books = [
        AccountBook(
            health_factor=tuple(health[k] for k in order), debt_usd=tuple(debt[k] for k in order),
            source="book.csv", sha256="sha256:0",
        )
        for order in ((0, 1, 2, 3), (3, 1, 0, 2))
    ]  # fmt: skip
    first, second = (one("UNI", books={"UNI": book}) for book in books)
    assert first == second


def test_a_frozen_book_understates_what_a_re_levered_one_loses(
    market: Market, model: MarketModel
) -> None:
    # Borrowers keep their health factor: a higher threshold means more debt for the same
    # collateral. With debts held where they are, a raise only moves the triggers down.
    asked = Asked(market, model, "UNI", None, 1)
    assert asked.curve is not None
    case = simulate_case(asked, asked.curve, 0.95, frozenset(), (load_appetite("moderate"),))
    draws = draw_tilted(hours=24, paths=4096, seed=3, name="frozen")
    prices = price_paths(
        asked.law, np.array(asked.returns.worst_five_minutes), draws, seed=3, name="frozen"
    )
    threshold = 0.84
    # Only accounts with their fitted health factors: none is put at 1 by assumption.
    book = stressed_book(
        model.accounts, debt_usd=case.clearing.debt_at_cap_usd, exposure_share=1e-6,
        unattended_share=1.0, threshold=0.74, seed=1, name="frozen",
    )  # fmt: skip
    raised = book.backed_usd * threshold / book.reference_threshold
    lost = [
        (run_book(prices, book, threshold, case.terms, case.depth, relever=relever), owed)
        for relever, owed in ((True, raised), (False, book.backed_usd))
    ]
    moving, frozen = (float((draws.weight * one.bad_debt_usd / owed).mean()) for one, owed in lost)
    assert moving > 1.2 * frozen


def test_a_bonus_can_be_too_small_and_too_large(market: Market) -> None:
    # Too small, and nobody liquidates; larger, and sales fit in fewer chunks; larger still, and
    # it only takes collateral.
    found = [
        one("LINK", market=with_reserve(market, "LINK", bonus=bonus))
        for bonus in (0.02, 0.05, 0.15, 0.25)
    ]
    assert found[0].action == "refuse"
    values = [limits(asset)["position"] or 0.0 for asset in found[1:]]
    assert max(values) == values[1] > max(values[0], values[2]) + 0.03


@pytest.mark.parametrize("asset", ["UNI", "wstETH", "USDC"])
def test_appetites_keep_their_order(asset: str) -> None:
    found = one(asset)
    assert [shown.appetite for shown in found.alternatives] == appetite_names()
    values = [shown.supported for shown in found.alternatives]
    assert values == sorted(values)


def test_the_waterfall_adds_up(uni: AssetEvidence) -> None:
    total = sum(bar.points for bar in uni.waterfall)
    assert 100 + total == pytest.approx(100 * uni.recommended.threshold, abs=1e-3)
    product = np.prod([bar.factor for bar in uni.waterfall])
    assert product == pytest.approx(uni.recommended.threshold, rel=1e-5)


def test_a_book_larger_than_the_market_is_refused() -> None:
    book = AccountBook(
        health_factor=(1.2, 1.5), debt_usd=(4e9, 3e9), source="book.csv", sha256="sha256:0"
    )
    asked = one("UNI", books={"UNI": book})
    assert (asked.action, asked.reasons[0].code) == ("refuse", "refuse_book")
    assert asked.reasons[0].numbers["book_usd"] == 7e9
    assert asked.reasons[0].numbers["cap_usd"] < 1e8


def test_an_appetite_that_no_threshold_meets_is_refused() -> None:
    strict = load_appetite("conservative").model_copy(
        update={"tail_loss_share": 1e-9, "book_floor_share": 1e-9}
    )
    asked = one("UNI", appetite=strict)
    assert (asked.action, asked.reasons[0].code) == ("refuse", "refuse_appetite")
    assert asked.reasons[0].texts == {"limit": "tail loss"}
    assert [lever.name for lever in asked.levers] == ["cap", "bonus", "close rule", "oracle"]
    # No cap, bonus or feed changes that: what would is said for each lever that has none.
    assert all(lever.needed is None and lever.reason for lever in asked.levers)
    assert asked.recommended.threshold == asked.in_force.threshold.value


@pytest.mark.parametrize(
    ("overlays", "told"),
    [
        ([("UNI", 2.0, "2026-02-30", "custody")], "2026-02-30 is not a day of the calendar"),
        ([("UNI", 2.0, "2026-02-11", "custody"), ("UNI", 3.0, "2026-02-12", "Custody")],
         "the overlays of UNI give one reason twice"),
        ([("UNI", 30.0, "2026-02-11", "custody"), ("UNI", 30.0, "2026-02-11", "bridge")],
         "add up to more than 50 points"),
        ([("WETH", 2.0, "2026-02-11", "custody")], "overlays for assets not asked: WETH"),
    ],
)  # fmt: skip
def test_contradictory_overlays_are_one_clear_error(
    overlays: list[tuple[str, float, str, str]], told: str
) -> None:
    data = {
        "market": NAME, "assets": ["UNI"], "appetite": "moderate", "model": "reference", "seed": 1,
        "overlays": [
            {"asset": a, "points": p, "owner": "Risk council", "date": d, "reason": r}
            for a, p, d, r in overlays
        ],
    }  # fmt: skip
    with pytest.raises(InputError) as caught:
        Question.from_data(data, where="proposal.toml")
    assert told in str(caught.value)
    assert "proposal.toml" in str(caught.value)
