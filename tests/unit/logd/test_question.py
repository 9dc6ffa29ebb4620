"""A query that cannot even begin."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from cdktr_common.catalogue.logd import QueryRun
from cdktr_common.errors import ProtocolError
from cdktr_logd.question import Question


class Held:
    """A session that notes its end."""

    closed = False

    def close(self) -> None:
        self.closed = True


def test_without_memory_for_a_thread_it_is_busy_and_nothing_stays_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", start)
    session: Any = Held()
    with pytest.raises(ProtocolError, match="no memory") as fault:
        Question("q", QueryRun(sql="select 1"), session, tmp_path, lambda *_: None)
    assert fault.value.code == "busy" and fault.value.retry and session.closed
