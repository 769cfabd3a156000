"""Random numbers that depend on the seed and on names, never on order or worker count."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return a generator for one purpose, such as ``generator(7, "WETH", "falls")``.

    The stream is a function of the seed and the names alone, so adding or reordering assets
    leaves every other asset's numbers as they were.
    """
    return np.random.default_rng(_sequence(seed, names))


def seeds(seed: int, count: int, *names: str) -> list[int]:
    """Return `count` seeds for one purpose; the first ones do not depend on how many follow."""
    return [int(s) for s in _sequence(seed, names).generate_state(count)]


def _sequence(seed: int, names: tuple[str, ...]) -> np.random.SeedSequence:
    return np.random.SeedSequence([seed, *(zlib.crc32(name.encode()) for name in names)])
