"""``govkit propose``: a parameter-change proposal for one or more assets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from govkit.cli import _options

if TYPE_CHECKING:
    from govkit.records.evidence import Evidence
    from govkit.records.market import Market, Question


@click.command(name="propose")
@click.argument("assets", nargs=-1, required=True, metavar="ASSET...")
@_options.market()
@_options.appetite()
@_options.model()
@_options.book()
@_options.proposals(file_okay=True)
@_options.seed()
@_options.runners("1; the cores for four assets on four cores or more", "proposal")
@click.option("--force", is_flag=True, help="Replace a different proposal of the same name.")
@click.option("--new", is_flag=True, help="Write under the next number even if one exists.")
@click.option("--json", "as_json", is_flag=True, help="Print the evidence instead of a summary.")
def command(
    assets: tuple[str, ...], market: str, appetite: str, model: str, book: str, out: Path,
    seed: int, workers: int | None, scheduler: str, force: bool, new: bool, as_json: bool,
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
    several = _options.several_pay(len(question.assets))
    _options.say_if_slow()
    with progress_on_stderr() as report:
        with _options.runner_for(workers, scheduler, several=several) as runner:
            evidence = make_evidence(
                question, place, fitted, wanted, load_scenarios(), books=books, runner=runner,
                progress=report,
            )  # fmt: skip
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
