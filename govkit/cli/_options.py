"""Options that several verbs share: same name, same meaning, same words."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from govkit.runners import Runner

Command = Callable[..., Any]
Decorator = Callable[[Command], Command]

SEVERAL = 4
"""So many assets, on as many processors, pay for processes of their own; see docs/scale.md."""


def market(words: str = "Name of a shipped market, or path of a market file.") -> Decorator:
    """Add ``--market``."""
    return click.option("--market", default="aave-v3-ethereum", show_default=True, help=words)


def model(
    words: str = "Name of a shipped market model, or path of one made by 'govkit fit'.",
) -> Decorator:
    """Add ``--model``."""
    return click.option("--model", default="reference", show_default=True, help=words)


def appetite(effect: str = "") -> Decorator:
    """Add ``--appetite``; `effect` says what it is for where that is not plain."""
    words = f"conservative, moderate, aggressive, or path of an appetite file{effect}."
    return click.option("--appetite", default="moderate", show_default=True, help=words)


def book() -> Decorator:
    """Add ``--book``."""
    words = "Real accounts; without it the model's distribution is used."
    return click.option("--book", default="", metavar="FILE", help=words)


def seed(words: str | None = None) -> Decorator:
    """Add ``--seed``."""
    kind = click.IntRange(0, 2**32 - 1)
    return click.option("--seed", default=1, show_default=True, type=kind, help=words)


def proposals(*, file_okay: bool) -> Decorator:
    """Add ``--out``, the folder of the numbered proposals."""
    return click.option(
        "--out",
        type=click.Path(path_type=Path, file_okay=file_okay),
        default="proposals",
        show_default=True,
        help="Folder that holds the numbered proposals.",
    )


def runners(default: str, result: str, *, when: str = "") -> Decorator:
    """Add ``--workers`` and ``--scheduler``: where the work is done.

    Parameters
    ----------
    default:
        How many processes there are when none are asked for, in words.
    result:
        What does not depend on the choice.
    when:
        Condition under which the options mean something.
    """
    words = f"{when}processes on this machine; the {result} does not depend on it."
    workers = click.option(
        "--workers",
        type=click.IntRange(1),
        show_default=default,
        help=words[0].upper() + words[1:],
    )
    scheduler = click.option(
        "--scheduler",
        default="",
        metavar="ADDRESS",
        help=f"{when}Dask scheduler whose workers do the work, such as tcp://10.0.0.1:8786.",
    )

    def both(command: Command) -> Command:
        return workers(scheduler(command))

    return both


def say_if_slow() -> None:
    """Say on standard error that the plain Python engine runs, where numba cannot be loaded."""
    from govkit.simulate.compiled import MISSING

    if MISSING:
        click.echo(
            f"{MISSING}: the plain Python engine runs instead. Results agree; an asset takes "
            "many minutes instead of seconds. To mend it: pip install numba.",
            err=True,
        )


def several_pay(assets: int) -> bool:
    """Tell whether assets are faster in processes of their own, which start in two seconds."""
    from govkit.runners import cores

    return min(assets, cores()) >= SEVERAL


def runner_for(
    workers: int | None, scheduler: str, *, several: bool
) -> AbstractContextManager[Runner]:
    """Return the runner that the options ask for.

    Parameters
    ----------
    several:
        Whether the work pays for the start of several processes when nothing is asked for.

    Raises
    ------
    click.UsageError
        When both options are given.
    """
    from govkit.runners import cores, open_runner

    if workers is not None and scheduler:
        raise click.UsageError(
            "--workers is for this machine and --scheduler for a cluster: give only one of them"
        )
    return open_runner(workers or (cores() if several else 1), scheduler)
