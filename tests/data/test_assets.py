"""How collaterals are priced: assets.toml and pegs.toml agree with each other."""

from __future__ import annotations

from datetime import date

import pytest

from govkit.data import AssetEntry, PegEntry, Redemption, load_assets, load_pegs
from govkit.errors import InputError


def test_every_pegged_collateral_has_a_backing_and_only_those() -> None:
    assets, pegs = load_assets(), load_pegs()
    pegged = {name for name, entry in assets.items() if entry.kind == "pegged"}
    assert pegged <= set(pegs)
    assert {entry.backing for entry in pegs.values()} == {"fiat", "crypto", "algorithmic"}
    assert not {name for name, e in assets.items() if e.redemption and e.kind == "pegged"}


def test_staking_and_wrapped_tokens_say_since_when_they_are_redeemed() -> None:
    for name, entry in load_assets().items():
        if entry.kind in ("staking", "wrapped"):
            assert entry.ratio, name
            assert entry.redemption is not None, name
            assert entry.redemption.opened, name
            assert entry.redemption.source, name
    # Lido opened a month after Ethereum did.
    lido = load_assets()["wstETH"].redemption
    assert lido is not None
    assert not lido.is_open(date(2023, 5, 14))
    assert lido.is_open(date(2023, 5, 15))


def test_comparables_have_a_history_of_their_own() -> None:
    assets = load_assets()
    for name, entry in assets.items():
        assert name not in entry.comparables
        if entry.comparables:
            assert entry.kind == "volatile", name
            assert len(entry.comparables) >= 2, name
        for other in entry.comparables:
            assert not assets[other].comparables, (name, other)


def test_opening_stops_and_bank_days() -> None:
    rule = Redemption(
        opened="2022-01-01", closed=(("2022-03-01", "2022-03-03"),), bank_days_only=True,
        source="made",
    )  # fmt: skip
    assert not rule.is_open(date(2021, 12, 31))
    assert rule.is_open(date(2022, 1, 3))
    assert not rule.is_open(date(2022, 1, 1))  # a Saturday
    assert not rule.is_open(date(2022, 1, 2))
    assert [rule.is_open(date(2022, 3, day)) for day in (1, 2, 3, 4)] == [False] * 3 + [True]
    assert not Redemption(source="made").is_open(date(2022, 1, 3))


@pytest.mark.parametrize(
    ("record", "broken"),
    [
        (PegEntry, {"backing": "gold", "redemption": {"source": "made"}}),
        (PegEntry, {"backing": "fiat", "redemption": {"source": ""}}),
        (PegEntry, {"backing": "fiat", "redemption": {"source": "made", "open": "2020-01-01"}}),
        (AssetEntry, {"kind": "staking", "priced_as": "ETH", "depth": "X", "redeems_at": 0.0}),
    ],
)
def test_a_wrong_entry_is_named(record: type[PegEntry] | type[AssetEntry], broken: dict) -> None:  # type: ignore[type-arg]
    with pytest.raises(InputError) as caught:
        record.from_data(broken, where="own.toml:X")
    assert "own.toml:X" in str(caught.value)
