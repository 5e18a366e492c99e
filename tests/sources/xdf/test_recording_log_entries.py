"""Entries of the recorder's log as they are written: to the letter, without what is not set."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rtemo.core.types import StreamState
from rtemo.sources.xdf.recording_log import LogEntry, is_log, log_info, read_entry


@pytest.mark.parametrize(("entry", "written"), [
    (LogEntry("up", stream=1), '{"kind": "up", "stream": 1}'),
    (LogEntry("up", stream=3, sample=1, replaces=2), '{"kind": "up", "stream": 3, "sample": 1, "replaces": 2}'),
    (LogEntry("down", stream=1, sample=7, state=StreamState.LOST, text="gone"),
     '{"kind": "down", "stream": 1, "sample": 7, "state": "lost", "text": "gone"}'),
    (LogEntry("notice", stream=1, text="late", trusted=False),
     '{"kind": "notice", "stream": 1, "text": "late", "trusted": false}'),
    (LogEntry("notice", stream=1, trusted=True), '{"kind": "notice", "stream": 1, "trusted": true}'),
    (LogEntry("annotation", text="artefact"), '{"kind": "annotation", "text": "artefact"}'),
])  # fmt: skip
def test_an_entry_is_written_without_what_is_not_set_and_read_back(entry, written):
    assert entry.document() == written
    assert read_entry(written) == entry


@pytest.mark.parametrize("document", ["", "[]", "{}", '{"kind": "else"}', '{"kind": "up", "stream": "1"}', "{"])
def test_what_no_recorder_wrote_is_no_entry(document):
    assert read_entry(document) is None


def test_the_log_names_its_session():
    assert log_info("S1").source_id == "rtemo_recorder S1"
    assert log_info("").source_id == "rtemo_recorder"
    assert (log_info("").n_channels, log_info("").channel_format, log_info("").nominal_rate_hz) == (1, "string", 0.0)


@pytest.mark.parametrize("changed", [{"name": "amp"}, {"type": "EEG"}, {"channel_format": "float32"}])
def test_only_a_stream_of_its_name_type_and_format_is_the_log(changed):
    assert is_log(log_info("S1"))
    assert not is_log(replace(log_info("S1"), **changed))
