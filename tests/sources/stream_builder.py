"""Makes the invented streams of the tests: a description with labels, as a device would send it."""

from rtemo.core.types import Channel, StreamInfo
from rtemo.sources.stream_xml import stream_info as read_stream
from rtemo.sources.stream_xml import stream_xml


def words(text):
    return text.split()


def stream(name, type_, channels, *, source_id="", rate=500.0, fmt="float32", host="pc", desc="", xml=True):
    """A stream whose channels are labels, Channels, or a number of undescribed columns. desc: more of its XML."""
    if isinstance(channels, int):
        channels = [""] * channels
    described = tuple(c if isinstance(c, Channel) else Channel(label=c) for c in channels)
    info = StreamInfo("1", name, type_, fmt, rate, described, source_id, host, "uid")
    if not xml:
        return info
    return read_stream(stream_xml(info).replace("<desc />", "<desc></desc>").replace("</desc>", f"{desc}</desc>"), "1")


def eeg_channels(labels, unit="microvolts"):
    return [Channel(label, "EEG", unit) for label in labels]


TEN_TWENTY = words("Fp1 Fp2 F7 F3 Fz F4 F8 T7 C3 Cz C4 T8 P7 P3 Pz P4 P8 O1 O2")


def gaze(label, eye="", type_="", unit=""):
    return Channel(label, type_, unit, eye)
