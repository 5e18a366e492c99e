"""Gaze: validity, fixations, saccades, blinks, pupils and the features made of them."""
