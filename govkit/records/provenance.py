"""Where numbers come from, and what could not be done."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from govkit.records.base import Record

Floats = tuple[float, ...]


class NotDone(Record):
    """A step that could not be done, with its reason; printed, never silently absent."""

    what: str
    reason: str


class Window(Record):
    """Where a group of fitted numbers comes from."""

    role: Literal["", "prices", "five-minute prices", "ratio", "depth", "accounts"] = Field(
        "", description="what the input was used for"
    )
    source: str = Field(description="data source in words")
    first: str = Field(description="first observation used, UTC date or time")
    last: str = Field(description="last observation used, UTC date or time")
    observations: int = Field(ge=0)
    input_digests: tuple[str, ...] = Field(description="sha256 of each snapshot table used")
