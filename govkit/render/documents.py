"""The evidence as documents: the forum post and its charts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from govkit.records.evidence import Evidence
from govkit.render import charts, facts
from govkit.render.charts.drawing import png, svg
from govkit.render.environment import fill, find_file
from govkit.render.layout import unwrap

Medium = Literal["forum", "report"]


@dataclass(frozen=True)
class Picture:
    """A chart as the templates refer to it."""

    name: str
    title: str
    alt: str
    png: str
    svg: str


def render_documents(evidence: Evidence, *, templates: Path | None = None) -> dict[str, bytes]:
    """Render the forum post and all charts.

    Parameters
    ----------
    evidence:
        The only source of every figure.
    templates:
        A folder whose files replace those of the same name that come with govkit.

    Returns
    -------
    dict
        Relative path to bytes: ``proposal.md``, ``charts/<asset>-<chart>.png`` and ``.svg``.
    """
    documents = {"proposal.md": proposal(evidence, "forum", templates).encode()}
    regular = find_file("report/fonts/Inter-Regular.ttf", templates)
    names = facts.slugs(evidence)
    for asset in evidence.assets:
        for chart in charts.charts_of(asset):
            stem = f"charts/{names[asset.asset]}-{chart.NAME}"
            documents[f"{stem}.png"] = png(chart, asset, evidence, regular.parent)
            documents[f"{stem}.svg"] = svg(chart, asset, evidence, regular.parent)
    return documents


def proposal(evidence: Evidence, medium: Medium, templates: Path | None = None) -> str:
    """Write the proposal as Markdown, for a forum or for the report."""
    text = fill(
        templates,
        "proposal/index.md.j2",
        {
            "evidence": evidence,
            "digest": evidence.digest(),
            "medium": medium,
            "charts": pictures(evidence),
        },
    )
    return unwrap(text)


def pictures(evidence: Evidence) -> dict[str, list[Picture]]:
    """Return the charts of every asset in reading order."""
    names = facts.slugs(evidence)
    return {
        asset.asset: [
            Picture(
                chart.NAME,
                chart.title(asset),
                chart.alt(asset),
                f"charts/{names[asset.asset]}-{chart.NAME}.png",
                f"charts/{names[asset.asset]}-{chart.NAME}.svg",
            )
            for chart in charts.charts_of(asset)
        ]
        for asset in evidence.assets
    }
