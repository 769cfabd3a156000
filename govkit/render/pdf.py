"""The proposal as a PDF: tagged PDF/A-3u with the evidence attached.

WeasyPrint needs the library Pango, which no Python package carries. It is imported only here
and only when a PDF is asked for, so everything else works without it.
"""

from __future__ import annotations

import os
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from govkit.errors import PartMissing
from govkit.records.evidence import Evidence
from govkit.render import charts, facts, inputs
from govkit.render.charts.drawing import svg
from govkit.render.documents import proposal
from govkit.render.environment import find_file, template_folders
from govkit.render.report import report_html

PANGO = (
    "Debian and Ubuntu: apt install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0. "
    "Fedora, Arch and Alpine: install pango. "
    "macOS: brew install pango. "
    "Windows: install mingw-w64-ucrt-x86_64-pango with MSYS2 and set WEASYPRINT_DLL_DIRECTORIES. "
    "Everything but the PDF works without it."
)

VARIANT = "pdf/a-3u"

_epoch_lock = threading.Lock()


def render_pdf(
    evidence: Evidence, *, templates: Path | None = None, drawn: Mapping[str, bytes] | None = None
) -> bytes:
    """Render the report.

    Charts that `render_documents` has drawn already need not be drawn again: `drawn` is its
    result.

    The bytes depend on the evidence, the templates and the libraries, not on clock, folder or
    environment.

    Raises
    ------
    PartMissing
        When WeasyPrint or Pango cannot be loaded; the message says what to install where.
    """
    weasyprint = _weasyprint()
    fonts = find_file("report/fonts/Inter-Regular.ttf", templates).parent
    moment = data_moment(evidence)
    source = report_html(
        proposal(evidence, "report", templates),
        _images(evidence, fonts, drawn or {}),
        evidence,
        moment=moment.strftime("%Y-%m-%dT%H:%M:%SZ"),
        templates=templates,
    )
    fetcher = _fetcher(weasyprint, template_folders(templates))
    with _fixed_epoch(int(moment.timestamp())), warnings.catch_warnings():
        # WeasyPrint leaves the file of its colour profile to the garbage collector.
        warnings.simplefilter("ignore", ResourceWarning)
        attachment = weasyprint.Attachment(
            string=evidence.canonical().decode(),
            name="evidence.json",
            description="The evidence: every figure of this document is read from it",
            relationship="Data",
            created=moment,
            modified=moment,
        )
        document = weasyprint.HTML(string=source, url_fetcher=fetcher)
        data: bytes = document.write_pdf(
            pdf_variant=VARIANT, pdf_tags=True, attachments=[attachment]
        )
    return data


def data_moment(evidence: Evidence) -> datetime:
    """Return midnight UTC of the newest input: the only date a document may carry."""
    return datetime.fromisoformat(inputs.newest(evidence)).replace(tzinfo=UTC)


def _images(evidence: Evidence, fonts: Path, drawn: Mapping[str, bytes]) -> dict[str, bytes]:
    names, images = facts.slugs(evidence), {}
    for asset in evidence.assets:
        for chart in charts.charts_of(asset):
            path = f"charts/{names[asset.asset]}-{chart.NAME}.svg"
            images[path] = drawn.get(path) or svg(chart, asset, evidence, fonts)
    return images


def _weasyprint() -> Any:
    try:
        import weasyprint
    except (OSError, ImportError) as error:
        raise PartMissing(
            f"no PDF was written, because Pango cannot be loaded ({type(error).__name__})",
            todo=PANGO,
        ) from error
    return weasyprint


def _fetcher(weasyprint: Any, folders: list[Path]) -> Any:
    """Return a fetcher that knows data addresses and files of the template folders only."""
    allowed = [folder.resolve() for folder in folders]

    class Fetcher(weasyprint.urls.URLFetcher):  # type: ignore[misc]
        def fetch(self, url: str, headers: Any = None) -> Any:
            parts = urlsplit(url)
            if parts.scheme == "file":
                path = Path(url2pathname(unquote(parts.path))).resolve()
                if any(path.is_relative_to(folder) for folder in allowed):
                    return super().fetch(url, headers)
            elif parts.scheme == "data":
                return super().fetch(url, headers)
            raise ValueError(f"a document may not load {parts.scheme}: {parts.netloc}{parts.path}")

    return Fetcher(allowed_protocols={"file", "data"}, allow_redirects=False)


@contextmanager
def _fixed_epoch(seconds: int) -> Iterator[None]:
    """Fix the time that font subsetting writes into fonts, and put things back."""
    name = "SOURCE_DATE_EPOCH"
    with _epoch_lock:
        before = os.environ.get(name)
        os.environ[name] = str(seconds)
        try:
            yield
        finally:
            if before is None:
                del os.environ[name]
            else:
                os.environ[name] = before
