"""`rtemo devices`: the device profiles."""

from __future__ import annotations

import argparse

from rtemo import resources
from rtemo.core.errors import RtemoError
from rtemo.sources.devices.profile import check_profiles, load_profiles


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.add_argument("action", nargs="?", choices=["list", "show", "check"], default="list")
    p.add_argument("id", nargs="?", help="with show: which profile")


def run(args: argparse.Namespace) -> int:
    """List, show or check the device profiles."""
    folder = resources.devices()
    if args.action == "check":
        problems = check_profiles(folder)
        for problem in problems:
            print(problem)
        if problems:
            return 2
        print(f"{len(load_profiles(folder))} device profiles in {folder}: all are right")
        return 0
    profiles = load_profiles(folder)
    if args.action == "list":
        for profile in profiles:
            print(f"{profile.id:<20} {profile.kind.value:<5} {profile.name}")
        return 0
    chosen = [profile for profile in profiles if profile.id == args.id]
    if not chosen:
        known = ", ".join(profile.id for profile in profiles)
        raise RtemoError("there is no such device profile", f"found {args.id!r}", f"take one of {known}")
    print((folder / chosen[0].id / "profile.toml").read_text(encoding="utf-8"), end="")
    readme = folder / chosen[0].id / "README.md"
    if readme.is_file():
        print("\n" + readme.read_text(encoding="utf-8"), end="")
    return 0
