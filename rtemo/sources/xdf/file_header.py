"""The header of an XDF file: what rtemo writes into it, so that the parts of a recording are found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape  # that of xml.sax loads all that fetches pages
from pathlib import Path

from rtemo.core.errors import RtemoError
from rtemo.sources.stream_xml import decode_xml, parse_xml
from rtemo.sources.xdf.chunks import HEAD_BYTES, MAGIC, Tag, parse_head

LONGEST = 1 << 16  # bytes; ours have some hundred


@dataclass(frozen=True, slots=True)
class FileHeader:
    """session_id: of the session of rtemo that the file was made for; empty outside of one. continues: the name of the
    file that it goes on from, empty for none. continues_bytes: how much of that one counts, None for all.
    """

    session_id: str = ""
    continues: str = ""
    continues_bytes: int | None = None

    def xml(self) -> bytes:
        """As it is written."""
        now = datetime.now().astimezone().strftime("%Y-%m-%dT%H:%M:%S%z")
        lines = ["<version>1.0</version>", f"<datetime>{now}</datetime>"]
        if self.session_id:
            lines.append(f"<session_id>{escape(self.session_id, quote=False)}</session_id>")
        if self.continues:
            counted = "" if self.continues_bytes is None else f' bytes="{self.continues_bytes}"'
            lines.append(f"<continues{counted}>{escape(as_written(self.continues), quote=False)}</continues>")
        text = '<?xml version="1.0"?>\n  <info>\n' + "".join(f"    {line}\n" for line in lines) + "  </info>"
        return text.encode()

    @classmethod
    def parse(cls, text: str) -> FileHeader:
        """What a header holds. Raises RtemoError for what is no XML."""
        info = parse_xml(text)
        session_id, continues = (info.findtext("session_id") or "").strip(), info.find("continues")
        if continues is None:
            return cls(session_id)
        counted = continues.get("bytes", "")
        n_bytes = int(counted) if counted.isascii() and counted.isdigit() and len(counted) < 19 else None
        return cls(session_id, (continues.text or "").strip(), n_bytes)


def as_written(name: str) -> str:
    """A file's name as a header holds it: XML knows no control codes."""
    return "".join(letter if letter.isprintable() else "?" for letter in name)


def read_file_header(path: Path) -> FileHeader | None:
    """The header of a file that is not compressed; None where there is none that can be read."""
    try:
        with path.open("rb") as file:
            head = file.read(len(MAGIC) + HEAD_BYTES)
            chunk = parse_head(head[len(MAGIC) :], len(MAGIC)) if head.startswith(MAGIC) else None
            if chunk is None or chunk.tag != Tag.FILE_HEADER or chunk.end - chunk.body > LONGEST:
                return None
            file.seek(chunk.body)
            return FileHeader.parse(decode_xml(file.read(chunk.end - chunk.body)))
    except (OSError, RtemoError):
        return None
