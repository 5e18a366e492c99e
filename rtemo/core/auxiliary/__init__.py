"""Columns of a stream that are no EEG and no gaze: sample counter, triggers, impedances."""
