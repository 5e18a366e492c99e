"""The usual way from an XDF file to band power of overlapping windows, with pyxdf and MNE: run by the peers' Python.

Arguments: the file, the hop in seconds. Filters run over the whole file and look ahead, as is usual there.
"""

from __future__ import annotations

import json
import sys
import time

import mne
import numpy as np
import pyxdf

WINDOW_S, BANDS = 4.0, ((1, 4), (4, 8), (8, 14), (14, 31), (31, 45))


def main() -> None:
    """Everything from the file's name to features."""
    began = time.perf_counter()
    path, hop_s = sys.argv[1], float(sys.argv[2])
    streams, _ = pyxdf.load_xdf(path)
    eeg = next(one for one in streams if one["info"]["type"][0] == "EEG")
    rate_hz = float(eeg["info"]["nominal_srate"][0])
    names = [channel["label"][0] for channel in eeg["info"]["desc"][0]["channels"][0]["channel"]]
    values = np.asarray(eeg["time_series"], dtype=np.float64).T * 1e-6
    raw = mne.io.RawArray(values, mne.create_info(names, rate_hz, "eeg"), verbose="error")
    raw.filter(1.0, 45.0, verbose="error").notch_filter(50.0, verbose="error")
    raw.resample(200.0, verbose="error")
    raw.set_eeg_reference("average", verbose="error")
    epochs = mne.make_fixed_length_epochs(raw, WINDOW_S, overlap=WINDOW_S - hop_s, verbose="error")
    power = epochs.compute_psd("welch", fmin=1, fmax=45, n_fft=200, verbose="error")
    freqs, values = power.freqs, power.get_data()
    features = [np.log(values[..., (freqs >= low) & (freqs < high)].mean(axis=-1)) for low, high in BANDS]
    seconds = time.perf_counter() - began
    sys.stdout.write(json.dumps({"version": mne.__version__, "seconds": seconds, "windows": len(features[0])}) + "\n")


if __name__ == "__main__":
    main()
