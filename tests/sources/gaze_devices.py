"""Streams of eye trackers, with the layouts that their senders use."""

from stream_builder import gaze, stream, words

from rtemo.core.types import Channel


def _titta():
    channels = []
    for eye in ("left", "right"):
        point, origin = f"gaze_point.{eye}_eye", f"gaze_origin.{eye}_eye"
        channels += [
            gaze(f"{axis}.position_on_display_area.{point}", eye, f"Screen{axis.upper()}", "normalized")
            for axis in "xy"
        ]
        channels += [
            gaze(f"{axis}.position_in_user_coordinates.{point}", eye, f"Intersection{axis.upper()}", "mm")
            for axis in "xyz"
        ]
        channels += [gaze(f"{what}.{point}", eye, "ValidFlag", "bool") for what in ("valid", "available")]
        channels += [gaze(f"diameter.pupil.{eye}_eye", eye, "Diameter", "mm")]
        channels += [gaze(f"{what}.pupil.{eye}_eye", eye, "ValidFlag", "bool") for what in ("valid", "available")]
        channels += [
            gaze(f"{axis}.position_in_user_coordinates.{origin}", eye, f"Pupil{axis.upper()}", "mm") for axis in "xyz"
        ]
        channels += [gaze(f"{what}.{origin}", eye, "ValidFlag", "bool") for what in ("valid", "available")]
        channels += [gaze(f"diameter.eye_openness.{eye}_eye", eye, "EyeLidDistance", "mm")]
        channels += [
            gaze(f"{what}.eye_openness.{eye}_eye", eye, "ValidFlag", "bool") for what in ("valid", "available")
        ]
    return [*channels, Channel()]


def pupil_core():
    def xyz(name, type_):
        return [gaze(f"{name}_{axis}", "both", f"{type_}{axis.upper()}", "mm") for axis in "xyz"]

    return [
        gaze("confidence", "both", "Confidence", "normalized"),
        gaze("norm_pos_x", "both", "ScreenX", "normalized"),
        gaze("norm_pos_y", "both", "ScreenY", "normalized"),
        *xyz("gaze_point_3d", "Direction"),
        *xyz("eye_center0_3d", "Position"),
        *xyz("eye_center1_3d", "Position"),
        *xyz("gaze_normal0", "Position"),
        *xyz("gaze_normal1", "Position"),
        gaze("diameter0_2d", "right", "Diameter", "pixels"),
        gaze("diameter1_2d", "left", "Diameter", "pixels"),
        gaze("diameter0_3d", "right", "Diameter", "mm"),
        gaze("diameter1_3d", "left", "Diameter", "mm"),
    ]


def _screen(eyes):
    return [gaze(f"Screen_{axis}_{eye}", eye, f"Screen{axis}", "pixels") for eye in eyes for axis in "XY"]


def _positions(eyes):
    return [gaze(f"EyePosition_{axis}_{eye}", eye, f"Position{axis}", "millimeters") for eye in eyes for axis in "XYZ"]


LEFT_RIGHT = ("left", "right")


def _eyelogic():
    both = [
        gaze(f"Screen_{axis}_{kind}", "both", f"Screen{axis}", "pixels")
        for kind in ("raw", "filtered")
        for axis in "XY"
    ]
    pupils = [gaze(f"Diameter_{eye}", eye, "Diameter", "mm") for eye in LEFT_RIGHT]
    return [gaze("FrameNumber", "both", "FrameNumber"), *both, *_screen(LEFT_RIGHT), *pupils, *_positions(LEFT_RIGHT)]


def _smi(pupil_unit="millimeters"):
    pupils = [gaze(f"Diameter_{eye}", eye, "Diameter", pupil_unit) for eye in LEFT_RIGHT]
    return [*_screen(LEFT_RIGHT), *pupils, *_positions(LEFT_RIGHT), gaze("PlaneNumber", "both", "PlaneNumber")]


def _smi_legacy():
    rest = [
        gaze(f"{what}_{axis}_{eye}", eye, f"{what}{axis}", "pixels")
        for what in ("Diameter", "Pupil", "Reflex")
        for eye in LEFT_RIGHT
        for axis in "XY"
    ]
    confidence = [gaze(f"Confidence_{eye}", eye, "Confidence", "normalized") for eye in LEFT_RIGHT]
    return [*_screen(LEFT_RIGHT), *rest, *confidence]


def smi_glasses():
    return [*_screen(("both", *LEFT_RIGHT)), *(gaze(f"PupilRadius_{e}", e, "Radius", "mm") for e in LEFT_RIGHT)]


def _eyetech():
    channels = []
    for eye in ("LeftEye", "RightEye"):
        channels += [f"{eye}_Found", f"{eye}_Calibrated", Channel(f"{eye}_PupilDiameter", "", "mm")]
        channels += [f"{eye}_Pupil_X", f"{eye}_Pupil_Y"]
        channels += [f"{eye}_Glint{n}_{axis}" for n in (0, 1) for axis in "XY"]
        channels += [Channel(f"{eye}_GazePoint_{axis}", "", "percent") for axis in "XY"]
    weighted = ["Valid", "X", "Y", "LeftWeight", "RightWeight"]
    return [*channels, *(f"WeightedGazePoint_{w}" for w in weighted), "Focus", "Distance"]


def _neon(eye_state, with_eye=True):
    pair = [gaze("x", "both", "ScreenX", "pixels"), gaze("y", "both", "ScreenY", "pixels")]
    per_eye = ("PupilDiameter", "EyeballCenterX", "EyeballCenterY", "EyeballCenterZ")
    more = [gaze(label, eye if with_eye else "", "", "mm") for eye in LEFT_RIGHT for label in per_eye]
    return [*pair, *(more if eye_state else [])]


def _relay(model):
    acquisition = f"<acquisition><manufacturer>Pupil Labs</manufacturer><model>{model}</model></acquisition>"
    return stream(
        "pupil_labs_Gaze",
        "Gaze",
        _neon(eye_state=False),
        source_id="abc_Gaze",
        rate=0,
        fmt="double64",
        desc=acquisition,
    )


GAZEPOINT = words(
    "CNT TIME FPOGX FPOGY FPOGS FPOGD FPOGID FPOGV LPOGX LPOGY LPOGV RPOGX RPOGY RPOGV BPOGX BPOGY BPOGV LPCX LPCY LPD "
    "LPS LPV RPCX RPCY RPD RPS RPV LEYEX LEYEY LEYEZ LPUPILD LPUPILV REYEX REYEY REYEZ RPUPILD RPUPILV CX CY CS"
)
TOBII = [
    gaze("left_x", "left", "ScreenX", "screencoords"),
    gaze("left_y", "left", "ScreenY", "screencoords"),
    gaze("left_pupil", "left", "pupilsize"),
    gaze("right_x", "right", "ScreenX", "screencoords"),
    gaze("right_y", "right", "ScreenY", "screencoords"),
    gaze("right_pupil", "right", "pupilsize"),
]
_LONG = [(f"{eye}_gaze_origin_validity", 1) for eye in ("left", "right")]
_LONG += [(f"{e}_gaze_origin_in_{c}_coordinate_system", 3) for c in ("user", "trackbox") for e in ("left", "right")]
_LONG += [(f"{eye}_gaze_point_validity", 1) for eye in ("left", "right")]
_LONG += [(f"{eye}_gaze_point_in_user_coordinate_system", 3) for eye in ("left", "right")]
_LONG += [(f"{eye}_gaze_point_on_display_area", 2) for eye in ("left", "right")]
_LONG += [(f"{eye}_pupil_{what}", 1) for what in ("validity", "diameter") for eye in ("left", "right")]
TOBIILSL = [
    gaze(name if n == 1 else f"{name}_{i}", "", "ET", "device")
    for name, n in [("device_time_stamp", 1), *_LONG]
    for i in range(n)
]
EYELINK = words(
    "leftEyeX leftEyeY rightEyeX rightEyeY leftPupilArea rightPupilArea pixelsPerDegreeX pixelsPerDegreeY "
    "eyelink_timestamp LSL_timestamp"
)
NEUROBOOTH = words(
    "R_GazeX R_GazeY R_PupilSize L_GazeX L_GazeY L_PupilSize Target_PositionX Target_PositionY Target_Distance "
    "ResolutionX ResolutionY Time_EDF Time_NUC"
)

# name -> (stream, profile that must be chosen)
GAZE_DEVICES = {
    "tobii pro connector": (stream("Tobii", "Gaze", TOBII, source_id="Tobiiat_x", rate=600), "tobii-pro"),
    "tobii pro renamed": (stream("Lab 3", "Gaze", TOBII, rate=600), "tobii-pro"),
    "titta": (
        stream("Tobii_gaze", "Gaze", _titta(), source_id="TittaLSL:Tobii_gaze@123", fmt="double64"),
        "tobii-titta",
    ),
    "tobii stream engine": (
        stream(
            "4C_gaze",
            "gaze",
            [gaze("x", "both", "ScreenX", "normalized"), gaze("y", "both", "ScreenY", "normalized")],
            source_id="IS4_gaze",
            rate=0,
        ),
        "tobii-stream-engine",
    ),
    "tobiilsl": (stream("Tobii", "ET", TOBIILSL, rate=90), "tobiilsl"),
    "gazepoint's script": (
        stream(
            "GazepointEyeTracker",
            "gaze",
            [gaze(f"FPOG{x}", "", "gaze", "percent") for x in ("X", "Y", "S", "D", "ID", "V")],
            source_id="gazepoint123",
            rate=60,
        ),
        "gazepoint-lsl",
    ),
    "gazepoint's longer script": (stream("GazepointEyeTracker", "gaze", GAZEPOINT[:36], rate=150), "gazepoint"),
    "pupil core": (stream("pupil_capture", "Gaze", pupil_core(), rate=0, fmt="double64"), "pupil-core"),
    "pupil invisible relay": (_relay("Pupil Invisible"), "pupil-invisible"),
    "neon relay": (_relay("Neon"), "pupil-neon"),
    "neon": (stream("Neon1_Neon Gaze", "Gaze", _neon(eye_state=False), rate=0), "pupil-neon"),
    "neon with eye state": (stream("Neon1_Neon Gaze", "Gaze", _neon(eye_state=True), rate=0), "pupil-neon"),
    "neon without eyes named": (
        stream("N_Neon Gaze", "Gaze", _neon(eye_state=True, with_eye=False), rate=0),
        "pupil-neon",
    ),
    "eyelink": (
        stream(
            "EyeLink", "Gaze", [gaze(x, "", "eyetracking") for x in EYELINK], source_id="eyelink-pc", fmt="double64"
        ),
        "eyelink",
    ),
    "eyelink neurobooth": (stream("EyeLink", "Gaze", NEUROBOOTH, rate=1000, fmt="double64"), "eyelink-neurobooth"),
    "eyelogic": (stream("EyeLogic", "Gaze", _eyelogic(), source_id="EyeLogic One | 7", fmt="double64"), "eyelogic"),
    "smi red": (stream("iViewX", "Gaze", _smi(), source_id="iViewX_1"), "smi"),
    "smi hispeed": (stream("iViewX", "Gaze", _smi("pixels"), source_id="iViewX_1"), "smi"),
    "smi legacy": (stream("iViewX", "Gaze", _smi_legacy(), rate=0), "smi-legacy"),
    "eyetech": (stream("EyeTechDS Data", "Gaze", _eyetech(), rate=60), "eyetech"),
    "gazepoint": (stream("GP3", "Gaze", GAZEPOINT, rate=60), "gazepoint"),
    "gazepoint of another type": (stream("GP3", "Data", GAZEPOINT, rate=60), "gazepoint"),
    "mouse": (
        stream("mouse as gaze", "Gaze", [gaze("mouse_x", "both"), gaze("mouse_y", "both")], source_id="rtemo-mouse"),
        "mouse",
    ),
    "eyeware beam": (stream("Beam", "GazeHead", ["gaze_x", "gaze_y", "confidence"], rate=60), "eyeware-beam"),
    "two columns without labels": (stream("Tobii4C", "Gaze", 2, rate=0, xml=False), "generic-gaze"),
    "labels without a type": (stream("eyes", "", ["gaze_x", "gaze_y", "pupil"], rate=60), "generic-gaze"),
}
