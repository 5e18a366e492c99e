"""Sample counter, triggers and impedances of a stream, by its device profile.

A profile states them with regular expressions, so that the same device may send some of them or none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rtemo.core.auxiliary.columns import AuxiliaryColumns, ImpedanceColumn
from rtemo.core.auxiliary.losses import CounterColumn
from rtemo.core.auxiliary.triggers import TriggerColumn
from rtemo.core.types import STRING_FORMAT, Channel, StreamInfo
from rtemo.sources.devices.profile_schema import AuxiliaryRef, CounterRules, DeviceProfile, ImpedanceRules, TriggerRules

COUNTER, TRIGGER, IMPEDANCE = "it counts the samples", "a trigger channel: its edges are markers", "an impedance"
IMPEDANCE_TYPE = "impedance"  # of a stream that holds nothing else
# Where a profile does not say otherwise: what a stream calls so. Labels such as Z_Fz, Fz imp or Fz.
_BY_TYPE = ImpedanceRules(
    type=re.compile(f"^{IMPEDANCE_TYPE}$", re.IGNORECASE),
    label=re.compile(
        r"^(imp(edance)?[ _-]?|z[ _-])?(?P<electrode>.*?)([ _-](imp(edance)?|z))?$",
        re.IGNORECASE,
    ),
)
_EXACT = {"float32": 2.0**24}  # the other formats hold every number of samples that there can be
_KOHM = {"ohm": 1e-3, "ohms": 1e-3, "kohm": 1.0, "kohms": 1.0, "kiloohm": 1.0, "kiloohms": 1.0, "mohm": 1e3}


def auxiliary_columns(info: StreamInfo, profile: DeviceProfile) -> AuxiliaryColumns:
    """What a device sends beside its signals in this stream."""
    return AuxiliaryColumns(
        counter=_counter(info, profile.counter) if profile.counter is not None else None,
        triggers=tuple(trigger for rules in profile.trigger for trigger in _triggers(info, rules)),
        impedances=tuple(_impedances(info, profile.impedance or _BY_TYPE)),
    )


def auxiliary_reasons(columns: AuxiliaryColumns) -> dict[int, str]:
    """Column (from 0) -> why it is no signal."""
    reasons = {one.column: IMPEDANCE for one in columns.impedances}
    reasons |= {one.column: TRIGGER for one in columns.triggers}
    if columns.counter is not None and columns.counter.column is not None:
        reasons[columns.counter.column] = COUNTER
    return reasons


def is_impedance_stream(info: StreamInfo) -> bool:
    """Whether a stream holds impedances and nothing else: each channel is named after its electrode."""
    return info.type.strip().casefold() == IMPEDANCE_TYPE and info.channel_format != STRING_FORMAT


def impedance_stream_columns(info: StreamInfo) -> AuxiliaryColumns:
    """The columns of a stream of impedances."""
    named = ((k, channel) for k, channel in enumerate(info.channels) if channel.label.strip())
    return AuxiliaryColumns(impedances=tuple(ImpedanceColumn(k, c.label.strip(), _kohm(c, "")) for k, c in named))


def _counter(info: StreamInfo, rules: CounterRules) -> CounterColumn | None:
    column = next(_columns(info, rules), None)
    made_up = (k for k, label in enumerate(info.labels) if rules.filled is not None and rules.filled.search(label))
    filled = next(made_up, None)
    if column is None and filled is None:
        return None
    modulus = round(info.nominal_rate_hz) if rules.every_second else rules.modulus
    return CounterColumn(column, modulus if modulus > 1 else 0, filled, _EXACT.get(info.channel_format, 2.0**53))


def _triggers(info: StreamInfo, rules: TriggerRules) -> Iterator[TriggerColumn]:
    texts = tuple((float(value), text) for value, text in rules.values.items())
    for column in _columns(info, rules):
        label = info.labels[column].strip() or str(column + 1)
        yield TriggerColumn(column, label, rules.rest, rules.mask, rules.inverted, rules.hold_samples, texts)


def _impedances(info: StreamInfo, rules: ImpedanceRules) -> Iterator[ImpedanceColumn]:
    for column in _columns(info, rules):
        label = info.labels[column].strip()
        found = rules.label.search(label) if rules.label is not None else None
        electrode = (found.groupdict().get("electrode") if found is not None else None) or label
        if electrode:
            yield ImpedanceColumn(column, electrode, _kohm(info.channels[column], rules.unit))


def _columns(info: StreamInfo, ref: AuxiliaryRef) -> Iterator[int]:
    """The columns (from 0) that a reference means, in order."""
    if ref.column:
        yield from [ref.column - 1] if ref.column <= info.n_channels else []
        return
    for k, channel in enumerate(info.channels):
        if _fits(ref.label, channel.label) and _fits(ref.type, channel.type):
            yield k


def _fits(pattern: re.Pattern[str] | None, text: str) -> bool:
    return pattern is None or pattern.search(text.strip()) is not None


def _kohm(channel: Channel, unit: str) -> float:
    """Factor to kilo-ohms; values without a unit that is known are taken as such."""
    stated = (unit or channel.unit).strip().replace("Ω", "Ohm").replace("Ω", "Ohm").replace("-", "")
    return _KOHM.get(stated.casefold(), 1.0)
