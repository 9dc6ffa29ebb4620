"""Programs of another protocol beside today's: each refuses the other at the first word, names both
and says which to upgrade to what. Today's programs are made older or newer by one number."""

from __future__ import annotations

import sys
from collections.abc import Iterator

import pytest

from cdktr_common import PROTOCOL, __version__
from cdktr_common.catalogue.common import Hello, Welcome
from cdktr_common.client import Client
from cdktr_common.errors import ProtocolError
from tests.integration.cli_stand import Stand, stand
from tests.integration.harness import Proc, wait_until

OTHER = """\
import sys, cdktr_common
cdktr_common.PROTOCOL, cdktr_common.__version__ = {protocol}, "{version}"
from {module} import run
run()
"""

OLDER = {"protocol": PROTOCOL - 1, "version": "0.0.1"}
NEWER = {"protocol": PROTOCOL + 1, "version": "9.0.0"}


@pytest.fixture(scope="module")
def today() -> Iterator[Stand]:
    with stand() as made:
        made.env.principal()
        made.env.logd()
        yield made


def start(box: Stand, module: str, which: dict[str, object], *words: str) -> Proc:
    argv = [sys.executable, "-c", OTHER.format(module=module, **which), *words]
    proc = Proc(f"other{len(box.env.procs)}", argv, box.env.environ, box.env.directory)
    box.env.procs.append(proc)
    proc.asked_to_end = True
    return proc


@pytest.mark.parametrize(
    ("module", "words", "name"),
    [
        ("cdktr_agent.__main__", ["--name", "odd"], "cdktr-agent"),
        ("cdktr_cli.ctl", ["ping"], "cdktr"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("which", [OLDER, NEWER], ids=["older", "newer"])
def test_a_program_of_another_protocol_is_told_what_to_upgrade(
    today: Stand, module: str, words: list[str], name: str, which: dict[str, object]
) -> None:
    proc = start(today, module, which, *words)
    assert proc.popen.wait(20) == 5
    said = proc.errors()
    assert f"{name} {which['version']} speaks protocol {which['protocol']}" in said
    assert f"cdktr-principal {__version__} speaks protocol {PROTOCOL}" in said
    older = f"upgrade {name} to version {__version__} or later"
    newer = f"upgrade cdktr-principal to version {which['version']} or later"
    assert (older if which is OLDER else newer) in said
    assert "Traceback" not in said


def test_logd_refuses_another_protocol_in_the_same_words(today: Stand) -> None:
    with Client(f"ipc://{today.env.home}/run/logd.sock") as client:
        for which, says in (
            (OLDER, f"upgrade my-tool to version {__version__} or later"),
            (NEWER, f"upgrade cdktr-logd to version {NEWER['version']} or later"),
        ):
            hello = Hello(program="my-tool", **which)  # type: ignore[arg-type]
            with pytest.raises(ProtocolError, match=says) as refused:
                client.ask(hello, Welcome)
            assert refused.value.code == "version"


def test_todays_programs_tell_it_of_a_principal_of_another_protocol() -> None:
    with stand(default_zmq_timeout_ms=2000) as box:
        principal = start(box, "cdktr_principal.__main__", NEWER)
        principal.ready()
        refused = box.call("cdktr-ctl", "ping")
        assert refused.returncode == 5
        assert f"upgrade cdktr to version {NEWER['version']} or later" in refused.stderr.decode()
        agent = box.start("cdktr-agent")
        agent.asked_to_end = True
        assert wait_until(lambda: agent.popen.poll() is not None or None)
        assert agent.popen.returncode == 5
        assert f"upgrade cdktr-agent to version {NEWER['version']} or later" in agent.errors()
        triggered = box.call("cdktr-trigger", "my-event")
        assert triggered.returncode == 5
        assert "upgrade " in triggered.stderr.decode()
