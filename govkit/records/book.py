"""A book of real accounts, as the calibration uses it."""

from __future__ import annotations

from pydantic import Field

from govkit.records.base import Record


class AccountBook(Record):
    """Health factors and debts of one collateral's accounts."""

    health_factor: tuple[float, ...] = Field(min_length=1)
    debt_usd: tuple[float, ...]
    source: str
    sha256: str
