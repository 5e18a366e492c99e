from rtemo.api.arrays import Signal as Signal
from rtemo.api.beside import ScriptSession as ScriptSession
from rtemo.api.beside import beside as beside
from rtemo.api.connection import EngineConnection as EngineConnection
from rtemo.api.connection import connect as connect
from rtemo.api.live_stream import LiveStream as LiveStream
from rtemo.api.live_stream import stream as stream
from rtemo.api.model import LoadedModel as LoadedModel
from rtemo.api.model import load as load
from rtemo.api.predict import predict as predict
from rtemo.api.prediction_table import PredictionTable as PredictionTable
from rtemo.api.recording import RecordingFile as RecordingFile
from rtemo.api.recording import open_recording as open_recording
from rtemo.api.session import SessionFiles as SessionFiles
from rtemo.api.session import read_session as read_session
from rtemo.core.errors import RtemoError as RtemoError

__version__: str
