"""``govkit render``: documents again from the evidence of a draft."""

from __future__ import annotations

from pathlib import Path

import click

from govkit.cli import _options


@click.command(name="render")
@click.argument("number")
@_options.proposals(file_okay=False)
@click.option(
    "--templates",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder whose templates replace shipped ones of the same name.",
)
def command(number: str, out: Path, templates: Path | None) -> None:
    """Render a draft's documents again, with the text now in its proposal.toml.

    \b
    Example:
      govkit render 0001 --out proposals
    """
    from govkit.archive.drafts import find_draft
    from govkit.archive.files import read_folder, write_folder
    from govkit.archive.questions import NAME, read_question
    from govkit.cli._drafts import EVIDENCE, checked_place, make_files
    from govkit.errors import InputError
    from govkit.records.evidence import Evidence

    checked_place(out)
    folder = find_draft(out, number)
    question = read_question(folder / NAME)
    path = folder / EVIDENCE
    if not path.is_file():
        raise InputError("missing", where=str(path), todo="Run 'govkit propose' again.")
    evidence = Evidence.from_json(path.read_bytes(), where=str(path))
    if question.assets != tuple(a.asset for a in evidence.assets):
        raise InputError(
            "asks for other assets than the evidence holds", where=str(folder / NAME),
            todo="Run 'govkit propose' to calibrate them.",
        )  # fmt: skip
    evidence = evidence.model_copy(update={"text": question.text})
    files, missing = make_files(question, evidence, templates)
    # The file people edit stays as they left it, comments included.
    files[NAME] = (folder / NAME).read_bytes()
    if read_folder(folder) == files:
        click.echo(f"unchanged: {folder}")
    else:
        write_folder(folder, files, replace=True)
        click.echo(f"replaced: {folder}")
    if missing is not None:
        raise missing
