"""Other rules: published numbers, closed forms, and a reason where an input is missing."""

from __future__ import annotations

import pytest

from govkit.calibrate.baselines import implied_confidence, smart_ltv, whale_loss
from govkit.records.evidence import AssetEvidence
from govkit.records.justification import Baseline


def test_smart_ltv_is_that_of_the_contracts_own_test() -> None:
    # l = 1M, d = 200k, sigma = 10 %, beta = 5 %, c = 3.
    value = smart_ltv(liquidity=1e6, cap=2e5, volatility=0.1, bonus=0.05, confidence=3)
    assert value == pytest.approx(0.82444657, abs=1e-8)
    # l = d, sigma 999 %, c 4.9, beta 19 %: floored at 0.
    assert smart_ltv(liquidity=1e7, cap=1e7, volatility=9.99, bonus=0.19, confidence=4.9) == 0.0


def test_the_implied_confidence_is_recovered_from_the_value() -> None:
    known = {"liquidity": 1e6, "cap": 2e5, "volatility": 0.1, "bonus": 0.05}
    # The contract's published risk level is 1 / c: a third.
    assert 1 / implied_confidence(0.82444657, **known) == pytest.approx(1 / 3, abs=1e-7)


def test_a_whale_that_can_be_sold_at_once_loses_only_beyond_the_bonus() -> None:
    # Deep market: all is sold in the first step of 0.5 %, at 0.995 of 0.995.
    safe = 0.995 / 1.05 * 0.995
    assert whale_loss(safe - 1e-6, 1e6, 1e12, 0.05, 0.5) == 0.0
    assert whale_loss(safe + 1e-3, 1e6, 1e12, 0.05, 0.5) > 0


def test_a_whale_that_cannot_be_sold_loses_the_whole_fall() -> None:
    steps, price = 0, 1.0
    while price > 0.7 * (1 + 1e-12):
        price *= 0.995
        steps += 1
    loss = whale_loss(0.9, 9e5, 1e-9, 0.05, 0.3)
    assert loss == pytest.approx(9e5 - 1e6 * 0.995**steps, rel=1e-9)


def by_name(asset: AssetEvidence) -> dict[str, Baseline]:
    assert asset.justification is not None
    return {one.name: one for one in asset.justification.baselines}


def test_every_rule_stands_beside_every_supported_asset(
    calibrated: dict[str, AssetEvidence],
) -> None:
    for asset in calibrated.values():
        if asset.support is None:
            continue
        found = by_name(asset)
        assert len(found) == 7
        for one in found.values():
            assert one.source
            if one.threshold is None:
                assert one.reason
            else:
                assert one.difference_points == pytest.approx(
                    100 * (one.threshold - asset.support.bound), abs=1e-3
                )
        assert found["value in force"].threshold == asset.in_force.threshold.value


def test_gearbox_is_history_less_bonus_and_fee(calibrated: dict[str, AssetEvidence]) -> None:
    weth = by_name(calibrated["WETH"])
    history, gearbox = weth["99 % fall of history within T"].threshold, weth["Gearbox"].threshold
    assert history is not None
    assert gearbox is not None
    # 1 - x = history x (1 + b); the fee is a part of the bonus of 5 %.
    assert gearbox == pytest.approx(history * 1.05 - 0.05, abs=1e-5)


def test_a_rule_without_its_input_says_so(calibrated: dict[str, AssetEvidence]) -> None:
    # A peg has no table of its own falls within hours.
    usdc = by_name(calibrated["USDC"])
    missing = [one for one in usdc.values() if one.threshold is None]
    assert all(one.reason for one in missing)
