"""`rtemo devices`: the device profiles."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.sources.devices.profile import DeviceProfile, check_profiles, known_profiles, load_profiles
from rtemo.sources.devices.profile_schema import OwnProfile


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("action", nargs="?", choices=["list", "show", "check"], default="list")
    p.add_argument("id", nargs="?", help="with show: which profile")


def run(args: argparse.Namespace) -> int:
    """List, show or check the device profiles."""
    ours, own = resources.devices(), resources.own_devices()
    if args.action == "check":
        problems = check_profiles(ours) + (check_profiles(own, own=True) if own.is_dir() else [])
        for problem in problems:
            print(problem)
        if problems:
            return 2
        print(f"{len(load_profiles(ours))} device profiles in {ours}: all are right")
        print(f"{len(_own(known_profiles()))} of your own in {own}: all are right")
        return 0
    profiles = known_profiles()
    if args.action == "list":
        for profile in profiles:
            whose = "  (your own)" if isinstance(profile, OwnProfile) else ""
            print(f"{profile.id:<20} {profile.kind.value:<5} {profile.name}{whose}")
        return 0
    chosen = [profile for profile in profiles if profile.id == args.id]
    if not chosen:
        known = ", ".join(profile.id for profile in profiles)
        raise RtemoError("there is no such device profile", f"found {args.id!r}", f"take one of {known}")
    folder = chosen[0].path.parent if isinstance(chosen[0], OwnProfile) else ours / chosen[0].id
    print((folder / "profile.toml").read_text(encoding="utf-8"), end="")
    readme = folder / "README.md"
    if readme.is_file():
        print("\n" + readme.read_text(encoding="utf-8"), end="")
    return 0


def _own(profiles: Sequence[DeviceProfile]) -> list[OwnProfile]:
    return [profile for profile in profiles if isinstance(profile, OwnProfile)]
