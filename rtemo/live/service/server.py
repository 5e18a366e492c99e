"""Socket server of one engine: answers polls from its feed and passes commands on, see rtemo.recorder.local_server."""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing.connection import Connection

from rtemo.live.service.feed import Feed
from rtemo.live.service.wire import MAX_REQUEST_BYTES, Command, Poll, pack, unpack_request
from rtemo.recorder.endpoint import Address
from rtemo.recorder.local_server import LocalServer


class Server(LocalServer):
    """Answers any number of clients. A malformed request ends its connection."""

    def __init__(self, address: Address, feed: Feed, submit: Callable[[Command], None]) -> None:
        """submit: takes a command; may be called from any thread and must not wait.

        Raises RtemoError where nobody can connect.
        """
        self._feed, self._submit = feed, submit
        self._watching: set[Connection] = set()
        super().__init__(address, self._answer_all)

    @property
    def n_needing(self) -> int:
        """How many clients need the engine: those that only watch do not keep it alive."""
        return max(0, self.n_clients - len(self._watching))

    def _answer_all(self, client: Connection) -> None:
        try:
            while not self.closing:
                self._answer(client, unpack_request(client.recv_bytes(MAX_REQUEST_BYTES)))
        finally:
            self._watching.discard(client)

    def _answer(self, client: Connection, request: Poll | Command) -> None:
        if isinstance(request, Poll):
            if request.watches:
                self._watching.add(client)
            client.send_bytes(pack(*self._feed.take(request.token, request.participant)))
        else:
            self._submit(request)
