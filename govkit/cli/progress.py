"""Progress on standard error: a bar for people, plain lines for logs.

The numerical core takes a callback of three arguments, the name of the stage, how many steps
are done and how many there are. It never knows where they are shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

Report = Callable[[str, int, int], None]
"""Called with stage, steps done, steps in all."""


@contextmanager
def progress_on_stderr(quiet: bool = False) -> Iterator[Report]:
    """Give a callback that shows progress on standard error.

    Parameters
    ----------
    quiet:
        Show nothing at all.

    Yields
    ------
    Report
        The callback: a bar when standard error is a terminal, else one line for each stage.
    """
    if quiet:
        yield _show_nothing
    elif sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        yield _lines()


def _show_nothing(stage: str, done: int, total: int) -> None:
    """Take the place of a display when none is wanted."""


def _lines() -> Report:
    """Return a callback that prints each stage once, when it begins."""
    begun: set[str] = set()

    def report(stage: str, done: int, total: int) -> None:
        if stage not in begun:
            begun.add(stage)
            click.echo(f"{stage} ...", err=True)

    return report


@contextmanager
def _bars() -> Iterator[Report]:
    """Give a callback that moves one bar for each stage; the bars go when all is done."""
    # Imported here because it is slow and needed on terminals only.
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as display:
        tasks = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = display.add_task(escape(stage), total=total)
            display.update(tasks[stage], completed=done, total=total)

        yield report
