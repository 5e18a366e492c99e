"""The strict reader of profile.toml. The schema is described in devices/README.md.

An unknown key, a wrong type or a bad regular expression is refused with the file, the key and what to do: a profile
that is silently half understood would give wrong microvolts or a flipped gaze.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from rtemo.core.errors import RtemoError
from rtemo.core.types import Modality
from rtemo.core.units import microvolts_per
from rtemo.sources.devices.profile_schema import (
    ColumnRef,
    DeviceProfile,
    EegRules,
    EyeRules,
    FlagRef,
    GazeRules,
    Ignored,
    MatchRule,
)

T = TypeVar("T")


def read_profile(path: Path) -> DeviceProfile:
    """One profile.toml. RtemoError with the file, the key and what to do where it does not follow the schema."""
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RtemoError(f"the device profile {path} cannot be read", str(error), "correct or remove it") from error
    top = _Table(path, "", data)
    profile = _profile(top)
    if profile.id != path.parent.name:
        raise top.wrong("id", f"{profile.id!r}", f"name it like its folder, {path.parent.name!r}")
    return profile


class _Table:
    """One TOML table that is read key by key; what was not asked for is refused at the end."""

    def __init__(self, path: Path, where: str, data: Mapping[str, Any]) -> None:
        self._path, self._where, self._data = path, where, data
        self._read: set[str] = set()

    def wrong(self, key: str, found: str, todo: str) -> RtemoError:
        where = f"{self._where}.{key}" if self._where else key
        return RtemoError(f"{self._path}: the key {where!r} is wrong", f"found {found}", todo)

    def get(self, key: str, kind: type[T], default: T) -> T:
        self._read.add(key)
        return self._checked(key, self._data.get(key, default), kind)

    def _checked(self, key: str, value: Any, kind: type[T]) -> T:
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
            raise self.wrong(key, repr(value), f"give a value of type {kind.__name__}")
        if isinstance(value, float) and not math.isfinite(value):
            raise self.wrong(key, repr(value), "give a finite number")
        return value

    def need(self, key: str) -> str:
        text = self.get(key, str, "")
        if not text:
            raise self.wrong(key, "nothing", "give a text; see devices/README.md")
        return text

    def one_of(self, key: str, allowed: tuple[str, ...], default: str) -> Any:
        value = self.get(key, str, default)
        if value not in (*allowed, default):
            raise self.wrong(key, repr(value), f"use one of {', '.join(allowed)}")
        return value

    def listed(self, key: str, kind: type[T]) -> tuple[T, ...]:
        return tuple(self._checked(f"{key}[{i + 1}]", item, kind) for i, item in enumerate(self.get(key, list, [])))

    def regex(self, key: str) -> re.Pattern[str] | None:
        text = self.get(key, str, "")
        return self.compiled(key, text) if text else None

    def compiled(self, key: str, text: str) -> re.Pattern[str]:
        try:
            return re.compile(text, re.IGNORECASE)
        except re.error as error:
            raise self.wrong(key, f"{text!r}, no regular expression ({error})", "correct it") from error

    def table(self, key: str) -> _Table:
        return _Table(self._path, f"{self._where}.{key}" if self._where else key, self.get(key, dict, {}))

    def tables(self, key: str) -> list[_Table]:
        where = f"{self._where}.{key}" if self._where else key
        return [_Table(self._path, f"{where}[{i + 1}]", item) for i, item in enumerate(self.listed(key, dict))]

    def has(self, key: str) -> bool:
        return key in self._data

    def raw(self, key: str) -> Any:
        self._read.add(key)
        return self._data[key]

    def done(self, result: T) -> T:
        unknown = sorted(str(key) for key in set(self._data) - self._read)
        if unknown:
            known = ", ".join(sorted(str(key) for key in self._read))
            raise self.wrong(unknown[0], "an unknown key", f"use one of {known}")
        return result


def _profile(top: _Table) -> DeviceProfile:
    kind = Modality(top.one_of("kind", (Modality.EEG.value, Modality.GAZE.value), Modality.EEG.value))
    if not top.has("kind"):
        raise top.wrong("kind", "nothing", "say eeg or gaze")
    other = Modality.GAZE if kind is Modality.EEG else Modality.EEG
    if top.has(other.value):
        raise top.wrong(other.value, f"a table in a profile of kind {kind.value}", "make a profile of its own for it")
    rules = tuple(_rule(table) for table in top.tables("match"))
    if not rules:
        raise top.wrong("match", "nothing", "give at least one [[match]] table")
    return top.done(
        DeviceProfile(
            id=top.need("id"),
            name=top.need("name"),
            kind=kind,
            facts=top.need("facts"),
            match=rules,
            ignore=tuple(_ignored(table) for table in top.tables("ignore")),
            notes=top.listed("notes", str),
            latency_s=top.get("latency_ms", float, 0.0) / 1000.0,
            eeg=_eeg(top.table("eeg")),
            gaze=_gaze(top.table("gaze")),
        )
    )


def _rule_of(table: _Table) -> MatchRule:
    rule = MatchRule(
        type=table.regex("type"),
        name=table.regex("name"),
        source_id=table.regex("source_id"),
        labels=table.listed("labels", str),
        n_channels=table.listed("n_channels", int),
        description=table.regex("description"),
    )
    if rule == MatchRule():
        raise table.wrong("type", "a rule that fits every stream", "give at least one of type, name, source_id, labels")
    return rule


def _rule(table: _Table) -> MatchRule:
    return table.done(_rule_of(table))


def _ignored(table: _Table) -> Ignored:
    return table.done(Ignored(_rule_of(table), table.need("reason")))


def _eeg(table: _Table) -> EegRules:
    rules = EegRules(
        unit=table.get("unit", str, ""),
        scale_from=table.get("scale_from", str, ""),
        drop=tuple(table.compiled("drop", text) for text in table.listed("drop", str)),
        labels=table.listed("labels", str),
        assumption=table.get("assumption", str, ""),
    )
    if rules.unit and microvolts_per(rules.unit) != microvolts_per(rules.unit):
        raise table.wrong("unit", repr(rules.unit), "give a unit of voltage, such as uV, mV, V or nV")
    if bool(rules.labels) != bool(rules.assumption):
        raise table.wrong("assumption", "labels without it or it without labels", "say what using the labels assumes")
    return table.done(rules)


def _gaze(table: _Table) -> GazeRules:
    rules = GazeRules(
        unit=table.one_of("unit", ("normalized", "pixels", "percent"), ""),
        origin=table.one_of("origin", ("top-left", "bottom-left", "center"), "top-left"),
        frame=table.one_of("frame", ("screen", "scene"), "screen"),
        scene_px=_pair(table, "scene_px"),
        scene_deg=_pair(table, "scene_deg"),
        missing=table.listed("missing", float) if table.has("missing") else (0.0, -1.0),
        zero_pupil_is_blink=table.get("zero_pupil_is_blink", bool, False),
        pupil_unit=table.one_of("pupil_unit", ("mm", "px"), ""),
        pupil_scale=table.get("pupil_scale", float, 1.0),
        pupil_is_area=table.get("pupil_is_area", bool, False),
        left=_eye(table.table("left")),
        right=_eye(table.table("right")),
        both=_eye(table.table("both")),
    )
    if rules.frame == "scene" and not (all(rules.scene_deg) and all(rules.scene_px)):
        raise table.wrong("frame", "'scene'", "give scene_px and scene_deg, the scene camera's size and field of view")
    if not rules.pupil_scale > 0:
        raise table.wrong("pupil_scale", repr(rules.pupil_scale), "give a positive factor")
    return table.done(rules)


def _pair(table: _Table, key: str) -> tuple[float, float]:
    values = table.listed(key, float)
    if len(values) not in (0, 2) or any(value <= 0 for value in values):
        raise table.wrong(key, repr(list(values)), "give two positive numbers: horizontal, vertical")
    return (values[0], values[1]) if values else (0.0, 0.0)


def _eye(table: _Table) -> EyeRules:
    columns: dict[str, ColumnRef | None] = {}
    for key in ("x", "y", "pupil"):
        columns[key] = _ref(table, key) if table.has(key) else None
    if (columns["x"] is None) != (columns["y"] is None):
        raise table.wrong("x", "one of x and y without the other", "give both")
    flags = tuple(_flag(entry) for entry in table.tables("valid"))
    return table.done(EyeRules(columns["x"], columns["y"], columns["pupil"], flags))


def _ref(table: _Table, key: str) -> ColumnRef:
    value = table.raw(key)
    if isinstance(value, str) and value:
        return ColumnRef(label=value)
    if not isinstance(value, dict):
        raise table.wrong(key, repr(value), 'give a label, or a table such as {label = "PupilDiameter", eye = "left"}')
    entry = table.table(key)
    return entry.done(_ref_of(entry))


def _ref_of(entry: _Table) -> ColumnRef:
    ref = ColumnRef(
        label=entry.get("label", str, ""),
        eye=entry.one_of("eye", ("left", "right", "both"), ""),
        nth=entry.get("nth", int, 1),
        column=entry.get("column", int, 0),
    )
    if bool(ref.label) == bool(ref.column) or ref.nth < 1 or ref.column < 0:
        raise entry.wrong("label", repr(ref), "give either a label or a column number, both counted from 1")
    return ref


def _flag(entry: _Table) -> FlagRef:
    bounds: dict[str, float | None] = {}
    for key in ("at_least", "at_most"):
        bounds[key] = entry.get(key, float, 0.0) if entry.has(key) else None
    if bounds["at_least"] is None and bounds["at_most"] is None:
        raise entry.wrong("at_least", "no bound", "say at_least or at_most: which values mean valid")
    return entry.done(FlagRef(_ref_of(entry), bounds["at_least"], bounds["at_most"]))
