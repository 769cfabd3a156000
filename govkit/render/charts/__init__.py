"""The charts: one module each, found by listing this package.

A chart module has a `NAME`, an `ORDER` in the document and four functions: whether it `applies`
to an asset, its `title`, which states the finding, its `alt` text, made of numbers, and `draw`.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache
from typing import Protocol, cast

from matplotlib.figure import Figure

from govkit.records.evidence import AssetEvidence, Evidence


class Chart(Protocol):
    """What a chart module has."""

    NAME: str
    ORDER: int

    def applies(self, asset: AssetEvidence) -> bool:
        """Return whether the evidence holds what the chart shows."""

    def title(self, asset: AssetEvidence) -> str:
        """Return the finding."""

    def alt(self, asset: AssetEvidence) -> str:
        """Return what the chart shows, in numbers."""

    def draw(self, figure: Figure, asset: AssetEvidence, evidence: Evidence) -> None:
        """Draw on an empty figure, without the title."""


@cache
def all_charts() -> tuple[Chart, ...]:
    """Return all chart modules of this package in reading order."""
    names = sorted(info.name for info in pkgutil.iter_modules(__path__))
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    found = [cast(Chart, module) for module in modules if hasattr(module, "NAME")]
    return tuple(sorted(found, key=lambda chart: chart.ORDER))


def charts_of(asset: AssetEvidence) -> list[Chart]:
    """Return the charts that apply to an asset."""
    return [chart for chart in all_charts() if chart.applies(asset)]
