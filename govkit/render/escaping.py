"""Text from people and files, made harmless: Markdown, HTML, table cells and reading order."""

from __future__ import annotations

import re
import unicodedata

# Signs that start emphasis, code, links, forum tags, HTML, table cells or strikes.
ACTIVE = re.compile(r"([\\`*_\[\]<>|~])")
ENTITY = re.compile(r"&(?=#?\w+;)")
# What would make a list, a rule, a heading or a code block of the first words of a line.
LEADING = re.compile(r"^(\d+(?=[.)](?: |$)))?([-+=:#.)])")
# Explicit changes of reading order could show numbers in another order than they are stored.
ORDER = dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)])
FIRST_STRONG, POP = "\u2068", "\u2069"


def plain(value: str) -> str:
    """Return one line of text as it shall be read, without markup.

    Line breaks become spaces, control characters go, and text with letters written from right
    to left is isolated so that it cannot reorder the numbers beside it.
    """
    # The space that holds a number and its unit together is kept.
    return re.sub(r"[^\S\u00a0]+", " ", clean(value)).strip()


def clean(value: str) -> str:
    """Return text without control characters and changes of reading order."""
    kept = value.translate(ORDER)
    return "".join(
        " " if c.isspace() and c not in "\n\u00a0" else c
        for c in kept
        if c.isspace() or unicodedata.category(c) not in ("Cc", "Cs", "Co", "Cn")
    )


def said(value: str) -> str:
    """Escape text from people for a paragraph, a list item or a table cell of Markdown."""
    line = plain(value)
    line = ENTITY.sub("&amp;", line)
    line = ACTIVE.sub(_harmless, line)
    line = LEADING.sub(r"\1\\\2", line)
    if any(unicodedata.bidirectional(c) in ("R", "AL") for c in line):
        return FIRST_STRONG + line + POP
    return line


def _harmless(match: re.Match[str]) -> str:
    sign = match.group(1)
    # Entities for tags: a forum's tag filter looks at the text before Markdown does.
    return {"<": "&lt;", ">": "&gt;"}.get(sign, "\\" + sign)


def paragraphs(value: str) -> str:
    """Escape text of several paragraphs; each becomes one line."""
    blocks = re.split(r"\n\s*\n", clean(value))
    return "\n\n".join(said(block) for block in blocks if block.strip())


def code(value: str) -> str:
    """Return text as a code span; backticks in it are turned into apostrophes."""
    return "`" + plain(value).replace("`", "'").replace("|", "\\|") + "`"


FILTERS = {"said": said, "paragraphs": paragraphs, "code": code, "plain": plain}
