"""Streams of amplifiers, with the layouts that their senders use, and streams that are neither EEG nor gaze."""

from gaze_devices import pupil_core, smi_glasses
from stream_builder import TEN_TWENTY, eeg_channels, stream, words

from rtemo.core.types import Channel

SENSORS_EPOC = words("AF3 F7 F3 FC5 T7 P7 O1 O2 P8 T8 FC6 F4 F8 AF4")
BIOSEMI_64 = [f"{box}{i}" for box in "AB" for i in range(1, 33)]
EMOTIV = ["Timestamp", "Counter", "Interpolate", *SENSORS_EPOC, "HardwareMarker", "Markers"]
LIVEAMP_AUX = [Channel("AUX1", "AUX", "microvolts"), *(Channel(f"ACC_{a}", "ACC", "milliGs") for a in "XYZ")]
LIVEAMP_END = [
    Channel("SampleCounter", "SampleCounter"),
    Channel("DeviceTrigger", "Trigger"),
    Channel("STESync", "Trigger"),
]
EGI_NET = [f"E{i + 1}" for i in range(128)]
MUSE = ["TP9", "AF7", "AF8", "TP10"]
GTEC_DESC = "<acquisition><manufacturer>g.Tec</manufacturer><model>UN-2019</model></acquisition>"

# name -> (stream, profile that must be chosen, number of channels that must be placed)
EEG_DEVICES = {
    "liveamp": (
        stream(
            "LiveAmpSN-100-0101",
            "EEG",
            [*eeg_channels(TEN_TWENTY), *LIVEAMP_AUX, *LIVEAMP_END],
            source_id="LiveAmpSN-100-0101",
        ),
        "liveamp",
        19,
    ),
    "actichamp": (
        stream(
            "actiCHamp-1234",
            "EEG",
            [
                *eeg_channels(TEN_TWENTY),
                Channel("AUX1", "AUX"),
                Channel("Markers", "Markers"),
                Channel("SampleCounter", "SampleCounter"),
            ],
            source_id="1234",
        ),
        "actichamp",
        19,
    ),
    "brainamp": (
        stream(
            "BrainAmpSeries-0",
            "EEG",
            [*eeg_channels(TEN_TWENTY), Channel("triggerStream", "EEG", "code")],
            source_id="BrainAmpSeries-0_9_SR-500",
        ),
        "brainamp",
        19,
    ),
    "brainvision rda": (
        stream("BrainVision RDA", "EEG", [*eeg_channels(TEN_TWENTY), Channel("MkIdx", "Marker")]),
        "brainvision-rda",
        19,
    ),
    "g.usbamp": (stream("g.USBamp", "EEG", eeg_channels(TEN_TWENTY), source_id="UB-2010"), "gtec", 19),
    "g.needaccess": (
        stream(
            "NA-2015.06.25",
            "EEG",
            [
                *eeg_channels(TEN_TWENTY, "uV"),
                Channel("Counter", "Counter", "mod(samples,1000000)"),
                Channel("Digital IOs", "DigitalIOs", "unknown"),
                Channel("ACC X", "Accelerometer", "g"),
            ],
            desc=GTEC_DESC,
        ),
        "gtec",
        19,
    ),
    "egi": (
        stream(
            "NetAmps",
            "EEG",
            [*eeg_channels([*EGI_NET, "Cz"]), Channel("DIN", "DIN", "uint16")],
            source_id="EGI_pc_ch130_sr1000_f32",
        ),
        "egi",
        129,
    ),
    "biosemi": (
        stream(
            "BioSemi",
            "EEG",
            [
                Channel("Trig1", "Trigger", "microvolts"),
                *eeg_channels(BIOSEMI_64),
                Channel("EX1", "EXG", "microvolts"),
                Channel("AUX1", "AUX", "microvolts"),
                Channel("AIB1", "Analog", "microvolts"),
            ],
            source_id="pc",
        ),
        "biosemi",
        64,
    ),
    "emotiv": (
        stream("EmotivDataStream-EEG", "EEG", eeg_channels(EMOTIV, "uV"), rate=128, fmt="double64"),
        "emotiv",
        14,
    ),
    "muse-lsl": (stream("Muse", "EEG", eeg_channels([*MUSE, "Right AUX"]), source_id="Muse00:55", rate=256), "muse", 4),
    "muse in a recording": (
        stream("Muse", "EEG", [Channel(x, "eeg", "microvolts") for x in [*MUSE, "AUX_RIGHT"]], rate=256),
        "muse",
        4,
    ),
    "bluemuse": (stream("Muse-A1B2 (00:55) EEG", "EEG", eeg_channels(MUSE), source_id="BlueMuse", rate=256), "muse", 4),
    "openbci gui": (stream("obci_eeg1", "EEG", 8, source_id="openbcigui", rate=250, xml=False), "openbci", 8),
    "openbci gui with daisy": (
        stream("obci_eeg1", "EEG", 16, source_id="openbcigui", rate=125, xml=False),
        "openbci",
        16,
    ),
    "mentalab": (
        stream(
            "Explore_8441_ExG", "ExG", [Channel(x, "ExG", "uV") for x in TEN_TWENTY[:8]], source_id="Explore_8441_ExG"
        ),
        "mentalab",
        8,
    ),
    "unicorn": (stream("Unicorn", "EEG", 16, source_id="483920", rate=250, xml=False), "unicorn", 8),
    "unicorn with validation": (stream("Unicorn", "EEG", 17, rate=250, xml=False), "unicorn", 8),
    "dsi": (
        stream(
            "my headset",
            "EEG",
            eeg_channels([*TEN_TWENTY, "X1", "X2", "X3", "CM", "TRG"]),
            rate=300,
            desc="<manufacturer>WearableSensing</manufacturer>",
        ),
        "dsi",
        19,
    ),
    "mne-lsl": (
        stream(
            "MNE-LSL-Player",
            "",
            [*(Channel(x, "eeg", "none") for x in TEN_TWENTY), Channel("EOG 061", "eog"), Channel("STI 014", "stim")],
            source_id="MNE-LSL",
            fmt="double64",
        ),
        "mne-lsl",
        19,
    ),
    "openmuse": (
        stream(
            "Muse_EEG",
            "EEG",
            [*(f"EEG_{x}" for x in MUSE), "AUX_1", "AUX_2", "AUX_3", "AUX_4"],
            source_id="00:55_eeg",
            rate=256,
        ),
        "openmuse",
        4,
    ),
    "brainflow": (
        stream("BrainFlow Cyton", "EEG", eeg_channels(TEN_TWENTY[:8]), source_id="rtemo-brainflow-0-", rate=250),
        "brainflow",
        8,
    ),
    "openvibe": (stream("openvibeSignal", "signal", TEN_TWENTY), "openvibe", 19),
    "a clinical system": (
        stream("EEG system", "EEG", [Channel(f"EEG {x.upper()}-LE", "EEG", "uV") for x in TEN_TWENTY]),
        "generic-eeg",
        19,
    ),
    "neuroscan of SEED": (
        stream("SynAmps", "eeg", eeg_channels([*TEN_TWENTY, "CB1", "CB2", "M1", "M2", "VEO", "HEO"])),
        "generic-eeg",
        21,
    ),
    "electrodes without a type": (stream("amp", "", TEN_TWENTY), "generic-eeg", 19),
}

EEGO = stream("eegoSports 000479", "EEG", eeg_channels([f"Ch{i}" for i in range(32)]), source_id="eegoSports_000479")

UNNAMED = {  # whose electrodes have to be named in the session's settings: stream, profile
    "ganglion": (stream("obci_eeg1", "EEG", 4, source_id="openbcigui", rate=200, xml=False), "openbci-ganglion"),
    "eego with a duke cap": (
        stream("EE225-000000-000625", "EEG", eeg_channels(["0Z", "1Z", "1L", "1R", "2LB", "2RB", "TRIGGER"])),
        "eego-amplifier",
    ),
    "eego": (EEGO, "eego"),
}

# Streams that are neither EEG nor gaze.
OTHERS = {
    "muse accelerometer": stream("Muse", "ACC", [Channel(f"ACC_{a}", "accelerometer", "g") for a in "XYZ"], rate=52),
    "muse ppg": stream("Muse", "PPG", ["LUX", "IR", "RED"], rate=64),
    "pupil core pupillometry": stream("pupil_capture_pupillometry_only", "Gaze", pupil_core()[:3], rate=0),
    "pupil core fixations": stream(
        "pupil_capture_fixations", "Fixations", ["id", "confidence", "norm_pos_x", "norm_pos_y"]
    ),
    "smi glasses": stream("iViewNG-Gaze", "Gaze", smi_glasses()),
    "smi video": stream("iViewNG-SceneVideo-RAW", "VideoRaw", 100, fmt="int8", xml=False),
    "emotiv quality": stream("EmotivDataStream-EEG-Quality", "EEG", SENSORS_EPOC, rate=2),
    "emotiv contact quality": stream("EmotivDataStream-Contact-Quality", "Contact-Quality", SENSORS_EPOC, rate=2),
    "egi impedance": stream("NetAmps_Impedance", "Impedance", EGI_NET, rate=0),
    "string events of type EEG": stream("notes", "EEG", 1, fmt="string", rate=0),
    "tobii events": stream("4C_events", "gaze_events", 1, rate=0),
    "openmuse motion": stream("Muse_ACCGYRO", "ACC_GYRO", ["ACC_X", "ACC_Y", "ACC_Z"], rate=52),
    "a headset's gaze rays": stream(
        "Unity.TobiiGaze", "Gaze", ["Timestamp", *(f"GazeRay{w}{a}" for w in ("Origin", "Direction") for a in "XYZ")]
    ),
    "our own predictions": stream("rtemo", "Emotion", ["neutral", "sad", "fear", "happy", "confidence"], rate=0),
    "a counter": stream("counter", "data", ["ch:00"], rate=1, fmt="int32"),
    "audio": stream("Mic", "Audio", 2, rate=44100),
}
