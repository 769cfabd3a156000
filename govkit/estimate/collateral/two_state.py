"""Two-state model of pegs and staking tokens: calm, and a discount pooled over events.

Calm prices say nothing about a depeg, so none of them enters. The law of the second state is the
distribution of hourly log changes while a comparable asset was in it, with the chance of a
collapse that no event of the pool has shown added as jumps.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
from scipy.stats import gamma

from govkit.data import PegClass
from govkit.estimate.collateral.spells import LAW_HOURS, Spell, Watched
from govkit.estimate.returns.history import TABLE_HORIZONS, TABLE_PROBABILITIES
from govkit.estimate.returns.hours import Array
from govkit.estimate.returns.refit import REFITS, TRIGGER_LEVELS
from govkit.estimate.returns.states import (
    JUMP_SIZE,
    SHADOW_EDGES,
    SHADOW_QUANTILES,
    STATE_QUANTILES,
)
from govkit.estimate.returns.tail import body_quantiles, tail_of, two_tails
from govkit.records.collateral import TwoState
from govkit.records.provenance import NotDone, Window
from govkit.records.returns import (
    FallTable,
    JumpPosterior,
    Refits,
    ReturnModel,
    ShadowTable,
    StateMix,
    VarianceFilter,
)
from govkit.records.snapshot import Finding
from govkit.simulate.random import generator

FEWEST_EVENTS = 5
HOURS_PER_YEAR = 365 * 24
TIE_BREAK = 1e-9
UNMOVED_STATES = (1.0,) * len(TRIGGER_LEVELS)

COMPARABLE: dict[PegClass, tuple[PegClass, ...]] = {
    "fiat": ("fiat", "crypto"),
    "crypto": ("fiat", "crypto"),
    "algorithmic": ("fiat", "crypto", "algorithmic"),
}
"""Whose depegs make the law of a class.

Fiat-backed coins alone have 33 events in 2021-01 to 2023-03, 27 of them GUSD's, and their 680
hours hold neither the fall of DAI nor that of sUSD; fiat- and crypto-backed coins are therefore
one pool. UST's week would move the fall that 1 % of the pool's six-hour paths exceed from 4 % to
11 %: coins with redeemable backing have shown nothing like it, so an algorithmic collapse enters
their law as the size of the jumps only, which are never a zero chance.
"""


def comparable_pegs(
    backing: PegClass, watched: Mapping[str, tuple[PegClass, Watched]]
) -> tuple[dict[str, Watched], dict[str, Watched]]:
    """Return the coins whose depegs make the law of a class, and those that size its jumps.

    `watched` holds class and spells by ticker; every coin sizes the jumps.
    """
    law = {name: seen for name, (kind, seen) in watched.items() if kind in COMPARABLE[backing]}
    return law, {name: seen for name, (_, seen) in watched.items()}


def fit_two_state(
    law: Mapping[str, Watched],
    jumps: Mapping[str, Watched],
    *,
    basis: Literal["depeg", "discount"],
    level: float,
    numeraire: str,
    window: Window,
    concentration: tuple[Array, Window],
    seed: int,
    refits: int = REFITS,
) -> tuple[TwoState, ReturnModel] | NotDone:
    """Fit the second state of an asset to the spells of its comparables.

    Parameters
    ----------
    law, jumps:
        By ticker: whose spells make the law (the asset's own among them), and whose sizes of
        hourly falls of 10 % and more make the jumps.
    level:
        Discount at which the spells begin.
    numeraire:
        What prices are measured in: USD for pegs, the underlying for staking tokens.
    concentration:
        Quantiles of the worst five minutes' share of an hour's fall, with their provenance.
    seed:
        Of the refits. Refit n depends on the seed, n and the pool alone.

    Returns
    -------
    TwoState and ReturnModel, or NotDone
        The return model has constant volatility 1, so that its residuals are whole hourly log
        changes; a trigger is the beginning of a spell and its path stays in the second state,
        which overstates falls over many hours where spells are short. NotDone with fewer than
        five events or when the pooled changes carry no tail.
    """
    spells = [spell for seen in law.values() for spell in seen.spells]
    with_hours = [spell.changes for spell in spells if len(spell.changes)]
    if len(with_hours) < FEWEST_EVENTS:
        return NotDone(
            what="two-state",
            reason=f"{len(with_hours)} {basis} events with hourly prices on record, "
            f"{FEWEST_EVENTS} are needed; calm prices cannot stand in for them",
        )
    changes = np.concatenate(with_hours)
    tails = two_tails(changes)
    if isinstance(tails, NotDone):
        return NotDone(
            what="two-state", reason=f"{len(changes)} hours of {basis} events: {tails.reason}"
        )
    state = _state(law, spells, level)
    pooled = tuple(sorted(law))
    model = ReturnModel(
        basis=basis,
        pooled_over=pooled,
        numeraire=numeraire,
        window=window.model_copy(update={"observations": len(changes)}),
        variance=_constant(changes, max(seen.last for seen in law.values())),
        residual_quantiles=tuple(body_quantiles(changes, tails).tolist()),
        lower_tail=tails[0],
        upper_tail=tails[1],
        shadow=ShadowTable(
            residual_edges=tuple(np.quantile(changes, SHADOW_EDGES).tolist()),
            quantiles=((0.0,) * SHADOW_QUANTILES,) * (len(SHADOW_EDGES) + 1),
            wicks_filtered=0,
        ),
        worst_five_minutes=tuple(concentration[0].tolist()),
        worst_five_minutes_window=concentration[1],
        states=StateMix(
            trigger=(1.0,) * STATE_QUANTILES,
            mixed=(1.0,) * STATE_QUANTILES,
            stressed_share=state.discount_hours / (state.calm_hours + state.discount_hours),
            stressed_weight=1.0,
            episodes_per_year=state.entries_per_year,
        ),
        jumps=_jumps(spells, [spell for seen in jumps.values() for spell in seen.spells]),
        refits=event_refits(with_hours, pooled, seed, refits),
        comparisons=(entry_falls(spells),),
    )  # fmt: skip
    return state, model


def event_refits(
    events: list[Array], pool: tuple[str, ...], seed: int, count: int = REFITS
) -> Refits:
    """Refit the lower tail on events drawn with replacement.

    Whole events are drawn, because the hours of one event belong together, until there are as
    many hours as on record. Refits whose tail could not be fitted are counted in `failed`.
    """
    rows = []
    hours = sum(len(event) for event in events)
    for n in range(count):
        random = generator(seed, "two-state", *pool, str(n))
        drawn: list[Array] = []
        while sum(len(event) for event in drawn) < hours:
            # An event drawn twice must not tie with itself at the threshold.
            drawn.append(events[random.integers(len(events))] * (1 + TIE_BREAK * len(drawn)))
        tail = tail_of(-np.concatenate(drawn))
        if not isinstance(tail, NotDone):
            rows.append(
                (1.0, 0.0, 0.0, 0.0, tail.threshold, tail.shape, tail.scale, *UNMOVED_STATES)
            )
    return Refits(
        rows=tuple(rows), failed=count - len(rows), block_hours=LAW_HOURS, seed=seed
    )  # fmt: skip


def entry_falls(spells: list[Spell]) -> FallTable:
    """Tabulate the falls that followed the entries on record, from the entry level."""
    falls = np.array([spell.falls for spell in spells])
    seen = int(np.isfinite(falls).all(axis=1).sum())
    rows = []
    for k in range(len(TABLE_HORIZONS)):
        known = falls[np.isfinite(falls[:, k]), k]
        levels = [1 - p for p in TABLE_PROBABILITIES]
        rows.append(tuple(np.quantile(known, levels).tolist() if len(known) else (0.0,) * 4))
    return FallTable(
        model=f"empirical, {seen} entries seen hour by hour",
        horizons_hours=TABLE_HORIZONS,
        probabilities=TABLE_PROBABILITIES,
        falls=tuple(rows),
    )


def limits_of(state: TwoState, model: ReturnModel) -> tuple[Finding, ...]:
    """Say in findings what the law was fitted to and what it cannot show."""
    where = f"{model.basis} model"
    share = state.discount_hours / (state.discount_hours + state.calm_hours)
    return (
        Finding(
            severity="note",
            where=where,
            what=f"{model.window.observations} hours of {len(state.events)} events of "
            f"{', '.join(state.pooled_over)} below {state.entry_level:.0%}; they spent "
            f"{share:.1%} of all hours there. Calm hours are not used",
        ),
        Finding(
            severity="warning",
            where=where,
            what="only closes are known, as the median of five: lows inside the hour and prints "
            "of under three hours are not in the falls",
        ),
    )


def _state(law: Mapping[str, Watched], spells: list[Spell], level: float) -> TwoState:
    calm = sum(seen.calm_hours for seen in law.values())
    low = sum(seen.discount_hours for seen in law.values())
    events = [spell.event for spell in spells]
    return TwoState(
        entry_level=level,
        pooled_over=tuple(sorted(law)),
        calm_hours=calm,
        discount_hours=low,
        entries_per_year=(len(events) + 0.5) / (max(calm, 1) / HOURS_PER_YEAR),
        mean_hours=float(np.mean([event.hours for event in events])),
        events=tuple(sorted(events, key=lambda event: (-event.depth, event.asset, event.first))),
    )


def _jumps(law: list[Spell], sized_by: list[Spell]) -> JumpPosterior:
    """Jeffreys' posterior of falls of 10 % or more in the second state, sizes from all spells."""
    count = sum(len(spell.jumps) for spell in law)
    hours = max(sum(spell.exposed_hours for spell in law), 1)
    sizes = np.concatenate([spell.jumps for spell in sized_by]) - JUMP_SIZE
    low, high = (float(gamma.ppf(level, count + 0.5)) / hours for level in (0.05, 0.95))
    return JumpPosterior(
        size=JUMP_SIZE, count=count, hours=hours, intensity_per_hour=(count + 0.5) / hours,
        intensity_low=low, intensity_high=high,
        excess_mean=float(sizes.mean()) if len(sizes) else JUMP_SIZE / 2,
        pooled_jumps=len(sizes),
    )  # fmt: skip


def _constant(changes: Array, last: str) -> VarianceFilter:
    square = float(np.mean(changes**2))
    return VarianceFilter(
        method="constant", omega=1.0, alpha=0.0, gamma=0.0, beta=0.0, nu=None, persistence=0.0,
        log_likelihood=0.0, starts=0, agreeing_starts=0, worst_start_gap=0.0,
        long_run_variance=square, last_variance=square, last_at=last,
    )  # fmt: skip
