"""Gaze with known events, made for the tests alone: fixations, saccades on the main sequence, blinks, noise."""

from dataclasses import dataclass, field

import numpy as np

from rtemo.core.channel_map import Screen, ViewGeometry

VIEW = ViewGeometry.of_screen(Screen())
START_S = 5000.0


@dataclass
class Truth:
    """Rows: fixations (start, end), saccades (start, end, amplitude), blinks (start, end); seconds, degrees."""

    fixations: list = field(default_factory=list)
    saccades: list = field(default_factory=list)
    blinks: list = field(default_factory=list)


def to_canonical(degrees):
    """The inverse of the view."""
    return np.tan(np.radians(degrees)) / (2 * np.array([VIEW.half_width, VIEW.half_height])) + 0.5


def plan(rng, duration_s, blinks_per_min=15.0):
    """Events from START_S on, and the path as a function of time."""
    truth, knots = Truth(), []
    now, here = START_S, np.zeros(2)
    while now < START_S + duration_s:
        length = max(0.1, rng.lognormal(np.log(0.25), 0.45))
        blink = rng.random() < blinks_per_min / 60 * (length + 0.05)
        if blink:
            length = max(length, 0.3)
            away = rng.uniform(0.1, 0.3)
            begin = now + 0.5 * length
            truth.fixations += [(now, begin), (begin + away, begin + away + 0.5 * length)]
            truth.blinks.append((begin, begin + away))
            length += away
        else:
            truth.fixations.append((now, now + length))
        now += length
        amplitude = np.clip(rng.lognormal(np.log(4.0), 0.7), 1.0, 18.0)
        for _ in range(100):
            angle = rng.uniform(0, 2 * np.pi)
            there = here + amplitude * np.array([np.cos(angle), np.sin(angle)])
            if np.all(np.abs(there) < (18, 10)):
                break
        else:
            there = np.zeros(2)
            amplitude = np.linalg.norm(there - here)
        took = 0.0022 * amplitude + 0.021
        truth.saccades.append((now, now + took, float(np.linalg.norm(there - here))))
        knots.append((now, took, here, there))
        now, here = now + took, there
    return truth, knots


def path(times, knots):
    """Positions (n, 2) in degrees, minimum-jerk saccades."""
    places = np.zeros((len(times), 2))
    for begin, took, a, b in knots:
        u = np.clip((times[times >= begin] - begin) / took, 0.0, 1.0)
        places[times >= begin] = a + (10 * u**3 - 15 * u**4 + 6 * u**5)[:, None] * (b - a)
    return places


def sample(seed, rate_hz, duration_s, noise_deg=0.03, jitter=0.0, offset_deg=0.6, blinks_per_min=15.0):
    """Truth, times (n,), samples (n, 6) of both eyes."""
    rng = np.random.default_rng(seed)
    truth, knots = plan(rng, duration_s, blinks_per_min)
    times = START_S + np.arange(int(duration_s * rate_hz)) / rate_hz
    times = times + rng.uniform(-jitter, jitter, len(times)) / rate_hz
    degrees = path(times, knots)
    walk = np.cumsum(rng.normal(0, 0.2 / rate_hz**0.5, degrees.shape), axis=0)
    slow = walk - np.linspace(0, 1, len(times))[:, None] * walk[-1]
    degrees = degrees + 0.1 * slow
    eyes = [degrees + rng.normal(0, noise_deg, degrees.shape) + (sign * offset_deg / 2, 0) for sign in (-1, 1)]
    t = times - START_S
    pupil = 3.5 + 0.1 * np.sin(2 * np.pi * 0.1 * t) + 0.05 * np.sin(2 * np.pi * 0.5 * t)
    samples = np.column_stack([*(to_canonical(e) for e in eyes), pupil, pupil + 0.1])
    samples[:, 4:] += rng.normal(0, 0.01, (len(t), 2))
    for begin, end in truth.blinks:
        samples[(times >= begin) & (times < end)] = np.nan
    return truth, times, samples


def match(true, found, tolerance_s):
    """Pairs of events (true, found) that overlap, or lie within the tolerance of it; each is used once."""
    pairs, used = [], set()
    for event in true:
        best, score = None, 0.0
        for i, other in enumerate(found):
            if i in used or other[0] > event[1] + tolerance_s or other[1] < event[0] - tolerance_s:
                continue
            overlap = min(event[1], other[1]) - max(event[0], other[0]) + 2 * tolerance_s
            if overlap > score:
                best, score = i, overlap
        if best is not None:
            used.add(best)
            pairs.append((event, found[best]))
    return pairs


def f1(true, found, tolerance_s):
    """Share of events that are found, and found ones that are true, as their harmonic mean."""
    if not len(true) and not len(found):
        return 1.0
    return 2 * len(match(true, found, tolerance_s)) / (len(true) + len(found))
