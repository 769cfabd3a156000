"""The pipeline: question, market model and appetite in, evidence out."""

from __future__ import annotations

import platform
from collections.abc import Callable
from importlib.metadata import version
from pathlib import PurePath

from govkit import __version__
from govkit.calibrate.asset import Calibrated, calibrate_asset, current_values
from govkit.calibrate.case import Asked
from govkit.calibrate.joint_book import joint_check
from govkit.calibrate.position import FALL_PATHS
from govkit.data import appetite_names, load_appetite
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
from govkit.records.joint import JointCheck
from govkit.records.market import Appetite, Market, Question, Reserve, Sourced
from govkit.records.model import MarketModel
from govkit.records.provenance import NotDone
from govkit.records.stress import Scenario

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
    scenarios: tuple[Scenario, ...],
    *,
    books: dict[str, AccountBook] | None = None,
    progress: Progress = lambda stage, done, total: None,
) -> Evidence:
    """Calibrate every asset asked, check them in one book and gather the evidence.

    Parameters
    ----------
    scenarios:
        The stress library; the dated events among them that decide limit the thresholds.
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
    rules = rule_book(market.protocol)
    others = tuple(load_appetite(name) for name in appetite_names())

    def calibrated(asset: str, *, joint_fails: bool = False) -> Calibrated:
        asked = Asked(market, model, asset, (books or {}).get(asset), question.seed)
        overlays = tuple(o for o in question.overlays if o.asset == asset)
        return calibrate_asset(
            asked, rules, appetite, others, overlays, scenarios, joint_fails=joint_fails
        )

    found: dict[str, Calibrated] = {}
    for n, asset in enumerate(question.assets):
        progress("assets", n, len(question.assets))
        found[asset] = calibrated(asset)
    progress("assets", len(found), len(found))
    joint = _joint(found, appetite, model, question.seed)
    raised = [name for name, one in found.items() if one.evidence.action == "raise"]
    if isinstance(joint, JointCheck) and not joint.passed and raised:
        found |= {name: calibrated(name, joint_fails=True) for name in raised}
        joint = _joint(found, appetite, model, question.seed)
    return _gathered(question, market, model, appetite, found, joint)


def _joint(
    found: dict[str, Calibrated], appetite: Appetite, model: MarketModel, seed: int
) -> JointCheck | NotDone | None:
    """Run all assets that have a book in one; none where a single asset was asked."""
    if len(found) < 2:
        return None
    cases = {name: one.case for name, one in found.items() if one.case is not None}
    thresholds = {name: found[name].evidence.recommended.threshold for name in cases}
    return joint_check(cases, thresholds, appetite, model.dependence, seed)


def _gathered(
    question: Question,
    market: Market,
    model: MarketModel,
    appetite: Appetite,
    found: dict[str, Calibrated],
    joint: JointCheck | NotDone | None,
) -> Evidence:
    assets = tuple(one.evidence for one in found.values())
    changes, rails = _specification(market, assets)
    evidence = Evidence(
        govkit=__version__,
        command=command_of(question),
        market=_market_facts(market),
        appetite=appetite,
        model=ModelFacts(
            name=model.name,
            model_digest=model.digest(),
            as_of=min(a.data_as_of for a in assets),
            numeraire=model.numeraire,
            snapshot_digest=model.snapshot_digest,
            accounts=model.accounts.accounts,
            average_health_factor=model.accounts.average_health_factor,
        ),
        seed=question.seed,
        paths=FALL_PATHS,
        text=question.text,
        assets=assets,
        joint=joint if isinstance(joint, JointCheck) else None,
        joint_reason=joint.reason if isinstance(joint, NotDone) else "",
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
    market: Market, assets: tuple[AssetEvidence, ...]
) -> tuple[tuple[Change, ...], tuple[GuardRail, ...]]:
    changes: list[Change] = []
    rails: list[GuardRail] = []
    rules = rule_book(market.protocol)
    for one in assets:
        reserve = market.reserves[one.asset]
        current = current_values(reserve)
        changes += _named(rules.changes(one.asset, current, one.recommended), reserve)
        rails += rules.guard_rails(
            one.asset, current, one.recommended, e_mode=bool(reserve.e_mode),
            steward_days=market.steward_minimum_days,
        )  # fmt: skip
    return tuple(changes), tuple(rails)


def _named(changes: tuple[Change, ...], reserve: Reserve) -> tuple[Change, ...]:
    """Say of an e-mode's values that they are its own; the reserve's stay as they are."""
    if not reserve.e_mode:
        return changes
    return tuple(
        one.model_copy(update={"parameter": f"{one.parameter} of e-mode {reserve.e_mode}"})
        for one in changes
    )


def _market_facts(market: Market) -> MarketFacts:
    constants: dict[str, Sourced] = {name: getattr(market, name) for name in CONSTANTS}
    return MarketFacts(
        name=market.name, title=market.title, protocol=market.protocol,
        protocol_version=market.protocol_version, chain=market.chain, chain_id=market.chain_id,
        pool=market.pool, debt_asset=market.debt_asset, source=market.source, as_of=market.as_of,
        constants=constants,
    )  # fmt: skip
