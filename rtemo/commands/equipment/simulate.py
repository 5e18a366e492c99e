"""`rtemo simulate`: a simulated person over LSL, or into a recording."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from tqdm import tqdm

from rtemo.commands.arguments import number, participants, rate, seconds
from rtemo.commands.console import INTERRUPTED, say, stop_on_signal, stop_with
from rtemo.core.errors import RtemoError
from rtemo.core.types import STRING_FORMAT, Chunk, ClockOffset, StreamUp
from rtemo.simulate.company import SimulatedCompany, asked_as
from rtemo.simulate.device.faults import load_faults
from rtemo.simulate.plan import Options, SimulationPlan
from rtemo.simulate.session import SimulatedSession
from rtemo.sources.lsl.config import configure
from rtemo.sources.xdf.writer import XdfWriter

FILE_BLOCK_S = 1.0


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("--participants", type=participants, default=1, metavar="N", help="so many people at once")
    p.add_argument("--seed", type=int, default=1, help="which person and session (default: 1)")
    p.add_argument("--duration", type=seconds, default=300.0, metavar="S", help="seconds (default: 300)")
    p.add_argument("--eeg-channels", type=int, metavar="N", help="that many well-spread channels (default: 62)")
    p.add_argument("--eeg-rate", type=rate, default=500.0, metavar="HZ", help="default: 500")
    p.add_argument("--gaze-rate", type=rate, default=120.0, metavar="HZ", help="default: 120")
    p.add_argument("--montage", metavar="NAME", help="a named set of channels; see devices/README.md")
    p.add_argument(
        "--effect", type=_effect, default=1.0, metavar="F", help="strength of emotion; 0 is none (default: 1)"
    )
    p.add_argument("--faults", type=Path, metavar="FILE.toml", help="what goes wrong, and when")
    p.add_argument("--xdf", type=Path, metavar="FILE", help="write a recording as fast as possible; no LSL")
    p.add_argument("--quiet", action="store_true", help="no progress bar")
    p.add_argument("--lsl-session", metavar="ID", help="keep LSL on this computer, in a session of this name")
    p.add_argument("--owner", type=int, metavar="PID", help=argparse.SUPPRESS)


def _effect(text: str) -> float:
    value = number(text)
    if not 0 <= value <= 10:
        raise argparse.ArgumentTypeError(f"must be a number between 0 and 10; found {text!r}")
    return value


def run(args: argparse.Namespace) -> int:
    """Simulate one session."""
    if args.lsl_session:
        configure("machine", args.lsl_session)
    plan = SimulationPlan.for_duration(
        args.seed,
        args.duration,
        eeg_channels=args.eeg_channels or 0,
        montage_name=args.montage or "",
        eeg_rate_hz=args.eeg_rate,
        gaze_rate_hz=args.gaze_rate,
        options=Options(effect=args.effect),
        faults=load_faults(args.faults) if args.faults else (),
    )
    company = SimulatedCompany(plan, args.participants) if args.participants > 1 else None
    session = company or SimulatedSession(plan)
    if company is not None:
        asked = " ".join(f'--participant "{asked_as(company.streams, who)}"' for who in company.participants)
        say(f"who is who: {asked}")
    if args.xdf is not None:
        return _write(session, args.xdf, quiet=args.quiet)
    return _stream(session, args.owner)


def _stream(session: SimulatedSession | SimulatedCompany, owner: int | None) -> int:
    """Until its end, Ctrl-C, or the end of the process that it belongs to, if any, however that ends."""
    from rtemo.simulate.outlets import stream

    names = ", ".join(f"{info.name} ({info.type}, {info.n_channels} channels)" for info in session.streams)
    with stop_on_signal() as stop:
        stop_with(owner, stop)
        sent = stream(session, stop, on_ready=lambda _start_s: say(f"a simulated person on LSL: {names}; Ctrl-C ends"))
        stopped = stop.is_set()
    say("sent " + ", ".join(f"{n} samples of {stream_id}" for stream_id, n in sent.samples.items()))
    return INTERRUPTED if stopped else 0


def _write(session: SimulatedSession | SimulatedCompany, path: Path, *, quiet: bool) -> int:
    """As fast as it can, into a file that takes its name when it is whole."""
    if path.exists():
        raise RtemoError(f"{path} exists already", "nothing is overwritten", "name another file")
    if not path.parent.exists():
        raise RtemoError(
            f"{path} cannot be written", f"there is no folder {path.parent}", "make it, or name another file"
        )
    partial = path.with_name(f".{path.name}.partial")
    partial.unlink(missing_ok=True)
    duration_s = session.plan.duration_s
    with (
        stop_on_signal() as stop,
        tqdm(total=duration_s, unit="s", disable=quiet or not sys.stderr.isatty(), desc="simulate") as bar,
    ):
        try:
            with XdfWriter(partial) as writer:
                known = {info.stream_id: info for info in session.streams}
                for info in known.values():
                    writer.add_stream(info)
                    if info.channel_format == STRING_FORMAT:  # the markers' sender shares LSL's clock; say so
                        writer.write_offset(ClockOffset(info.stream_id, session.plan.start_s, 0.0))
                for complete_s, item in session.timed_items(FILE_BLOCK_S):
                    match item:
                        case Chunk():
                            writer.write_chunk(item)
                        case ClockOffset():
                            writer.write_offset(item)
                        case StreamUp(info) if info.stream_id not in known:
                            known[info.stream_id] = info
                            writer.add_stream(info)
                    bar.update(complete_s - bar.n)
                    if stop.is_set():
                        break
            partial.replace(path)
        except OSError as error:
            raise RtemoError(f"{path} cannot be written", error.strerror or str(error), "name another file") from error
        finally:
            partial.unlink(missing_ok=True)
    say(f"{path}: {duration_s:g} s of a simulated person" if not stop.is_set() else f"{path}: interrupted, readable")
    return INTERRUPTED if stop.is_set() else 0
