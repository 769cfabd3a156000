"""docs/thresholds.md: every row is what the code says, and the whole makes sense."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from govkit.data import load_market

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
import thresholds  # noqa: E402

ASSETS = tuple(load_market(thresholds.MARKET).reserves)
SEEDS_CHECKED = ("UNI",)
BLUE_CHIPS, LONG_TAIL, STABLE = ("WETH", "WBTC", "wstETH"), ("LINK", "AAVE", "UNI", "CRV", "MKR"), (
    "USDC", "USDT",
)  # fmt: skip


def rows() -> dict[str, list[str]]:
    """Return the printed cells of each asset."""
    found = {}
    for line in thresholds.PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 10 and cells[0] in ASSETS:
            found[cells[0]] = cells
    return found


def supported(asset: str, column: int = 4) -> float:
    """Return a printed supported value, percent; columns 3 to 5 are the appetites."""
    return float(rows()[asset][column].split()[0])


@pytest.mark.slow
@pytest.mark.parametrize("asset", ASSETS)
def test_row_is_what_the_code_says(asset: str) -> None:
    printed = rows()[asset]
    fresh = thresholds.line_of(thresholds.evidence_of(asset), printed[-1])
    assert [cell.strip() for cell in fresh.strip("|").split("|")] == printed


@pytest.mark.slow
@pytest.mark.parametrize("asset", SEEDS_CHECKED)
def test_seeds_are_what_the_code_says(asset: str) -> None:
    assert rows()[asset][-1] == thresholds.seeds_cell(asset)


def test_every_asset_of_the_market_has_a_row_and_a_reason() -> None:
    page = thresholds.PAGE.read_text(encoding="utf-8")
    assert tuple(rows()) == ASSETS
    for asset in ASSETS:
        reason = re.search(rf"^\*\*{asset}\.\*\* (.+)$", page, re.MULTILINE)
        assert reason is not None
        assert len(reason[1].split()) > 8


def test_blue_chips_stand_above_the_long_tail_and_stable_pairs_highest() -> None:
    lowest_blue = min(supported(asset) for asset in BLUE_CHIPS)
    assert lowest_blue > max(supported(asset) for asset in LONG_TAIL)
    assert min(supported(asset) for asset in STABLE) > max(supported(asset) for asset in BLUE_CHIPS)


@pytest.mark.parametrize("asset", [*BLUE_CHIPS, *LONG_TAIL, *STABLE])
def test_the_order_of_the_appetites_holds(asset: str) -> None:
    values = [supported(asset, column) for column in (3, 4, 5)]
    assert values == sorted(values)


@pytest.mark.parametrize("asset", [*BLUE_CHIPS, *LONG_TAIL, *STABLE])
def test_five_seeds_decide_alike(asset: str) -> None:
    assert rows()[asset][-1].endswith("5 of 5 alike")
