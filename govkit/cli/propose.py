"""``govkit propose``: a parameter-change proposal for one or more assets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from govkit.records.evidence import Evidence
    from govkit.records.market import Market, Question


@click.command(name="propose")
@click.argument("assets", nargs=-1, required=True, metavar="ASSET...")
@click.option(
    "--market",
    default="aave-v3-ethereum",
    show_default=True,
    help="Name of a shipped market, or path of a market file.",
)
@click.option(
    "--appetite",
    default="moderate",
    show_default=True,
    help="conservative, moderate, aggressive, or path of an appetite file.",
)
@click.option(
    "--model",
    default="reference",
    show_default=True,
    help="Name of a shipped market model, or path of one made by 'govkit fit'.",
)
@click.option(
    "--book",
    default="",
    metavar="FILE",
    help="Real accounts; without it the model's distribution is used.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="proposals",
    show_default=True,
    help="Folder that holds the numbered proposals.",
)
@click.option("--seed", default=1, show_default=True, type=click.IntRange(0, 2**32 - 1))
@click.option("--force", is_flag=True, help="Replace a different proposal of the same name.")
@click.option("--new", is_flag=True, help="Write under the next number even if one exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the evidence instead of a summary.")
def command(
    assets: tuple[str, ...], market: str, appetite: str, model: str, book: str, out: Path,
    seed: int, force: bool, new: bool, as_json: bool,
) -> None:  # fmt: skip
    """Write a proposal: evidence, forum post, PDF and charts.

    \b
    Example:
      govkit propose WETH WBTC --appetite moderate --out proposals
    """
    from govkit.archive.drafts import place_draft, slug_of
    from govkit.cli._drafts import checked_place, earlier_text, make_files
    from govkit.cli.progress import progress_on_stderr
    from govkit.data import load_appetite, load_market, load_model, load_scenarios
    from govkit.market.account_book import read_books
    from govkit.proposal import make_evidence
    from govkit.records.market import Question

    checked_place(out)
    place = load_market(market)
    slug = slug_of(place.name, *assets, *([] if appetite == "moderate" else [Path(appetite).stem]))
    text, overlays = earlier_text(out, slug, new)
    question = Question.from_data(
        {"market": market, "assets": assets, "appetite": appetite, "model": model, "seed": seed,
         "book": book, "text": text, "overlays": overlays},
        where="govkit propose",
    )  # fmt: skip
    _known_assets(question, place)
    fitted, wanted = load_model(model), load_appetite(appetite)
    thresholds = {a: place.reserves[a].threshold.value for a in assets}
    books = read_books(Path(book), thresholds) if book else {}
    with progress_on_stderr() as report:
        evidence = make_evidence(
            question, place, fitted, wanted, load_scenarios(), books=books, progress=report
        )
        report("documents", 0, 1)
        files, missing = make_files(question, evidence)
        report("documents", 1, 1)
    placed = place_draft(out, slug, files, force=force, new=new)
    if as_json:
        click.echo(evidence.canonical().decode())
    else:
        _summary(evidence)
    click.echo(f"{placed.outcome}: {placed.folder}", err=as_json)
    click.echo(_age(evidence.model.as_of), err=True)
    if missing is not None:
        raise missing
    if not evidence.guard_rails_passed:
        from govkit.errors import CheckFailed

        raise CheckFailed(
            "the change breaches a guard-rail and may not be executed",
            where=str(placed.folder), todo="See the guard-rail check in proposal.md.",
        )  # fmt: skip


def _known_assets(question: Question, market: Market) -> None:
    """Name an unknown asset before anything slow begins."""
    from govkit.errors import unknown_name

    for asset in question.assets:
        if asset not in market.reserves:
            raise unknown_name(f"asset of {market.title}", asset, market.reserves)


def _summary(evidence: Evidence) -> None:
    for asset in evidence.assets:
        now, then = asset.in_force.threshold.value * 100, asset.recommended.threshold * 100
        line = f"{asset.asset}: {asset.action} {now:g} %"
        if then != now:
            line += f" -> {then:g} %"
        if asset.support is not None:
            line += f"  (supported {asset.support.bound * 100:.1f} %)"
        click.echo(line)


def _age(as_of: str) -> str:
    from datetime import UTC, date, datetime

    days = (datetime.now(UTC).date() - date.fromisoformat(as_of)).days
    return f"market data as of {as_of}, {days} days old"
