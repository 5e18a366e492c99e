"""Interpolation of EEG from the channels that are usable onto fixed places on the head, for models of a fixed montage.

A Gaussian kernel over the distance on the unit sphere. A usable channel at the place itself counts alone.
"""

from __future__ import annotations

import numpy as np

from rtemo.core.types import BoolArray, FloatArray

_KERNEL = 0.3  # in radii of the head: about the spacing of 64 channels
_SAME_PLACE = 0.05


def weights_onto(mask: BoolArray, positions: FloatArray, targets: FloatArray) -> FloatArray:
    """(..., C) usable channels -> (..., T, C) weights: a usable channel at the target's place, else its neighbours."""
    if not len(positions):
        return np.zeros((*mask.shape[:-1], len(targets), 0), np.float32)
    distance = np.linalg.norm(targets[:, None] - positions[None], axis=-1)
    kernel = np.exp(-0.5 * (distance / _KERNEL) ** 2).astype(np.float32) + np.float32(1e-12)
    own: BoolArray = np.logical_and(distance <= _SAME_PLACE, distance == distance.min(axis=1, keepdims=True))
    usable = mask[..., None, :]
    return np.asarray(np.where(own & usable, np.float32(1e6), kernel * usable), np.float32)


def each_onto(values: FloatArray, mask: BoolArray, positions: FloatArray, targets: FloatArray) -> FloatArray:
    """(..., C, K) of channels at positions (C, 3) -> (..., T, K) at targets (T, 3); mask (..., C): the usable channels.

    0 where none is usable.
    """
    weight = weights_onto(mask, positions, targets)
    total = weight.sum(axis=-1, keepdims=True)
    clean = np.where(mask[..., None], values, np.float32(0.0))
    return np.asarray((weight / np.where(total > 0, total, 1.0)) @ clean, np.float32)
