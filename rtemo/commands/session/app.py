"""`rtemo app`: the window, as a client of an engine in a process of its own."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

from rtemo.commands.arguments import add_bundle, add_person
from rtemo.commands.console import warn
from rtemo.core.errors import RtemoError
from rtemo.live.diagnostics.display import why_no_window
from rtemo.live.last_used import MODEL_FILE, kept_model, last_settings
from rtemo.live.service.client import EngineClient, Launch
from rtemo.recorder.endpoint import DEFAULT_NAME, Endpoint
from rtemo.sources.session_settings import read_settings


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("--settings", type=Path, metavar="FILE.toml", help="session settings: queries, electrodes, screen")
    add_bundle(p)
    p.add_argument("--replay", type=Path, metavar="FILE.xdf", help="play a recording")
    add_person(p)
    p.add_argument(
        "--watch",
        nargs="?",
        const=DEFAULT_NAME,
        metavar="ENGINE",
        help="a second window on the engine that runs; it can change nothing",
    )
    p.add_argument("--large", action="store_true", help="with the large view, to be read from afar")


def run(args: argparse.Namespace) -> int:
    """Open the window on the running engine, or on a new one with the settings given, or else with those last used."""
    if args.watch is not None:
        return _watch(args)
    last = last_settings()
    settings = args.settings if args.settings is not None else _usable(last)
    options = []
    if settings is not None:
        read_settings(settings)  # what is wrong with it is reported here
        options += ["--settings", str(settings)]
    model = args.model if args.model is not None else kept_model(last.with_name(MODEL_FILE))
    if model is not None:
        options += ["--model", str(model)]
    for person in args.person:
        if not person.is_file():
            raise RtemoError("there is no such calibration", f"found no file {person}", "name a PERSON.json")
        options += ["--person", str(person.absolute())]
    recording = ""
    if args.replay is not None:
        if not args.replay.is_file():
            raise RtemoError("there is no such recording", f"found no file {args.replay}", "name an XDF file")
        recording = str(args.replay.absolute())
    launch = Launch(options=tuple(options))
    own = args.settings.read_text(encoding="utf-8") if args.settings is not None and engine_runs(launch) else ""
    if engine_runs(launch) and (args.model is not None or args.person):
        raise RtemoError(
            "an engine runs already, with a model of its own",
            "--model and --person are for an engine that is started",
            "close its windows and stop its session first",
        )
    return open_window(launch, last, recording, settings=own, large=args.large)


def _watch(args: argparse.Namespace) -> int:
    """A window that only looks. Where no engine runs yet, it waits for one."""
    changes = {"--settings": args.settings, "--model": args.model, "--replay": args.replay, "--person": args.person}
    given = [name for name, value in changes.items() if value]
    if given:
        raise RtemoError("a window that watches changes nothing", f"{', '.join(given)} is given", "leave it out")
    return open_window(Launch(args.watch, start=False, watches=True), large=args.large)


def _usable(path: Path) -> Path | None:
    """The settings that were last used, None where there are none or they cannot be read any more."""
    if not path.is_file():
        return None
    try:
        read_settings(path)
    except RtemoError as error:
        warn(f"the settings of last time are left out: {error}")
        return None
    return path


def engine_runs(launch: Launch) -> bool:
    """Whether the window will attach to an engine that runs, instead of starting one."""
    address = Endpoint(launch.name, launch.folder).find()
    return address is not None and address.alive


def open_window(
    launch: Launch,
    remember: Path | None = None,
    recording: str = "",
    *,
    goes_on: bool = True,
    settings: str = "",
    large: bool = False,
) -> int:
    """The window until it is closed. remember: where the settings that are used are kept for the next time. goes_on:
    whether a session can do without the window. settings: TOML, for an engine that runs already; it refuses them aloud
    in a session. large: with the large view.

    Raises RtemoError where there is no display, with the way to one.
    """
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    problem = why_no_window(sys.platform, os.environ, shutil.which("apt-get") is not None, is_root)
    if problem:
        raise RtemoError("no window can be opened", problem, "use rtemo live, rtemo replay or rtemo demo --headless")
    from rtemo.gui.app import run_app  # Qt is only loaded where there is a window

    asked_to_leave = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):  # the client starts an engine before there is a window to end it
        signal.signal(number, lambda *_: asked_to_leave.set())
    client = EngineClient(launch)
    try:
        return run_app(
            client,
            last_settings=remember,
            recording=recording,
            outlives_window=goes_on,
            session_settings=settings,
            watches=launch.watches,
            from_distance=large,
            asked_to_leave=asked_to_leave,
        )
    finally:
        client.close()
