"""rtemo: emotion from EEG and eye movements, live over LSL, replayed from XDF, trained offline.

    import rtemo

    table = rtemo.predict("session.xdf")                  # a recording, an mne.io.Raw, or arrays with times
    recording = rtemo.open_recording("session.xdf")       # streams, clocks, windows, events, to_mne()
    session = rtemo.read_session("2026-11-30_10-20-30_P01")
    for prediction in rtemo.stream(eeg="name=LiveAmp"):   # live, until the loop is left
        ...
    with rtemo.connect() as engine:                       # the engine of the open window
        engine.annotate("door opens")

    for news in rtemo.beside():                           # in a script of `rtemo live --script`
        ...

Names are loaded when they are first used, so that `import rtemo` costs nothing; __init__.pyi has their types.
"""

import importlib
import logging

logging.getLogger(__name__).addHandler(logging.NullHandler())  # stderr is for what a command prints

__version__ = "0.2.0.dev0"

_DOORS = {
    "EngineConnection": "connection",
    "LiveStream": "live_stream",
    "LoadedModel": "model",
    "PredictionTable": "prediction_table",
    "RecordingFile": "recording",
    "ScriptSession": "beside",
    "SessionFiles": "session",
    "Signal": "arrays",
    "beside": "beside",
    "connect": "connection",
    "load": "model",
    "open_recording": "recording",
    "predict": "predict",
    "read_session": "session",
    "stream": "live_stream",
}
__all__ = ["RtemoError", "__version__", *_DOORS]


def __getattr__(name: str) -> object:
    """A name of the Python interface, loaded now."""
    if name == "RtemoError":
        return importlib.import_module(f"{__name__}.core.errors").RtemoError
    if name not in _DOORS:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.api.{_DOORS[name]}"), name)


def __dir__() -> list[str]:
    """All names, those that are not loaded yet too."""
    return sorted({*globals(), *__all__})
