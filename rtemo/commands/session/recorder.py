"""`rtemo recorder`: the process that reads the streams and records. It is started by others, not to be typed."""

from __future__ import annotations

import argparse
import threading
from pathlib import Path

from rtemo.commands.console import say, stop_on_signal, stop_with
from rtemo.live.log_file import logged
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.open_streams import open_streams
from rtemo.recorder.recorder import Recorder
from rtemo.recorder.recording_source import RecordingRequest
from rtemo.recorder.service import RecorderService
from rtemo.sources.devices.profile import known_profiles
from rtemo.sources.lsl.config import configure
from rtemo.sources.recording_places import places_elsewhere


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("--name", required=True, help="which recorder it is")
    p.add_argument("--endpoint", type=Path, metavar="DIR", help="where its address is left (default: the system's)")
    p.add_argument("--lsl-session", metavar="ID", help="keep LSL on this computer, in a session of this name")
    p.add_argument("--owner", type=int, metavar="PID", help="close the recording and end when this process is gone")
    p.add_argument("--resume", action="store_true", help="go on with what the recorder before it did")


def run(args: argparse.Namespace) -> int:
    """Serve until it is asked to quit."""
    if args.lsl_session:
        configure("machine", args.lsl_session)
    from rtemo.sources.lsl.liblsl import local_clock  # after `configure`

    endpoint = Endpoint(args.name, args.endpoint)
    with endpoint.claimed(), logged(endpoint.name, say), stop_on_signal() as stop:
        orphaned = threading.Event()
        stop_with(args.owner, orphaned)
        profiles = known_profiles()
        address = endpoint.fresh_address()
        task_file = endpoint.folder / f"{endpoint.name}.task.json"
        if not args.resume:
            task_file.unlink(missing_ok=True)
        service = RecorderService(
            address,
            lambda settings, ambiguous: open_streams(settings, profiles, ambiguous),
            _new_recorder,
            local_clock,
            task_file,
        )
        service.resume()
        endpoint.publish(address)
        service.run(stop, orphaned)
    return 0


def _new_recorder(request: RecordingRequest) -> Recorder:
    from rtemo.sources.lsl.liblsl import local_clock

    return Recorder(
        request.path,
        session_id=request.session_id,
        elsewhere=places_elsewhere(request.path),
        clock=local_clock,
        continues=request.continues,
        continues_bytes=request.continues_bytes,
    )
