"""ARCHITECTURE.md holds: who imports whom, what the live application never loads, what names and texts keep."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from architecture import LAYERS, MOST_FILES, NETWORK, dangling, layer_of, scan, untidy, violations

REPOSITORY = Path(__file__).resolve().parent.parent
PACKAGES = {name for name in LAYERS if name.startswith("rtemo.")} - {"rtemo.resources", "rtemo.cli", "rtemo.__main__"}
HISTORY = ("CHANGELOG.md", "offline/LOG.md")  # they tell of what was
NEVER_LIVE = ("torch", "mne", "PySide6", "shiboken6", "pyqtgraph", "matplotlib", "sklearn", "h5py", "joblib", "offline")

IMPORT_ALL = """
import importlib, json, sys
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def test_every_import_of_the_project_is_allowed():
    modules = scan(REPOSITORY)

    assert {"rtemo.core.types", "rtemo.core.errors", "rtemo.resources", "offline.datasets"} <= modules.keys()
    assert {layer_of(name) for name in modules} >= PACKAGES
    assert "rtemo.core.errors" in modules["rtemo.resources"].imports
    assert violations(modules) == []


def test_the_live_application_loads_no_training_code_and_no_window():
    live = [name for name in scan(REPOSITORY) if is_live(name)]
    command = [sys.executable, "-c", IMPORT_ALL, json.dumps(live)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    loaded = set(json.loads(done.stdout))
    assert {"rtemo", "numpy"} <= loaded
    assert not loaded & set(NEVER_LIVE)


def is_live(name: str) -> bool:
    return name.startswith("rtemo") and layer_of(name) != "rtemo.gui" and name not in (NETWORK, "rtemo.__main__")


def test_rooms_are_seen_at_a_glance_and_no_class_name_is_used_twice():
    assert untidy(REPOSITORY) == []


def test_whatever_the_texts_name_is_there():
    listed = subprocess.run(["git", "ls-files"], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    names = listed.stdout.splitlines() or [str(p.relative_to(REPOSITORY)) for p in REPOSITORY.rglob("*")]
    texts = [REPOSITORY / name for name in names if name.endswith((".py", ".md")) and name not in HISTORY]
    texts = [path for path in texts if path.is_file() and REPOSITORY / "tests" not in path.parents]
    assert len(texts) > 300
    assert dangling(REPOSITORY, texts) == []


def test_an_engine_is_put_together_in_two_places():
    calls = {
        path.relative_to(REPOSITORY).as_posix()
        for top in ("rtemo", "offline")
        for path in (REPOSITORY / top).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Engine"
    }
    assert calls == {"rtemo/live/session/assemble_session.py", "rtemo/live/replay/replay_engine.py"}


def test_a_room_that_outgrows_the_rule_and_a_second_class_of_a_name_are_named(tmp_path: Path):
    grown = {f"rtemo/core/{chr(97 + k)}.py": "" for k in range(MOST_FILES)}
    assert untidy(grow(tmp_path, {**grown, "rtemo/model/one.py": "class Run: ..."})) == []
    grow(tmp_path, {"rtemo/core/z.py": "", "offline/two.py": "class Run: ..."})
    assert untidy(tmp_path) == [
        "rtemo/core holds 16 Python files, 15 at most",
        "the class Run is defined in rtemo/model/one.py and offline/two.py",
    ]


@pytest.mark.parametrize(
    "text", ["see DESIGN section 7", "models.md section 2", "as told in gone.py", "rtemo.core.gone.f", "docs/absent.md"]
)
def test_a_text_that_names_what_is_not_there_is_found(tmp_path: Path, text: str):
    grow(tmp_path, {"rtemo/core/a.py": f'"""{text}"""', "rtemo/core/b.py": '"""rtemo.core.a, a.py and READ.md"""'})
    (tmp_path / "READ.md").write_text("rtemo/core/a.py")
    assert len(dangling(tmp_path, [tmp_path / "rtemo/core/a.py"])) == 1
    assert dangling(tmp_path, [tmp_path / "rtemo/core/b.py", tmp_path / "READ.md"]) == []


GOOD_TREE = {
    "rtemo/__init__.py": "",
    "rtemo/resources.py": "from rtemo.core.errors import RtemoError",
    "rtemo/cli.py": "import argparse\ndef main():\n    from rtemo.gui import window",
    "rtemo/core/__init__.py": "",
    "rtemo/core/errors.py": "import enum",
    "rtemo/core/types.py": "import numpy as np\nfrom . import errors",
    "rtemo/model/network.py": "import torch\nfrom rtemo.core.types import Window",
    "rtemo/sources/lsl.py": "import pylsl\nfrom ..core import types\nfrom rtemo import resources",
    "rtemo/sources/lsl_offsets.py": "from pylsl import local_clock",
    "rtemo/simulate/outlets.py": "import pylsl, time\nfrom rtemo.sources import lsl",
    "rtemo/live/output/outlet.py": "import pylsl, threading",
    "rtemo/gui/__init__.py": "",
    "rtemo/gui/window.py": "from PySide6 import QtWidgets\nimport pyqtgraph\nfrom rtemo.live.output import outlet",
    "offline/train.py": "import torch, mne, sklearn\nfrom rtemo.model import network\nimport rtemo.simulate.outlets",
}


def grow(folder: Path, tree: Mapping[str, str]) -> Path:
    for path, text in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder


def test_a_tree_that_keeps_every_rule_passes(tmp_path: Path):
    modules = scan(grow(tmp_path, GOOD_TREE))

    assert len(modules) == len(GOOD_TREE)
    assert violations(modules) == []


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("rtemo/core/gaze.py", "from rtemo.model import network", "rtemo.core.gaze imports rtemo.model.network"),
        ("rtemo/core/gaze.py", "from rtemo.sources.lsl import f", "rtemo.core.gaze imports rtemo.sources.lsl"),
        (
            "rtemo/core/gaze.py",
            "def f():\n    import rtemo.live.output.outlet",
            "rtemo.core.gaze imports rtemo.live.output.outlet",
        ),
        ("rtemo/core/gaze.py", "from ..live.engine import f", "rtemo.core.gaze imports rtemo.live.engine"),
        ("rtemo/core/gaze.py", "from time import monotonic", "rtemo.core.gaze imports time"),
        ("rtemo/core/gaze.py", "import pylsl", "rtemo.core.gaze imports pylsl"),
        ("rtemo/sources/xdf.py", "import pylsl", "rtemo.sources.xdf imports pylsl"),
        ("rtemo/sources/xdf.py", "import mne.io", "rtemo.sources.xdf imports mne.io"),
        ("rtemo/sources/xdf.py", "import rtemo.simulate.outlets", "rtemo.sources.xdf imports rtemo.simulate.outlets"),
        ("rtemo/live/engine.py", "import pylsl", "rtemo.live.engine imports pylsl"),
        ("rtemo/live/engine.py", "from PySide6.QtCore import QTimer", "rtemo.live.engine imports PySide6.QtCore"),
        ("rtemo/live/engine.py", "from rtemo.gui.window import W", "rtemo.live.engine imports rtemo.gui.window"),
        ("rtemo/live/engine.py", "from rtemo import cli", "rtemo.live.engine imports rtemo.cli"),
        ("rtemo/live/engine.py", "from rtemo.model import network", "rtemo.live.engine imports rtemo.model.network"),
        ("rtemo/model/bundle.py", "from .network import Net", "rtemo.model.bundle imports rtemo.model.network"),
        ("rtemo/model/runtime.py", "def f():\n    import torch", "rtemo.model.runtime imports torch"),
        (
            "rtemo/model/runtime.py",
            "import importlib\nimportlib.import_module('torch')",
            "rtemo.model.runtime imports torch",
        ),
        ("rtemo/model/runtime.py", "import sklearn", "rtemo.model.runtime imports sklearn"),
        ("rtemo/gui/page.py", "import pylsl", "rtemo.gui.page imports pylsl"),
        ("rtemo/report/page.py", "from rtemo.gui import window", "rtemo.report.page imports rtemo.gui.window"),
        ("rtemo/cli.py", "from offline import train", "rtemo.cli imports offline.train"),
        ("rtemo/cli.py", "from rtemo.model.network import Net", "rtemo.cli imports rtemo.model.network"),
        ("offline/build.py", "from rtemo.live.output import outlet", "offline.build imports rtemo.live.output.outlet"),
        ("offline/build.py", "import pylsl", "offline.build imports pylsl"),
        ("rtemo/live/helpers.py", "", "rtemo.live.helpers: a name that says nothing"),
        ("rtemo/utils/text.py", "", "rtemo.utils.text: a name that says nothing"),
        ("rtemo/plugins/one.py", "", "rtemo.plugins.one: in no layer"),
        (
            "rtemo/core/errors.py",
            "from rtemo.core.types import W",
            "import cycle: rtemo.core.errors -> rtemo.core",
        ),
        ("rtemo/core/errors.py", "def f():\n    from . import types", "import cycle: rtemo.core.errors -> rtemo.core"),
    ],
)
def test_a_tree_that_breaks_one_rule_is_named(tmp_path: Path, path: str, text: str, expected: str):
    lines = violations(scan(grow(tmp_path, GOOD_TREE | {path: text})))

    assert [line for line in lines if line.startswith(expected)], lines
