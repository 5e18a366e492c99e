from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest

from offline.corpus.build import Workers, build
from offline.corpus.build_recording import channel_map_of
from offline.corpus.corpus import open_corpus
from offline.datasets.base import Dataset, DatasetCard, Entry, Recording, Stream, Trial
from offline.datasets.synthetic import CAPS, Population, load, plan_of, simulated_people
from rtemo.core.errors import RtemoError
from rtemo.core.pipeline import Pipeline
from rtemo.core.settings import PipelineSettings
from rtemo.core.types import Chunk, ClockOffset, Modality
from rtemo.simulate.caps import montage
from rtemo.simulate.device.descriptions import EEG, GAZE
from rtemo.simulate.plan import SimulationPlan, segments_for_duration
from rtemo.simulate.session import SimulatedSession

EMOTIONS = {"neutral": 0, "sad": 1, "fear": 2, "happy": 3}
CARD = DatasetCard("tiny", "two simulated people", EMOTIONS, "none", "none", "")


def session_of(seed):
    plan = SimulationPlan(seed, seed, segments_for_duration(seed, 50.0), montage=montage("muse"), eeg_rate_hz=256)
    return SimulatedSession(plan)


def recording_of(seed, modalities=(EEG, GAZE)):
    session = session_of(seed)
    kinds = {EEG: Modality.EEG, GAZE: Modality.GAZE}
    streams = tuple(
        Stream(info, kinds[info.stream_id], lambda block_s: iter(()))
        for info in session.streams
        if info.stream_id in modalities
    )
    start_s = session.plan.start_s
    trials = tuple(
        Trial(i, f"clip {c.clip}", c.emotion, start_s + c.start_s, start_s + c.stop_s)
        for i, c in enumerate(session.plan.clips, start=1)
    )
    return Recording("tiny", f"p{seed}", "1", trials, streams, (), replay=partial(session.items, 1.0))


def tiny(*seeds, make=recording_of):
    return Dataset(CARD, tuple(Entry(f"p{seed}", "1", (), partial(make, seed)) for seed in seeds), ())


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    path = tmp_path_factory.mktemp("built") / "corpus"
    build(tiny(1, 2), "simulated people", path)
    return open_corpus(path)


def test_the_windows_are_the_pipelines(built):
    pipeline, session = Pipeline(PipelineSettings().with_hop(1.0)), session_of(1)
    for stream in recording_of(1).streams:
        pipeline.add_stream(stream.info, channel_map_of(stream.info, stream.modality, stream.screen))
    windows = [w for item in session.items(0.3) if isinstance(item, Chunk | ClockOffset) for w in pipeline.push(item)]
    windows += pipeline.flush()
    shard = built.shards[0]
    assert len(windows) == shard.about.n_windows
    for i, window in enumerate(windows):
        read = shard.window(i)
        np.testing.assert_allclose(read.eeg, window.eeg, atol=2e-3)
        np.testing.assert_array_equal(read.eye, window.eye)
        assert (read.end_s, read.eeg_coverage) == (window.end_s, pytest.approx(window.eeg_coverage))


def test_a_window_has_a_label_only_if_it_lies_in_one_clip(built):
    for seed, shard in zip((1, 2), built, strict=True):
        plan = session_of(seed).plan
        for row in shard.rows:
            begin, end = row["end_s"] - 4.0 - plan.start_s, row["end_s"] - plan.start_s
            inside = [c for c in plan.clips if c.start_s - 1e-6 <= begin and end <= c.stop_s + 1e-6]
            assert row["label"] == (EMOTIONS[inside[0].emotion] if inside else -1)
        assert len(np.unique(shard.rows["trial"])) == 5


def test_the_manifest_says_what_made_the_windows(built):
    assert PipelineSettings.from_dict(built.pipeline) == PipelineSettings().with_hop(1.0)
    assert built.labels == ("neutral", "sad", "fear", "happy")
    assert built.description["people"] == "simulated people"
    assert built.shards[0].about.channels == ("TP9", "AF7", "AF8", "TP10")
    assert set(built.shards[0].about.clips.values()) == {"clip 1", "clip 2", "clip 3", "clip 4"}


def test_a_killed_build_goes_on_where_it_stopped_and_gives_the_same(built, tmp_path):
    opened = []

    def counted(seed, *, die_at=None):
        opened.append(seed)
        if seed == die_at:
            raise KeyboardInterrupt
        return recording_of(seed)

    with pytest.raises(KeyboardInterrupt):
        build(tiny(1, 2, make=partial(counted, die_at=2)), "simulated people", tmp_path)
    with pytest.raises(RtemoError, match="no corpus"):
        open_corpus(tmp_path)
    build(tiny(1, 2, make=counted), "simulated people", tmp_path)
    assert opened == [1, 2, 2]
    assert open_corpus(tmp_path).fingerprint == built.fingerprint


def test_other_settings_build_a_recording_again(tmp_path):
    opened = []

    def counted(seed):
        opened.append(seed)
        return recording_of(seed)

    build(tiny(1, make=counted), "simulated people", tmp_path)
    (tmp_path / "manifest.json").unlink()
    build(tiny(1, make=counted), "simulated people", tmp_path, 2.0)
    assert opened == [1, 1]
    assert open_corpus(tmp_path).pipeline["window"]["hop_s"] == 2.0


def test_a_finished_corpus_is_not_overwritten(built):
    with pytest.raises(RtemoError, match="finished corpus"):
        build(tiny(1), "simulated people", built.path)


def test_several_jobs_give_the_same_corpus(built, tmp_path):
    build(tiny(1, 2), "simulated people", tmp_path, workers=Workers(2))
    assert open_corpus(tmp_path).fingerprint == built.fingerprint


def test_a_stream_that_cannot_be_read_is_listed_and_the_other_goes_on(tmp_path):
    def nameless(seed):
        recording = recording_of(seed)
        eeg, gaze = recording.streams
        channels = tuple(
            replace(channel, label=f"x{i}", location_mm=None) for i, channel in enumerate(eeg.info.channels)
        )
        return replace(recording, streams=(replace(eeg, info=replace(eeg.info, channels=channels)), gaze))

    report = build(tiny(1, make=nameless), "simulated people", tmp_path)
    (shard,) = open_corpus(tmp_path)
    assert "left out: 1 eeg" in str(report)
    assert report.omissions == shard.about.dropped
    assert shard.about.dropped[0].startswith("eeg left out:")
    assert shard.about.channels == ()
    assert (shard.rows["gaze_coverage"] > 0).all()


def test_people_without_gaze_are_built_from_eeg_alone(tmp_path):
    build(tiny(1, make=partial(recording_of, modalities=(EEG,))), "simulated people", tmp_path)
    (shard,) = open_corpus(tmp_path)
    assert not shard.eye_valid.any()
    assert shard.eeg_mask.any()


def test_simulated_people_vary_and_follow_from_their_seed():
    population = Population(200, 0)
    plans = [plan_of(population, seed) for seed in range(200)]
    assert plans == [plan_of(population, seed) for seed in range(200)]
    assert {plan.montage.name for plan, _ in plans} == {name for name, _, _ in CAPS}
    assert len({plan.gaze_rate_hz for plan, _ in plans}) == 3
    assert 0.05 < np.mean([not with_gaze for _, with_gaze in plans]) < 0.2
    assert len({plan.study_seed for plan, _ in plans}) == 200


def test_a_simulated_recording_names_its_trials_and_streams():
    dataset = simulated_people(Population(3, 11))
    assert [entry.subject for entry in dataset.entries] == ["sim11", "sim12", "sim13"]
    recording = load(Population(3, 11), 11)
    assert {trial.label for trial in recording.trials} == set(EMOTIONS)
    for stream in recording.streams:
        chunk = next(stream.chunks(0.5))
        assert chunk.stream_id == stream.info.stream_id
        assert 0 < chunk.stamps[-1] - chunk.stamps[0] <= 0.5
