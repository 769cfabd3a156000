"""The question on disk: ``proposal.toml``, written once and then edited by people."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from govkit.errors import InputError
from govkit.records.market import Question

NAME = "proposal.toml"

COMMENTS = {
    "title": "optional; without it the title is made from the decision",
    "author": "required before sealing",
    "date": "required before sealing, YYYY-MM-DD",
    "payer": "required before sealing: who pays the author for this work",
    "interests": "required before sealing: positions and roles that could bias the author",
    "motivation": "optional; without it the motivation is made from the evidence",
    "discussion": "address of the forum thread, optional",
}


def write_question(question: Question) -> bytes:
    """Return the TOML text of a question, with a comment for every field people fill in."""
    lines = [
        "# The question this proposal answers, and what only people can say about it.",
        "# Edit the [text] part, then run 'govkit render' on this folder's number.",
        "",
        f"market = {_string(question.market)}",
        f"assets = [{', '.join(_string(a) for a in question.assets)}]",
        f"appetite = {_string(question.appetite)}",
        f"model = {_string(question.model)}",
        f"seed = {question.seed}",
    ]
    if question.book:
        lines.append(f"book = {_string(question.book)}")
    lines += ["", "[text]"]
    for name, comment in COMMENTS.items():
        lines += [f"# {comment}", f"{name} = {_string(getattr(question.text, name))}"]
    for overlay in question.overlays:
        lines += ["", "[[overlays]]", f"points = {overlay.points!r}"]
        for name in ("asset", "owner", "date", "reason"):
            lines.append(f"{name} = {_string(getattr(overlay, name))}")
    return ("\n".join(lines) + "\n").encode()


def read_question(path: Path) -> Question:
    """Read ``proposal.toml``.

    Raises
    ------
    InputError
        When the file is missing, not TOML or does not fit; every problem is named.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read ({error.strerror})", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"not valid TOML ({error})", where=str(path)) from None
    return Question.from_data(data, where=str(path))


def _string(value: str) -> str:
    # A JSON string is a TOML basic string; DEL is the one character JSON leaves bare.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
