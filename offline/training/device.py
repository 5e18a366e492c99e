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


def in_precision(name: str, device: torch.device) -> torch.autocast:
    """The context in which the network runs: bf16, fp32, or auto, which is bf16 on a GPU that has it.

    Not on a CPU, where bf16 is many times slower unless the processor has instructions for it.
    """
    bf16 = name == "bf16" or (name == "auto" and device.type == "cuda" and torch.cuda.is_bf16_supported())
    return torch.autocast(device.type, torch.bfloat16, enabled=bf16)
