from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from govkit.records.market import HumanText
from govkit.render.documents import proposal
from govkit.render.escaping import FIRST_STRONG, POP, paragraphs, plain, said
from tests.render import sample

HOSTILE = [
    "a | b | c",
    "`code` ```fence```",
    "[link](javascript:alert(1)) ![image](x)",
    "<script>alert(1)</script> <b>bold</b>",
    "# heading",
    "- item",
    "12. item",
    "> quote",
    "*emphasis* __strong__ ~~gone~~",
    "{{ evidence }} {% raw %} {# gone #}",
    "&lt;b&gt; &#60; AT&T",
    "line one\nline two\r\nline three",
    '[details="open"] [/details] [poll]',
    "🙂 emoji",
    "שלום עולם 12 %",
    "evil \u202e83 %\u202c order",
    "===",
    "\u0000\u0007bell",
    "back\\slash \\| bar",
]


def shown(markdown: str) -> tuple[str, set[str]]:
    tokens = (
        MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).parse(markdown)
    )
    kinds = {token.type for token in tokens}
    text = ""
    for token in tokens:
        for child in token.children or []:
            kinds.add(child.type)
            text += child.content
    return text, kinds


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_text_is_read_as_it_was_written(value: str) -> None:
    text, kinds = shown(said(value))
    assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}
    assert text.strip(FIRST_STRONG + POP) == plain(value)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_text_stays_in_its_cell(value: str) -> None:
    tokens = (
        MarkdownIt("commonmark", {"html": False})
        .enable("table")
        .parse(f"| a | b |\n|---|---|\n| {said(value)} | end |\n")
    )
    cells = [token for token in tokens if token.type == "td_open"]
    assert len(cells) == 2
    assert "end" in [token.content for token in tokens if token.type == "inline"]


@given(st.text())
def test_any_text_is_one_harmless_line(value: str) -> None:
    line = said(value)
    assert "\n" not in line
    assert "<" not in line
    assert not [c for c in line if c in "\u202a\u202b\u202d\u202e\u2066\u2067\u0000"]


def test_text_from_right_to_left_is_isolated() -> None:
    assert said("שלום") == f"{FIRST_STRONG}שלום{POP}"
    assert said("hello") == "hello"


def test_paragraphs_are_kept() -> None:
    assert paragraphs("one\ntwo\n\n\n# three") == "one two\n\n\\# three"


@pytest.mark.parametrize("value", HOSTILE)
def test_documents_keep_their_shape_whatever_people_write(value: str) -> None:
    hostile = HumanText(title=value, author=value, payer=value, interests=value, motivation=value)
    calm = HumanText(title="x", author="x", payer="x", interests="x", motivation="x")

    def shape(text: HumanText) -> list[str]:
        parser = MarkdownIt("commonmark", {"html": True}).enable("table")
        tokens = parser.parse(proposal(sample.evidence(sample.usdc(), text=text), "forum"))
        return [token.type for token in tokens]

    assert shape(hostile) == shape(calm)
