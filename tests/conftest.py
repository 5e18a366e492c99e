"""What every test runs in: streams that stay in this process' own session, no screen, one thread, the same examples.

All of it is set before a test module is imported, because liblsl, Qt and the numeric libraries read it once.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import hypothesis
import pytest

from rtemo.sources.lsl.config import settings_for

REPOSITORY = Path(__file__).resolve().parent.parent
RECORDINGS = Path(os.environ.get("RTEMO_RECORDINGS") or REPOSITORY.parent / "shared" / "recordings")
LONG = {"reproduce", "api", "live", "fit", "test_fuzzed_files.py", "test_whole_session.py", "test_affec.py"}
_LSL_FOLDER = pytest.StashKey[Path]()

os.environ["OMP_NUM_THREADS"] = "1"
os.environ["QT_QPA_PLATFORM"] = "offscreen"

hypothesis.settings.register_profile("rtemo", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("rtemo")


def pytest_configure(config: pytest.Config) -> None:
    """Keeps the streams of these tests, and of the processes that they start, on this computer and to themselves."""
    if "pylsl" in sys.modules:
        raise pytest.UsageError("pylsl was imported before tests/conftest.py could set its session")
    folder = Path(tempfile.mkdtemp(prefix="rtemo-tests-"))
    session = f"rtemo-tests-{os.getpid()}-{secrets.token_hex(4)}"
    (folder / "lsl_api.cfg").write_text(settings_for("machine", session), encoding="utf-8")
    os.environ["LSLAPICFG"] = str(folder / "lsl_api.cfg")
    os.environ["RTEMO_DEVICES"] = str(folder / "devices")  # the profiles of nobody
    os.environ["XDG_STATE_HOME"] = str(folder / "state")  # where engines write their logs
    config.stash[_LSL_FOLDER] = folder


def pytest_unconfigure(config: pytest.Config) -> None:
    """Removes the folder with the LSL settings."""
    shutil.rmtree(config.stash[_LSL_FOLDER], ignore_errors=True)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Puts the files that take long first, so that no worker sits idle at the end."""
    items.sort(key=lambda item: not LONG & set(item.path.relative_to(REPOSITORY).parts))


@pytest.fixture(scope="session")
def shared_recordings() -> Path:
    """The folder with real XDF files, beside the checkout or where RTEMO_RECORDINGS says."""
    if not RECORDINGS.is_dir():
        pytest.skip(f"no real recordings in {RECORDINGS}; set RTEMO_RECORDINGS to their folder")
    return RECORDINGS


@pytest.fixture
def windows(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The windows that any pipeline gives out, in order, since the list was last cleared."""
    from rtemo.core.pipeline import Pipeline  # numpy comes after the settings above

    given: list[object] = []

    def watched(real):
        def spy(self, *args, **more):
            found = real(self, *args, **more)
            given.extend(found)
            return found

        return spy

    for name in ("push", "expect", "flush"):
        monkeypatch.setattr(Pipeline, name, watched(getattr(Pipeline, name)))
    return given
