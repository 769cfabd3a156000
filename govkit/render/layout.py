"""Lines of Markdown: templates are wrapped for whoever edits them, documents are not.

Forums turn every single line break into a visible one, so a paragraph must be one line.
"""

from __future__ import annotations

import re

FENCE = "```"
ALONE = re.compile(r"(#{1,6} |!\[|\[/?details|---$)")
ITEM = re.compile(r"(- |\d+\. )")


def unwrap(markdown: str) -> str:
    """Join the lines of each paragraph, list item and table row; keep code as it is."""
    lines: list[str] = []
    in_code = False
    for raw in markdown.split("\n"):
        line = raw.rstrip()
        if line.startswith(FENCE):
            in_code = not in_code
            lines.append(line)
        elif in_code or not line or not _continues(line, lines):
            lines.append(line if in_code else line.strip())
        else:
            lines[-1] = f"{lines[-1]} {line.strip()}"
    return _spaced(lines)


def _continues(line: str, before: list[str]) -> bool:
    """Return whether a line goes on with the one before it."""
    if not before or not before[-1] or ALONE.match(before[-1]) or before[-1] == FENCE:
        return False
    # A row begins with a bar in the first column; what it is made of begins with anything else.
    return not (line.startswith("|") or ITEM.match(line) or ALONE.match(line))


def _spaced(lines: list[str]) -> str:
    """Collapse blanks: one between words, one empty line between blocks, none inside tables."""
    kept: list[str] = []
    in_code = False
    for index, raw in enumerate(lines):
        line = raw
        if line.startswith(FENCE):
            in_code = not in_code
        elif not in_code:
            line = re.sub(r" {2,}", " ", line)
            line = re.sub(r" ([.,;:)])(?= |$)", r"\1", line)
        if not line and not in_code:
            following = next((text for text in lines[index:] if text), "")
            inside = kept and (_same(kept[-1], following, "|") or _same(kept[-1], following, "- "))
            if not kept or not kept[-1] or inside or not following:
                continue
        kept.append(line)
    return "\n".join(kept).strip() + "\n"


def _same(before: str, after: str, start: str) -> bool:
    return before.startswith(start) and after.startswith(start)
