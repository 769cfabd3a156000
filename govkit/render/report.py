"""The Markdown of a proposal as the HTML that becomes the PDF."""

from __future__ import annotations

import base64
import html
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token

from govkit.records.evidence import Evidence
from govkit.render.environment import fill, find_file


@dataclass(frozen=True)
class Heading:
    """A line of the table of contents."""

    level: int
    text: str
    anchor: str


FONTS = (
    ("Inter Govkit", "Inter-Regular", "normal", "normal"),
    ("Inter Govkit", "Inter-Bold", "bold", "normal"),
    ("Inter Govkit", "Inter-Italic", "normal", "italic"),
    ("JetBrains Mono Govkit", "JetBrainsMono-Regular", "normal", "normal"),
)


def report_html(
    markdown: str,
    images: Mapping[str, bytes],
    evidence: Evidence,
    *,
    moment: str,
    templates: Path | None = None,
) -> str:
    """Lay a proposal out as a page: title block, decision box, contents, sections.

    Parameters
    ----------
    markdown:
        The proposal in its report form.
    images:
        SVG of the charts by the path that the Markdown names.
    evidence:
        For the dates and names of the running lines.
    moment:
        The time of creation that the document carries.
    templates:
        The user's template folder, if any.
    """
    parser = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = parser.parse(markdown)
    headings = _anchored(tokens)
    _set_figures(tokens, images)
    end_of_title = next(i for i, token in enumerate(tokens) if token.type == "heading_close") + 1
    first_section = next(
        (i for i, t in enumerate(tokens) if t.type == "heading_open" and t.tag == "h2"), len(tokens)
    )
    parts = (tokens[:end_of_title], tokens[end_of_title:first_section], tokens[first_section:])
    title, box, body = (_rendered(parser, part) for part in parts)
    return fill(
        templates,
        "report/report.html.j2",
        {
            "evidence": evidence,
            "digest": evidence.digest(),
            "heading": headings[0].text,
            "title": title,
            "box": box,
            "body": body,
            "contents": headings,
            "moment": moment,
            "fonts": _fonts(templates),
            "stylesheet": find_file("report/report.css", templates).as_uri(),
        },
    )


def _fonts(templates: Path | None) -> list[dict[str, str]]:
    return [
        {
            "family": family,
            "uri": find_file(f"report/fonts/{name}.ttf", templates).as_uri(),
            "weight": weight,
            "style": style,
        }
        for family, name, weight, style in FONTS
    ]


def _rendered(parser: MarkdownIt, tokens: list[Token]) -> str:
    return str(parser.renderer.render(tokens, parser.options, {}))


def _anchored(tokens: list[Token]) -> list[Heading]:
    """Give every heading an address and return all of them."""
    headings: list[Heading] = []
    section = ""
    for opening, inline in pairwise(tokens):
        if opening.type != "heading_open":
            continue
        text = _plain_text(inline)
        anchor = re.sub(r"[^\w]+", "-", text.lower()).strip("-") or "section"
        if opening.tag == "h2":
            section = anchor
        elif opening.tag != "h1":
            anchor = f"{section}-{anchor}"
        taken = sum(1 for heading in headings if heading.anchor.startswith(anchor))
        anchor = f"{anchor}-{taken + 1}" if taken else anchor
        opening.attrSet("id", anchor)
        headings.append(Heading(int(opening.tag[1]), text, anchor))
    return headings


def _plain_text(inline: Token) -> str:
    return "".join(t.content for t in inline.children or () if t.type in ("text", "code_inline"))


def _set_figures(tokens: list[Token], images: Mapping[str, bytes]) -> None:
    """Turn each paragraph that is one image into a figure with its caption."""
    for index in range(1, len(tokens) - 1):
        inline = tokens[index]
        children = inline.children or []
        if inline.type != "inline" or len(children) != 1 or children[0].type != "image":
            continue
        figure = Token("html_block", "", 0)
        figure.content = _figure(children[0], images)
        tokens[index - 1 : index + 2] = [_nothing(), figure, _nothing()]


def _figure(image: Token, images: Mapping[str, bytes]) -> str:
    data = base64.b64encode(images[str(image.attrs["src"])]).decode()
    caption = html.escape(str(image.attrs.get("title", "")))
    alt = html.escape(_plain_text(image), quote=True)
    return (
        f"<figure><figcaption>{caption}</figcaption>"
        f'<img alt="{alt}" src="data:image/svg+xml;base64,{data}"></figure>\n'
    )


def _nothing() -> Token:
    return Token("html_block", "", 0)
