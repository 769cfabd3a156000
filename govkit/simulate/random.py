"""Random numbers that depend on the seed and on names, never on order or worker count."""

from __future__ import annotations

import zlib

import numpy as np


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return a generator for one purpose, such as ``generator(7, "WETH", "falls")``.

    The stream is a function of the seed and the names alone, so adding or reordering assets
    leaves every other asset's numbers as they were.
    """
    keys = [zlib.crc32(name.encode()) for name in names]
    return np.random.default_rng(np.random.SeedSequence([seed, *keys]))
