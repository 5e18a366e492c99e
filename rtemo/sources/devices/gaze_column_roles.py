"""Roles of an unknown eye tracker's columns, from their labels, types, eyes and units.

The meta-data of the XDF gaze specification come first (type ScreenX, Diameter, ...; eye left, right, both); where a
stream does not follow it, the words of the label decide: left_x, leftEyeX, R_GazeX, norm_pos_x, LPOGX, gaze_x, ...
A column that is not clearly one of the kinds below has no role; nothing is guessed from its place in the stream.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from rtemo.core.channel_map import GazeUnit
from rtemo.core.types import Channel

Kind = Literal["x", "y", "pupil", "valid", "confidence"]
Eye = Literal["left", "right", "both"]
Shape = Literal["diameter", "radius", "area"]


@dataclass(frozen=True, slots=True)
class Role:
    """One column's meaning. shape: of a pupil, what its number measures. rank: lower is preferred among equals."""

    kind: Kind
    eye: Eye
    shape: Shape = "diameter"
    rank: int = 0


_KINDS: dict[str, tuple[Kind, Shape]] = {
    "screenx": ("x", "diameter"), "screeny": ("y", "diameter"),
    "diameter": ("pupil", "diameter"), "diameterx": ("pupil", "diameter"),
    "radius": ("pupil", "radius"), "radiusx": ("pupil", "radius"),
    "pupilsize": ("pupil", "diameter"), "confidence": ("confidence", "diameter"),
}  # fmt: skip
# Types of the specification, and types seen, whose columns are something else however they are labelled.
_OTHER_TYPES = re.compile(
    r"(direction|position|intersection|head|pupil|reflex|diameter|radius)[xyz]|framenumber|planenumber|objectid|"
    r"availableflag|eyeliddistance|uncertainty|timestamp"
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_GAZEPOINT = re.compile(r"([LRB])POG([XYV])")  # Gazepoint's fields: left, right and best point of gaze
_GAZEPOINT_PUPIL = re.compile(r"([LR])PUPIL([DV])")


def _set_of(words: str) -> frozenset[str]:
    return frozenset(words.split())


_GAZE_WORDS = _set_of(
    "x y gaze gazepoint gazeposition point pos position on display area screen norm normalized left right l r eye eyes "
    "both binocular cyclopean average avg mean combined weighted best pog por raw filtered smoothed coord coords px "
    "pixel pixels adcs 2 d"
)
_PUPIL_WORDS = _set_of(
    "pupil diameter diam size radius area left right l r eye eyes both average avg mean mm px smoothed filtered raw x"
)
_FLAG_WORDS = _set_of("valid isvalid found tracked is gaze gazepoint point weighted left right l r eye both")
_CONFIDENCE_WORDS = _set_of("confidence gaze tracking point left right l r eye both")
_ON_SCREEN = frozenset({"gaze", "norm", "normalized", "screen", "display", "point", "pog", "por"})
_MNE_WORDS = {"xpos": "x", "ypos": "y", "zpos": "z"}  # MNE names eye channels xpos_left, ypos_left, pupil_left
_FILTERED = frozenset({"filtered", "smoothed"})

_PIXELS = re.compile(r"px|pix|pixels?")
_NORMALIZED = re.compile(
    r"norm|normali[sz]ed|normali[sz]ed units?|screencoords|fraction|ratio|0\.\.1|0-1|adcs|unitless"
)
_PERCENT = re.compile(r"%|percent|percentage")


def role_of(channel: Channel) -> Role | None:
    """The meaning of a column, or None where it has none for us or none that is certain."""
    words = _words(channel.label)
    eye = _eye(channel.eye, words)
    known = channel.type.strip().casefold()
    if known in _KINDS:
        kind, shape = _KINDS[known]
        return Role(kind, eye, _shape(words, shape), _rank(words))
    if _OTHER_TYPES.fullmatch(known):
        return None
    return _by_label(channel.label, words, eye)


def gaze_unit(text: str) -> GazeUnit | None:
    """The unit of x and y; "" where none is stated, None where it is stated but not one we can use."""
    plain = text.strip().casefold()
    if plain in ("", "none", "n/a", "unknown", "arbitrary"):
        return ""
    if _PIXELS.fullmatch(plain):
        return "pixels"
    if _NORMALIZED.fullmatch(plain):
        return "normalized"
    return "percent" if _PERCENT.fullmatch(plain) else None


def millimetres_per(text: str) -> float | None:
    """Factor from a pupil's unit to mm; None where the unit is no length."""
    plain = text.strip().casefold()
    if plain in ("mm", "millimeter", "millimeters", "millimetre", "millimetres"):
        return 1.0
    return 1000.0 if plain in ("m", "meter", "meters", "metre", "metres") else None


def _by_label(label: str, words: tuple[str, ...], eye: Eye) -> Role | None:
    short = _gazepoint(label.strip().upper())
    if short is not None:
        return short
    given = set(words)
    if given & {"confidence"}:
        return Role("confidence", eye) if given <= _CONFIDENCE_WORDS else None
    if given & {"valid", "isvalid", "found", "tracked"}:
        return Role("valid", eye) if given <= _FLAG_WORDS else None
    if given & {"pupil", "diameter", "diam"} and given <= _PUPIL_WORDS and not given & {"pos", "position", "y"}:
        sized = given & {"diameter", "diam", "size", "radius", "area"} or "x" not in given
        return Role("pupil", eye, _shape(words, "diameter"), _rank(words)) if sized else None
    axis = given & {"x", "y"}
    if given & {"pos", "position"} and not given & _ON_SCREEN:
        return None  # where the eye is, not where it looks
    if len(axis) == 1 and given <= _GAZE_WORDS:
        return Role("x" if "x" in axis else "y", eye, rank=_rank(words))
    return None


def _gazepoint(label: str) -> Role | None:
    sides: dict[str, Eye] = {"L": "left", "R": "right", "B": "both"}
    match = _GAZEPOINT.fullmatch(label)
    if match is not None:
        kinds: dict[str, Kind] = {"X": "x", "Y": "y", "V": "valid"}
        return Role(kinds[match[2]], sides[match[1]])
    match = _GAZEPOINT_PUPIL.fullmatch(label)
    if match is not None and match[2] == "D":
        return Role("pupil", sides[match[1]])
    return None


def _words(label: str) -> tuple[str, ...]:
    words = (word.casefold() for word in _WORD.findall(label))
    return tuple(_MNE_WORDS.get(word, word) for word in words)


def has_depth(labels: Iterable[str], x_label: str) -> bool:
    """Whether a column of x stands beside one of z: then they are a point in space and no place on a screen."""
    depth = ["z" if word == "x" else word for word in _words(x_label)]
    return "z" in depth and any(list(_words(label)) == depth for label in labels)


def _eye(stated: str, words: tuple[str, ...]) -> Eye:
    plain = stated.strip().casefold()
    if plain in ("left", "right"):
        return "left" if plain == "left" else "right"
    left, right = bool({"left", "l"} & set(words)), bool({"right", "r"} & set(words))
    if left != right:
        return "left" if left else "right"
    return "both"


def _shape(words: tuple[str, ...], default: Shape) -> Shape:
    if "radius" in words:
        return "radius"
    return "area" if "area" in words else default


def _rank(words: tuple[str, ...]) -> int:
    """Raw before filtered: a filter that looks ahead or smooths would change saccades."""
    return 1 if _FILTERED & set(words) else 0
