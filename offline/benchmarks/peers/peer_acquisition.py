"""MNE-LSL's StreamLSL on one EEG stream, filtered as rtemo filters: run by the peers' Python. Prints JSON.

Arguments: the stream's name, seconds, acquisition delay in seconds.
"""

from __future__ import annotations

import json
import sys
import time

import mne_lsl
from mne_lsl.stream import StreamLSL

SETTLE_S = 3.0


def main() -> None:
    """Acquire and filter; nobody looks at the data but the stream's own buffer."""
    name, seconds, delay_s = sys.argv[1], float(sys.argv[2]), float(sys.argv[3])
    stream = StreamLSL(bufsize=4.0, name=name)
    stream.connect(acquisition_delay=delay_s, timeout=20)
    stream.filter(1.0, 45.0, verbose="error")
    stream.notch_filter(50.0, verbose="error")
    time.sleep(SETTLE_S)
    began, used = time.perf_counter(), time.process_time()
    samples, newest = 0, 0.0
    while time.perf_counter() - began < seconds:
        time.sleep(0.1)
        stamps = stream.get_data(winsize=4.0)[1]
        samples += int((stamps > newest).sum())
        newest = float(stamps[-1])
    share = (time.process_time() - used) / (time.perf_counter() - began)
    stream.disconnect()
    sys.stdout.write(
        json.dumps({"version": mne_lsl.__version__, "cpu_percent": 100 * share, "samples": samples}) + "\n"
    )


if __name__ == "__main__":
    main()
