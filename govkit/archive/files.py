"""Writing that leaves the old state or the new one, never half of either."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath

from govkit.errors import InputError


def write_file(path: Path, data: bytes) -> None:
    """Write a file through a temporary neighbour.

    Raises
    ------
    InputError
        When the folder is missing or cannot be written to.
    """
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        beside.write_bytes(data)
        os.replace(beside, path)
    except OSError as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        raise InputError(
            f"cannot be written ({error.strerror})", where=str(path),
            todo="Choose another place with --out.",
        ) from None  # fmt: skip


def write_folder(folder: Path, files: Mapping[str, bytes], *, replace: bool = False) -> None:
    """Write a whole folder at once.

    Parameters
    ----------
    folder:
        Target; its parent is made when missing. It must not exist unless `replace` is true.
    files:
        Bytes by path inside the folder, with forward slashes.

    Raises
    ------
    InputError
        When the place cannot be written to. Nothing is left behind then.
    """
    made = _missing_parents(folder.parent)
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            inside = PurePosixPath(name)
            if inside.is_absolute() or ".." in inside.parts:
                raise ValueError(f"{name} leaves the folder")
            target = beside / inside
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(data)
        _put_in_place(beside, folder, replace)
    except BaseException as error:
        shutil.rmtree(beside, ignore_errors=True)
        for parent in made:
            if parent.is_dir() and not any(parent.iterdir()):
                parent.rmdir()
        if not isinstance(error, OSError):
            raise
        raise InputError(
            f"cannot be written ({error.strerror})",
            where=str(folder.parent),
            todo="Choose another folder with --out.",
        ) from None


def read_folder(folder: Path) -> dict[str, bytes]:
    """Return the bytes of every file below `folder`, by path with forward slashes."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _missing_parents(folder: Path) -> list[Path]:
    """Folders that will have to be made, innermost first."""
    missing = []
    while not folder.exists() and folder != folder.parent:
        missing.append(folder)
        folder = folder.parent
    return missing


def _put_in_place(beside: Path, folder: Path, replace: bool) -> None:
    if not (replace and folder.exists()):
        os.rename(beside, folder)
        return
    aside = folder.with_name(f".{folder.name}.old-{secrets.token_hex(4)}")
    os.rename(folder, aside)
    try:
        os.rename(beside, folder)
    except OSError:
        os.rename(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)
