import csv

import mne
import numpy as np
import pytest

from offline.make_assets import montages
from rtemo import resources


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("montages")
    return {path.name: path.read_text() for path in montages.write_all(folder)}


def test_the_tables_in_the_assets_are_what_the_script_writes(written):
    kept = {path.name: path.read_text() for path in (resources.assets() / "montages").glob("*.csv")}

    assert kept.keys() == written.keys()
    for name, text in written.items():
        assert positions(kept[name]).keys() == positions(text).keys()
        for label, at in positions(text).items():
            assert positions(kept[name])[label] == pytest.approx(at, abs=2e-5)


def positions(text):
    return {row["label"]: [float(row[axis]) for axis in "xyz"] for row in csv.DictReader(text.splitlines())}


def test_both_names_of_the_10_05_montage_are_understood(monkeypatch):
    asked = []
    real = montages.directions
    newest = next(name for name in montages.TEN_FIVE if name in mne.channels.get_builtin_montages())

    def old_mne(name):
        asked.append(name)
        return real(newest if name in montages.TEN_FIVE else name)

    monkeypatch.setattr(mne.channels, "get_builtin_montages", lambda: ["standard_1005", "easycap-M1"])
    monkeypatch.setattr(montages, "directions", old_mne)
    montages.ten_five()

    assert asked[0] == "standard_1005"


def test_the_fitted_sphere_is_the_one_that_the_points_lie_on():
    rng = np.random.default_rng(0)
    points = rng.normal(size=(50, 3))
    points = points / np.linalg.norm(points, axis=1, keepdims=True) * 95.0 + (1.0, -20.0, 40.0)

    centre, radius = montages.fit_sphere(points)

    assert centre == pytest.approx([1.0, -20.0, 40.0])
    assert radius == pytest.approx(95.0)
