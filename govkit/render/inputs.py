"""The inputs of an analysis with their dates, ages relative to each other and digests."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from govkit.records.evidence import AssetEvidence, Evidence
from govkit.records.provenance import Window
from govkit.render.facts import join

MODEL = "model"
"""Role of the market model, which is made of the other inputs."""

MANY = 3
"""From so many assets on, an input that all of them use names none."""

OLD_DAYS = 90
"""An input this much older than the newest one is named among the limits of the analysis."""


@dataclass(frozen=True)
class Input:
    """One row of the table of inputs: of what, or of which assets, and in which role."""

    name: str
    role: str
    window: str
    source: str
    as_of: str
    digest: str
    more: int = 0
    days_older: int | None = None


def inputs(evidence: Evidence) -> tuple[Input, ...]:
    """Return every dated input, each with its distance in days to the newest."""
    rows = [
        _in_force(evidence),
        *(row for asset in evidence.assets for row in _of_asset(asset)),
        Input(
            f"market model {evidence.model.name}",
            MODEL,
            "",
            "fitted by govkit from the snapshot named below",
            evidence.model.as_of[:10],
            _short(evidence.model.model_digest),
        ),
    ]
    rows = _merged(rows, [asset.asset for asset in evidence.assets])
    newest = max(filter(None, (_day(row.as_of) for row in rows)))
    return tuple(replace(row, days_older=_older(row.as_of, newest)) for row in rows)


def old(evidence: Evidence) -> tuple[Input, ...]:
    """Return the inputs that are much older than the newest one, the oldest first.

    The market model is left out: it is as old as what it was fitted to.
    """
    rows = [row for row in inputs(evidence) if row.role != MODEL]
    old = [row for row in rows if (row.days_older or 0) > OLD_DAYS]
    return tuple(sorted(old, key=lambda row: -(row.days_older or 0)))


def newest(evidence: Evidence) -> str:
    """Return the date of the newest input."""
    return max(row.as_of for row in inputs(evidence))


def oldest(evidence: Evidence) -> str:
    """Return the date of the oldest input."""
    return min(row.as_of for row in inputs(evidence) if row.as_of)


def _in_force(evidence: Evidence) -> Input:
    dates = [
        dated.as_of[:10]
        for asset in evidence.assets
        for dated in (
            asset.in_force.ltv,
            asset.in_force.threshold,
            asset.in_force.bonus,
            asset.in_force.supply_cap,
        )
    ]
    return Input(
        "parameters in force", "", _span(min(dates), max(dates)), evidence.market.source,
        min(dates), "",
    )  # fmt: skip


def _of_asset(asset: AssetEvidence) -> Iterable[Input]:
    for window in asset.windows:
        yield _window(asset.asset, window)
    if not asset.windows:
        yield Input(asset.asset, "", "", "no series used", asset.data_as_of[:10], "")


def _window(name: str, window: Window) -> Input:
    first, last = window.first[:10], window.last[:10]
    digests = [_short(digest) for digest in window.input_digests]
    return Input(
        name,
        window.role,
        _span(first, last),
        window.source,
        last,
        digests[0] if digests else "",
        max(0, len(digests) - 1),
    )


def _merged(rows: list[Input], assets: list[str]) -> list[Input]:
    """Merge rows of one input that several assets use, keeping the order of first use."""
    uses: dict[Input, list[str]] = {}
    for row in rows:
        names = uses.setdefault(replace(row, name=""), [])
        if row.name not in names:
            names.append(row.name)
    return [replace(row, name=_named(row.role, names, assets)) for row, names in uses.items()]


def _named(role: str, names: list[str], assets: list[str]) -> str:
    """Write what a row holds: prices of WETH and WBTC, accounts of all assets."""
    listed = "all assets" if names == assets and len(assets) >= MANY else join(names)
    return f"{role} of {listed}" if role not in ("", MODEL) else listed


def _span(first: str, last: str) -> str:
    return first if first == last else f"{first} to {last}"


def _short(digest: str) -> str:
    return digest.removeprefix("sha256:")[:12]


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _older(text: str, newest: date) -> int | None:
    day = _day(text)
    return None if day is None else (newest - day).days
