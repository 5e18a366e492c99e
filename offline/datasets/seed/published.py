"""What the SEED family publishes in its read-me files and pages: channel order, labels, file names, trial times.

Sources: the official pages and read-me files of BCMI, Shanghai Jiao Tong University, agreeing with the public readers
of TorchEEG, LibEER and EEG-FM-Bench. No recorded data.
"""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _codes(text: str) -> tuple[int, ...]:
    return tuple(int(code) for code in text.replace(",", " ").split())


# The common order of the 62 channels ("Channel Order.xlsx").
CHANNELS = _words(
    """FP1 FPZ FP2 AF3 AF4 F7 F5 F3 F1 FZ F2 F4 F6 F8 FT7 FC5 FC3 FC1 FCZ FC2 FC4 FC6 FT8 T7 C5 C3 C1 CZ C2 C4 C6 T8
    TP7 CP5 CP3 CP1 CPZ CP2 CP4 CP6 TP8 P7 P5 P3 P1 PZ P2 P4 P6 P8 PO7 PO5 PO3 POZ PO4 PO6 PO8 CB1 O1 OZ O2
    CB2"""
)
BANDS_HZ = ((1.0, 4.0), (4.0, 8.0), (8.0, 14.0), (14.0, 31.0), (31.0, 50.0))
WINDOW_S = 4.0  # of the released features of SEED-IV, SEED-V and SEED-VII
LICENCE = "licence agreement with BCMI, Shanghai Jiao Tong University; not redistributable"

Labels = Mapping[int, tuple[int, ...]]  # session -> published code of each trial, in order


SEED_LABELS: Mapping[str, int] = {"negative": -1, "neutral": 0, "positive": 1}
SEED_NAMES: Mapping[int, tuple[str, ...]] = {
    1: _words(
        """1_20131027 2_20140404 3_20140603 4_20140621 5_20140411 6_20130712 7_20131027 8_20140511 9_20140620
        10_20131130 11_20140618 12_20131127 13_20140527 14_20140601 15_20130709"""
    ),
    2: _words(
        """1_20131030 2_20140413 3_20140611 4_20140702 5_20140418 6_20131016 7_20131030 8_20140514 9_20140627
        10_20131204 11_20140625 12_20131201 13_20140603 14_20140615 15_20131016"""
    ),
    3: _words(
        """1_20131107 2_20140419 3_20140629 4_20140705 5_20140506 6_20131113 7_20131106 8_20140521 9_20140704
        10_20131211 11_20140630 12_20131207 13_20140610 14_20140627 15_20131105"""
    ),
}

SEED_IV_LABELS: Mapping[str, int] = {"neutral": 0, "sad": 1, "fear": 2, "happy": 3}
SEED_IV_TRIALS: Labels = {
    1: _codes("1,2,3,0,2,0,0,1,0,1,2,1,1,1,2,3,2,2,3,3,0,3,0,3"),
    2: _codes("2,1,3,0,0,2,0,2,3,3,2,3,2,0,1,1,2,1,0,3,0,1,3,1"),
    3: _codes("1,2,2,1,3,3,3,1,1,2,1,0,2,3,3,0,2,3,0,0,2,0,1,0"),
}
SEED_IV_NAMES: Mapping[int, tuple[str, ...]] = {
    1: _words(
        """1_20160518 2_20150915 3_20150919 4_20151111 5_20160406 6_20150507 7_20150715 8_20151103 9_20151028
        10_20151014 11_20150916 12_20150725 13_20151115 14_20151205 15_20150508"""
    ),
    2: _words(
        """1_20161125 2_20150920 3_20151018 4_20151118 5_20160413 6_20150511 7_20150717 8_20151110 9_20151119
        10_20151021 11_20150921 12_20150804 13_20151125 14_20151208 15_20150514"""
    ),
    3: _words(
        """1_20161126 2_20151012 3_20151101 4_20151123 5_20160420 6_20150512 7_20150721 8_20151117 9_20151209
        10_20151023 11_20151011 12_20150807 13_20161130 14_20151215 15_20150527"""
    ),
}
# Session 1's samples per trial at 200 Hz, from the official page. The other sessions' are not public; only their
# windows' sums are (832 and 822).
SEED_IV_SESSION_1_SAMPLES = _codes(
    """33601 19001 39801 26001 17601 32401 30601 41801 29001 33801 10001 22001 43401 33801 51801 28201 13601
    35801 28001 9601 22401 22401 35001 27401"""
)

SEED_V_LABELS: Mapping[str, int] = {"disgust": 0, "fear": 1, "sad": 2, "neutral": 3, "happy": 4}
SEED_V_TRIALS: Labels = {
    1: _codes("4,1,3,2,0,4,1,3,2,0,4,1,3,2,0"),
    2: _codes("2,1,3,0,4,4,0,3,2,1,3,4,1,2,0"),
    3: _codes("2,1,3,0,4,4,0,3,2,1,3,4,1,2,0"),
}
SEED_V_START_S: Labels = {
    1: _codes("30,132,287,555,773,982,1271,1628,1730,2025,2227,2435,2667,2932,3204"),
    2: _codes("30,299,548,646,836,1000,1091,1392,1657,1809,1966,2186,2333,2490,2741"),
    3: _codes("30,353,478,674,825,908,1200,1346,1451,1711,2055,2307,2457,2726,2888"),
}
SEED_V_END_S: Labels = {
    1: _codes("102,228,524,742,920,1240,1568,1697,1994,2166,2401,2607,2901,3172,3359"),
    2: _codes("267,488,614,773,967,1059,1331,1622,1777,1908,2153,2302,2428,2709,2817"),
    3: _codes("321,418,643,764,877,1147,1284,1418,1679,1996,2275,2425,2664,2857,3066"),
}

SEED_VII_LABELS: Mapping[str, int] = {
    "disgust": 0,
    "fear": 1,
    "sad": 2,
    "neutral": 3,
    "happy": 4,
    "anger": 5,
    "surprise": 6,
}
# Session 1 follows the release's own table of stimuli. One public reader has other codes for its trials 12, 14 and 15,
# with which there would be 13 happy and 7 neutral films; published are 12 of each of six emotions and 8 neutral ones.
SEED_VII_TRIALS: Labels = {
    1: _codes("4,3,0,2,5,5,2,0,3,4,4,3,0,2,5,5,2,0,3,4"),
    2: _codes("5,2,1,3,6,6,3,1,2,5,5,2,1,3,6,6,3,1,2,5"),
    3: _codes("4,6,0,1,5,5,1,0,6,4,4,6,0,1,5,5,1,0,6,4"),
    4: _codes("0,2,1,6,4,4,6,1,2,0,0,2,1,6,4,4,6,1,2,0"),
}
