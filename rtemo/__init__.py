"""rtemo: emotion from EEG and eye movements, live over LSL, replayed from XDF, trained offline.

The layers, lowest first: core, model, sources, live, gui, cli. A layer imports only the ones below it.
"""

import logging

logging.getLogger(__name__).addHandler(logging.NullHandler())  # stderr is for what a command prints

__version__ = "0.1.0"
