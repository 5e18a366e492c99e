"""Train, validation, calibration and test splits; each experiment checks them for leaks.

people      SubjectSplit: a model that is shipped is trained, selected, calibrated and scored on other people each
protocols   the published evaluation protocols as splits of windows
cross_fitting  everybody held out once, for a model that ships trained on everybody
leaks       WindowIds (what the windows of a corpus belong to), Split, and `check`, which refuses a split that leaks
"""

from offline.splits.cross_fitting import PEOPLE_FOLDS, CrossFold, clip_folds, cross_fitting
from offline.splits.leaks import Split, WindowIds, check, person, window_ids
from offline.splits.people import FEWEST_CALIBRATION, SubjectSplit, check_disjoint, split_subjects
from offline.splits.protocols import (
    PEOPLE_GROUPS,
    cross_session,
    leave_clip_out,
    loso,
    subject_dependent,
    training_people,
)

__all__ = [
    "FEWEST_CALIBRATION",
    "PEOPLE_FOLDS",
    "PEOPLE_GROUPS",
    "CrossFold",
    "Split",
    "SubjectSplit",
    "WindowIds",
    "check",
    "check_disjoint",
    "clip_folds",
    "cross_fitting",
    "cross_session",
    "leave_clip_out",
    "loso",
    "person",
    "split_subjects",
    "subject_dependent",
    "training_people",
    "window_ids",
]
