"""The Source protocol, shared by live streams and recordings.

A source hands over what it gets and changes nothing: stamps stay raw, values keep their dtype, NaN stays NaN. It never
filters, resamples, sorts or drops; that is the pipeline's work, so that live, replay and offline agree.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from rtemo.core.types import Item, StreamInfo

DRAIN_READS = 50  # after a stop, at most, to take over what a source still holds


@runtime_checkable
class Source(Protocol):
    """Where items come from. Used from one thread: start, then read until exhausted or tired of it, then stop.

    What every source keeps:
    - Items of one stream keep their order. Items of different streams come in any interleaving.
    - `start()` names the streams known by then. Every other stream is announced by a StreamUp before its first chunk,
      and so is a named stream that comes back. All chunks of one stream_id have the same channels, format and nominal
      rate: a stream that comes back changed comes under a new stream_id.
    - The first ClockOffset of a stream comes before its first Chunk wherever one is known. A stream without any
      ClockOffset shares our clock.
    - A ClockOffset holds for raw stamps >= its time_s, and no chunk handed over before it contains such a stamp, unless
      the sender's clock was set back. So an offset changes nothing that has been handed over, live as in replay.
    - A StreamDown reports that a stream stopped delivering, and why. Data may follow without a new StreamUp after a
      stall (StreamState.STALLED); after LOST or FAILED a StreamUp comes first.
    - Arrays in chunks belong to the receiver: no source writes to them again.
    """

    def start(self) -> tuple[StreamInfo, ...]:
        """Opens the streams. Returns those that are known now, which may be none. Called once.

        Raises RtemoError if the source cannot be used at all (a file that is none, a library that is missing).
        """
        ...

    def read(self, timeout_s: float) -> list[Item]:
        """What has come since the last call, oldest first; waits at most timeout_s seconds for the first item.

        Empty: nothing yet, or, if `exhausted` is true, nothing ever again. timeout_s = 0 does not wait. Raises
        RtemoError for damage from which the source cannot go on; what was read before it has been returned by then.
        """
        ...

    @property
    def exhausted(self) -> bool:
        """Whether nothing will ever come again: a recording at its end, a stopped source once it is read empty."""
        ...

    def stop(self) -> None:
        """Closes everything, within a few seconds and from any state. Further calls do nothing. Never raises."""
        ...
