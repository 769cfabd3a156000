"""Progress on standard error: a bar for people, plain lines for logs.

The numerical core takes a callback of three arguments, the name of the stage, how many steps
are done and how many there are. It never knows where they are shown.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

import click

Report = Callable[[str, int, int], None]
"""Called with stage, steps done, steps in all."""

SECONDS_BETWEEN_LINES = 10
SPEED_SECONDS = 3600
"""Steps may take minutes; the time left is reckoned from those of the last hour."""


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
        The callback: a bar with the time left when standard error is a terminal; else a line
        when a stage begins, and one with the time left every ten seconds or more.
    """
    if quiet:
        yield _show_nothing
    elif sys.stderr.isatty():
        with _bars() as report:
            yield report
    else:
        yield lines()


def _show_nothing(stage: str, done: int, total: int) -> None:
    """Take the place of a display when none is wanted."""


def lines(clock: Callable[[], float] = monotonic) -> Report:
    """Return a callback that prints lines for a log.

    Parameters
    ----------
    clock:
        Tells seconds.
    """
    begun: dict[str, float] = {}
    said: dict[str, float] = {}

    def report(stage: str, done: int, total: int) -> None:
        now = clock()
        if stage not in begun:
            begun[stage] = said[stage] = now
            click.echo(f"{stage} ...", err=True)
        elif 0 < done < total and now - said[stage] >= SECONDS_BETWEEN_LINES:
            said[stage] = now
            left = (now - begun[stage]) / done * (total - done)
            click.echo(f"{stage} {done} of {total}, about {_time(left)} left", err=True)

    return report


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


@contextmanager
def _bars() -> Iterator[Report]:
    """Give a callback that moves one bar for each stage; the bars go when all is done."""
    # Imported here because it is slow and needed on terminals only.
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        speed_estimate_period=SPEED_SECONDS,
    ) as display:
        tasks = {}

        def report(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = display.add_task(escape(stage), total=total)
            display.update(tasks[stage], completed=done, total=total)

        yield report
