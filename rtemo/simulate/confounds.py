"""Confounds of simulated people that catch a model which learns the wrong thing: each is switched on or off.

Each name changes one option of the simulator. The traps are shortcuts: a model that is better with them than without
has read muscles or light instead of emotions. Without the ocular leak, what EEG shows of the eyes is gone: a model that
is worse without it has used the EEG as an eye tracker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from rtemo.core.errors import RtemoError
from rtemo.simulate.plan import Options

TRAPS: Mapping[str, Mapping[str, bool]] = {
    "muscles": {"muscle_confound": True},  # faces follow the emotion
    "luminance": {"luminance_confound": True},  # the mean luminance of clips follows the emotion
    "no-ocular-leak": {"ocular_leak": False},  # eyes do not show in the EEG
    "own-stimuli": {"shared_stimulus": False},  # clips of one number look different to everybody
}


def trapped(options: Options, traps: Sequence[str]) -> Options:
    """The options with these switched. RtemoError names what is unknown."""
    if unknown := sorted(set(traps) - set(TRAPS)):
        raise RtemoError("there is no such trap", ", ".join(unknown), f"choose from {', '.join(TRAPS)}")
    for trap in traps:
        options = replace(options, **TRAPS[trap])
    return options
