"""A loop over live predictions: live_loop.py [SECONDS] [LSL_SESSION]

In a notebook the same lines work in a cell; leaving the `with` block ends the session with everything closed.
"""

import sys

import rtemo

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 20.0
lsl_session = sys.argv[2] if len(sys.argv) > 2 else None

with rtemo.stream(duration_s=seconds, hop_s=0.5, wait_s=60.0, lsl_session=lsl_session) as stream:
    for prediction in stream:
        shares = "  ".join(f"{label} {share or 0.0:.2f}" for label, share in prediction["smoothed"].items())
        print(f"{prediction['time_s']:.2f}  {prediction['emotion'] or prediction['abstain']}  {shares}")
