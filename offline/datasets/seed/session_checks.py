"""Check that the lengths of a session's trials are those of the session, since every person saw the same films.

A file that lies in the wrong session's folder, or whose trials were renumbered, carries plausible data under wrong
labels. Where at least three people have a session, the median length of each trial is the reference.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

Lengths = Mapping[int, float]  # trial number -> seconds
MIN_PEOPLE = 3
_MOST_S = 4.0  # one released window
_MOST_SHARE = 0.1  # of a short trial
_NOT_THIS_SESSION = 0.5


def references(lengths: Mapping[tuple[int, int], Lengths]) -> dict[int, dict[int, float]]:
    """(subject, session) -> lengths into session -> trial -> median length, where enough people have the trial."""
    collected: dict[int, dict[int, list[float]]] = {}
    for (_, session), trials in lengths.items():
        for trial, seconds in trials.items():
            collected.setdefault(session, {}).setdefault(trial, []).append(seconds)
    return {
        session: {trial: float(np.median(all_s)) for trial, all_s in trials.items() if len(all_s) >= MIN_PEOPLE}
        for session, trials in collected.items()
    }


def odd_trials(lengths: Lengths, reference: Lengths) -> dict[int, str]:
    """The trials whose length is not that of everybody else's, with the reason."""
    odd = {}
    for trial, seconds in lengths.items():
        usual_s = reference.get(trial)
        if usual_s is not None and abs(seconds - usual_s) > min(_MOST_S, _MOST_SHARE * usual_s):
            odd[trial] = f"it is {seconds:.1f} s long, other people's is {usual_s:.1f} s"
    return odd


def not_this_session(lengths: Lengths, session: int, reference: Mapping[int, Lengths]) -> str:
    """Why this cannot be the session that it is filed as; "" where nothing contradicts it."""
    checked = set(lengths) & set(reference.get(session, {}))
    odd = odd_trials(lengths, reference.get(session, {}))
    if not checked or len(odd) < _NOT_THIS_SESSION * len(checked):
        return ""
    why = f"the lengths of {len(odd)} of {len(checked)} trials are not session {session}'s"
    for other, usual in sorted(reference.items()):
        if other != session and len(usual) == len(lengths) and not odd_trials(lengths, usual):
            return f"{why}; they are session {other}'s: are two files swapped?"
    return why


def another_files_day(day: str, own: str, others: Mapping[int, str]) -> str:
    """Why the day in a file's header contradicts the day of its name, `own`; "" where it does not.

    others: session -> day by the name of the same person's other files. A day that belongs to none of them is
    no evidence: whether the headers' clocks were right is not known.
    """
    for session, named in sorted(others.items()):
        if day and day != own and day == named:
            return f"its header was written on {day}, the day of session {session}'s file: are two files swapped?"
    return ""


def same_pattern(lengths: Lengths, published_s: tuple[float, ...]) -> bool:
    """Are these all of the published lengths, up to one common factor (generated data may be shorter)?"""
    if sorted(lengths) != list(range(1, len(published_s) + 1)):
        return False
    ours = np.array([lengths[trial] for trial in sorted(lengths)])
    theirs = np.array(published_s)
    factor = float(np.median(ours / theirs))
    return bool(np.all(np.abs(ours - factor * theirs) <= np.maximum(0.02 * factor * theirs, 1.0)))
