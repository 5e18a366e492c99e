"""`rtemo engine`: the process behind the window. It is started by the window and not meant to be typed."""

from __future__ import annotations

import argparse
import math
import sys
import threading
from pathlib import Path

from rtemo.commands.arguments import add_model, add_person, add_queries, add_receivers, add_supervised, seconds
from rtemo.commands.asked_settings import settings_of, token
from rtemo.commands.console import say, stop_on_signal
from rtemo.commands.session.live_setup import live_setup
from rtemo.commands.supervised import supervised
from rtemo.live.log_file import logged
from rtemo.live.service.controller import Controller
from rtemo.live.service.server import Server
from rtemo.live.service.snapshot import Phase
from rtemo.live.session.engine_setup import EngineSetup
from rtemo.live.supervisor import RESTART
from rtemo.recorder.endpoint import Endpoint
from rtemo.recordings.baseline_plan import BaselinePlan
from rtemo.sources.lsl.config import configure

LOOK_S = 0.5


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("--name", default="engine", help="which engine it is (default: engine)")
    p.add_argument("--endpoint", type=Path, metavar="DIR", help="where its address is left (default: the system's)")
    p.add_argument("--lsl-session", metavar="ID", help="keep LSL on this computer, in a session of this name")
    p.add_argument("--owner", type=int, metavar="PID", help="end, and a session too, when this process is gone")
    p.add_argument("--linger", type=seconds, default=60.0, metavar="S", help="stay S seconds without a window")
    p.add_argument("--no-outlet", action="store_true", help="do not publish predictions on LSL")
    add_queries(p)
    add_model(p)
    add_person(p)
    add_receivers(p)
    add_supervised(p)


def run(args: argparse.Namespace) -> int:
    """Serve until it is shut down, or for a while after the last client has gone and no session is kept.

    Without --recorder: looks after the recorder and the engine.
    """
    if args.recorder is None:
        settings = settings_of(args)
        if settings.outputs.listens_on_network:
            say(f"who connects over the network needs the token {token()}")
        supervisor = Endpoint(f"{args.name}-supervisor", args.endpoint)
        with supervisor.claimed():
            supervisor.publish(supervisor.fresh_address())  # nobody listens there: it shows who looks after the engine
            return supervised(
                args.words, args.name, lsl_session=args.lsl_session or "", folder=args.endpoint, owner=args.owner
            )
    if args.lsl_session:
        configure("machine", args.lsl_session)
    return _serve_at(Endpoint(args.name, args.endpoint), args, args.linger, None)


def serve_remote(args: argparse.Namespace, name: str) -> int:
    """Serve remote control until the engine is asked to end. args: of `rtemo live`. name: of the engine."""
    if args.lsl_session:
        configure("machine", args.lsl_session)
    endpoint = Endpoint(name)
    endpoint.need()  # a window that was there before has no say in it
    return _serve_at(endpoint, args, math.inf, args.session)


def _serve_at(endpoint: Endpoint, args: argparse.Namespace, linger_s: float, root: Path | None) -> int:
    with endpoint.claimed(), logged(endpoint.name, say), stop_on_signal() as stop:
        return _serve(args, endpoint, linger_s, root, stop)


def _serve(
    args: argparse.Namespace, endpoint: Endpoint, linger_s: float, root: Path | None, stop: threading.Event
) -> int:
    controller = Controller(setup_of(args, root, endpoint), stays=args.last_try)
    address = endpoint.fresh_address()
    server = Server(address, controller.feed, controller.submit)
    endpoint.publish(address)
    say(f"engine {endpoint.name!r} is ready")
    over = threading.Event()
    watch = threading.Thread(target=_watch, args=(controller, server, endpoint, linger_s, stop, over), daemon=True)
    watch.start()
    try:
        controller.run(stop)
    finally:
        over.set()
        watch.join()
        server.close()
        controller.close_receivers()
    if controller.restarting:
        return RESTART
    state = controller.feed.state
    if state.phase is Phase.FAILED:
        say(f"error: the engine failed; {state.failure}")
        return 1  # another one is tried
    return 0


def _watch(
    controller: Controller,
    server: Server,
    endpoint: Endpoint,
    linger_s: float,
    stop: threading.Event,
    over: threading.Event,
) -> None:
    """Stop an engine that nobody needs: it would hold on to the streams for ever."""
    lonely_s = 0.0
    while not over.wait(LOOK_S):
        needed = server.n_needing or controller.busy
        lonely_s = 0.0 if needed else lonely_s + LOOK_S
        if not needed and (endpoint.dismissed or lonely_s >= linger_s):
            stop.set()
            return


def setup_of(args: argparse.Namespace, root: Path | None = None, engine: Endpoint | None = None) -> EngineSetup:
    """What the engine works with. root: of sessions that remote control starts."""
    settings = settings_of(args)
    for own in settings.each:
        BaselinePlan.of(own)  # refused now, not when a session starts
    return live_setup(
        settings,
        args.model,
        args.hop,
        args.person,
        Endpoint(args.recorder, args.recorder_at),
        publish=not args.no_outlet,
        report=lambda folder: _report_command(folder, args),
        root=root,
        engine=engine,
    )


def _report_command(folder: Path, args: argparse.Namespace) -> list[str]:
    """What writes the report of a session, on the model that it ran on."""
    model = ["--model", str(args.model)] if args.model is not None else []
    return [sys.executable, "-m", "rtemo", "report", str(folder), *model]
