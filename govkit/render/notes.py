"""What the analysis could not do and what its data ask for, told once for all assets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from govkit.records.evidence import Evidence
from govkit.records.oracle import OracleEvidence
from govkit.records.snapshot import Finding

ORDER = ("error", "warning", "note")


@dataclass(frozen=True)
class Note:
    """One thing said of several assets.

    Attributes
    ----------
    assets:
        Names of the assets, in the order of the evidence.
    what:
        The text all of them share.
    where:
        The places the text was found in, or the reasons given; without repetition.
    severity:
        Of a finding; empty for a step that was not done.
    """

    assets: tuple[str, ...]
    what: str
    where: tuple[str, ...]
    severity: str = ""


def findings(evidence: Evidence, *severities: str) -> list[Note]:
    """Return the findings of all assets, the gravest first and equal ones merged."""
    found: dict[tuple[str, str], list[tuple[str, Finding]]] = {}
    for asset in evidence.assets:
        for finding in asset.findings:
            key = (finding.severity, finding.what)
            found.setdefault(key, []).append((asset.asset, finding))
    merged = [
        Note(_once(name for name, _ in said), what, _once(f.where for _, f in said), severity)
        for (severity, what), said in found.items()
        if severity in (severities or ORDER)
    ]
    return sorted(merged, key=lambda note: ORDER.index(note.severity))


def not_done(evidence: Evidence) -> list[Note]:
    """Return the steps not done; those of a refused asset are told in its own section."""
    return _merged(
        (asset.asset, step.what, step.reason)
        for asset in evidence.assets
        if asset.action != "refuse"
        for step in asset.not_done
    )


def feeds_not_done(evidence: Evidence) -> list[Note]:
    """Return what could not be said of price feeds."""
    return _merged(
        (name, step.what, step.reason)
        for name, oracle in _feeds(evidence)
        for step in oracle.not_done
    )


def feed_sources(evidence: Evidence) -> list[Note]:
    """Return where the rules of the price feeds come from, each with its date."""
    return _merged((name, o.rule.source, o.rule.as_of) for name, o in _feeds(evidence))


def case_sources(evidence: Evidence) -> list[Note]:
    """Return where the dated cases of feeds come from, with the assets of the cases."""
    return _merged(
        (c.asset, c.source, c.on) for _, oracle in _feeds(evidence) for c in oracle.cases
    )


def low_feed_sources(evidence: Evidence) -> list[Note]:
    """Return where the dated case of a feed that was too low comes from."""
    lows = ((name, oracle.under_reporting) for name, oracle in _feeds(evidence))
    return _merged((name, low.source, low.on) for name, low in lows)


def _feeds(evidence: Evidence) -> list[tuple[str, OracleEvidence]]:
    return [(asset.asset, asset.oracle) for asset in evidence.assets if asset.oracle is not None]


def _merged(said: Iterable[tuple[str, str, str]]) -> list[Note]:
    """Merge the names of whom the same two texts are said."""
    found: dict[tuple[str, str], list[str]] = {}
    for name, what, where in said:
        found.setdefault((what, where), []).append(name)
    return [Note(_once(names), what, (where,)) for (what, where), names in found.items()]


def _once(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(texts))
