"""Draft proposals in an output folder: numbering, running again, replacing."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from govkit.archive.files import read_folder, write_folder
from govkit.errors import InputError, unknown_name

NUMBERED = re.compile(r"^(\d{4})-([a-z0-9][a-z0-9-]*)$")


@dataclass(frozen=True)
class Placed:
    """Where a draft went and what that meant."""

    folder: Path
    outcome: Literal["written", "unchanged", "replaced"]


def existing_draft(out: Path, slug: str) -> Path | None:
    """Return the newest folder ``NNNN-slug`` in `out`, or None."""
    found = [path for path in _numbered(out) if path.name[5:] == slug]
    return found[-1] if found else None


def find_draft(out: Path, number: str) -> Path:
    """Return the proposal folder of a number or of a whole name.

    Raises
    ------
    InputError
        When there is none; the ones that exist are offered.
    """
    wanted = number.zfill(4) if number.isdigit() else number
    for path in _numbered(out):
        if path.name == wanted or path.name[:4] == wanted:
            return path
    raise unknown_name("proposal", number, [p.name for p in _numbered(out)], where=str(out))


def place_draft(
    out: Path, slug: str, files: Mapping[str, bytes], *, force: bool = False, new: bool = False
) -> Placed:
    """Write a draft under the next number, or over the one of the same name when forced.

    Raises
    ------
    InputError
        When a different proposal of that name exists and neither `force` nor `new` is set, or
        the place cannot be written to.
    """
    if out.exists() and not out.is_dir():
        raise InputError("is a file, not a folder", where=str(out), todo="Choose another --out.")
    before = None if new else existing_draft(out, slug)
    if before is not None:
        if read_folder(before) == dict(files):
            return Placed(before, "unchanged")
        if not force:
            raise InputError(
                "a different proposal of this name exists",
                where=str(before),
                todo="Use --force to replace it or --new to write one with the next number.",
            )
        write_folder(before, files, replace=True)
        return Placed(before, "replaced")
    taken = [int(path.name[:4]) for path in _numbered(out)]
    folder = out / f"{max(taken, default=0) + 1:04d}-{slug}"
    write_folder(folder, files)
    return Placed(folder, "written")


def slug_of(*parts: str) -> str:
    """Make a folder name from parts: lower case letters, digits and single hyphens."""
    return re.sub(r"[^a-z0-9]+", "-", "-".join(parts).lower()).strip("-")[:80].rstrip("-")


def _numbered(out: Path) -> list[Path]:
    if not out.is_dir():
        return []
    return sorted(p for p in out.iterdir() if p.is_dir() and NUMBERED.match(p.name))
