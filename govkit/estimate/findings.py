"""How findings about a price series are written."""

from __future__ import annotations

import pandas as pd

from govkit.records.snapshot import Finding


def counted(n: int, noun: str) -> str:
    """Write a count with its noun: 1 hour, 2,783 hours."""
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


def day(time: pd.Timestamp) -> str:
    """Write the day of a time."""
    return f"{time:%Y-%m-%d}"


def minute(time: pd.Timestamp) -> str:
    """Write a time to the minute, UTC."""
    return f"{time:%Y-%m-%d %H:%M}"


def note(where: str, what: str) -> Finding:
    """Return a finding for the reader."""
    return Finding(severity="note", where=where, what=what)


def warning(where: str, what: str) -> Finding:
    """Return a finding that asks for care."""
    return Finding(severity="warning", where=where, what=what)


def error(where: str, what: str) -> Finding:
    """Return a finding that forbids a threshold."""
    return Finding(severity="error", where=where, what=what)
