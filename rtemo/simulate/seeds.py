"""Random generators by name: every part of a simulation has its own, so none shifts another's draws."""

from __future__ import annotations

import zlib

import numpy as np


def generator(*keys: int | str) -> np.random.Generator:
    """A generator that depends on nothing but its keys (integers >= 0 and names)."""
    words = [zlib.crc32(key.encode()) if isinstance(key, str) else int(key) for key in keys]
    return np.random.Generator(np.random.SFC64(np.random.SeedSequence(words)))
