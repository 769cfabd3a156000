"""The pipeline: question, market model and appetite in, evidence out."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import PurePath

from govkit import __version__
from govkit.calibrate.asset import calibrate_asset, current_parameters
from govkit.calibrate.case import Asked
from govkit.calibrate.position import FALL_PATHS
from govkit.data import Event, appetite_names, load_appetite
from govkit.errors import unknown_name
from govkit.protocols import rule_book
from govkit.records.base import rounded
from govkit.records.book import AccountBook
from govkit.records.evidence import (
    AssetEvidence,
    Change,
    Evidence,
    GuardRail,
    MarketFacts,
    ModelFacts,
)
from govkit.records.market import Appetite, Market, Question, Sourced
from govkit.records.model import MarketModel

Progress = Callable[[str, int, int], None]

CONSTANTS = (
    "latency_minutes", "refill_minutes", "depth_haircut", "oracle_deviation", "swap_fee",
    "gas_share", "protocol_fee_share", "permanent_impact_share", "unattended_share",
)  # fmt: skip
TOOLCHAIN = ("numpy", "scipy", "numba")


def make_evidence(
    question: Question,
    market: Market,
    model: MarketModel,
    appetite: Appetite,
    events: tuple[Event, ...],
    *,
    books: dict[str, AccountBook] | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Evidence:
    """Calibrate every asset asked and gather the evidence.

    Parameters
    ----------
    books:
        Real accounts by asset; where none is given the model's distribution is used and named.

    Raises
    ------
    InputError
        For an asset that the market or the model does not know.
    """
    for asset in question.assets:
        if asset not in market.reserves:
            raise unknown_name(f"asset of {market.title}", asset, market.reserves)
        if asset not in model.assets:
            raise unknown_name(f"asset in model '{model.name}'", asset, model.assets)
    deciding = frozenset(event.name for event in events if event.decides)
    rules = rule_book(market.protocol)
    others = tuple(load_appetite(name) for name in appetite_names())
    asked = [
        Asked(market, model, asset, (books or {}).get(asset), question.seed)
        for asset in question.assets
    ]
    found = []
    for n, one in enumerate(asked):
        progress("assets", n, len(asked))
        overlays = tuple(o for o in question.overlays if o.asset == one.asset)
        found.append(calibrate_asset(one, rules, appetite, others, overlays, deciding))
    progress("assets", len(asked), len(asked))
    changes, rails = _specification(asked, found)
    evidence = Evidence(
        govkit=__version__,
        command=command_of(question),
        market=_market_facts(market),
        appetite=appetite,
        model=ModelFacts(
            name=model.name,
            model_digest=model.digest(),
            as_of=min(a.data_as_of for a in found),
            numeraire=model.numeraire,
            snapshot_digest=model.snapshot_digest,
            accounts=model.accounts.accounts,
            average_health_factor=model.accounts.average_health_factor,
        ),
        seed=question.seed,
        paths=FALL_PATHS,
        text=question.text,
        assets=tuple(found),
        changes=changes,
        guard_rails=rails,
        guard_rails_passed=all(row.passed for row in rails if row.blocks),
        toolchain={"python": platform.python_version()} | {p: version(p) for p in TOOLCHAIN},
    )
    final = Evidence.model_validate(rounded(evidence.model_dump()))
    # Documents must not depend on an order of keys that the canonical form does not keep.
    return Evidence.from_json(final.canonical(), where="evidence")


def command_of(question: Question) -> str:
    """Return the command line that asks the same question again."""
    parts = ["govkit propose", *question.assets]
    for name in ("market", "appetite", "model", "book"):
        value = getattr(question, name)
        if value:
            # A file is named without its folder: the evidence must not depend on where it lay.
            parts.append(f"--{name} {PurePath(value).name}")
    return " ".join([*parts, f"--seed {question.seed}"])


def _specification(
    asked: list[Asked], found: list[AssetEvidence]
) -> tuple[tuple[Change, ...], tuple[GuardRail, ...]]:
    changes: list[Change] = []
    rails: list[GuardRail] = []
    for one, evidence in zip(asked, found, strict=True):
        rules = rule_book(one.market.protocol)
        current = current_parameters(one)
        changes += rules.changes(one.asset, current, evidence.recommended)
        rails += rules.guard_rails(
            one.asset, current, evidence.recommended, e_mode=bool(one.reserve.e_mode),
            steward_days=one.market.steward_minimum_days,
        )  # fmt: skip
    return tuple(changes), tuple(rails)


def _market_facts(market: Market) -> MarketFacts:
    constants: dict[str, Sourced] = {name: getattr(market, name) for name in CONSTANTS}
    return MarketFacts(
        name=market.name, title=market.title, protocol=market.protocol,
        protocol_version=market.protocol_version, chain=market.chain, chain_id=market.chain_id,
        pool=market.pool, debt_asset=market.debt_asset, source=market.source, as_of=market.as_of,
        constants=constants,
    )  # fmt: skip
