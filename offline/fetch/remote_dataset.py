"""A BIDS data set that is not here: every recording is fetched when it is built, and removed when that is done.

So the disk holds the side-cars of all and one recording for each worker, whatever the size of the set. What an
interruption leaves of a recording is taken up again by the next build.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from offline.datasets.base import Dataset, Entry, Omission, Recording
from offline.datasets.bids import dataset as bids
from offline.fetch.catalogue import Wanted
from offline.fetch.listing import RemoteFile, Servers, by_recording, listing, subject_of
from offline.fetch.transfer import Patience, download
from rtemo.core.errors import RtemoError

_COMMON, _RECORDINGS = "common", "recordings"


def remote_dataset(
    one: Wanted,
    folder: Path,
    mapping: Path | None = None,
    subjects: int | None = None,
    servers: Servers | None = None,
    connection: Patience | None = None,
) -> Dataset:
    """The data set with entries that fetch themselves. folder: where files lie for as long as they are needed.

    RtemoError where it cannot be listed, or comes in archives of everybody, which cannot be taken apart.
    """
    connection = connection or Patience()
    found = listing(one.accession, servers or Servers(), connection, one.only).of(subjects)
    people = [file for file in found.files if subject_of(file.path)]
    if not people:
        todo = f"fetch {one.name} whole, then build it"
        raise RtemoError(f"{one.accession} cannot be fetched person by person", "it comes in archives of all", todo)
    omissions = []
    for file in (file for file in found.files if not subject_of(file.path) and _needed(file)):
        try:
            download(file, folder / _COMMON / file.path, connection)
        except RtemoError as error:
            omissions.append(Omission("side-car", str(file.path), str(error)))
    card, about = bids.card_of(folder / _COMMON, mapping)
    name = card.name if card.name != "bids" else one.accession.replace(":", "-")
    stated = {key: found.about.get(key) or getattr(card, key) for key in ("licence", "citation", "url")}
    card = replace(card, name=name, licence=stated["licence"], citation=stated["citation"], url=stated["url"])
    entries = tuple(
        Entry(
            subject=subject.removeprefix("sub-"),
            session=session or "1",
            files=(),
            load=_not_here,
            made_of=tuple((str(file.path), file.size, ":".join(file.checksum or ())) for file in files),
            present=partial(_present, folder, subject, session, files, mapping, connection),
        )
        for (subject, session), files in by_recording(people)
    )
    return Dataset(card, entries, tuple(omissions), about)


def let_go(folder: Path) -> None:
    """Remove what interrupted builds have left of recordings."""
    shutil.rmtree(folder / _RECORDINGS, ignore_errors=True)


def _needed(file: RemoteFile) -> bool:
    """What is read beside the recordings: side-cars and tables, not stimuli or derivatives."""
    apart = file.path.parts[0] in ("derivatives", "sourcedata", "stimuli", "code") or file.path.parts[0].startswith(".")
    return not apart and file.path.suffix in (".json", ".tsv")


def _not_here() -> Recording:
    raise RtemoError("the recording is not here", "it was not fetched", "build it with --let-go")


@contextmanager
def _present(
    folder: Path,
    subject: str,
    session: str,
    files: tuple[RemoteFile, ...],
    mapping: Path | None,
    connection: Patience,
) -> Iterator[Entry]:
    """The recording's own entry, for as long as its files are here."""
    here = folder / _RECORDINGS / f"{subject}@{session}"
    if (folder / _COMMON).is_dir():
        shutil.copytree(folder / _COMMON, here, dirs_exist_ok=True)
    try:
        for file in files:
            download(file, here / file.path, connection)
    except RtemoError:  # not where somebody interrupts: what has come is used then
        shutil.rmtree(here, ignore_errors=True)
        raise
    try:
        found = bids.load(here, mapping)
        who = (subject.removeprefix("sub-"), session or "1")
        own = [entry for entry in found.entries if (entry.subject, entry.session) == who]
        if not own:
            raise RtemoError(
                f"{subject} session {session or '1'} has no recording", "; ".join(map(str, found.omissions))
            )
        yield own[0]
    finally:
        shutil.rmtree(here, ignore_errors=True)
