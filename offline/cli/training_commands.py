"""The training commands as functions: what they read, what they write, and what they refuse before any work."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from offline.corpus.corpus import Corpus, open_corpus
from offline.evaluation.experiment import ExperimentRequest, held_out
from offline.export.bundle_scores import score as score_people
from offline.export.export import export as export_bundle
from offline.export.session_outputs import run_bundle
from offline.pretraining.pretrain import PretrainSettings
from offline.pretraining.pretrain import pretrain as run_pretraining
from offline.splits import person
from offline.training.finetune import train
from offline.training.initial_weights import live_settings, read_initial
from offline.training.training_run import Training, TrainingSettings, read_trained
from rtemo.core.errors import RtemoError
from rtemo.model.bundle import Bundle, load_bundle


@dataclass(frozen=True, slots=True)
class HoldOut:
    """What a fold of `evaluate` tests, which pretraining is not to see."""

    corpus: Path
    protocol: str
    fold: int
    people_out: int


def pretrain(
    corpora: Sequence[Path],
    out: Path,
    settings: PretrainSettings,
    exclude: Sequence[str],
    tensorboard: Path | None,
    *,
    resume: bool,
    hold_out: HoldOut | None = None,
    keep_out: Sequence[Path] = (),
) -> int:
    """Pretrain on these corpora, without the people of others (keep_out), and return the number of steps done."""
    if out.exists() and not resume:
        raise RtemoError(f"{out} is there from an earlier run", "", "pass --resume, or name another file")
    data = [open_corpus(path) for path in corpora]
    people, clips = ((), ()) if hold_out is None else _seen_by(hold_out, settings.seed)
    there = {person(shard.about) for corpus in data for shard in corpus}
    excluded = [*exclude, *(there & set(people))]
    tested = [open_corpus(path) for path in keep_out]
    state = run_pretraining(data, settings, out, excluded, tensorboard, clips, tested)
    for line in state.left_out:
        sys.stderr.write(f"{line}\n")
    return state.step


def _seen_by(hold_out: HoldOut, seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    request = ExperimentRequest(hold_out.protocol, seed=seed, folds=(hold_out.fold,), people_out=hold_out.people_out)
    return held_out(open_corpus(hold_out.corpus), request)


def finetune(
    corpus: Path, out: Path, name: str, settings: TrainingSettings, init: Path | None, *, resume: bool
) -> Bundle:
    """`finetune --split`: train, and hold people out for good to calibrate and to score on.

    The checkpoint stays beside the bundle, for `export` and for more epochs.
    """
    checkpoint = out.with_name(f"{out.name}.checkpoint.pt")
    if out.exists():
        raise RtemoError(f"{out} exists already", "nothing is overwritten", "name another folder")
    if checkpoint.exists() and not resume:
        raise RtemoError(f"{checkpoint} is there from an earlier run", "", "pass --resume, or remove it")
    data = open_corpus(corpus)
    state = _train(data, settings, checkpoint, init)
    return export_bundle(state, data, name, out, settings.seed)


def _train(data: Corpus, settings: TrainingSettings, checkpoint: Path, init: Path | None) -> Training:
    if init is None:
        return train(data, settings, checkpoint)
    initial = read_initial(init)
    initial.check_fits(data)
    settings = replace(settings, network=replace(initial.network, drop_path=settings.network.drop_path))
    return train(data, settings, checkpoint, initial.weights, pretrained_on=initial.people, origin=initial.origin)


def export(checkpoint: Path, corpus: Path | None, out: Path, name: str) -> Bundle:
    """The second half of `finetune`, from its checkpoint."""
    state, saved = read_trained(checkpoint)
    data = open_corpus(Path(saved["corpus"]) if corpus is None else corpus)
    if data.fingerprint != saved["corpus_fingerprint"]:
        raise RtemoError(f"{checkpoint} was trained on another corpus", saved["corpus"], "name that one with --corpus")
    return export_bundle(state, data, name, out, int(saved["settings"]["seed"]))


def score(path: Path, corpus: Path) -> dict[str, Any]:
    """How a bundle does on a corpus of people that it was not trained on, by combination of modalities.

    Raises RtemoError where the corpus was built with other pipeline settings, has other labels, or trained the bundle.
    """
    bundle, data = load_bundle(path), open_corpus(corpus)
    if data.fingerprint == bundle.spec.training.get("corpus_fingerprint"):
        raise RtemoError(f"{path} was trained on {corpus}", "", "score it on other people")
    if live_settings(data) != bundle.spec.pipeline.with_hop(live_settings(data).window.hop_s):
        raise RtemoError(f"{corpus} was built with other pipeline settings than {path}", "", "build it again")
    if data.labels != bundle.labels:
        raise RtemoError(f"{corpus} has other labels", f"{data.labels}, not {bundle.labels}", "use another corpus")
    labelled = [shard for shard in data if len(shard.labelled)]
    sessions = run_bundle(bundle, labelled, bundle.spec.gate, "score")
    scores = {name: score_people(bundle, sessions, name) for name in bundle.spec.combinations}
    return {"bundle": bundle.fingerprint, "corpus": data.fingerprint, **scores}
