"""The reader of profile.toml. Its keys are the fields in profile_schema; they are described in devices/README.md."""

from __future__ import annotations

import hashlib
from dataclasses import fields
from pathlib import Path

from rtemo.core.records import Reader
from rtemo.core.types import Modality
from rtemo.sources.devices.profile_schema import DeviceProfile, OwnProfile


def read_profile(path: Path) -> DeviceProfile:
    """One profile.toml. RtemoError with the file, the key and what to do where it does not follow the schema."""
    todo = "correct it as devices/README.md describes"
    reader = Reader(f"the device profile {path}", todo, "{what}: the key {key!r} does not fit")
    document = reader.toml_file(path)
    profile = reader.read(DeviceProfile, document)
    other = Modality.GAZE if profile.kind is Modality.EEG else Modality.EEG
    if other in document:
        raise reader.wrong(other, document[other], f"a table in a profile of kind {profile.kind}")
    if profile.id != path.parent.name:
        raise reader.wrong("id", profile.id, f"not its folder's name {path.parent.name!r}")
    return profile


def read_own_profile(path: Path) -> OwnProfile:
    """A profile.toml of the user's own."""
    profile = read_profile(path)
    digest = hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()
    known = {field.name: getattr(profile, field.name) for field in fields(profile)}
    return OwnProfile(**known, path=path, digest=digest)
