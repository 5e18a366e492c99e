"""Data-parallel training: the device, the precision, and the processes of torchrun that share every batch.

Every process has the same weights and a share of the rows of every batch. What is averaged is the gradient of the loss
of the whole batch: a term that needs the whole batch is computed by all from gathered embeddings, any other is a sum
over the own rows by the number of all rows (`share_of_mean`). So the result is that of one process with all the rows.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, distributed, nn

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


@dataclass(frozen=True, slots=True)
class ProcessGroup:
    """Rank of this process, and the number of processes."""

    rank: int = 0
    size: int = 1

    def rows(self, batch: int) -> range:
        """The own rows of a batch."""
        share = batch // self.size
        return range(self.rank * share, (self.rank + 1) * share)


@contextmanager
def process_group() -> Iterator[ProcessGroup]:
    """Join the process group that torchrun has started, while the context is open; one process alone without it."""
    size = int(os.environ.get("WORLD_SIZE", "1"))
    if size == 1:
        yield ProcessGroup()
        return
    cuda = torch.cuda.is_available()
    if cuda:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield ProcessGroup(distributed.get_rank(), size)
    finally:
        distributed.destroy_process_group()


def check_divides(batch: int, group: int, size: int) -> None:
    """Raises RtemoError where a batch of groups cannot be shared out evenly."""
    if batch % (group * size):
        todo = f"use a multiple of {group * size}"
        raise RtemoError(f"a batch of {batch} cannot be shared by {size}", f"groups of {group} windows", todo)


class _Gathered(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, own: Tensor, processes: ProcessGroup) -> Tensor:
        ctx.processes, ctx.rows = processes, len(own)
        parts = [torch.empty_like(own) for _ in range(processes.size)]
        distributed.all_gather(parts, own.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None]:
        total = grads[0].contiguous()
        distributed.all_reduce(total)
        return total[ctx.processes.rank * ctx.rows : (ctx.processes.rank + 1) * ctx.rows], None


def gathered(own: Tensor, processes: ProcessGroup) -> Tensor:
    """(n, ...) of each process -> (size * n, ...) of all, with gradients."""
    if processes.size == 1:
        return own
    everything: Tensor = _Gathered.apply(own, processes)  # type: ignore[no-untyped-call]
    return everything


def share_of_mean(values: Tensor, chosen: Tensor, processes: ProcessGroup) -> Tensor:
    """The mean over the chosen of (n,) values; with several processes, the own part of it times their number.

    0 where nothing is chosen anywhere.
    """
    count = chosen.sum().to(values.dtype)
    if processes.size > 1:
        distributed.all_reduce(count)
    return processes.size * torch.where(chosen, values, 0.0).sum() / count.clamp(min=1.0)


def average(values: Tensor, processes: ProcessGroup) -> Tensor:
    """The mean over the processes of a tensor without gradient."""
    if processes.size > 1:
        distributed.all_reduce(values)
        values = values / processes.size
    return values


def average_gradients(parameters: Iterable[nn.Parameter], processes: ProcessGroup) -> None:
    """Average the gradients over the processes, in place, in one message."""
    if processes.size == 1:
        return
    found = [p.grad for p in parameters if p.grad is not None]
    mean = average(torch.cat([grad.flatten() for grad in found]), processes)
    for grad, part in zip(found, torch.split(mean, [grad.numel() for grad in found]), strict=True):
        grad.copy_(part.view_as(grad))
