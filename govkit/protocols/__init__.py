"""Rule books, one file a protocol: names, units, invariants, guard-rails and encoding."""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, cast

from govkit.errors import unknown_name
from govkit.records.evidence import Change, GuardRail, Parameters, PathOfChange
from govkit.records.liquidation import CloseRule


class RuleBook(Protocol):
    """What every protocol file offers; see `govkit.protocols.aave_v3`."""

    def largest_threshold(self, bonus: float) -> float:
        """Return the largest threshold the contracts accept."""

    def close_rule(self, version: str) -> CloseRule:
        """Return how much one liquidation may close under a version of the contracts."""

    def guard_rails(
        self,
        asset: str,
        current: Parameters,
        proposed: Parameters,
        *,
        e_mode: bool,
        steward_days: int,
    ) -> tuple[GuardRail, ...]:
        """Check a change against invariants and guard-rails."""

    def path_of_change(
        self,
        current: Parameters,
        proposed: Parameters,
        end_state: float,
        *,
        e_mode: bool,
        steward_days: int,
    ) -> PathOfChange:
        """Count steps and days of a change."""

    def changes(self, asset: str, current: Parameters, proposed: Parameters) -> tuple[Change, ...]:
        """Return specification rows: human value and raw value."""


def rule_book(name: str) -> RuleBook:
    """Return the rule book of a protocol by the name of its file."""
    known = [module.name for module in iter_modules(__path__)]
    if name not in known:
        raise unknown_name("protocol", name, known)
    return cast(RuleBook, import_module(f"{__name__}.{name}"))
