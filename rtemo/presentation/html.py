"""HTML and SVG elements as text that is escaped unless it is markup already.

Whatever is plain `str` is escaped where it enters an element; only `Html`, which comes from here, is taken as it is.
Joining Html with other text by + or in an f-string gives plain text again: a slip shows tags, it never runs them.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

_VOID = ("img", "meta")


class Html(str):
    """Markup. Constructed outside of this module only from what a drawing library made."""

    __slots__ = ()


def tag(name: str, /, *inside: str, **attributes: float | str) -> Html:
    """An element. In attributes _ stands for -, a trailing _ is dropped (class_); empty ones are left out.

    Numbers are rounded to 0.1.
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"' for key, value in attributes.items() if value != ""
    )
    return Html(f"<{name}{given}>" if name in _VOID else f"<{name}{given}>{join(inside)}</{name}>")


def join(parts: Iterable[str]) -> Html:
    """Markup and plain text, one after the other."""
    return Html("".join(part if isinstance(part, Html) else escape(part, quote=False) for part in parts))


def _value(value: float | str) -> str:
    return escape(value, quote=False).replace('"', "&quot;") if isinstance(value, str) else f"{round(value, 1):g}"
