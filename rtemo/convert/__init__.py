"""Files of other programs into XDF: samples with their own stamps, joined by shared triggers or by the time of day."""
