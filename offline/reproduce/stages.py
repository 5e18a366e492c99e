"""The work of the comparison, stage by stage: people, corpora, pretraining, experiments."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from offline.corpus.build import build
from offline.corpus.corpus import open_corpus
from offline.datasets.base import Dataset
from offline.evaluation.evaluate import evaluate
from offline.evaluation.experiment import ExperimentRequest
from offline.perturb import perturbed
from offline.pretraining.pretrain import PretrainSettings, pretrain
from offline.reproduce.ledger import Stage, write_json
from offline.reproduce.runs import ALL, SCRATCH, ExperimentRun, fault_name, faults_for, runs_of
from offline.reproduce.scale import ComparisonScale
from offline.reproduce.sources import ComparedDataset, ComparedDatasets, slug
from offline.simulated_datasets.synthesize import synthesize
from offline.training.training_run import TrainingSettings
from offline.workers import Workers

CONTROL_SEED = 90  # of the simulated people whose emotions show in nothing
_FAULT_SEED = 5
# Folds of leave-clip-out: each fifth of the people, with one quarter of the clips.
_EACH_PERSON_ONCE = (0, 5, 10, 15, 16)


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared, and where it is kept. effect: strength of emotion in simulated people."""

    sources: ComparedDatasets
    scale: ComparisonScale
    seeds: int
    effect: float
    out: Path
    workers: Workers

    @property
    def runs(self) -> list[ExperimentRun]:
        return runs_of(self.scale, self.seeds, [source.name for source in self.sources.unlabelled])

    @property
    def control(self) -> ComparedDataset | None:
        """The downstream people again, others of them, with an effect of 0; only where people are simulated."""
        first = self.sources.downstream
        if not (self.scale.control and first.made_here):
            return None
        root = self.out / "data" / "control"
        return replace(first, name="control", root=root, people=self.scale.control, seed=CONTROL_SEED)

    def corpus(self, name: str) -> Path:
        return self.out / "corpora" / name

    def checkpoint(self, init: str, seed: int) -> Path:
        return self.out / "checkpoints" / f"{slug(init)}-seed{seed}.pt"

    def result(self, run: ExperimentRun) -> Path:
        return self.out / "results" / f"{run.id}.json"


def stages_of(work: Comparison) -> Iterator[Stage]:
    """Every stage, in the order in which they are done."""
    everyone = [*work.sources, *([work.control] if work.control else [])]
    for source in everyone:
        if source.made_here:
            effect = 0.0 if source is everyone[-1] and work.control else work.effect
            yield Stage(source.name, "simulate people", source.root, partial(_simulate, work, source, effect))
    for source in everyone:
        folder = work.corpus(slug(source.name))
        yield Stage(source.name, "build corpora", folder / "manifest.json", partial(_build, work, source, (), folder))
    for kind, levels in work.scale.faults.items():
        for level in levels:
            folder, fault = work.corpus(fault_name(kind, level)), (kind, level)
            made = partial(_build, work, work.sources.downstream, (fault,), folder)
            yield Stage(fault_name(kind, level), "build perturbed corpora", folder / "manifest.json", made)
    for seed in range(work.seeds):
        for init in dict.fromkeys(run.init for run in work.runs if run.init != SCRATCH):
            makes = work.checkpoint(init, seed)
            yield Stage(f"{init}, seed {seed}", "pretrain", makes, partial(_pretrain, work, init, seed))
    for run in work.runs:
        if not (run.control and work.control is None):
            yield Stage(run.id, _group(run), work.result(run), partial(_evaluate, work, run))


def _group(run: ExperimentRun) -> str:
    return "train and test the network" if run.network else "fit and test baselines"


def _simulate(work: Comparison, source: ComparedDataset, effect: float) -> None:
    seed = 0 if source.seed is None else source.seed
    length, family = work.scale.length, source.family
    synthesize(source.dataset, source.root, source.people, seed, length, effect, family, work.workers.jobs)


def _build(work: Comparison, source: ComparedDataset, faults: tuple[tuple[str, float], ...], folder: Path) -> None:
    dataset: Dataset = source.load()
    for kind, severity in faults:
        dataset = perturbed(dataset, kind, severity, _FAULT_SEED)
    people = "simulated people" if source.simulated else dataset.card.title
    build(dataset, people, folder, work.scale.hop_s, work.workers, root=source.root)


def _pretrain(work: Comparison, init: str, seed: int) -> None:
    chosen = [source for source in work.sources.unlabelled if init in (ALL, source.name)]
    corpora = [open_corpus(work.corpus(slug(source.name))) for source in chosen]

    settings = PretrainSettings(seed=seed, **work.scale.pretrain)
    tested = open_corpus(work.corpus(slug(work.sources.downstream.name)))
    pretrain(corpora, settings, work.checkpoint(init, seed), keep_out=[tested])


def _evaluate(work: Comparison, run: ExperimentRun) -> None:
    main = "control" if run.control else slug(work.sources.downstream.name)
    faults = faults_for(work.scale, run.modalities) if run.main else []
    folds = None if work.scale.folds is None else tuple(range(work.scale.folds))
    request = ExperimentRequest(
        protocol="leave-clip-out" if run.new_clips else "loso",
        method=run.method,
        modalities=run.modalities,
        init=None if run.init == SCRATCH else work.checkpoint(run.init, run.seed),
        seed=run.seed,
        shuffle=run.control,
        train_subjects=run.labelled,
        folds=_EACH_PERSON_ONCE if run.new_clips else folds,
        training=TrainingSettings(**work.scale.finetune),
    )
    result: dict[str, Any] = evaluate(
        open_corpus(work.corpus(main)),
        request,
        tests={fault_name(*fault): open_corpus(work.corpus(fault_name(*fault))) for fault in faults},
        workers=work.workers,
        keep=work.out / "folds",
    )
    write_json(work.result(run), {**result, "run": run.id})
