"""What all records share: frozen, typed, refusing the unknown, with one canonical form."""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any, Self

import rfc8785
from pydantic import BaseModel, ConfigDict, ValidationError

from govkit.errors import InputError

SIGNIFICANT_DIGITS = 6
"""Floats are rounded to this many significant digits before they enter a record."""


class Record(BaseModel):
    """A frozen record. Unknown fields, NaN and infinity are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    def canonical(self) -> bytes:
        """Return the RFC 8785 canonical JSON form as UTF-8 bytes."""
        return rfc8785.dumps(self.model_dump(mode="json"))

    def digest(self) -> str:
        """Return ``sha256:<hex>`` of the canonical form."""
        return "sha256:" + hashlib.sha256(self.canonical()).hexdigest()

    @classmethod
    def from_json(cls, text: str | bytes, *, where: str) -> Self:
        """Read a record from JSON text.

        Raises
        ------
        InputError
            With every problem found, when the text is not JSON or does not fit the record.
        """
        try:
            data = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise InputError(f"not valid JSON ({error})", where=where) from None
        return cls.from_data(data, where=where)

    @classmethod
    def from_data(cls, data: Any, *, where: str) -> Self:
        """Read a record from plain data such as parsed JSON or TOML; all problems at once."""
        try:
            return cls.model_validate(data)
        except ValidationError as error:
            raise InputError(_problems(error), where=where) from None


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def problem_lines(error: ValidationError) -> list[str]:
    """Return every problem of data that do not fit a record, each with its place in them."""
    lines = []
    for problem in error.errors(include_url=False, include_context=False):
        place = ".".join(str(part) for part in problem["loc"])
        said = problem["msg"].removeprefix("Value error, ")
        if not place and problem["type"] != "value_error":
            place = "the whole"
        lines.append(f"{place}: {said[0].lower()}{said[1:]}" if place else said)
    return lines


def _problems(error: ValidationError) -> str:
    lines = problem_lines(error)
    shown = "; ".join(lines[:5])
    return shown + (f"; and {len(lines) - 5} more" if len(lines) > 5 else "")


def rounded(value: Any, digits: int = SIGNIFICANT_DIGITS) -> Any:
    """Round every float inside plain data to `digits` significant digits.

    Lists, tuples and mappings are walked; NaN and infinity raise `ValueError`, because a
    number without meaning must not enter a record.
    """
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} cannot enter a record")
        return float(f"{value:.{digits}g}")
    if isinstance(value, dict):
        return {key: rounded(item, digits) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(item, digits) for item in value]
    return value


def file_digest(path: Path) -> str:
    """Return ``sha256:<hex>`` of a file's bytes."""
    return "sha256:" + hashlib.sha256(path.read_bytes()).hexdigest()
