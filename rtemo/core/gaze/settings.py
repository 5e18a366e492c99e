"""Settings of gaze analysis: every threshold with its source. The record travels in the model bundle."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class GazeSettings:
    """How gaze is cut into fixations, saccades and blinks, and how pupils are conditioned. Seconds, degrees, hertz.

    Sources: [S00] Salvucci & Goldberg 2000 (I-VT, I-DT); [O12] Olsen 2012, the Tobii I-VT fixation filter; [N10]
    Nystrom & Holmqvist 2010 (threshold from the data); [D21] Dar et al. 2021, REMoDNaV (median + factor * MAD);
    [SVII] the feature code released with SEED-VII.
    """

    # Velocity
    velocity_window_s: float = 0.02  # span of the line that is fitted through the positions [O12]
    velocity_rate_hz: float = 80.0  # below, dispersion finds more than velocity does (measured on synthetic gaze)
    saccade_velocity_deg_s: float = 30.0  # lower bound of the threshold [O12]
    noise_factor: float = 6.0  # threshold = median + this * MAD of recent velocities below the threshold [N10, D21]
    max_threshold_deg_s: float = 200.0  # where the search for the threshold begins [N10]
    noise_memory_s: float = 8.0
    noise_update_s: float = 0.5
    # Dispersion, for low rates
    dispersion_deg: float = 1.0  # (max x - min x) + (max y - min y) within a fixation [S00]
    dispersion_noise_factor: float = 9.0  # at least this many standard deviations of the position noise
    dispersion_window_s: float = 0.1  # shortest fixation that dispersion can find [S00]
    # Events
    min_fixation_s: float = 0.06  # [O12]
    min_saccade_s: float = 0.01  # [SVII]
    max_saccade_s: float = 0.2  # longer ones are no saccades, whatever the tracker reports
    min_amplitude_deg: float = 0.5  # smaller shifts stay within one fixation [O12]
    merge_gap_s: float = 0.075  # [O12]
    edge_s: float = 0.02  # where a saccade starts and lands is the mean over this much of the fixation beside it
    glissade_s: float = 0.03  # slower parts of a saccade up to this long belong to it
    # Blinks
    min_blink_s: float = 0.05  # [SVII]: missing gaze of 50 to 400 ms; shorter holes are bridged
    max_blink_s: float = 0.5  # longer ones are losses
    # Pupil
    pupil_hz: float = 10.0  # grid at multiples of 1 / pupil_hz; its bins are the low-pass
    pupil_pad_s: float = 0.1  # lids cover the pupil this long before and after a blink
    pupil_buffer_s: float = 20.0  # 4 s cannot resolve frequencies below 0.25 Hz
    pupil_min_share: float = 0.5  # of the buffer, for the band entropies
    pupil_min_bins: int = 5
    # Statistics of events
    statistics_s: float = 60.0
    min_observed_s: float = 10.0  # before that much has been seen no frequency is given
