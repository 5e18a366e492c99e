"""Mapping files of public data sets, read from their own side-cars; `build bids --preset NAME` takes them."""

from __future__ import annotations

from pathlib import Path

from rtemo.core.errors import RtemoError


def preset(name: str, dataset: str) -> Path:
    """The mapping file of a public data set. RtemoError where the loader is another one."""
    if dataset != "bids":
        raise RtemoError(f"the preset {name} is for BIDS folders", f"found {dataset}", "build bids --preset ...")
    return Path(__file__).with_name(f"{name}.toml")
