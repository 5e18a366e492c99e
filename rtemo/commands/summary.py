"""What commands print on stderr about a run: its events as they come, and a summary at the end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rtemo.commands.console import say, warn
from rtemo.live.engine.engine import Engine
from rtemo.model.predictor import Predictor
from rtemo.recordings.events import Event, EventKind, is_discovery

if TYPE_CHECKING:  # it imports a whole live session, which a replay has no use for
    from rtemo.live.session.outputs import SessionOutputs

PRINTED = (EventKind.NOTE, EventKind.LOSS, EventKind.FAILURE, EventKind.STREAM_DOWN, EventKind.STREAM_UP)


def print_event(event: Event) -> None:
    """A listener that prints notes, losses, failures, and streams that go or come back."""
    if event.kind in PRINTED and not is_discovery(event):
        whose = f"{event.participant}: " if event.participant else ""
        of = f"{event.stream}: " if event.stream and event.stream not in event.text else ""
        say(f"{event.kind.value}: {whose}{of}{event.text}")


def print_summary(engine: Engine, predictor: Predictor, participant: str = "") -> None:
    """What the session ran on and what was missing, in a few lines. participant: whose, of several."""
    if participant:
        say(f"{participant}:")
    used = ", ".join(f"{role.value} from {info.name!r}" for role, info in sorted(engine.roles.items())) or "nothing"
    say(f"{engine.n_predictions} predictions; {used}")
    for reason, n in engine.abstained.most_common():
        bad = f" ({', '.join(engine.latest.bad_channels)})" if engine.latest and engine.latest.bad_channels else ""
        say(f"no emotion is named in {n} of {engine.n_predictions}: {reason}{bad}")
    for role in engine.roles:
        branch = predictor.pipeline.branch(role)
        if branch is None or branch.dejitter.rate is None:
            continue
        line = f"{role.value}: {branch.dejitter.rate.hz:.6g} Hz, {branch.dejitter.n_gaps} gaps"
        if branch.dejitter.n_missing:
            line += f", about {branch.dejitter.n_missing} samples missing"
        if branch.dejitter.n_repeated:
            line += f", {branch.dejitter.n_repeated} samples sent twice"
        if branch.dejitter.n_dropped:
            line += f", {branch.dejitter.n_dropped} samples without a usable time"
        say(line)
    if predictor.pipeline.n_skipped:
        say(f"{predictor.pipeline.n_skipped} holes without any usable signal were skipped")
    if predictor.n_skipped:
        say(f"{predictor.n_skipped} windows were skipped, as the model was slower than the hop")


def print_outputs(outputs: SessionOutputs) -> None:
    """Each output that did not take all that it was given."""
    for view in outputs.output_views():
        if view.n_dropped or view.error:
            why = f"{view.state}: {view.error}; " if view.error else ""
            warn(f"output {view.name}: {why}{view.n_written} entries written, {view.n_dropped} not")


def why_no_prediction(predictor: Predictor) -> str:
    """Why there was no window."""
    found = []
    for role in sorted(predictor.pipeline.modalities):
        branch = predictor.pipeline.branch(role)
        rate = branch.dejitter.rate if branch is not None else None
        found.append(f"{role.value} has too few samples" if rate is None else f"{role.value} at {rate.hz:.4g} Hz")
    return ", ".join(found) or "no usable stream"
