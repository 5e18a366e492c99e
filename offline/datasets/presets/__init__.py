"""Mapping files of public data sets, read from their own side-cars; `build bids --preset NAME` takes them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rtemo.core.errors import RtemoError

LOADER_OF: Mapping[str, str] = {  # preset -> the loader that it is for
    **dict.fromkeys(("faced", "bbbd", "dens", "emoeeg-mc", "eegeyenet", "affec"), "bids"),
    "eeg-et": "xdf",
}
_WORDS = {"bids": "BIDS folders", "xdf": "XDF files"}


def preset(name: str, dataset: str) -> Path:
    """The mapping file of a public data set. RtemoError where the loader is another one."""
    loader = LOADER_OF[name]
    if dataset != loader:
        raise RtemoError(
            f"the preset {name} is for {_WORDS[loader]}", f"found {dataset}", f"build {loader} --preset ..."
        )
    return Path(__file__).with_name(f"{name}.toml")
