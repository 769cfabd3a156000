"""Errors that say what happened, where, and what to do next.

Every error a person can cause is a `GovkitError`. The command line prints it as one
message and ends with its exit code; nothing else in govkit prints or exits.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class GovkitError(Exception):
    """Base of all errors shown to users.

    Parameters
    ----------
    what:
        What went wrong, as a sentence without a final full stop.
    where:
        File, key, row or option that caused it; empty when there is none.
    todo:
        What the reader can do next, as a sentence.
    """

    exit_code = 1

    def __init__(self, what: str, *, where: str = "", todo: str = "") -> None:
        self.what = what
        self.where = where
        self.todo = todo
        super().__init__(self.message())

    def message(self) -> str:
        """Return the whole message on one line: where, what and what to do."""
        head = f"{self.where}: {self.what}" if self.where else self.what
        return f"{head}. {self.todo}".rstrip() if self.todo else head


class CheckFailed(GovkitError):
    """A check said no: a guard-rail is breached or a record does not verify."""

    exit_code = 1


class InputError(GovkitError):
    """A name, option or file given by a person is wrong."""

    exit_code = 2


class DataUnavailable(GovkitError):
    """Data or a service that is needed is not there."""

    exit_code = 3


class PartMissing(GovkitError):
    """An optional component is not installed; everything else was done."""

    exit_code = 4


def unknown_name(kind: str, name: str, known: Iterable[str], *, where: str = "") -> InputError:
    """Return an `InputError` for an unknown `name`, offering the nearest known names."""
    names = sorted(known)
    lowered = {n.lower(): n for n in names}
    near = [lowered[n] for n in get_close_matches(name.lower(), lowered, n=3, cutoff=0.5)]
    if near:
        todo = f"Did you mean {' or '.join(near)}?"
    else:
        todo = f"Known: {', '.join(names)}." if names else "None are known."
    return InputError(f"unknown {kind} '{name}'", where=where, todo=todo)
