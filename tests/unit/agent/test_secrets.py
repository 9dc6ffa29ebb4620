"""Secrets reach the task and nobody else."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cdktr_common.catalogue.values import RunContext, StepSpec
from tests.unit.agent.stand import Stand, supervisor

TOKEN = "t0k/n-ü=very secret"
KEY = "-----BEGIN KEY-----\nline 2\n-----END KEY-----"


@pytest.fixture
def stand(tmp_path: Path) -> Iterator[Stand]:
    (tmp_path / "key").write_text(KEY + "\n")
    with supervisor(tmp_path, THE_TOKEN=TOKEN) as made:
        yield made


def sealed(stand: Stand) -> dict[str, Any]:
    key = f"file:{stand.work.parent}/key"
    return {
        "sealed": {"URL": ["https://", "env:THE_TOKEN", "@host"], "KEY": ["", key, ""]},
        "sealed_files": {"conf.ini": ["token=", "env:THE_TOKEN", "\n"]},
    }


def test_a_secret_is_in_variables_and_files_and_nowhere_else(stand: Stand) -> None:
    text = """
        test "$URL" = "https://$THE_TOKEN@host" && test "$(cat conf.ini)" = "token=$THE_TOKEN" &&
        echo "known: $URL"; echo "$KEY" >&2; printf "$THE_TOKEN" | base64 -w0; echo
        for part in "${THE_TOKEN%very*}" "very secret"; do printf "$part"; sleep 0.2; done; echo
        printf 't=%s' "$URL" > $CDKTR_OUTPUT; echo "$KEY" > $TORK_OUTPUT; echo $URL > art.txt
        exit 3
    """
    result = stand.run(command=text, **sealed(stand), artifacts=["*.txt"])
    assert (result.state, result.code, result.reason) == ("FAILED", 3, "")
    lines = stand.output(result).split(b"\n")
    assert lines[0] == b"known: https://***@host"
    assert lines[1].startswith(b"***")
    assert lines[2] == b"***"
    assert stand.output(result, "stderr") == b"***\n"
    assert result.outputs == {"t": "https://***@host"}
    assert result.result == "***\n"
    assert stand.streams(result.token)["artifact/art.txt"] == b"https://***@host\n"
    stand.close()
    left = stand.everything_written()
    for secret in (TOKEN.encode(), base64.b64encode(TOKEN.encode()), b"BEGIN KEY"):
        assert secret not in left


def test_secrets_of_a_workflow_and_of_steps(stand: Stand) -> None:
    context = RunContext(workflow="w", sealed={"A": ["", "env:THE_TOKEN", ""]}, env={"B": "b"})
    step = StepSpec(
        command='test "$A$C" = "$THE_TOKEN$THE_TOKEN" && echo $C',
        sealed={"C": ["", "env:THE_TOKEN", ""]},
    )
    result = stand.run(context, command="echo main $A $C", pre=[step], post=[step])
    assert (result.code, stand.output(result)) == (0, b"***\nmain ***\n***\n")
    mine = stand.run(context, command="echo $A", env={"A": "task"})
    assert stand.output(mine) == b"task\n"


@pytest.mark.parametrize(
    ("reference", "said"),
    [
        ("env:NO_SUCH", "secret env:NO_SUCH: the agent's environment has no NO_SUCH"),
        ("file:/no/such", "secret file:/no/such: No such file or directory"),
        ("file:/", "secret file:/: not a regular file"),
        ("file:/dev/zero", "secret file:/dev/zero: not a regular file"),
        ("vault:x", "secret vault:x: neither env:NAME nor file:PATH"),
    ],
)
def test_a_secret_that_is_not_there(stand: Stand, reference: str, said: str) -> None:
    for fields in (
        {"sealed": {"A": ["x", reference, "y"]}},
        {"sealed_files": {"a": ["x", reference, "y"]}},
        {"post": [StepSpec(argv=["true"], sealed={"A": ["", reference, ""]})]},
    ):
        result = stand.run(argv=["echo", "never"], **fields)
        assert (result.state, result.code) == ("FAILED", 126)
        assert result.reason == said
        assert stand.output(result) == b""
