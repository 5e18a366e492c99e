"""The part of a report on streams that have no role: ECG, skin conductance, breathing, motion, ratings."""
