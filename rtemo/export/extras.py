"""Packages that rtemo itself does without: loaded when they are needed, with an error that says what to install."""

from __future__ import annotations

import importlib
from typing import Any

from rtemo.core.errors import RtemoError


def needed(module: str, package: str) -> Any:
    """The module. package: what holds it, as pip knows it. Raises RtemoError where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        todo = f"install it: pip install {package}, or all that exports need: pip install 'rtemo[export]'"
        raise RtemoError(f"this needs the package {package}", str(error), todo) from error
