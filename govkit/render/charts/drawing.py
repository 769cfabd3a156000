"""Charts as bytes: PNG for forums, SVG for the report. Equal evidence gives equal bytes."""

from __future__ import annotations

import io
import re
import textwrap
from functools import cache
from pathlib import Path

import matplotlib
from matplotlib import font_manager
from matplotlib.figure import Figure

from govkit.records.evidence import AssetEvidence, Evidence
from govkit.render.charts import Chart, style
from govkit.render.numbers import SPACE

TITLE_WIDTH = 82
"""Characters of a title that fit on one line of a picture."""


def png(chart: Chart, asset: AssetEvidence, evidence: Evidence, fonts: Path) -> bytes:
    """Draw a chart for a forum, which shows no captions: the title is in the picture."""
    return _saved(chart, asset, evidence, fonts, titled=True, form="png")


def svg(chart: Chart, asset: AssetEvidence, evidence: Evidence, fonts: Path) -> bytes:
    """Draw a chart for the report, which sets the title as a caption; text stays text."""
    return _saved(chart, asset, evidence, fonts, titled=False, form="svg")


def _saved(
    chart: Chart, asset: AssetEvidence, evidence: Evidence, fonts: Path, *, titled: bool, form: str
) -> bytes:
    register(fonts)
    with matplotlib.rc_context():
        # From matplotlib's own defaults, so that a reader's settings file changes nothing.
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(style.SETTINGS)
        figure = Figure(figsize=(style.WIDTH, style.HEIGHT), dpi=style.DPI, layout="constrained")
        chart.draw(figure, asset, evidence)
        if titled:
            # A name from a data file may hold a number and its unit: they do not part either.
            title = re.sub(r"(\d) (?=%|h\b)", rf"\1{SPACE}", chart.title(asset))
            text = textwrap.fill(f"{asset.asset}: {title}", TITLE_WIDTH)
            figure.suptitle(text, x=0.012, ha="left", fontsize=10.5, fontweight="bold")
        buffer = io.BytesIO()
        metadata = {"Software": None} if form == "png" else {"Date": None, "Creator": None}
        figure.savefig(buffer, format=form, metadata=metadata)
        figure.clear()
    return buffer.getvalue()


@cache
def register(fonts: Path) -> None:
    """Make the shipped fonts known to matplotlib under their own family name."""
    for file in sorted(fonts.glob("Inter-*.ttf")):
        font_manager.fontManager.addfont(file)
