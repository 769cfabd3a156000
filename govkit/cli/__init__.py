"""The command line: one file per verb.

A file ``govkit/cli/<verb>.py`` that holds a click command named `command` is a verb; nothing
needs to be registered. Such a file imports only click and the standard library at its top and
the working parts of govkit inside the command, so that help stays instant.

Errors are shown here and nowhere else: a `GovkitError` becomes one line on standard error and
the exit code that belongs to it. Anything unexpected keeps its traceback.
"""

from __future__ import annotations

import os
import platform
import select
import sys
from importlib import import_module
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pkgutil import iter_modules

import click

from govkit import __version__
from govkit.errors import GovkitError

NOT_VERBS = frozenset({"progress"})
"""Modules of this folder that serve the verbs; so do those whose name begins with ``_``."""

TOOLCHAIN = ("numpy", "scipy", "weasyprint")
"""Libraries whose version can change figures or pages."""

INTERRUPTED = 130
PIPE_CLOSED = 141
"""Exit codes a shell gives to a program ended by an interrupt and by a closed pipe."""


class Verbs(click.Group):
    """A group whose verbs are the modules of this folder, loaded when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all verbs in alphabetical order."""
        return sorted({*verb_names(), *self.commands})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the verb, importing its module first; None when there is no such verb."""
        if cmd_name not in self.commands and cmd_name in verb_names():
            self.add_command(import_module(f"{__name__}.{cmd_name}").command, cmd_name)
        return self.commands.get(cmd_name)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the verb; for a mistyped one, click offers the nearest name."""
        if self.get_command(ctx, args[0]) is None:
            # click looks for near names among the commands it already knows.
            for name in verb_names():
                self.get_command(ctx, name)
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> object:
        """Run the verb and turn what it raises into a message and an exit code."""
        try:
            result: object = super().invoke(ctx)
            sys.stdout.flush()
        except GovkitError as error:
            click.ClickException(error.message()).show()
            raise click.exceptions.Exit(error.exit_code) from error
        except KeyboardInterrupt:
            # The empty line ends the one on which the terminal wrote "^C".
            click.echo("\nInterrupted; nothing was left behind.", err=True)
            raise click.exceptions.Exit(INTERRUPTED) from None
        except BrokenPipeError as error:
            if not _reader_of_stdout_is_gone():
                # click would end silently here, which is right for `| head` only.
                raise RuntimeError("a pipe to another process broke") from error
            raise click.exceptions.Exit(PIPE_CLOSED) from None
        return result


def verb_names() -> list[str]:
    """Return the names of the modules in this folder that are verbs."""
    names = (module.name for module in iter_modules(__path__))
    return [name for name in names if name not in NOT_VERBS and not name.startswith("_")]


def version_text() -> str:
    """Return the version of govkit and, on a second line, of what it computes with."""
    parts = [f"python {platform.python_version()}"]
    for name in TOOLCHAIN:
        try:
            parts.append(f"{name} {installed_version(name)}")
        except PackageNotFoundError:
            parts.append(f"{name} not installed")
    return f"govkit {__version__}\n{', '.join(parts)}"


def _reader_of_stdout_is_gone() -> bool:
    """Tell whether nobody reads standard output, and if so make later writes harmless."""
    output = sys.stdout.fileno()
    watch = select.poll()
    watch.register(output, select.POLLOUT)
    if not any(event & select.POLLERR for _, event in watch.poll(0)):
        return False
    # The interpreter flushes once more when it ends; let that go nowhere.
    os.dup2(os.open(os.devnull, os.O_WRONLY), output)
    return True


def _print_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(version_text())
        ctx.exit()


@click.group(cls=Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_version,
    help="Show the version and what govkit computes with, then exit.",
)
def main() -> None:
    """Turn market evidence into a parameter-change proposal that anyone can check.

    \b
    Example:
      govkit propose WETH WBTC

    Documents and JSON go to standard output or into files, notes and errors to standard error.

    \b
    Exit codes:
      0  done (keep and refuse are results, too)
      1  a check failed
      2  wrong usage or input
      3  data or a service is unavailable
      4  an optional part is missing; the rest was done
    """
