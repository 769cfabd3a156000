"""What `propose` and `render` share: the files of a draft and the text people wrote."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from govkit.errors import InputError, PartMissing

if TYPE_CHECKING:
    from govkit.records.evidence import Evidence
    from govkit.records.market import Question

EVIDENCE = "evidence.json"


def make_files(
    question: Question, evidence: Evidence, templates: Path | None = None
) -> tuple[dict[str, bytes], PartMissing | None]:
    """Return every file of a draft; without Pango all but the PDF, and the reason."""
    from govkit.archive.questions import NAME, write_question
    from govkit.render.documents import render_documents
    from govkit.render.pdf import render_pdf

    files = {NAME: write_question(question), EVIDENCE: evidence.canonical()}
    files |= render_documents(evidence, templates=templates)
    try:
        files["proposal.pdf"] = render_pdf(evidence, templates=templates, drawn=files)
    except PartMissing as missing:
        return files, missing
    return files, None


def earlier_text(out: Path, slug: str, new: bool) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return text and overlays that people wrote into the draft of the same name, if any."""
    from govkit.archive.drafts import existing_draft
    from govkit.archive.questions import NAME, read_question

    before = None if new else existing_draft(out, slug)
    if before is None or not (before / NAME).is_file():
        return {}, []
    question = read_question(before / NAME)
    return question.text.model_dump(), [o.model_dump() for o in question.overlays]


def checked_place(out: Path) -> None:
    """Refuse an output folder that cannot be written to before the work begins."""
    nearest = out
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    if not nearest.is_dir():
        raise InputError(
            "is a file, not a folder", where=str(nearest), todo="Choose another --out."
        )
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise InputError(
            "cannot be written to (permission denied)", where=str(nearest),
            todo="Choose another folder with --out.",
        )  # fmt: skip
