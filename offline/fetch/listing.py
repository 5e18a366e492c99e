"""What files a data set has, with sizes and checksums: at NEMAR, OpenNeuro and Zenodo, by their public interfaces.

NEMAR      SERVER/ID/ (its latest version), SERVER/ID/metadata.json, SERVER/ID/VERSION/manifest.json
OpenNeuro  the listing of its public bucket: names, sizes and ETags, which are MD5 sums of files sent in one part
Zenodo     SERVER/api/records/NUMBER
"""

from __future__ import annotations

import fnmatch
import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote, urlencode

from offline.datasets.base import natural_key
from offline.fetch.transfer import Patience, get
from rtemo.core.errors import RtemoError
from rtemo.core.records import Reader

_ALGORITHMS = ("md5", "sha1", "sha256", "sha512", "git")
_SUBJECT = re.compile(r"(?:^|/)(sub-[^/_]+|[Pp]\d+)")


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """One file. path: below the data set's folder. size: bytes, -1 where nobody says. checksum: (algorithm, hex)."""

    path: PurePosixPath
    url: str
    size: int = -1
    checksum: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """A data set as its server describes it. about: title, licence, citation, url and version, as far as stated."""

    accession: str
    files: tuple[RemoteFile, ...]
    about: Mapping[str, str] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes, of the files whose size is known."""
        return sum(max(0, one.size) for one in self.files)

    @property
    def subjects(self) -> tuple[str, ...]:
        """Who has files of their own, numbers as numbers."""
        return tuple(sorted({who for one in self.files if (who := subject_of(one.path))}, key=natural_key))

    def of(self, subjects: int | None) -> Listing:
        """Without the files of all but the first people."""
        if subjects is None:
            return self
        chosen = self.subjects[:subjects]
        kept = tuple(one for one in self.files if subject_of(one.path) in (*chosen, ""))
        return replace(self, files=kept)


@dataclass(frozen=True, slots=True)
class Servers:
    """Where the archives answer. mirror: another server that answers as NEMAR's does, asked for everything."""

    nemar: str = "https://data.nemar.org"
    openneuro: str = "https://s3.amazonaws.com/openneuro.org"
    zenodo: str = "https://zenodo.org"
    mirror: str = ""


def subject_of(path: PurePosixPath) -> str:
    """sub-01 of sub-01/eeg/..., P001 of P001_01.xdf; "" where a file belongs to nobody."""
    match = _SUBJECT.match(path.as_posix())
    return match[1] if match else ""


def listing(accession: str, servers: Servers, connection: Patience, only: Sequence[str] = ()) -> Listing:
    """The files of a data set. only: patterns of names of a Zenodo record. RtemoError where the server has none."""
    if servers.mirror:
        found = _nemar(accession, servers.mirror, connection)
    elif accession.startswith("zenodo:"):
        found = _zenodo(accession, servers.zenodo, connection)
    elif accession.startswith("ds"):
        found = _openneuro(accession, servers.openneuro, connection)
    else:
        found = _nemar(accession, servers.nemar, connection)
    files = tuple(
        one for one in found.files if not only or any(fnmatch.fnmatch(one.path.name.casefold(), word) for word in only)
    )
    if not files:
        raise RtemoError(f"{accession} has no files to fetch", f"{len(found.files)} are listed", "check the number")
    return replace(found, files=files)


def _nemar(accession: str, server: str, connection: Patience) -> Listing:
    base = f"{server}/{quote(accession, safe='')}"
    versions = _json(f"{base}/", connection)
    version = versions.get("latest") if isinstance(versions, Mapping) else None
    if not isinstance(version, str) or not version:
        raise RtemoError(f"{accession} has no published version", f"{base}/ names none", "check the number")
    manifest = _json(f"{base}/{quote(version, safe='')}/manifest.json", connection)
    try:
        about = _json(f"{base}/metadata.json", connection)
    except RtemoError:
        about = {}  # shown as not stated
    if not isinstance(manifest, list):
        raise RtemoError(f"the list of files of {accession} makes no sense", f"found a {type(manifest).__name__}")
    files = tuple(
        RemoteFile(
            path=_relative(one.get("path")),
            url=str(one.get("bytes_url") or one.get("url") or ""),
            size=one["size"] if isinstance(one.get("size"), int) else -1,
            checksum=_checksum(one.get("checksum_algorithm"), one.get("checksum")),
        )
        for one in manifest
        if isinstance(one, Mapping)
    )
    return Listing(accession, files, {**_described(about), "version": version, "url": base})


def _openneuro(accession: str, server: str, connection: Patience) -> Listing:
    files: list[RemoteFile] = []
    token = ""
    while True:
        asked = {"list-type": "2", "prefix": f"{accession}/", **({"continuation-token": token} if token else {})}
        page = _xml(f"{server}?{urlencode(asked)}", connection)
        files += [
            one for entry in page.iter() if _tag(entry) == "Contents" and (one := _object(entry, server)) is not None
        ]
        following = next((entry.text or "" for entry in page.iter() if _tag(entry) == "NextContinuationToken"), "")
        if not following or following == token:
            break
        token = following
    kept = (replace(one, path=PurePosixPath(*one.path.parts[1:])) for one in files if len(one.path.parts) > 1)
    about = {"url": f"https://openneuro.org/datasets/{accession}", "licence": "CC0, as all of OpenNeuro"}
    return Listing(accession, tuple(kept), about)


def _object(entry: ET.Element, server: str) -> RemoteFile | None:
    """One object of the bucket; None for what stands for a folder."""
    about = {_tag(part): part.text or "" for part in entry}
    key, etag = about.get("Key", ""), about.get("ETag", "").strip('"')
    if not key or key.endswith("/"):
        return None
    size = int(about["Size"]) if about.get("Size", "").isdecimal() else -1
    return RemoteFile(_relative(key), f"{server}/{quote(key)}", size, _checksum("md5", etag))


def _zenodo(accession: str, server: str, connection: Patience) -> Listing:
    record = _json(f"{server}/api/records/{accession.partition(':')[2]}", connection)
    files = record.get("files") if isinstance(record, Mapping) else None
    if not isinstance(files, list):
        raise RtemoError(f"the record {accession} makes no sense", "it lists no files", "check the number")
    made = []
    for one in files:
        if isinstance(one, Mapping) and isinstance(one.get("links"), Mapping):
            algorithm, _, value = str(one.get("checksum", "")).partition(":")
            size = one["size"] if isinstance(one.get("size"), int) else -1
            url = str(one["links"].get("self", ""))
            made.append(RemoteFile(_relative(one.get("key")), url, size, _checksum(algorithm, value)))
    about = record.get("metadata")
    described = _described(about if isinstance(about, Mapping) else {})
    return Listing(accession, tuple(made), {**described, "url": f"https://doi.org/10.5281/zenodo.{accession[7:]}"})


def _described(about: object) -> dict[str, str]:
    """Title, licence and citation of an archive's metadata, which come in several forms."""
    if not isinstance(about, Mapping):
        return {}
    licence = about.get("license", about.get("License", about.get("rights", "")))
    if isinstance(licence, Mapping):
        licence = licence.get("id") or licence.get("title") or ""
    creators = about.get("creators", about.get("Authors", []))
    people = [str(one.get("name", "")) if isinstance(one, Mapping) else str(one) for one in _list(creators)]
    title = str(about.get("title") or about.get("Name") or about.get("name") or "")
    doi = str(about.get("doi") or about.get("DatasetDOI") or "")
    citation = ". ".join(part for part in (", ".join(filter(None, people)), title, doi) if part)
    return {key: value for key, value in (("title", title), ("licence", str(licence)), ("citation", citation)) if value}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _checksum(algorithm: object, value: object) -> tuple[str, str] | None:
    """None where there is none that can be checked, such as the ETag of a file that was sent in parts."""
    name, text = str(algorithm).casefold().replace("-", ""), str(value).casefold()
    return (name, text) if name in _ALGORITHMS and re.fullmatch(r"[0-9a-f]{32,128}", text) else None


def _relative(text: object) -> PurePosixPath:
    """A path below the data set's folder. RtemoError where it leads out of it."""
    path = PurePosixPath(str(text))
    bad = not path.parts or path.is_absolute() or ".." in path.parts or "\\" in str(path) or ":" in path.parts[0]
    if bad or not str(path).isprintable():
        raise RtemoError("the server names a file outside of the data set", repr(str(text))[:200], "do not use it")
    return path


def _json(url: str, connection: Patience) -> Any:
    return Reader(f"the answer of {url}", "try again later").json(get(url, connection))


def _xml(url: str, connection: Patience) -> ET.Element:
    data = get(url, connection)
    if b"<!" in data[:1000]:  # no list of files defines entities
        raise RtemoError(f"the answer of {url} is no list of files", data[:60].decode(errors="replace"), "check it")
    try:
        return ET.fromstring(data)
    except ET.ParseError as error:
        raise RtemoError(f"the answer of {url} is no list of files", str(error), "try again later") from error


def _tag(entry: ET.Element) -> str:
    return entry.tag.rpartition("}")[2]


def by_recording(files: Sequence[RemoteFile]) -> Iterator[tuple[tuple[str, str], tuple[RemoteFile, ...]]]:
    """The files of each person's session, by (subject, session), numbers as numbers."""
    groups: dict[tuple[str, str], list[RemoteFile]] = {}
    for one in files:
        if who := subject_of(one.path):
            session = next((part[4:] for part in one.path.parts[1:2] if part.startswith("ses-")), "")
            groups.setdefault((who, session), []).append(one)
    for who, session in sorted(groups, key=lambda key: tuple(map(natural_key, key))):
        own = groups[who, session]
        if session or not any(other != "" for subject, other in groups if subject == who):
            above = groups.get((who, ""), []) if session else []
            yield (who, session), (*above, *own)
