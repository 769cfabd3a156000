"""What a protocol's contracts allow in one liquidation."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class CloseRule:
    """How much of an account one liquidation may close, and what it may leave.

    The defaults close an account in full at a constant bonus.

    Attributes
    ----------
    close_factor:
        Largest share of the debt repaid, in (0, 1].
    full_close_health:
        At or below this health factor all debt may be repaid; 0 for never.
    full_close_usd:
        All debt may be repaid where debt or collateral is worth less; 0 for no such rule.
    least_left_usd:
        A liquidation that leaves both debt and collateral must leave this much of each.
    target_health:
        No more is repaid than brings the health factor here; 0 for no such limit.
    bonus_slope:
        Bonus per point of health factor below 1, up to the asset's own; infinite for a constant
        bonus.
    """

    close_factor: float = 1.0
    full_close_health: float = 0.0
    full_close_usd: float = 0.0
    least_left_usd: float = 0.0
    target_health: float = 0.0
    bonus_slope: float = inf

    def __post_init__(self) -> None:
        """Refuse what no contract can mean."""
        if not 0 < self.close_factor <= 1:
            raise ValueError(f"close factor {self.close_factor} is not above 0 and at most 1")
        if not 0 <= self.full_close_health < 1:
            raise ValueError(f"full close at health factor {self.full_close_health}, not in [0, 1)")
        if self.target_health != 0 and self.target_health < 1:
            raise ValueError(f"target health factor {self.target_health} is below 1")
        if min(self.full_close_usd, self.least_left_usd) < 0 or self.bonus_slope <= 0:
            raise ValueError("a close rule has a negative size or a bonus that does not rise")
