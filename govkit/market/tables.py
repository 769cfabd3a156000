"""What a reader is asked for, and what it hands over."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from govkit.market.files import RawFile
from govkit.market.times import write_time
from govkit.records.snapshot import Finding, Interval, Kind


@dataclass(frozen=True)
class Request:
    """What the person importing says about the files; empty where nothing is said.

    `retrieved` is a UTC time; None means the file's modification time.
    """

    asset: str = ""
    quote: str = ""
    interval: str = ""
    source: str = ""
    licence: str = ""
    retrieved: pd.Timestamp | None = None


@dataclass(frozen=True)
class Table:
    """One table ready to be stored; `frame` has the columns of its kind (docs/snapshot.md)."""

    kind: Kind
    asset: str
    quote: str
    interval: Interval
    frame: pd.DataFrame
    source: str
    licence: str
    original: str
    original_sha256: str
    findings: tuple[Finding, ...]
    dated: str = ""


def provenance(raw: RawFile, request: Request) -> dict[str, str]:
    """Return the fields of a `Table` that say where it comes from."""
    return {
        "source": request.source or f"file {raw.name}",
        "licence": request.licence or "not stated",
        "original": re.sub(r"[\x00-\x1f]", "?", raw.name),
        "original_sha256": raw.sha256,
        # Rows without times are as of the moment they were fetched, where that was stated.
        "dated": write_time(request.retrieved) if request.retrieved is not None else "",
    }
