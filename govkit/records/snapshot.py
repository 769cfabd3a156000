"""The snapshot: raw inputs as collected, frozen with digests and provenance."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from govkit.records.base import Record

SNAPSHOT_SCHEMA: Literal["govkit/snapshot/1"] = "govkit/snapshot/1"

Kind = Literal["candles", "closes", "quotes", "pools", "accounts"]
Interval = Literal["5m", "15m", "1h", "1d", "irregular"]


class Finding(Record):
    """Something a reader of the data should know, found while importing, checking or fitting."""

    severity: Literal["note", "warning", "error"]
    where: str = Field(description="file and row, or asset and date")
    what: str


class SnapshotFile(Record):
    """One table of a snapshot."""

    path: str = Field(description="path inside the snapshot folder, with forward slashes")
    kind: Kind
    asset: str = Field(
        description="ticker of the priced asset or collateral; '*' for tables of many"
    )
    quote: str = Field(description="unit of the prices, such as USDT or ETH; empty for accounts")
    interval: Interval
    rows: int = Field(ge=0)
    first: str = Field(
        description="first observation, UTC, ISO 8601; without times, when they were fetched"
    )
    last: str = Field(description="last observation, UTC, ISO 8601; empty when not known")
    sha256: str = Field(description="digest of the table in this folder")
    source: str = Field(description="where the data come from, in words")
    licence: str = Field(description="terms of the data, in words; 'not stated' when unknown")
    original: str = Field(description="name of the imported file")
    original_sha256: str = Field(description="digest of the imported file's bytes")
    findings: tuple[Finding, ...] = ()


class SnapshotManifest(Record):
    """What is in a snapshot folder; stored there as ``snapshot.json``."""

    schema_id: Literal["govkit/snapshot/1"] = SNAPSHOT_SCHEMA
    files: tuple[SnapshotFile, ...]
