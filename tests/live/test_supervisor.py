"""The supervisor states that an engine does not answer, and kills it only where that lasts."""

from __future__ import annotations

import sys

from rtemo.live.supervisor import Supervisor
from rtemo.recorder.endpoint import Endpoint
from rtemo.recorder.messages import Message

WAITS = [sys.executable, "-S", "-c", "import time; time.sleep(600)"]


class Told(Supervisor):
    """Looks after two processes that only wait; what the recorder answers is given."""

    answer: Message | None = None

    def _ask(self, request, timeout_s):
        return self.answer

    def look(self, age_s, *, engine=True):
        self.answer = Message("state", {"engine": engine, "engine_age_s": age_s, "paths": ["x.xdf"]})
        self._look_after()


def test_an_engine_that_does_not_answer_is_a_warning_long_before_it_is_killed(tmp_path):
    said = []
    supervisor = Told(Endpoint("lab", tmp_path), WAITS, WAITS, said.append)
    engine = supervisor._engine.process
    try:
        supervisor.look(0.6)
        assert said == []
        supervisor.look(1.6)
        supervisor.look(2.6)
        assert said == ["warning: the engine has not answered for 1.6 s; the recording goes on, predictions wait"]
        supervisor.look(0.1)
        supervisor.look(99.0, engine=False)  # none is attached: nobody is silent
        assert said[1:] == ["note: the engine answers again"]
        supervisor.look(9.9)
        assert engine.poll() is None
        supervisor.look(10.1)
        assert engine.poll() is not None
        supervisor._restart_engine(-9)
        supervisor.look(0.0)  # the next one is not the one that did not answer
        assert [line.split(";")[0] for line in said[2:]] == [
            "warning: the engine has not answered for 9.9 s",
            "warning: the engine ended: killed by signal 9",
        ]
    finally:
        supervisor._engine.kill()
        supervisor._recorder.kill()
