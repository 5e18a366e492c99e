"""What is found out about a stream, one sentence each, and none twice."""

from __future__ import annotations


class StreamNotes:
    """Adds sentences to a list, which others may read and add to."""

    def __init__(self, texts: list[str]) -> None:
        self._texts = texts

    def add(self, text: str) -> None:
        """Note something, where it is not noted yet; nothing for an empty text."""
        if text and text not in self._texts:
            self._texts.append(text)

    def count(self, before: int, after: int, what: str) -> None:
        """A note at the first one, and at each tenfold number."""
        if after > before and len(str(after)) > len(str(before)) * bool(before):
            self.add(f"{after} {what}" if after > 1 else f"1 {_singular(what)}")


def _singular(what: str) -> str:
    return (
        what.replace("samples have stamps", "sample has a stamp")
        .replace("samples have no time on the common clock and are", "sample has no time on the common clock and is")
        .replace("their neighbours and are", "its neighbours and is")
        .replace("samples came twice; the second ones are", "sample came twice; the second one is")
    )
