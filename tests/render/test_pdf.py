from __future__ import annotations

import builtins
import io
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pikepdf
import pypdfium2
import pytest

from govkit.errors import PartMissing
from govkit.render import pdf
from govkit.render.documents import pictures, proposal
from govkit.render.environment import template_folder
from govkit.render.numbers import SPACE
from govkit.render.pdf import render_pdf
from tests.render import sample

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rendered() -> tuple[bytes, list[str]]:
    """The report of two assets, and what WeasyPrint logged while making it."""
    records: list[str] = []

    class Keep(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            records.append(record.getMessage())

    handler = Keep(logging.WARNING)
    loggers = [logging.getLogger(name) for name in ("weasyprint", "fontTools")]
    for logger in loggers:
        logger.addHandler(handler)
    data = render_pdf(sample.evidence())
    for logger in loggers:
        logger.removeHandler(handler)
    return data, records


@pytest.fixture
def document(rendered: tuple[bytes, list[str]]) -> Iterator[pikepdf.Pdf]:
    with pikepdf.open(io.BytesIO(rendered[0])) as opened:
        yield opened


def text_of(data: bytes) -> list[str]:
    opened = pypdfium2.PdfDocument(data)
    pages = []
    for page in opened:
        words = page.get_textpage()
        pages.append(words.get_text_bounded())
        words.close()
        page.close()
    opened.close()
    return pages


def squeezed(text: str) -> str:
    return re.sub(r"[\s\u00a0\ufffe-]+", "", text)


def test_nothing_is_logged(rendered: tuple[bytes, list[str]]) -> None:
    assert rendered[1] == []


def test_it_says_it_is_an_archive_file(document: pikepdf.Pdf) -> None:
    with document.open_metadata() as metadata:
        assert metadata["pdfaid:part"] == "3"
        assert metadata["pdfaid:conformance"] == "U"
        assert metadata.pdfa_status == "3U"
    assert str(document.Root.Lang) == "en"
    assert document.Root.MarkInfo.Marked is True or bool(document.Root.MarkInfo.Marked)
    assert str(document.docinfo["/Title"]).replace(SPACE, " ").startswith("WETH and AAVE liquid")


def test_dates_are_those_of_the_data(document: pikepdf.Pdf) -> None:
    assert "20260214" in str(document.docinfo["/CreationDate"])
    assert "20260214" in str(document.docinfo["/ModDate"])


def test_evidence_is_attached(document: pikepdf.Pdf) -> None:
    assert list(document.attachments) == ["evidence.json"]
    attached = document.attachments["evidence.json"]
    assert attached.get_file().read_bytes() == sample.evidence().canonical()
    assert str(attached.obj["/AFRelationship"]) == "/Data"


def structure(node: Any, found: list[tuple[str, str]]) -> None:
    if isinstance(node, pikepdf.Array):
        for child in node:
            structure(child, found)
    elif isinstance(node, pikepdf.Dictionary):
        if "/S" in node:
            found.append((str(node["/S"]), str(node.get("/Alt", ""))))
        if "/K" in node:
            structure(node["/K"], found)


def test_it_is_tagged_and_pictures_have_alternatives(document: pikepdf.Pdf) -> None:
    found: list[tuple[str, str]] = []
    structure(document.Root.StructTreeRoot.K, found)
    kinds = {kind for kind, _ in found}
    assert {"/Document", "/H1", "/H2", "/H3", "/P", "/Table", "/TH", "/TD", "/L"} <= kinds
    alts = [alt for kind, alt in found if kind == "/Figure" and alt]
    assert len(alts) == sum(len(charts) for charts in pictures(sample.evidence()).values())
    said = re.findall(r"!\[(.*?)\]\(", proposal(sample.evidence(), "report"))
    assert [squeezed(alt) for alt in alts] == [squeezed(alt.replace("\\", "")) for alt in said]


def test_outline_has_the_sections(document: pikepdf.Pdf) -> None:
    with document.open_outline() as outline:
        assert len(outline.root) == 1
        names = [item.title.replace(SPACE, " ") for item in outline.root[0].children]
    text = proposal(sample.evidence(), "report").replace(SPACE, " ")
    assert names == re.findall(r"^## (.*)$", text, re.MULTILINE)


def test_fonts_are_the_shipped_ones_and_embedded(document: pikepdf.Pdf) -> None:
    names = set()
    for page in document.pages:
        for font in page.Resources.Font.values():
            names.add(str(font.BaseFont).partition("+")[2])
            assert "/FontDescriptor" in font.DescendantFonts[0]
    assert all("Inter" in name or "JetBrains" in name for name in names), names


def test_text_has_the_same_headings_tables_and_decision(rendered: tuple[bytes, list[str]]) -> None:
    pages = text_of(rendered[0])
    whole = squeezed("".join(pages))
    markdown = proposal(sample.evidence(), "report")
    for heading in re.findall(r"^#+ (.*)$", markdown, re.MULTILINE):
        assert squeezed(heading) in whole, heading
    assert squeezed("76 % → 73 %") in squeezed(pages[0])
    assert squeezed("83 %, keep") in squeezed(pages[0])
    for index, page in enumerate(pages, start=1):
        assert squeezed(f"page {index} of {len(pages)}") in squeezed(page)
        assert squeezed(sample.evidence().digest()) in squeezed(page)
        assert len(page) > 300, f"page {index} is nearly empty"


def test_contents_name_the_right_pages(rendered: tuple[bytes, list[str]]) -> None:
    pages = [squeezed(page) for page in text_of(rendered[0])]
    lines = re.findall(r"(Specification|Stress|Copyright)\.+(\d+)", pages[0])
    assert len(lines) == 3
    for name, page in lines:
        assert name in pages[int(page) - 1]


def test_equal_bytes_from_another_folder_process_and_day(
    rendered: tuple[bytes, list[str]], tmp_path: Path
) -> None:
    script = (
        "import sys; from tests.render import sample; from govkit.render.pdf import render_pdf;"
        "sys.stdout.buffer.write(render_pdf(sample.evidence()))"
    )
    outside = dict(os.environ) | {
        "PYTHONPATH": str(ROOT), "TZ": "Asia/Tokyo", "SOURCE_DATE_EPOCH": "1",
        "PYTHONHASHSEED": "5",
    }  # fmt: skip
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        cwd=tmp_path, env=outside, capture_output=True, check=True,
    )  # fmt: skip
    assert result.stdout == rendered[0]


def test_equal_bytes_with_templates_in_another_place(
    rendered: tuple[bytes, list[str]], tmp_path: Path
) -> None:
    shutil.copytree(template_folder(), tmp_path / "mine")
    assert render_pdf(sample.evidence(), templates=tmp_path / "mine") == rendered[0]


def test_environment_is_put_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "12")
    with pdf._fixed_epoch(5):
        assert os.environ["SOURCE_DATE_EPOCH"] == "5"
    assert os.environ["SOURCE_DATE_EPOCH"] == "12"
    monkeypatch.delenv("SOURCE_DATE_EPOCH")
    with pdf._fixed_epoch(5):
        pass
    assert "SOURCE_DATE_EPOCH" not in os.environ


def test_only_data_and_template_files_can_be_loaded(tmp_path: Path) -> None:
    import weasyprint

    fetcher = pdf._fetcher(weasyprint, [template_folder()])
    secret = tmp_path / "secret.txt"
    secret.write_text("x")
    inside = (template_folder() / "report" / "report.css").as_uri()
    fetcher(inside).close()
    fetcher("data:text/plain,x").close()
    beside = inside.replace("report/report.css", "../pyproject.toml")
    for url in (secret.as_uri(), beside, "http://192.0.2.1/x", "https://192.0.2.1/x", "ftp://h/x"):
        with pytest.raises(ValueError, match="may not load"):
            fetcher(url)


def test_refusal_alone_makes_a_report() -> None:
    pages = text_of(render_pdf(sample.evidence(sample.usdc())))
    assert squeezed("no recommendation") in squeezed(pages[0])


def test_special_collateral_makes_a_report() -> None:
    """A staking token, a kept and a refused peg and a long tail, with what feeds can hide."""
    evidence = sample.special()
    pages = text_of(render_pdf(evidence))
    whole = squeezed("".join(pages))
    for heading in re.findall(r"^#+ (.*)$", proposal(evidence, "report"), re.MULTILINE):
        assert squeezed(heading) in whole, heading
    for words in (
        "which may grow by 9.68 % a year",
        "the market price, at most $1.04",
        "an exchange rate hides a discount (stETH)",
        "its own history is too short for a supply cap of $6.3M",
        "pegged asset, too few depegs on record",
        "from reserves of a StableSwap pool of 2025-03-14",
    ):
        assert squeezed(words) in whole, words
    for index, page in enumerate(pages, start=1):
        assert len(page) > 300, f"page {index} is nearly empty"


@pytest.mark.parametrize("error", [OSError("cannot load library 'libpango'"), ImportError("gone")])
def test_missing_pango_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    real = builtins.__import__

    def refuse(name: str, *args: Any, **options: Any) -> Any:
        if name.partition(".")[0] == "weasyprint":
            raise error
        return real(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(PartMissing, match="Pango cannot be loaded") as caught:
        render_pdf(sample.evidence(sample.usdc()))
    assert caught.value.exit_code == 4
    for system in ("Debian", "Fedora", "macOS", "Windows"):
        assert system in caught.value.message()
