"""The shipped market and model, and one calibration of every shipped asset."""

from __future__ import annotations

import pytest

from govkit.data import load_market, load_model
from govkit.records.evidence import AssetEvidence
from govkit.records.market import Market
from govkit.records.model import MarketModel
from tests.calibrate.pipeline import NAME, PEGGED, REFUSED, SUPPORTED, evidence_of, fewer_paths


@pytest.fixture(scope="session")
def market() -> Market:
    return load_market(NAME)


@pytest.fixture(scope="session")
def model() -> MarketModel:
    return load_model()


@pytest.fixture(scope="session")
def calibrated() -> dict[str, AssetEvidence]:
    """Every shipped asset under the moderate appetite, with what the others say."""
    with fewer_paths(book=5 * 512, refits=512):
        evidence = evidence_of(*SUPPORTED, *PEGGED, *REFUSED)
    return {asset.asset: asset for asset in evidence.assets}
