"""``govkit appetite``: risk appetites in words, and the confidence that values in force imply."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from govkit.cli import _options

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from govkit.records.market import Appetite
    from govkit.runners import Runner


@click.command("appetite")
@click.argument("name", default="", metavar="[NAME|FILE]")
@click.option("--implied", is_flag=True, help="Invert the model for the thresholds in force.")
@_options.market("With --implied: name of a shipped market, or path of a market file.")
@_options.model("With --implied: name of a shipped market model, or path of one.")
@_options.seed("With --implied: as in 'govkit propose'.")
@_options.runners("1", "answer", when="With --implied: ")
@click.option("--json", "as_json", is_flag=True, help="Print the settings or figures as JSON.")
@click.pass_context
def command(
    ctx: click.Context, name: str, implied: bool, market: str, model: str, seed: int,
    workers: int | None, scheduler: str, as_json: bool,
) -> None:  # fmt: skip
    """Say what a risk appetite tolerates, or what the values in force imply.

    NAME is conservative, moderate or aggressive; FILE is one's own appetite, which is checked.
    Without either, the shipped ones stand side by side.

    \b
    Example:
      govkit appetite my-appetite.toml
      govkit appetite --implied --market aave-v3-ethereum

    With --implied, every threshold in force is turned into the chance that it survives a trigger
    episode, and compared with the shipped appetites and FILE.
    """
    from govkit.data import appetite_names, load_appetite

    _only_with_implied(ctx, implied)
    shipped = [load_appetite(one) for one in appetite_names()]
    asked = load_appetite(name) if name else None
    if implied:
        running = _options.runner_for(workers, scheduler, several=False)
        _implied(shipped, asked, market, model, seed, running, as_json)
    elif asked is None:
        from govkit.render.appetite_words import show_side_by_side

        lines = () if as_json else show_side_by_side(shipped)
        _print({one.name: one.model_dump(mode="json") for one in shipped}, lines)
    else:
        from govkit.render.appetite_words import show_appetite

        _print(asked.model_dump(mode="json"), () if as_json else show_appetite(asked, shipped))


def _implied(
    shipped: list[Appetite],
    asked: Appetite | None,
    market: str,
    model: str,
    seed: int,
    running: AbstractContextManager[Runner],
    as_json: bool,
) -> None:
    from govkit.calibrate.implied import implied_confidence
    from govkit.cli.progress import progress_on_stderr
    from govkit.data import load_market, load_model
    from govkit.render.implied_words import show_implied

    own = [] if asked is None or asked.name in {one.name for one in shipped} else [asked]
    place, fitted = load_market(market), load_model(model)
    with running as runner, progress_on_stderr() as report:
        found = implied_confidence(
            place, fitted, [*shipped, *own], seed=seed,
            run=lambda function, assets: runner.map("assets", function, assets, report),
        )  # fmt: skip
    _print(found.model_dump(mode="json"), () if as_json else show_implied(found))


def _only_with_implied(ctx: click.Context, implied: bool) -> None:
    given = [
        f"--{option}"
        for option in ("market", "model", "seed", "workers", "scheduler")
        if ctx.get_parameter_source(option) is not click.core.ParameterSource.DEFAULT
    ]
    if given and not implied:
        raise click.UsageError(f"{' and '.join(given)}: only with --implied")


def _print(data: dict[str, Any], lines: tuple[str, ...]) -> None:
    """Print the lines, or the data as JSON when there are none."""
    click.echo("\n".join(lines) if lines else json.dumps(data, indent=2, ensure_ascii=False))
