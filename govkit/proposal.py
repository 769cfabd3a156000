"""The pipeline: question, market model and appetite in, evidence out."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import PurePath

import numpy as np

from govkit import __version__
from govkit.calibrate.asset import Calibrated, calibrate_asset, current_values
from govkit.calibrate.case import Asked, Case
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
from govkit.records.market import Appetite, Market, Overlay, Question, Reserve, Sourced
from govkit.records.model import MarketModel
from govkit.records.provenance import NotDone
from govkit.records.stress import Scenario
from govkit.runners import Progress, Runner
from govkit.runners.serial import SERIAL

CONSTANTS = (
    "latency_minutes", "refill_minutes", "depth_haircut", "oracle_deviation", "swap_fee",
    "gas_share", "protocol_fee_share", "permanent_impact_share", "unattended_share",
)  # fmt: skip
TOOLCHAIN = ("numpy", "scipy", "numba")


@dataclass(frozen=True)
class Task:
    """One asset to calibrate, wherever that is done."""

    asked: Asked
    appetite: Appetite
    others: tuple[Appetite, ...]
    overlays: tuple[Overlay, ...]
    scenarios: tuple[Scenario, ...]
    joint_fails: bool = False


def make_evidence(
    question: Question,
    market: Market,
    model: MarketModel,
    appetite: Appetite,
    scenarios: tuple[Scenario, ...],
    *,
    books: dict[str, AccountBook] | None = None,
    runner: Runner = SERIAL,
    progress: Progress = lambda stage, done, total: None,
) -> Evidence:
    """Calibrate every asset asked, check them in one book and gather the evidence.

    Parameters
    ----------
    scenarios:
        The stress library; the dated events among them that decide limit the thresholds.
    books:
        Real accounts by asset; where none is given the model's distribution is used and named.
    runner:
        Where the assets are calibrated. The evidence does not depend on it.

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
    others = tuple(load_appetite(name) for name in appetite_names())

    def calibrated(
        stage: str, assets: Iterable[str], *, joint_fails: bool = False
    ) -> dict[str, Calibrated]:
        tasks = [
            Task(
                Asked(market, model, asset, (books or {}).get(asset), question.seed), appetite,
                others, tuple(o for o in question.overlays if o.asset == asset), scenarios,
                joint_fails,
            )
            for asset in assets
        ]  # fmt: skip
        results = runner.map(stage, calibrate, tasks, progress)
        return {one.evidence.asset: one for one in results}

    def joint_book() -> JointCheck | NotDone | None:
        """Look at the assets together, when there are several."""
        if len(found) < 2:
            return None
        progress("joint book", 0, 1)
        checked = _joint(found, appetite, model, question.seed)
        progress("joint book", 1, 1)
        return checked

    found = calibrated("assets", question.assets)
    joint = joint_book()
    raised = [name for name, one in found.items() if one.evidence.action == "raise"]
    if isinstance(joint, JointCheck) and not joint.passed and raised:
        found |= calibrated("assets that fail in the joint book", raised, joint_fails=True)
        joint = joint_book()
    return _gathered(question, market, model, appetite, found, joint)


def calibrate(task: Task) -> Calibrated:
    """Calibrate one asset; what comes back holds no simulated paths.

    They are 20 MB an asset, and the joint check draws its own.
    """
    found = calibrate_asset(
        task.asked, rule_book(task.asked.market.protocol), task.appetite, task.others,
        task.overlays, task.scenarios, joint_fails=task.joint_fails,
    )  # fmt: skip
    return found if found.case is None else replace(found, case=_without_paths(found.case))


def _without_paths(case: Case) -> Case:
    none = np.empty(0)
    falls = replace(case.falls, over_horizon=none, over_latency=none, weight=none)
    losses = replace(case.losses, share=none[:, None], weight=none)
    return replace(case, falls=falls, losses=losses, lows=none, stresses=(), refits={})


def _joint(
    found: dict[str, Calibrated], appetite: Appetite, model: MarketModel, seed: int
) -> JointCheck | NotDone:
    """Run all assets that have a book in one."""
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
