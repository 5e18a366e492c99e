"""The folders of data are found in a checkout and in a wheel's layout; .ci/run looks in a real wheel."""

from __future__ import annotations

from pathlib import Path

import pytest

from rtemo import resources
from rtemo.core.errors import RtemoError

REPOSITORY = Path(__file__).resolve().parent.parent


def test_a_checkout_has_them_beside_the_package():
    assert resources.assets() == REPOSITORY / "assets"
    assert resources.devices() == REPOSITORY / "devices"
    assert list(resources.assets().iterdir())
    assert list(resources.devices().iterdir())


def test_a_wheel_has_them_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    package = tmp_path / "site-packages" / "rtemo"
    (package / "assets").mkdir(parents=True)
    (tmp_path / "site-packages" / "assets").mkdir()  # of some other package
    monkeypatch.setattr(resources, "_PACKAGE", package)

    assert resources.assets() == package / "assets"


def test_an_installation_without_them_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path / "rtemo")

    with pytest.raises(RtemoError, match="folder 'devices' of rtemo is missing"):
        resources.devices()
