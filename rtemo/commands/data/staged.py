"""What an export writes comes into its folder when all of it is whole; where it fails, nothing does."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def staged(folder: Path) -> Iterator[Path]:
    """A place to write into, whose files are moved into the folder afterwards. The folder is made where it is missing.

    Raises OSError with the folder's name where it cannot be written into.
    """
    new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _place_in(folder) as place:
            yield place
            for path in sorted(place.iterdir()):
                path.rename(folder / path.name)
    except BaseException:
        if new:
            with contextlib.suppress(OSError):
                folder.rmdir()
        raise


@contextlib.contextmanager
def _place_in(folder: Path) -> Iterator[Path]:
    try:
        place = tempfile.TemporaryDirectory(prefix=".rtemo-export-", dir=folder)
    except OSError as error:
        error.filename = str(folder)  # and not the place's own name, which nobody has asked for
        raise
    with place as name:
        yield Path(name)
