"""The paper's comparison: does pretraining on unlabelled EEG + eye data help on the small labelled set?

Fully supervised training on the labelled people against pretraining on each unlabelled data set and on all of them, for
EEG, eye and both, with every person left out once, and with faults put into the test recordings. One folder holds all;
a run that was interrupted is started again with the same command and goes on.

scale     how large       sources   which data sets        runs      which experiments
stages    the work        ledger    what is done           findings, figures, page, report: what came out
"""
