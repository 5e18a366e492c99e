"""`python -m offline fetch`: bring data sets here, say whose they are, and go on where an earlier fetch stopped.

`.rtemo-fetched.json` in the folder states what was fetched: licence, how to cite it, and every file's checksum.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from tqdm import tqdm

from offline.fetch.catalogue import Wanted
from offline.fetch.listing import Listing, RemoteFile, Servers, listing
from offline.fetch.transfer import Patience, download
from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader

MARK = ".rtemo-fetched.json"
_MOST_UNPACKED = 200  # times the size of an archive: more is no data set


@dataclass(frozen=True, slots=True)
class Fetched:
    """A data set that is here. failed: one line for each file that is not."""

    folder: Path
    about: Mapping[str, str]
    transferred: int
    failed: tuple[str, ...]


def fetch(
    one: Wanted,
    out: Path,
    subjects: int | None = None,
    servers: Servers | None = None,
    connection: Patience | None = None,
    say: Callable[[str], object] = lambda _: None,
) -> Fetched:
    """Bring a data set into the folder `out`. subjects: of the first so many people only; where a Zenodo record holds
    archives of everybody, all come. say: takes lines about licence, citation and size, before anything is transferred.

    A file that cannot be fetched is listed, and the others come. RtemoError where the set itself cannot be listed.
    """
    connection = connection or Patience()
    whole = listing(one.accession, servers or Servers(), connection, one.only)
    chosen = whole.of(subjects)
    for line in _introduction(chosen):
        say(line)
    known = _known(out)
    failed, transferred = [], 0
    with tqdm(total=chosen.size, desc=f"fetch {one.accession}", unit="B", unit_scale=True, disable=None) as bar:
        for file in chosen.files:
            if known.get(str(file.path)) == _said(file) and file.path.suffix == ".zip":
                bar.update(max(0, file.size))  # unpacked by an earlier fetch
                continue
            try:
                transferred += download(file, out / file.path, connection, bar.update)
                if file.path.suffix == ".zip":
                    unpack(out / file.path, out)
                    (out / file.path).unlink()
                known[str(file.path)] = _said(file)
            except RtemoError as error:
                failed.append(f"{file.path}: {error}")
            _mark(out, one, chosen, known)
    return Fetched(out, chosen.about, transferred, tuple(failed))


def _introduction(found: Listing) -> list[str]:
    people = f", {len(found.subjects)} people" if found.subjects else ""
    return [
        f"{found.accession}: {found.about.get('title', 'no title stated')}",
        f"licence: {found.about.get('licence', 'not stated: look at ' + found.about.get('url', 'its page'))}",
        f"cite: {found.about.get('citation', found.about.get('url', 'not stated'))}",
        f"{len(found.files)} files{people}, {found.size / 1e9:.3g} GB",
    ]


def _said(file: RemoteFile) -> str:
    return ":".join(file.checksum) if file.checksum is not None else f"size:{file.size}"


def _known(folder: Path) -> dict[str, str]:
    path = folder / MARK
    if not path.exists():
        return {}
    reader = Reader(f"the record {path}", "remove it: everything is checked again then")
    files = reader.read(dict[str, Any], reader.json_file(path)).get("files", {})
    return {str(name): str(checksum) for name, checksum in files.items()} if isinstance(files, dict) else {}


def _mark(folder: Path, one: Wanted, found: Listing, files: Mapping[str, str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    content = {"accession": one.accession, "name": one.name, "build": one.build, **found.about, "files": dict(files)}
    partial = folder / f"{MARK}.partial"
    partial.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / MARK)


def unpack(archive: Path, folder: Path) -> None:
    """The files of a zip archive below a folder. RtemoError where it is damaged or reaches out of the folder."""
    try:
        with zipfile.ZipFile(archive) as packed:
            _check(archive, packed.infolist())
            packed.extractall(folder)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError, EOFError) as error:
        raise RtemoError(
            f"{archive} cannot be unpacked", f"{type(error).__name__}: {error}", "fetch it again"
        ) from error


def _check(archive: Path, members: Sequence[zipfile.ZipInfo]) -> None:
    total = sum(one.file_size for one in members)
    if total > max(1 << 20, _MOST_UNPACKED * archive.stat().st_size):
        raise RtemoError(f"{archive} is no data set", f"it would unpack to {total} bytes", "do not use it")
    for one in members:
        path = PurePosixPath(one.filename)
        if path.is_absolute() or ".." in path.parts or (one.external_attr >> 28) == 0o12:
            raise RtemoError(f"{archive} reaches out of its folder", repr(one.filename)[:200], "do not use it")
