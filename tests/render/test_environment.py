from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from govkit.errors import InputError
from govkit.records.evidence import Reason
from govkit.render.documents import proposal, render_documents
from govkit.render.environment import template_folder
from tests.render import sample


def override(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return folder


def test_one_file_can_be_replaced(tmp_path: Path) -> None:
    folder = override(tmp_path, "proposal/_motivation.md.j2", "## Motivation\n\nOurs.\n\n")
    text = proposal(sample.evidence(), "forum", folder)
    assert "\n\nOurs.\n\n## Method\n" in text
    assert "## WETH: keep" in text


def test_undefined_names_are_reported_with_template_and_line(tmp_path: Path) -> None:
    folder = override(
        tmp_path, "proposal/_motivation.md.j2", "## Motivation\n\n{{ evidence.mood }}\n"
    )
    with pytest.raises(InputError, match=r"proposal/_motivation\.md\.j2:3: .*no attribute 'mood'"):
        proposal(sample.evidence(), "forum", folder)


def test_syntax_errors_are_reported_with_template_and_line(tmp_path: Path) -> None:
    folder = override(tmp_path, "proposal/_motivation.md.j2", "a\n{% if %}\n")
    with pytest.raises(InputError, match=r"_motivation\.md\.j2:2: "):
        proposal(sample.evidence(), "forum", folder)


def test_missing_template_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="nowhere"):
        render_documents(sample.evidence(), templates=tmp_path / "nowhere")


def test_unknown_reason_is_named() -> None:
    asset = sample.weth().model_copy(update={"reasons": (Reason(code="mood_swing"),)})
    with pytest.raises(InputError, match="no words for the reason 'mood_swing'"):
        proposal(sample.evidence(asset), "forum")


def test_reason_without_its_numbers_is_an_error() -> None:
    asset = sample.weth().model_copy(update={"reasons": (Reason(code="within_interval"),)})
    with pytest.raises(InputError, match=r"proposal/_\w+\.md\.j2:\d+: .*'low'"):
        proposal(sample.evidence(asset), "forum")


def test_fonts_come_with_their_licence() -> None:
    fonts = template_folder() / "report" / "fonts"
    for family in ("Inter", "JetBrainsMono"):
        assert "SIL Open Font License" in (fonts / f"{family}-LICENSE.txt").read_text()
    assert sum(file.stat().st_size for file in fonts.iterdir()) < 1_500_000


def test_template_folder_can_be_copied_and_edited(tmp_path: Path) -> None:
    shutil.copytree(template_folder(), tmp_path / "mine")
    evidence = sample.evidence(sample.usdc())
    assert proposal(evidence, "forum", tmp_path / "mine") == proposal(evidence, "forum")
