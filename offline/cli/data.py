"""The arguments of the commands about data: synthesize, build, mapping, inspect."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from offline.cli.fetch import MIRROR
from rtemo.core.errors import RtemoError

if TYPE_CHECKING:
    from offline.datasets.base import Dataset
    from offline.datasets.feature_sources import FeatureSources

Commands = argparse._SubParsersAction  # the type that argparse gives back and does not name
NAMES = ("seed-iv", "seed-v", "seed-vii", "seed", "eegeyenet", "affec", "bids", "xdf", "synthetic")
PRESETS = ("faced", "bbbd", "dens", "emoeeg-mc", "eegeyenet", "affec", "eeg-et")
_TRAPS = "muscles, luminance, no-ocular-leak or own-stimuli; repeatable (rtemo/simulate/confounds.py)"
_WORDS = {"causal": "causal", "released": "as released", "none": "none"}
_OF_SIMULATION = ("subjects", "seed", "family", "effect", "trap")


def add_synthesize(commands: Commands[argparse.ArgumentParser]) -> None:
    """The command `synthesize`."""
    parser = commands.add_parser("synthesize", help="write simulated people in a data set's own layout")
    parser.set_defaults(run=_synthesize)
    parser.add_argument("name", choices=["seed-iv", "seed-v", "eegeyenet", "affec", "bids"], help="the data set")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder to write")
    parser.add_argument("--subjects", type=int, metavar="N", help="how many people (default: as many as it has)")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--scale", type=float, default=1.0, metavar="F", help="of the durations (default 1)")
    parser.add_argument(
        "--effect", type=float, default=1.0, metavar="F", help="strength of emotion, 0: none (default 1)"
    )
    parser.add_argument("--family", default="default", help="generator family (default: default)")
    parser.add_argument("--trap", action="append", metavar="NAME", help=_TRAPS)
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="pieces at a time (default 1)")


def add_build(commands: Commands[argparse.ArgumentParser]) -> None:
    """The command `build`."""
    parser = commands.add_parser("build", help="turn a data set into a corpus of windows")
    parser.set_defaults(run=_build)
    parser.add_argument("name", choices=NAMES, help="the data set")
    parser.add_argument("--root", type=Path, metavar="DIR", help="where it lies (all but synthetic)")
    parser.add_argument("--out", type=Path, required=True, metavar="CORPUS", help="folder to write")
    parser.add_argument(
        "--fetch", default="", metavar="NAME", help="download it into --root: a name or number of fetch"
    )
    parser.add_argument(
        "--let-go",
        action="store_true",
        help="with --fetch: remove each recording when it is built, so that the disk never holds the whole set (bids)",
    )
    parser.add_argument("--mirror", default="", metavar="URL", help=MIRROR)
    mappings = parser.add_mutually_exclusive_group()
    mappings.add_argument("--mapping", type=Path, metavar="FILE", help="markers to labels, TOML (xdf, bids)")
    mappings.add_argument("--preset", choices=PRESETS, help="the mapping of a public data set (bids, xdf)")
    parser.add_argument("--eeg", choices=["causal", "released"], help="EEG features (default: causal)")
    parser.add_argument("--eye", choices=list(_WORDS), help="eye features (default: what is usual for the data set)")
    parser.add_argument(
        "--no-rests", action="store_true", help="normalise as in sessions without a baseline, though there are some"
    )
    parser.add_argument("--hop", type=float, metavar="S", help="seconds between windows (default 1)")
    parser.add_argument("--signal", action="store_true", help="keep the EEG signal itself too: for some methods")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="recordings at a time (default 1)")
    parser.add_argument(
        "--scheduler", default="", metavar="tcp://HOST:PORT", help="build on the workers of a Dask scheduler"
    )
    faults = parser.add_argument_group("faults put into the recordings, to test how robust a model is")
    faults.add_argument(
        "--perturb", action="append", default=[], metavar="KIND=SEVERITY", help="such as channel-loss=0.5; repeatable"
    )
    faults.add_argument("--perturb-seed", type=int, default=0, metavar="N", help="which channels and moments")
    people = parser.add_argument_group("simulated people (synthetic)")
    people.add_argument("--subjects", type=int, metavar="N", help="how many (default 96; with --fetch: all)")
    people.add_argument("--seed", type=int, metavar="N", help="seed of the first person (default 1000)")
    people.add_argument("--family", help="generator family (default: default)")
    people.add_argument("--effect", type=float, metavar="F", help="strength of emotion, 0: none (default 1)")
    people.add_argument("--trap", action="append", metavar="NAME", help=_TRAPS)


def add_mapping(commands: Commands[argparse.ArgumentParser]) -> None:
    """The command `mapping`."""
    parser = commands.add_parser("mapping", help="look at a folder and propose a mapping file for it")
    parser.set_defaults(run=_mapping)
    parser.add_argument("root", type=Path, metavar="ROOT", help="a BIDS folder, or one of XDF files")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write it there (default: to the screen)")


def add_inspect(commands: Commands[argparse.ArgumentParser]) -> None:
    """The command `inspect`."""
    parser = commands.add_parser("inspect", help="summarise what is in a corpus")
    parser.set_defaults(run=_inspect)
    parser.add_argument("corpus", type=Path, metavar="CORPUS", help="folder written by build")
    parser.add_argument("--all", action="store_true", help="every clip, reason and note, not the first ones only")
    parser.add_argument("--html", type=Path, metavar="FILE", help="write a page with the plots")


def _synthesize(options: argparse.Namespace) -> None:
    from offline.simulated_datasets.synthesize import synthesize

    people = (options.subjects, options.seed, options.scale, options.effect, options.family, options.jobs)
    sys.stdout.write(f"{synthesize(options.name, options.out, *people, tuple(options.trap or ()))}\n")


def _build(options: argparse.Namespace) -> None:
    from offline.corpus.build import build
    from offline.workers import Workers

    dataset, people = _dataset(options)
    for text in options.perturb:
        from offline.perturb import parse, perturbed

        dataset = perturbed(dataset, *parse(text), options.perturb_seed)
    workers = Workers(options.jobs, options.scheduler)
    built = build(
        dataset,
        people,
        options.out,
        options.hop,
        workers,
        _sources(options, dataset),
        options.root,
        signal=options.signal,
        rests=not options.no_rests,
    )
    if options.let_go:
        from offline.fetch.remote_dataset import let_go

        let_go(options.root)
    for line in built.omissions:
        sys.stderr.write(f"{line}\n")
    sys.stdout.write(f"{built}\n")


def _dataset(options: argparse.Namespace) -> tuple[Dataset, str]:
    """The data set, and whose data it is."""
    if options.name == "synthetic":
        from offline.datasets.base import SIMULATED
        from offline.datasets.synthetic import Population, simulated_people

        if any(value is not None for value in (options.root, options.mapping, options.preset)):
            given_ones = "--root, --mapping or --preset was given"
            raise RtemoError("simulated people are made, not read", given_ones, "leave it out")
        given = {name: getattr(options, name) for name in _OF_SIMULATION}
        usual: dict[str, Any] = {"subjects": 96, "seed": 1000, "effect": 1.0, "family": "default", "trap": ()}
        chosen: dict[str, Any] = {**usual, **{name: value for name, value in given.items() if value is not None}}
        traps = tuple(chosen["trap"])
        population = Population(chosen["subjects"], chosen["seed"], chosen["effect"], chosen["family"], traps)
        return simulated_people(population), SIMULATED
    others = _OF_SIMULATION[1:] if options.fetch else _OF_SIMULATION
    if wrong := [f"--{name}" for name in others if getattr(options, name) is not None]:
        raise RtemoError(f"{', '.join(wrong)} are about simulated people", f"found with {options.name}", "leave it out")
    if options.root is None:
        raise RtemoError(f"where {options.name} lies is not given", "no --root", "pass --root DIR")
    mapping = options.mapping
    if options.preset is not None:
        from offline.datasets.presets import preset

        mapping = preset(options.preset, options.name)
    if options.fetch:
        return _fetched(options, mapping)
    if options.let_go:
        raise RtemoError("only what was fetched is removed", "--let-go without --fetch", "name what to fetch")
    return _here(options, mapping)


def _here(options: argparse.Namespace, mapping: Path | None) -> tuple[Dataset, str]:
    from offline.datasets import load
    from offline.datasets.base import SIMULATED
    from offline.simulated_datasets.mark import simulated_as

    dataset = load(options.name, options.root, mapping)
    simulated = simulated_as(options.root)
    return (dataset, dataset.card.title) if simulated is None else (simulated.relabel(dataset), SIMULATED)


def _fetched(options: argparse.Namespace, mapping: Path | None) -> tuple[Dataset, str]:
    """The data set that is fetched, at once or recording by recording."""
    from offline.fetch.catalogue import wanted
    from offline.fetch.fetch import fetch
    from offline.fetch.listing import Servers
    from offline.fetch.remote_dataset import remote_dataset

    chosen = wanted(options.fetch)
    if len(chosen) > 1:
        numbers = ", ".join(one.accession for one in chosen)
        raise RtemoError(f"{options.fetch} is {len(chosen)} data sets", numbers, "build them one by one")
    servers = Servers(mirror=options.mirror.rstrip("/"))
    if options.let_go:
        if options.name != "bids":
            raise RtemoError("only BIDS is built recording by recording", f"found {options.name}", "fetch it first")
        dataset = remote_dataset(chosen[0], options.root, mapping, options.subjects, servers)
        return dataset, dataset.card.title
    found = fetch(chosen[0], options.root, options.subjects, servers, say=lambda line: sys.stderr.write(f"{line}\n"))
    if found.failed:
        reasons = "; ".join(found.failed[:3])
        raise RtemoError(f"{len(found.failed)} files were not fetched", reasons, "start the same command again")
    return _here(options, mapping)


def _sources(options: argparse.Namespace, dataset: Dataset) -> FeatureSources:
    from offline.corpus.build import usual_sources
    from offline.datasets.feature_sources import FeatureSources

    usual = usual_sources(dataset.card)
    return FeatureSources(_WORDS.get(options.eeg, usual.eeg), _WORDS.get(options.eye, usual.eye))


def _mapping(options: argparse.Namespace) -> None:
    from offline.datasets.mapping_proposal import propose

    if options.out is not None and options.out.exists():
        raise RtemoError(f"{options.out} exists already", "nothing is overwritten", "name another file")
    text = propose(options.root)
    if options.out is None:
        sys.stdout.write(text)
    else:
        options.out.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{options.out}\n")


def _inspect(options: argparse.Namespace) -> None:
    from offline.corpus.corpus import open_corpus
    from offline.corpus.inspect.facts import describe

    corpus = open_corpus(options.corpus)
    sys.stdout.write(describe(corpus, None) if options.all else describe(corpus))
    if options.html is not None:
        from offline.corpus.inspect.page import write_page

        write_page(corpus, options.html)
        sys.stdout.write(f"{options.html}\n")
