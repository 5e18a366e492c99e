"""The arguments of the training commands: pretrain, export, score.

Each run function imports what it needs only when it runs, so that --help is quick.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rtemo.core.errors import RtemoError

if TYPE_CHECKING:
    from offline.cli.training_commands import HoldOut
    from rtemo.model.network import NetworkConfig

_TERMS = ("latent", "collapse", "spectral", "cross", "moment")


def add_pretrain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `pretrain`: training without labels."""
    parser = commands.add_parser("pretrain", help="train without labels, on one corpus or several")
    parser.set_defaults(run=_pretrain)
    parser.add_argument("--corpus", type=Path, required=True, nargs="+", metavar="C", help="folders written by build")
    parser.add_argument("--out", type=Path, required=True, metavar="CKPT", help="checkpoint to write")
    parser.add_argument(
        "--exclude", nargs="+", default=[], metavar="WHO", help="people to leave out, as data set/subject"
    )
    parser.add_argument(
        "--hold-out",
        nargs=3,
        metavar=("C", "PROTOCOL", "FOLD"),
        help="leave out the people, and in leave-clip-out the clips, that this fold of evaluate tests, with this seed",
    )
    parser.add_argument("--people-out", type=int, default=1, metavar="N", help="of that evaluate (default 1)")
    parser.add_argument(
        "--keep-out",
        type=Path,
        nargs="+",
        default=[],
        metavar="C",
        help="corpora whose people are left out, found by name and by their samples: those to be tested on later",
    )
    parser.add_argument(
        "--balance", type=float, metavar="P", help="a corpus's share is its hours to this power; 0: equal (default 0.5)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--device", default="auto", help="cpu, cuda, ... (default: cuda where there is one)")
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"], help="(default: auto)")
    parser.add_argument("--steps", type=int, metavar="N", help="of the optimizer")
    parser.add_argument("--batch", type=int, metavar="N", help="windows a step, of all processes together")
    parser.add_argument("--max-minutes", type=float, default=float("inf"), metavar="M", help="at most; go on later")
    terms = parser.add_argument_group("what is asked of the network")
    terms.add_argument(
        "--weight", nargs="+", default=[], metavar="TERM=W", help="latent, collapse, spectral, cross, moment"
    )
    terms.add_argument("--against", choices=["sigreg", "vicreg"], help="against collapse (default: sigreg)")
    terms.add_argument("--mask", type=float, metavar="F", help="share of the frames that the context does not see")
    terms.add_argument("--neighbour", type=float, metavar="F", help="share of targets that are neighbouring windows")
    terms.add_argument("--shared-clip", type=float, metavar="F", help="share of targets of others who saw it too")
    terms.add_argument("--group", type=int, metavar="N", help="windows of a recording, whose mean earns nothing")
    terms.add_argument("--channel-dropout", type=float, metavar="F", help="share of channels left out, at most")
    shape = parser.add_argument_group("the network")
    shape.add_argument("--layers", type=int, metavar="N", help="of the transformer (default 4)")
    shape.add_argument("--width", type=int, metavar="N", help="of its tokens and of the embeddings (default 160)")
    parser.add_argument("--tensorboard", type=Path, metavar="DIR", help="log there too")
    parser.add_argument("--resume", action="store_true", help="go on from CKPT")


def add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `export`: calibrate a checkpoint and write the bundle."""
    parser = commands.add_parser("export", help="calibrate a trained checkpoint and write it as a bundle")
    parser.set_defaults(run=_export)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="file written by finetune --split")
    parser.add_argument("--corpus", type=Path, metavar="C", help="where the corpus is now (default: where it was)")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder to write")
    parser.add_argument("--name", default="rtemo", help="the model's name in its card")


def add_score(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """The command `score`: scores of a bundle."""
    parser = commands.add_parser("score", help="how a model bundle does on people that it was not trained on, as JSON")
    parser.set_defaults(run=_score)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder written by finetune or export")
    parser.add_argument("--corpus", type=Path, required=True, metavar="C", help="folder written by build")


def _pretrain(options: argparse.Namespace) -> None:
    from offline.cli.training_commands import pretrain
    from offline.pretraining.contexts_and_targets import Masking
    from offline.pretraining.objectives import Weights
    from offline.pretraining.pretrain import PretrainSettings

    named = {"mask": "frames", **{name: name for name in ("neighbour", "shared_clip", "group", "channel_dropout")}}
    masking = _given(options, **named)
    settings = PretrainSettings(
        seed=options.seed,
        device=options.device,
        precision=options.precision,
        max_minutes=options.max_minutes,
        masking=Masking(**masking),
        weights=replace(Weights(**_given(options, against="against")), **_weights(options.weight)),
        network=_network(options),
        **_given(options, steps="steps", batch="batch", balance="balance"),
    )
    corpora, out, exclude = options.corpus, options.out, options.exclude
    hold_out = None if options.hold_out is None else _hold_out(options.hold_out, options.people_out)
    step = pretrain(
        corpora,
        out,
        settings,
        exclude,
        options.tensorboard,
        resume=options.resume,
        hold_out=hold_out,
        keep_out=options.keep_out,
    )
    sys.stdout.write(f"{out}: {step} of {settings.steps} steps\n")


def _network(options: argparse.Namespace) -> NetworkConfig:
    from rtemo.model.network import NetworkConfig

    network = NetworkConfig(**_given(options, layers="layers", width="width"))
    if network.layers < 1:
        raise RtemoError("a network has layers", f"--layers {network.layers}", "ask for 1 or more")
    if network.width < 1 or network.width % network.heads:
        raise RtemoError(
            "the network's heads share its width evenly",
            f"--width {network.width}",
            f"use a multiple of {network.heads}",
        )
    return network


def _hold_out(named: Sequence[str], people_out: int) -> HoldOut:
    corpus, protocol, fold = named
    from offline.cli.training_commands import HoldOut

    if not fold.isdecimal():
        raise RtemoError("--hold-out takes a fold's number", repr(fold), "write it like: --hold-out CORPUS loso 0")
    return HoldOut(Path(corpus), protocol, int(fold), people_out)


def _given(options: argparse.Namespace, **names: str) -> dict[str, Any]:
    """Option -> field, of the options that were given; the others keep the setting's own default."""
    return {name: getattr(options, option) for option, name in names.items() if getattr(options, option) is not None}


def _weights(pairs: Sequence[str]) -> dict[str, Any]:
    """Raises RtemoError where a pair is not one of a term's name and a number."""
    found: dict[str, Any] = {}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            found[name] = float(value)
        except ValueError as error:
            raise RtemoError("this is no weight of a term", repr(pair), "write it like spectral=0.1") from error
        if name not in _TERMS:
            raise RtemoError("there is no such term", repr(name), f"use {', '.join(_TERMS)}")
    return found


def _export(options: argparse.Namespace) -> None:
    from offline.cli.training_commands import export

    sys.stdout.write(f"{export(options.checkpoint, options.corpus, options.out, options.name).path}\n")


def _score(options: argparse.Namespace) -> None:
    from offline.cli.training_commands import score

    sys.stdout.write(json.dumps(score(options.bundle, options.corpus), indent=1) + "\n")
