"""What receivers on the network are sent: predictions, events, and the session's state, as JSON documents too.

A document is {"type": "prediction" | "event" | "state", "data": ...}: the record of a line of predictions as JSON, of a
line of events.jsonl, and the state, which also says whose data it is.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rtemo.model.prediction import Prediction
from rtemo.recordings.events import Event


@dataclass(frozen=True, slots=True)
class PredictionNews:
    """participant: whom it is about; empty where there is one."""

    prediction: Prediction
    participant: str = ""


@dataclass(frozen=True, slots=True)
class EventNews:
    """Something has happened."""

    event: Event


@dataclass(frozen=True, slots=True)
class StateNews:
    """How things stand."""

    state: Mapping[str, Any]


News = PredictionNews | EventNews | StateNews


def as_json(news: News) -> str:
    """One line of JSON, without what is not for the network."""
    match news:
        case PredictionNews(prediction, _):
            return f'{{"type": "prediction", "data": {prediction.to_json_line()}}}'
        case EventNews(event):
            return f'{{"type": "event", "data": {event.to_json_line()}}}'
        case StateNews(state):
            return json.dumps({"type": "state", "data": dict(state)}, ensure_ascii=False)
