"""Where training runs."""

from __future__ import annotations

import torch

from rtemo.core.errors import RtemoError


def device_of(name: str) -> torch.device:
    """The device of this name; auto: CUDA where there is one, else the CPU. Raises RtemoError where there is none."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise RtemoError(
            f"there is no device {name}", str(error).splitlines()[0], "use cpu, or leave it out"
        ) from error
    return device
