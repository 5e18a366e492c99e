"""`rtemo convert`: files of other programs into one XDF recording."""

from __future__ import annotations

import argparse
from pathlib import Path

from rtemo.commands.console import say, tidied
from rtemo.convert.convert import convert

_MAPPING = """The mapping of a plain table is TOML:

  [time]
  column = "t"            unit = "ms"      # s, ms, us or ns; unix = true where it counts from 1970
  [gaze]                                   # x, y, pupil, or left_x, left_y, left_pupil, right_x, ...
  x = "gx"                y = "gy"         unit = "pixels"      pupil = "size"      pupil_unit = "mm"
  [eeg]
  columns = ["Fp1", "Fp2"]                 unit = "uV"
  [markers]
  column = "event"

(one key a line). Files are joined by the triggers that they share, else by the time of day where both state it; what is
left between the triggers is shown."""


def add_arguments(p: argparse.ArgumentParser) -> None:
    """What the command takes."""
    p.formatter_class = argparse.RawDescriptionHelpFormatter
    p.epilog = _MAPPING
    p.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="EyeLink .asc, Tobii Pro Lab .tsv, Pupil Core gaze_positions.csv, Neon gaze.csv, Gazepoint .csv, tables; "
        "EEG as .fif, .gdf, .edf, .bdf, .vhdr, .set (these and .asc need mne)",
    )
    p.add_argument("--out", type=Path, required=True, metavar="FILE.xdf")
    p.add_argument("--mapping", type=Path, metavar="FILE.toml", help="what the columns of a plain table are")


def run(args: argparse.Namespace) -> int:
    """Convert and say how the files fit."""
    with tidied():
        for line in convert(args.files, args.out, args.mapping):
            say(line)
    say(f"{args.out}: rtemo replay {args.out}")
    return 0
