"""``govkit model``: a market model in words, checked, and compared with another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from datetime import date

    from govkit.records.model import MarketModel

MODEL = click.argument("model", default="reference", metavar="[MODEL]")


@click.group("model")
def command() -> None:
    """Show, check and compare market models.

    MODEL is the name of a shipped model, such as reference, or the path of a file that
    'govkit fit' wrote.

    \b
    Example:
      govkit model show --asset WETH
    """


@command.command("show")
@MODEL
@click.option("--asset", default="", help="Only this collateral and the returns it uses.")
@click.option("--json", "as_json", is_flag=True, help="Print the facts as JSON.")
def show_command(model: str, asset: str, as_json: bool) -> None:
    """Say in words what a model holds: verdicts, volatility, tails, depth, dates.

    \b
    Example:
      govkit model show my-model.json --asset WBTC
    """
    from govkit.data import load_model
    from govkit.render.model_words import model_data, show_model

    fitted = load_model(model)
    if as_json:
        _print_json(model_data(fitted, asset))
    else:
        click.echo("\n".join(show_model(fitted, asset, _today())))


@command.command("check")
@MODEL
def check_command(model: str) -> None:
    """Check that a model is whole and consistent with itself; every problem at once.

    \b
    Example:
      govkit model check my-model.json

    Ends with exit code 1 when there is a problem.
    """
    from govkit.errors import CheckFailed
    from govkit.records.check_model import model_problems

    fitted, problems = _load(model)
    if fitted is not None:
        problems = model_problems(fitted, _today())
    for problem in problems:
        click.echo(problem)
    if problems:
        raise CheckFailed(
            f"the model has {len(problems)} problem{'s' if len(problems) > 1 else ''}",
            where=model,
            todo="Fit it again with 'govkit fit', or use the shipped one.",
        )
    assert fitted is not None
    supported = sum(asset.supported for asset in fitted.assets.values())
    click.echo(
        f"{fitted.name}: no problem found; as of {fitted.as_of}, {len(fitted.assets)} assets, "
        f"{supported} supported, {len(fitted.returns)} return models"
    )
    click.echo(f"digest {fitted.digest()}")


@command.command("diff")
@click.argument("before")
@click.argument("after")
@click.option("--json", "as_json", is_flag=True, help="Print the changes as JSON.")
def diff_command(before: str, after: str, as_json: bool) -> None:
    """Say in words what changed from one model to another, and by how much.

    \b
    Example:
      govkit model diff reference my-model.json
    """
    from govkit.data import load_model
    from govkit.render.model_changes import changes, show_changes

    old, new = load_model(before), load_model(after)
    if as_json:
        _print_json(changes(old, new))
    else:
        click.echo("\n".join(show_changes(old, new)))


def _load(name: str) -> tuple[MarketModel | None, tuple[str, ...]]:
    """Return a model, or every way in which a JSON file does not fit the schema."""
    from govkit.data import load_model, model_path
    from govkit.errors import InputError
    from govkit.records.check_model import schema_problems

    try:
        return load_model(name), ()
    except InputError:
        try:
            data = json.loads(model_path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError, RecursionError):
            data = None
        problems = schema_problems(data) if isinstance(data, dict) and data else ()
        if not problems:
            raise
        return None, problems


def _today() -> date:
    from datetime import UTC, datetime

    return datetime.now(UTC).date()


def _print_json(data: dict[str, Any]) -> None:
    click.echo(json.dumps(data, indent=2, ensure_ascii=False))
