"""`import rtemo`: costs nothing, offers what its types say, and names what is missing."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import rtemo

HEAVY = ("numpy", "scipy", "onnxruntime", "torch", "PySide6", "pylsl", "pandas", "mne")
NAMES = """
import json, sys
import rtemo
before = sorted(set(sys.modules) & set(sys.argv[1].split(",")))
for name in rtemo.__all__:
    getattr(rtemo, name)
after = sorted(set(sys.modules) & {"torch", "PySide6", "mne", "pandas", "pylsl"})
print(json.dumps([before, after]))
"""


def test_import_rtemo_loads_nothing_and_its_names_neither_torch_nor_qt():
    done = subprocess.run([sys.executable, "-c", NAMES, ",".join(HEAVY)], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [[], []]


def test_the_types_are_of_what_is_offered():
    stub = ast.parse(Path(rtemo.__file__).with_suffix(".pyi").read_text())
    typed = {(one.asname, node.module) for node in stub.body if isinstance(node, ast.ImportFrom) for one in node.names}
    assert {name for name, _ in typed} == set(rtemo.__all__) - {"__version__"}
    for name, module in typed:
        assert getattr(rtemo, name).__module__ == module


def test_a_name_that_is_not_offered_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'train'"):
        rtemo.train  # noqa: B018
    assert set(rtemo.__all__) <= set(dir(rtemo))
