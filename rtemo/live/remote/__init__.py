"""Remote control of sessions over TCP, by LabRecorder's commands and some of rtemo's own."""
