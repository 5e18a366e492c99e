from __future__ import annotations

import numpy as np
import pytest

mne = pytest.importorskip("mne")

from offline.make_assets import leadfields  # noqa: E402
from rtemo import resources  # noqa: E402
from rtemo.core.eeg.montage import place  # noqa: E402
from rtemo.simulate.eeg.anatomy import atlas  # noqa: E402
from rtemo.simulate.families import FAMILIES  # noqa: E402


def test_every_family_that_can_be_simulated_has_a_head_and_the_other_way_round():
    assert set(leadfields.HEADS) == {family.head for family in FAMILIES.values()}


@pytest.mark.parametrize("head", leadfields.HEADS)
def test_the_stored_lead_field_is_what_the_script_makes(tmp_path, head):
    mne.set_log_level("ERROR")
    with np.load(leadfields.write(tmp_path, head)) as made, np.load(_stored(head)) as stored:
        assert list(made["labels"]) == list(stored["labels"])
        for name in ("electrodes", "dipoles"):
            assert np.allclose(made[name], stored[name], rtol=1e-3, atol=1e-5), name
        # MNE fits its spheres numerically: by the processor's kernels (AVX2, AVX-512) a dipole's field differs by 1e-5
        # to 8e-5 of its largest value
        largest = np.abs(stored["gain"]).max(axis=0)
        assert np.all(np.abs(made["gain"] - stored["gain"]) < 2e-4 * largest)


def test_simulated_electrodes_are_where_rtemo_places_them():
    stored = atlas("default")
    for names in (["Fp1", "Cz", "Oz", "T7", "CB1", "PO8"], ["E1", "E64", "E128", "E11"]):
        placed = place(names)
        simulated = stored.electrodes[[stored.rows[name.lower()] for name in placed.labels]]
        assert list(placed.labels) == names
        assert np.allclose(placed.positions, simulated, atol=1e-3)


def test_a_source_is_strongest_above_itself():
    stored = atlas("default")
    above = np.argmax(stored.electrodes @ stored.dipoles.T, axis=0)
    level = np.abs(stored.gain)
    assert np.median(np.take_along_axis(level, above[None], 0) / level.max(axis=0)) > 0.6


def test_the_held_out_head_is_another_head():
    one, other = (atlas(family).gain.ravel()[:320] for family in ("default", "held-out"))
    assert abs(np.corrcoef(one, other)[0, 1]) < 0.9


def test_both_files_are_small_enough_to_ship():
    assert sum(_stored(head).stat().st_size for head in leadfields.HEADS) < 2_000_000


def _stored(head):
    return resources.assets() / "leadfields" / f"{head}.npz"
