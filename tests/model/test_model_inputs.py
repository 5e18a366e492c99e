"""The arrays that a graph takes, by hand: the signal by the reference and scale that a model declares."""

import numpy as np
import pytest

from rtemo.core.errors import RtemoError
from rtemo.model.bundle_schema import ModelDeclaration
from rtemo.model.model_inputs import arrays, hidden

SIGNAL = np.array([[1, 5, 100], [2, 4, 100]], np.float32)  # (S, C)
USABLE = np.array([[True, True, False]] * 4)


def taken(window, reference, scale):
    model = ModelDeclaration("onnx", "own", ("signal",), None, "logits", reference=reference, scale=scale)
    size = np.array([2, 4, 1], np.float32)
    one = window(channels=3, eeg_mask=USABLE, signal=SIGNAL, signal_size=size)
    other = window(channels=3, eeg_mask=USABLE, signal=-SIGNAL, signal_size=size)
    return arrays([one, other], model)["signal"]


@pytest.mark.parametrize(
    ("reference", "scale", "expected"),
    [
        ("average", "session", [[-1.0, -0.5], [0.5, 0.25], [0, 0]]),  # less 3, the mean of the two; by 2 and 4
        ("average", "microvolts", [[-2, -1], [2, 1], [0, 0]]),
        ("none", "session", [[0.5, 1.0], [1.25, 1.0], [0, 0]]),
        ("none", "microvolts", [[1, 2], [5, 4], [0, 0]]),
    ],
)
def test_the_signal_is_referenced_and_scaled_as_declared_with_channels_first(window, reference, scale, expected):
    found = taken(window, reference, scale)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, [expected, -np.array(expected)])


def test_windows_without_a_signal_are_refused_by_a_model_that_takes_it(window):
    model = ModelDeclaration("onnx", "own", ("signal",), None, "logits")
    with pytest.raises(RtemoError, match="the windows do not hold the signal"):
        arrays([window(channels=3)], model)


@pytest.mark.parametrize(
    ("modality", "emptied"), [("eeg", {"eeg", "eeg_mask", "signal"}), ("eye", {"eye", "eye_valid"})]
)
def test_a_modality_that_is_hidden_is_zero_and_all_else_as_it_was(modality, emptied):
    names = ("eeg", "eeg_mask", "signal", "positions", "eye", "eye_valid")
    fed = {name: np.full((2, 3), 7.0, np.float32) for name in names}
    made = hidden(fed, modality)
    assert list(made) == list(names)
    assert {name: float(value.max()) for name, value in made.items()} == {
        name: 0.0 if name in emptied else 7.0 for name in names
    }
    assert float(fed["eeg"].min()) == float(fed["eye"].min()) == 7.0
