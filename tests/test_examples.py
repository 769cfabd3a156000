"""The shipped examples are what the shipped code makes of the shipped model today."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from govkit.archive.files import read_folder
from govkit.archive.questions import read_question
from govkit.data import load_appetite, load_market, load_model, load_scenarios
from govkit.proposal import make_evidence
from govkit.records.evidence import Evidence
from govkit.render.documents import render_documents
from govkit.render.pdf import render_pdf

ROOT = Path(__file__).parents[1]
FIRST = "0001-"
# Values of a decision are equal on every machine; other figures may differ by rounding.
EXACT = ("action", "recommended", "path", "in_force")


@pytest.fixture(scope="module")
def folder() -> Path:
    found = sorted(ROOT.glob(f"proposals/{FIRST}*"))
    if len(found) != 1:
        pytest.fail(f"proposals/ must hold one example {FIRST}*, found {len(found)}")
    return found[0]


@pytest.fixture(scope="module")
def stored(folder: Path) -> Evidence:
    return Evidence.from_json((folder / "evidence.json").read_bytes(), where="evidence.json")


def differences(old: Any, new: Any, place: str = "") -> list[str]:
    """List where two JSON values differ by more than 1e-6 relative."""
    if isinstance(old, dict) and isinstance(new, dict):
        lost = [f"{place}.{key}: only in one" for key in sorted(old.keys() ^ new.keys())]
        both = [d for k in sorted(old.keys() & new.keys())
                for d in differences(old[k], new[k], f"{place}.{k}")]  # fmt: skip
        return lost + both
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = zip(old, new, strict=True)
        return [d for n, (a, b) in enumerate(pairs) for d in differences(a, b, f"{place}[{n}]")]
    numbers = isinstance(old, int | float) and isinstance(new, int | float)
    if numbers and not isinstance(old, bool):
        return [] if new == pytest.approx(old, rel=1e-6, abs=1e-12) else [f"{place}: {old}, {new}"]
    return [] if old == new else [f"{place}: {old!r}, {new!r}"]


@pytest.mark.slow
def test_evidence_is_what_the_code_makes_today(folder: Path, stored: Evidence) -> None:
    question = read_question(folder / "proposal.toml")
    fresh = make_evidence(
        question, load_market(question.market), load_model(question.model),
        load_appetite(question.appetite), load_scenarios(),
    )  # fmt: skip
    for old, new in zip(stored.assets, fresh.assets, strict=True):
        for field in EXACT:
            assert getattr(old, field) == getattr(new, field), (old.asset, field)
    assert fresh.changes == stored.changes
    assert fresh.guard_rails == stored.guard_rails
    old, new = (json.loads(e.canonical()) for e in (stored, fresh))
    for evidence in (old, new):
        del evidence["toolchain"]
    found = differences(old, new)
    assert found == [], f"{len(found)} figures are stale; run govkit propose --force again"


def test_evidence_is_canonical(folder: Path, stored: Evidence) -> None:
    assert (folder / "evidence.json").read_bytes() == stored.canonical()
    assert stored.text == read_question(folder / "proposal.toml").text


def test_documents_are_those_of_the_evidence(folder: Path, stored: Evidence) -> None:
    kept = read_folder(folder)
    fresh = render_documents(stored)
    apart = {"proposal.toml", "evidence.json", "proposal.pdf"}
    assert set(kept) - apart == set(fresh)
    stale = [name for name, data in fresh.items() if kept[name] != data]
    assert stale == []


def text_of(pdf: bytes) -> list[str]:
    opened = pypdfium2.PdfDocument(pdf)
    pages = []
    for page in opened:
        words = page.get_textpage()
        pages.append(words.get_text_bounded())
        words.close()
        page.close()
    opened.close()
    return pages


def test_pdf_says_what_the_evidence_says(folder: Path, stored: Evidence) -> None:
    kept, fresh = (folder / "proposal.pdf").read_bytes(), render_pdf(stored)
    pages = text_of(kept)
    assert len(pages) > 2
    assert text_of(fresh) == pages
