"""Two-state models of a fit: depegs pooled over coins, discounts pooled over staking tokens."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from govkit.data import AssetEntry, PegClass, load_pegs
from govkit.estimate.collateral.discount import discounts_of
from govkit.estimate.collateral.ratio import why_no_market
from govkit.estimate.collateral.spells import (
    PEG_LEVEL,
    STAKING_LEVEL,
    Watched,
    join_observations,
    peg_discounts,
    watch,
)
from govkit.estimate.collateral.two_state import comparable_pegs, fit_two_state
from govkit.estimate.collateral.underlying import Ratio
from govkit.estimate.inputs import at_close, candles, closes, daily_prices, window_of
from govkit.estimate.returns.hours import Array
from govkit.market.store import Snapshot
from govkit.records.collateral import TwoState
from govkit.records.provenance import NotDone, Window
from govkit.records.returns import ReturnModel
from govkit.records.snapshot import SnapshotFile

SecondState = tuple[TwoState, ReturnModel]


@dataclass(frozen=True)
class SeenPegs:
    """The spells of every pegged coin in a snapshot, with their provenance; none without any."""

    spells: Mapping[str, tuple[PegClass, Watched]]
    window: Window | None


def seen_pegs(snapshot: Snapshot, until: pd.Timestamp | None) -> SeenPegs:
    """Find the depegs of every coin of ``pegs.toml`` that the snapshot has hourly prices of."""
    spells: dict[str, tuple[PegClass, Watched]] = {}
    used: list[SnapshotFile] = []
    times: list[pd.DatetimeIndex] = []
    for name, entry in load_pegs().items():
        parts = []
        found = closes(snapshot, name, until)
        if found is not None:
            parts.append(found[0])
            used += found[1]
        hourly = candles(snapshot, name, "1h", until)
        if hourly is not None and len(hourly[0]):
            parts.append(at_close(hourly[0]))
            used += hourly[1]
        if not parts:
            continue
        days = daily_prices(snapshot, name, until)
        if days is not None:
            used += days[1]
        prices = join_observations(*parts)
        measured = peg_discounts(prices)
        daily = None if days is None else days[0]
        times += [pd.DatetimeIndex(one.index) for one in (prices, daily) if one is not None]
        watched = watch(name, measured, PEG_LEVEL, entry.redemption, daily=daily)
        spells[name] = (entry.backing, watched)
    return SeenPegs(spells, _window(tuple(used), times) if used else None)


def _window(entries: tuple[SnapshotFile, ...], times: list[pd.DatetimeIndex]) -> Window:
    """Describe what was used of tables that may go on after the date of the fit."""
    seen = pd.DatetimeIndex([t for one in times if len(one) for t in (one[0], one[-1])])
    return window_of(entries, pd.Series(0.0, index=seen.sort_values()))


def depeg_model(
    asset: str, pegs: SeenPegs, shared: tuple[Array, Window], seed: int, refits: int
) -> SecondState | NotDone:
    """Fit the depeg state of one pegged asset to the coins it compares with."""
    known = load_pegs()
    if asset not in known or pegs.window is None:
        return NotDone(
            what="returns",
            reason=f"no hourly prices of pegged coins that {asset} compares with; calm prices "
            "cannot stand in for depegs",
        )
    law, jumps = comparable_pegs(known[asset].backing, pegs.spells)
    return _named(
        fit_two_state(law, jumps, basis="depeg", level=PEG_LEVEL, numeraire="USD",
                      window=pegs.window, concentration=shared, seed=seed,
                      refits=refits)
    )  # fmt: skip


def pair_model(
    underlying: str,
    ratios: Mapping[str, Ratio],
    entries: Mapping[str, AssetEntry],
    pegs: SeenPegs,
    shared: tuple[Array, Window],
    seed: int,
    refits: int,
) -> SecondState | NotDone:
    """Fit the discount state of staking tokens against one underlying, pooled over them.

    `ratios` and `entries` are keyed by asset; the law is keyed by the ticker of the ratio. The
    collapses of pegged coins size the jumps here, too.
    """
    law: dict[str, Watched] = {}
    for asset, ratio in ratios.items():
        entry = entries[asset]
        law[entry.ratio] = watch(
            entry.ratio, discounts_of(ratio.series, entry.redeems_at), STAKING_LEVEL,
            entry.redemption, market=why_no_market(ratio.series) is None,
        )  # fmt: skip
    if not law:
        return NotDone(what="pair", reason=f"no ratio of a staking token to {underlying}")
    sized = {name: seen for name, (_, seen) in pegs.spells.items()} | law
    used = tuple(dict.fromkeys(e for ratio in ratios.values() for e in ratio.entries))
    times = [pd.DatetimeIndex(ratio.series.index) for ratio in ratios.values()]
    return _named(
        fit_two_state(law, sized, basis="discount", level=STAKING_LEVEL, numeraire=underlying,
                      window=_window(used, times), concentration=shared, seed=seed, refits=refits),
        what="pair",
    )  # fmt: skip


def _named(found: SecondState | NotDone, what: str = "returns") -> SecondState | NotDone:
    """Call a step that could not be done by what it leaves open."""
    return NotDone(what=what, reason=found.reason) if isinstance(found, NotDone) else found
