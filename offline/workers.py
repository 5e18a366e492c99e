"""Who does the work: processes on this machine, or the workers of a Dask scheduler. The result is the same."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from joblib import Parallel, delayed, parallel_config

from rtemo.core.errors import RtemoError

WAIT_S = 10.0  # for a scheduler to answer
Job = Any  # what joblib's `delayed` gives


@dataclass(frozen=True, slots=True)
class Workers:
    """jobs: processes here. scheduler: address of a Dask scheduler, whose workers see the same folders."""

    jobs: int = 1
    scheduler: str = ""

    def __post_init__(self) -> None:
        if self.jobs < 1:
            raise RtemoError("there is nobody to work", f"{self.jobs} jobs", "ask for 1 or more")

    def __str__(self) -> str:
        return f"the workers of {self.scheduler}" if self.scheduler else f"{self.jobs} processes"

    @property
    def alone(self) -> bool:
        """Whether all is done in this process."""
        return self.jobs == 1 and not self.scheduler

    @contextlib.contextmanager
    def results(self, jobs: Iterable[Job]) -> Iterator[Iterator[Any]]:
        """What the jobs give, in their order, while the context is open. Raises RtemoError where nobody answers."""
        with _backend(self.scheduler):
            made = Parallel(n_jobs=-1 if self.scheduler else self.jobs, return_as="generator")(jobs)
            with contextlib.closing(made):
                yield made


HERE = Workers()


def one_thread(work: Callable[..., Any], *arguments: Any) -> Any:
    """The work on one thread of this process: sums over several threads are rounded in another order, so what is
    trained would depend on how many there are.
    """
    import torch
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            return work(*arguments)
    finally:
        torch.set_num_threads(before)


def alike(work: Callable[..., Any]) -> Callable[..., Job]:
    """The work as jobs for Workers.results that give the same whoever does them."""

    def job(*arguments: Any) -> Job:
        return delayed(one_thread)(work, *arguments)

    return job


def _backend(scheduler: str) -> contextlib.AbstractContextManager[Any]:
    """Joblib's own processes, or its Dask backend."""
    if not scheduler:
        return contextlib.nullcontext()
    try:
        import distributed  # noqa: F401 - joblib imports it when the backend is chosen
    except ImportError as error:
        raise RtemoError(
            "a Dask scheduler needs the package distributed", str(error), "install rtemo[cluster]"
        ) from error
    try:
        _connect(scheduler)
        backend: contextlib.AbstractContextManager[Any] = parallel_config(backend="dask", scheduler_host=scheduler)
        return backend  # noqa: TRY300 - the connection is made while it is built
    except (OSError, ValueError) as error:
        raise RtemoError(f"no Dask scheduler answers at {scheduler}", str(error), "check the address") from error


def _connect(scheduler: str) -> None:
    """Raises OSError or ValueError where nobody is at the address: Dask's own client would wait a minute at the end."""
    protocol, _, place = scheduler.rpartition("://")
    if protocol in ("", "tcp", "tls"):
        host, _, port = place.rpartition(":")
        if not host or not port.isdecimal():
            raise ValueError("it is not host:port")
        socket.create_connection((host.strip("[]"), int(port)), WAIT_S).close()
