from __future__ import annotations

from govkit.render.layout import unwrap


def test_paragraphs_items_and_rows_become_one_line() -> None:
    text = "one\n two\n\n- a\n  b\n- c\n\n| x |\ny | z\n |\n| w | w |\n"
    assert unwrap(text) == "one two\n\n- a b\n- c\n\n| x | y | z |\n| w | w |\n"


def test_code_is_kept() -> None:
    assert unwrap("a\n\n```\nx  y\n\n  z\n```\n\nb\n") == "a\n\n```\nx  y\n\n  z\n```\n\nb\n"


def test_headings_folds_and_pictures_stand_alone() -> None:
    text = '## h\ntext\n[details="t"]\nin\n[/details]\nafter\n'
    assert unwrap(text) == '## h\ntext\n[details="t"]\nin\n[/details]\nafter\n'


def test_gaps_left_by_conditions_close() -> None:
    assert unwrap("a ,\n  b .\n\n\n\n\nc\n\n\n") == "a, b.\n\nc\n"


def test_rows_and_items_are_not_torn_apart() -> None:
    assert unwrap("| a |\n\n| b |\n") == "| a |\n| b |\n"
    assert unwrap("- a\n\n\n- b\n") == "- a\n- b\n"
