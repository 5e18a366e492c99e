"""python -m offline: reads the arguments of the offline commands.

Each command is a parser and a function that imports what it needs only when it runs, so that --help is quick.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from offline.data_cli import add_build, add_inspect, add_synthesize
from offline.evaluate_cli import add_compare, add_evaluate
from offline.reproduce.cli import add_reproduce
from rtemo.core.errors import RtemoError

Run = Callable[[argparse.Namespace], None]


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code: 0 done, 2 bad input, 130 interrupted."""
    options = _parser().parse_args(arguments)
    if options.quiet:
        os.environ["TQDM_DISABLE"] = "1"
    run: Run = options.run
    try:
        run(options)
    except RtemoError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; what was finished is kept\n")
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m offline", description="Train rtemo's models.")
    parser.add_argument("--quiet", action="store_true", help="no progress bars")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    training = (_add_pretrain, _add_finetune, _add_export, _add_score)
    for add in (add_synthesize, add_build, add_inspect, *training, add_evaluate, add_compare, add_reproduce):
        add(commands)
    return parser


def _add_pretrain(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("pretrain", help="train without labels, on one corpus or several")
    parser.set_defaults(run=_pretrain)
    parser.add_argument("--corpus", type=Path, required=True, nargs="+", metavar="C", help="folders written by build")
    parser.add_argument("--out", type=Path, required=True, metavar="CKPT", help="checkpoint to write")
    parser.add_argument(
        "--exclude", nargs="+", default=[], metavar="WHO", help="people to leave out, as data set/subject"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--device", default="auto", help="cpu, cuda, ... (default: cuda where there is one)")
    parser.add_argument("--precision", default="auto", choices=["auto", "fp32", "bf16"], help="(default: auto)")
    parser.add_argument("--steps", type=int, metavar="N", help="of the optimizer")
    parser.add_argument("--batch", type=int, metavar="N", help="windows a step, of all processes together")
    parser.add_argument("--max-minutes", type=float, default=float("inf"), metavar="M", help="at most; go on later")
    parser.add_argument("--tensorboard", type=Path, metavar="DIR", help="log there too")
    parser.add_argument("--resume", action="store_true", help="go on from CKPT")


def _add_finetune(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("finetune", help="train with labels, and write a model bundle")
    parser.set_defaults(run=_finetune)
    parser.add_argument("--corpus", type=Path, required=True, metavar="C", help="folder written by build")
    parser.add_argument(
        "--init", type=Path, metavar="CKPT", help="checkpoint or bundle to begin from (default: scratch)"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder to write")
    parser.add_argument("--name", default="rtemo", help="the model's name in its card")
    parser.add_argument("--seed", type=int, default=0, metavar="N")
    parser.add_argument("--device", default="auto", help="cpu, cuda, ... (default: cuda where there is one)")
    parser.add_argument("--epochs", type=int, default=24, metavar="N", help="at most (default 24)")
    parser.add_argument("--max-minutes", type=float, default=float("inf"), metavar="M", help="of training, at most")
    parser.add_argument("--resume", action="store_true", help="go on from OUT.checkpoint.pt")


def _add_export(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("export", help="calibrate a trained checkpoint and write it as a bundle")
    parser.set_defaults(run=_export)
    parser.add_argument("checkpoint", type=Path, metavar="CKPT", help="file written by finetune")
    parser.add_argument("--corpus", type=Path, metavar="C", help="where the corpus is now (default: where it was)")
    parser.add_argument("--out", type=Path, required=True, metavar="BUNDLE", help="folder to write")
    parser.add_argument("--name", default="rtemo", help="the model's name in its card")


def _add_score(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    parser = commands.add_parser("score", help="how a model bundle does on people that it was not trained on, as JSON")
    parser.set_defaults(run=_score)
    parser.add_argument("bundle", type=Path, metavar="BUNDLE", help="folder written by finetune or export")
    parser.add_argument("--corpus", type=Path, required=True, metavar="C", help="folder written by build")


def _pretrain(options: argparse.Namespace) -> None:
    from offline.commands import pretrain
    from offline.pretrain import PretrainSettings

    given = {name: getattr(options, name) for name in ("steps", "batch") if getattr(options, name) is not None}
    settings = PretrainSettings(
        seed=options.seed, device=options.device, precision=options.precision, max_minutes=options.max_minutes, **given
    )
    corpora, out, exclude = options.corpus, options.out, options.exclude
    step = pretrain(corpora, out, settings, exclude, options.tensorboard, resume=options.resume)
    sys.stdout.write(f"{out}: {step} of {settings.steps} steps\n")


def _finetune(options: argparse.Namespace) -> None:
    from offline.commands import finetune
    from offline.finetune import TrainingSettings

    settings = TrainingSettings(
        seed=options.seed, device=options.device, max_minutes=options.max_minutes, epochs=options.epochs
    )
    bundle = finetune(options.corpus, options.out, options.name, settings, options.init, resume=options.resume)
    sys.stdout.write(f"{bundle.path}\n")


def _export(options: argparse.Namespace) -> None:
    from offline.commands import export

    sys.stdout.write(f"{export(options.checkpoint, options.corpus, options.out, options.name).path}\n")


def _score(options: argparse.Namespace) -> None:
    from offline.commands import score

    sys.stdout.write(json.dumps(score(options.bundle, options.corpus), indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
