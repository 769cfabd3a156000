"""What figures depend on besides the input: the versions on both sides of a connection."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import govkit

LIBRARIES = ("numpy", "numba", "scipy", "arch", "pandas", "SALib", "distributed")
SOURCES = (".py", ".toml", ".json")
"""Endings of the files of govkit that a task reads; templates are read by no task."""


@cache
def versions() -> dict[str, str]:
    """Return the version of govkit, of Python and of the libraries that compute.

    Two checkouts may call themselves the same: ``govkit code`` is a digest of its files.
    """
    found = {"govkit": govkit.__version__, "python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found | {"govkit code": _code(Path(govkit.__file__).parent)}


def differences(theirs: Mapping[str, str], ours: Mapping[str, str]) -> str:
    """Return in words what differs, empty when nothing does."""
    return ", ".join(
        f"{name} {theirs.get(name, 'none')} (here {mine})"
        for name, mine in ours.items()
        if theirs.get(name) != mine
    )


def _code(folder: Path) -> str:
    digest = sha256()
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder).as_posix()
        if path.suffix in SOURCES and not inside.startswith("templates/"):
            digest.update(f"{inside}\0".encode() + path.read_bytes())
    return digest.hexdigest()[:12]
