"""What a fault makes of a sound session: every sample with its true time, the time it is sent, and its stamp.

The same plan is played by the sender as real LSL outlets and written straight into an XDF file. It depends on the
fault and on t0 alone, so that sender and judge need not talk about it. Times are seconds since t0; stamps are absolute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .truth import EEG_16, EEG_CODE, GAZE_6, eeg_samples, gaze_samples

Array = NDArray[np.float64]
EEG, GAZE, MARKERS = "eeg", "gaze", "markers"
OFFSET_EVERY_S = 5.0


@dataclass(slots=True, eq=False)
class Sent:
    """One outlet's life. index: which sample of the truth each row is. offsets: of a recording, (time, offset)."""

    role: str
    description: dict[str, Any]
    values: NDArray[Any]
    index: NDArray[np.int64]
    true_s: Array
    send_s: Array
    stamps: Array
    scale: Any = 1.0  # what the coded columns were multiplied by: a number, or one for each of them
    opens_s: float = -np.inf
    closes_s: float = np.inf
    wrong_offsets: dict[float, float] = field(default_factory=dict)  # measured offsets that are damaged, by their time
    offset_of: Callable[[float], float] | None = None  # of the clock that stamps, at a time since t0; None: 0

    def select(self, keep: NDArray[Any]) -> None:
        """Keep these rows, in this order."""
        self.values, self.index, self.true_s = self.values[keep], self.index[keep], self.true_s[keep]
        self.send_s, self.stamps = self.send_s[keep], self.stamps[keep]

    def part(self, begin_s: float, end_s: float) -> Sent:
        """What is sent in an interval, as an outlet of its own."""
        made = replace(self, opens_s=begin_s, closes_s=end_s, description=dict(self.description))
        made.select((self.send_s >= begin_s) & (self.send_s < end_s))
        return made


@dataclass(slots=True)
class Plan:
    """A whole session: what is sent, and what is done to the program meanwhile."""

    seconds: float
    t0: float
    sent: list[Sent] = field(default_factory=list)
    damage: list[Callable[[bytes], bytes]] = field(default_factory=list)  # of a written file

    def of(self, role: str) -> list[Sent]:
        return [one for one in self.sent if one.role == role]


def build(changes: tuple[tuple[str, dict[str, Any]], ...], seconds: float, t0: float, seed: int = 1) -> Plan:
    """The plan of a session with these changes, in their order."""
    rates = {"eeg_hz": 250.0, "gaze_hz": 120.0, "n_channels": 16}
    rates |= next((parameters for kind, parameters in changes if kind == "rates"), {})
    plan = Plan(seconds, t0)
    if rates["eeg_hz"]:
        plan.sent.append(_eeg(seconds, t0, rates["eeg_hz"], int(rates["n_channels"])))
    if rates["gaze_hz"]:
        plan.sent.append(_gaze(seconds, t0, rates["gaze_hz"]))
    rng = np.random.default_rng(seed)
    for kind, parameters in changes:
        if kind != "rates":
            _KINDS[kind](plan, rng, **parameters)
    return plan


def _eeg(seconds: float, t0: float, rate_hz: float, n_channels: int) -> Sent:
    n = int(seconds * rate_hz)
    labels = list(EEG_16[:n_channels]) if n_channels <= len(EEG_16) else [f"E{k + 1}" for k in range(n_channels)]
    about = {
        "name": "Amp",
        "type": "EEG",
        "nominal_hz": rate_hz,
        "format": "float32",
        "labels": labels,
        "units": [],
        "source_id": "amp-bench",
        "n_channels": n_channels,
    }
    return _regular(EEG, about, eeg_samples(n, rate_hz, n_channels).astype(np.float32), rate_hz, t0)


def _gaze(seconds: float, t0: float, rate_hz: float) -> Sent:
    about = {
        "name": "Tobii",
        "type": "Gaze",
        "nominal_hz": rate_hz,
        "format": "float32",
        "labels": list(GAZE_6),
        "units": ["screencoords", "screencoords", "mm"] * 2,
        "source_id": "eye-bench",
        "n_channels": 6,
    }
    values = gaze_samples(int(seconds * rate_hz), rate_hz).astype(np.float32)
    return _regular(GAZE, about, values, rate_hz, t0)


def _regular(role: str, about: dict[str, Any], values: NDArray[Any], rate_hz: float, t0: float) -> Sent:
    true_s = np.arange(len(values)) / rate_hz
    return Sent(role, about, values, np.arange(len(values)), true_s, true_s.copy(), t0 + true_s)


_KINDS: dict[str, Callable[..., None]] = {}


def _kind(function: Callable[..., None]) -> Callable[..., None]:
    _KINDS[function.__name__] = function
    return function


def _near(plan: Plan, role: str, at_s: float) -> tuple[Sent, int]:
    """The row that is sent at a time."""
    found = next(one for one in plan.of(role) if len(one.send_s) and one.send_s[-1] >= at_s)
    return found, int(np.searchsorted(found.send_s, at_s))


def _rows(one: Sent, from_s: float, to_s: float) -> NDArray[np.bool_]:
    return (one.true_s >= from_s) & (one.true_s < to_s)


@_kind
def stamp(
    plan: Plan, _rng: Any, role: str, at_s: float, shift_s: float = 0.0, value: float | None = None, n: int = 1
) -> None:
    """n samples are stamped wrong: shifted, or with a value of its own."""
    one, first = _near(plan, role, at_s)
    one.stamps[first : first + n] = one.stamps[first : first + n] + shift_s if value is None else value


@_kind
def stamps(
    plan: Plan, rng: Any, role: str, share: float, shifts: tuple[float, ...] = (), values: tuple[float, ...] = ()
) -> None:
    """A share of all samples is stamped wrong, each in one of these ways."""
    for one in plan.of(role):
        for k in np.flatnonzero(rng.random(len(one.stamps)) < share):
            which = int(rng.integers(len(shifts) + len(values)))
            one.stamps[k] = one.stamps[k] + shifts[which] if which < len(shifts) else values[which - len(shifts)]


@_kind
def stale_extra(plan: Plan, _rng: Any, role: str, shift_s: float, n: int = 1) -> None:
    """Old samples come before the first one, as of a buffer that was not emptied."""
    one = plan.of(role)[0]
    one.stamps[:n] = one.stamps[:n] + shift_s


@_kind
def scale(plan: Plan, _rng: Any, role: str, factor: float, from_s: float = -1.0) -> None:
    """Stamps in another unit than seconds."""
    for one in plan.of(role):
        late = one.true_s >= from_s
        one.stamps[late] *= factor


@_kind
def constant(plan: Plan, _rng: Any, role: str, from_s: float, to_s: float = np.inf, value: float | None = None) -> None:
    """All samples of an interval have one stamp."""
    for one in plan.of(role):
        rows = _rows(one, from_s, to_s)
        if rows.any():
            one.stamps[rows] = one.stamps[rows][0] if value is None else value


@_kind
def pause(plan: Plan, _rng: Any, role: str, spans: tuple[tuple[float, float], ...]) -> None:
    """Nothing is measured in these intervals."""
    for one in plan.of(role):
        for begin, end in spans:
            one.select(~_rows(one, begin, end))


@_kind
def burst(plan: Plan, _rng: Any, role: str, spans: tuple[tuple[float, float], ...]) -> None:
    """What was measured in an interval comes all at once at its end, stamped right."""
    for one in plan.of(role):
        for begin, end in spans:
            one.send_s = np.where(_rows(one, begin, end), end, one.send_s)


@_kind
def clock_step(
    plan: Plan, _rng: Any, role: str, at_s: float, shift_s: float, back_s: float = np.inf, measured: bool = False
) -> None:
    """The sender's clock is set; measured: its clock offsets show it, as where the whole computer's clock jumps."""
    for one in plan.of(role):
        rows = _rows(one, at_s, back_s)
        one.stamps[rows] += shift_s
        if measured:
            before = one.offset_of
            one.offset_of = lambda t, before=before: (
                (before(t) if before else 0.0) - (shift_s if at_s <= t < back_s else 0.0)
            )


@_kind
def clock_slope(plan: Plan, _rng: Any, role: str, share: float, from_s: float = 0.0, measured: bool = False) -> None:
    """The sender's clock runs too fast by this share."""
    for one in plan.of(role):
        one.stamps += share * np.clip(one.true_s - from_s, 0.0, None)
        if measured:
            one.offset_of = lambda t: -share * max(t - from_s, 0.0)


@_kind
def foreign_clock(plan: Plan, _rng: Any, role: str, shift_s: float) -> None:
    """Stamps of another computer's clock, whose offset is measured."""
    clock_step(plan, None, role, -np.inf, shift_s, measured=True)


@_kind
def wrong_offset(plan: Plan, _rng: Any, role: str, at_s: float, value: float) -> None:
    """One measurement of the clock's offset is damaged. at_s: a multiple of OFFSET_EVERY_S."""
    for one in plan.of(role):
        one.wrong_offsets[at_s] = value


@_kind
def jitter(plan: Plan, rng: Any, role: str, ms: float, shape: str = "uniform") -> None:
    """Stamps with jitter; late: only later, as stamps of arrival are."""
    for one in plan.of(role):
        n = len(one.stamps)
        drawn = {
            "uniform": rng.uniform(-0.5, 0.5, n),
            "late": rng.exponential(0.5, n).clip(0, 3),
            "gauss": rng.normal(0, 0.5, n),
        }
        one.stamps += 1e-3 * ms * drawn[shape]


@_kind
def blocks(plan: Plan, _rng: Any, role: str, n: int, spread: bool = False) -> None:
    """Samples come in blocks of n. Not spread: all of a block have the stamp of its last sample."""
    for one in plan.of(role):
        last = np.minimum(np.arange(len(one.stamps)) // n * n + n - 1, len(one.stamps) - 1)
        one.send_s = one.send_s[last]
        if not spread:
            one.stamps = one.stamps[last]


@_kind
def lost(plan: Plan, rng: Any, role: str, share: float, run: int = 1) -> None:
    """Packets of `run` samples get lost at random."""
    for one in plan.of(role):
        kept = np.repeat(rng.random(len(one.stamps) // run + 1) >= share, run)[: len(one.stamps)]
        kept[0] = True
        one.select(kept)


@_kind
def twice(plan: Plan, _rng: Any, role: str, from_s: float, to_s: float, block: int = 1) -> None:
    """Each block of samples of an interval is sent two times, with the same stamps."""
    for one in plan.of(role):
        order = np.arange(len(one.stamps))
        number = order // block
        rows = _rows(one, from_s, to_s)
        again = np.concatenate([order, order[rows]])
        one.select(again[np.argsort(np.concatenate([2 * number, 2 * number[rows] + 1]), kind="stable")])
        one.send_s = np.maximum.accumulate(one.send_s)


@_kind
def swapped(plan: Plan, rng: Any, role: str, share: float, distance: int = 1) -> None:
    """Samples arrive out of order."""
    for one in plan.of(role):
        order = np.arange(len(one.stamps))
        for k in np.flatnonzero(rng.random(len(order) - distance) < share):
            order[[k, k + distance]] = order[[k + distance, k]]
        send_s = one.send_s.copy()
        one.select(order)
        one.send_s = send_s


@_kind
def described(plan: Plan, _rng: Any, role: str, **changes: Any) -> None:
    """The stream is described otherwise."""
    for one in plan.of(role):
        one.description |= {key: list(value) if isinstance(value, tuple) else value for key, value in changes.items()}


@_kind
def rescaled(plan: Plan, _rng: Any, role: str, factor: float, **changes: Any) -> None:
    """All values in another unit."""
    for one in plan.of(role):
        one.values, one.scale = (one.values.astype(np.float64) * factor), one.scale * factor
        one.description |= changes


@_kind
def screen_pixels(plan: Plan, _rng: Any, width: int = 1920, height: int = 1080, **changes: Any) -> None:
    """Gaze in pixels."""
    for one in plan.of(GAZE):
        factor = np.array([width, height, 1.0] * 2)
        one.values, one.scale = one.values.astype(np.float64) * factor, factor[:4]
        one.description |= {"units": ["pixel", "pixel", "mm"] * 2, **changes}


@_kind
def columns(plan: Plan, _rng: Any, role: str, which: tuple[int, ...]) -> None:
    """Only these columns are sent."""
    for one in plan.of(role):
        one.values = one.values[:, list(which)]
        for key in ("labels", "units"):
            if one.description[key]:
                one.description[key] = [one.description[key][k] for k in which]
        one.description["n_channels"] = len(which)


@_kind
def values(
    plan: Plan, _rng: Any, role: str, from_s: float, to_s: float, value: float, columns: tuple[int, ...] | None = None
) -> None:
    """Values of an interval are replaced."""
    for one in plan.of(role):
        rows = np.flatnonzero(_rows(one, from_s, to_s))
        one.values = one.values.copy()
        one.values[np.ix_(rows, range(one.values.shape[1]) if columns is None else columns)] = value
        one.index = one.index.copy()
        one.index[rows] = -1 if columns is None else one.index[rows]


@_kind
def life(plan: Plan, _rng: Any, role: str, from_s: float, to_s: float = np.inf, gone: bool = True) -> None:
    """The stream begins later or ends sooner; gone: its outlet with it."""
    for number, one in enumerate(plan.sent):
        if one.role == role:
            part = one.part(from_s if from_s > 0.0 else -np.inf, to_s)
            if not gone:
                part.opens_s, part.closes_s = one.opens_s, one.closes_s
            plan.sent[number] = part


@_kind
def later(plan: Plan, _rng: Any, role: str, by_s: float) -> None:
    """The whole stream is measured later; its index is counted from then."""
    for one in plan.of(role):
        one.true_s, one.send_s, one.stamps = one.true_s + by_s, one.send_s + by_s, one.stamps + by_s
    plan.seconds += by_s


@_kind
def restart(plan: Plan, _rng: Any, role: str, at_s: float, gap_s: float = 1.0, **changes: Any) -> None:
    """The outlet ends, and another one takes its place, described otherwise: rate_hz, n_channels, source_id, format."""
    old = plan.of(role)[-1]
    plan.sent.remove(old)
    plan.sent.append(old.part(old.opens_s, at_s))
    new = old.part(at_s + gap_s, np.inf)
    if rate_hz := changes.pop("rate_hz", None):
        new = _at_rate(new, rate_hz, plan.t0)
    if n_channels := changes.get("n_channels"):
        new.values = new.values[:, :n_channels]
        new.description["labels"] = new.description["labels"][:n_channels]
    new.description |= changes
    plan.sent.append(new)


def _at_rate(one: Sent, rate_hz: float, t0: float) -> Sent:
    """The same stream as if it had been sampled at another rate: samples are used again or left out; indices stay."""
    true_s = np.arange(one.true_s[0], one.true_s[-1], 1.0 / rate_hz)
    rows = np.clip(np.searchsorted(one.true_s, true_s), 0, len(one.true_s) - 1)
    made = replace(one, description={**one.description, "nominal_hz": rate_hz})
    made.select(rows)
    rewritten = _eeg(len(true_s) / rate_hz, t0, rate_hz, one.values.shape[1])
    made.values = rewritten.values[: len(true_s)]
    made.index = np.arange(len(true_s)) + _SECOND_LIFE
    made.values = EEG_CODE.renumber(made.values, made.index).astype(np.float32)
    made.true_s, made.send_s, made.stamps = true_s, true_s.copy(), t0 + true_s
    return made


_SECOND_LIFE = 100_000  # indices of an outlet that took another one's place at another rate


@_kind
def rate_change(plan: Plan, _rng: Any, role: str, at_s: float, rate_hz: float) -> None:
    """The same outlet goes on at another rate."""
    one = plan.of(role)[0]
    before, after = one.part(-np.inf, at_s), _at_rate(one.part(at_s, np.inf), rate_hz, plan.t0)
    for name in ("values", "index", "true_s", "send_s", "stamps"):
        setattr(one, name, np.concatenate([getattr(before, name), getattr(after, name)]))


@_kind
def markers(
    plan: Plan, _rng: Any, every_s: float = 4.0, columns: int = 1, nominal_hz: float = 0.0, text: str = "clip"
) -> None:
    """A stream of string markers."""
    times = np.arange(2.0, plan.seconds - 1.0, every_s)
    rows = np.array([[f"{text}_{k}", f"sad_{k}"][:columns] for k in range(len(times))], dtype=object)
    about = {
        "name": "Stim",
        "type": "Markers",
        "nominal_hz": nominal_hz,
        "format": "string",
        "units": [],
        "labels": ["event", "condition"][:columns],
        "source_id": "mk-bench",
        "n_channels": columns,
    }
    plan.sent.append(Sent(MARKERS, about, rows, np.arange(len(rows)), times, times.copy(), plan.t0 + times))


@_kind
def other(
    plan: Plan, _rng: Any, n: int = 1, from_s: float = -np.inf, hz: float = 0.0, size: int = 0, **about: Any
) -> None:
    """Streams that nobody asked for. hz: samples a second. size: characters of a string sample."""
    base = {
        "name": "Other",
        "type": "Misc",
        "nominal_hz": 0.0,
        "format": "float32",
        "labels": ["a"],
        "units": [],
        "source_id": "other",
        "n_channels": 1,
    }
    for k in range(n):
        given = {**base, **about}
        given["name"], given["source_id"] = str(given["name"]).replace("#", str(k)), f"{given['source_id']}{k or ''}"
        times = np.arange(max(from_s, 0.0), plan.seconds, 1.0 / hz) if hz else np.zeros(0)
        text = given["format"] == "string"
        values = np.full(
            (len(times), given["n_channels"]), "x" * size if text else 0.0, dtype=object if text else np.float32
        )
        plan.sent.append(
            Sent("other", given, values, np.arange(len(times)), times, times.copy(), plan.t0 + times, opens_s=from_s)
        )


@_kind
def twin(plan: Plan, _rng: Any, role: str, from_s: float = -np.inf, **changes: Any) -> None:
    """A second outlet with the same description."""
    one = plan.of(role)[0]
    second = one.part(from_s, np.inf)
    second.role = "twin"
    second.description |= changes
    plan.sent.append(second)


@_kind
def cut(plan: Plan, _rng: Any, share: float) -> None:
    """The file ends early."""
    plan.damage.append(lambda data: data[: int(share * len(data))])


@_kind
def garbage(plan: Plan, rng: Any, at: float, size: int) -> None:
    """Bytes in the middle of the file are written over."""
    noise = bytes(rng.integers(0, 256, size, dtype=np.uint8))
    plan.damage.append(lambda data: data[: int(at * len(data))] + noise + data[int(at * len(data)) + size :])
