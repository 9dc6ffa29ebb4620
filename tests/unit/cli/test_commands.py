"""What the commands make of their arguments before anything is sent."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from cdktr_cli import adhoc, config, logs, trigger
from cdktr_common import arguments
from cdktr_watch.__main__ import USAGE as WATCH


def triggered(*words: str) -> dict[str, object]:
    message: dict[str, object] = json.loads(
        trigger.request(arguments.parse(trigger.usage, words), "K")
    )
    return message


def test_an_event_and_a_workflow() -> None:
    assert triggered("new-file") == {
        "type": "event.fire", "event": "new-file", "key": "K", "id": "K",
    }  # fmt: skip
    assert triggered("--workflow", "etl", "--payload", '{"a": [1, "é"]}') == {
        "type": "run.start", "workflow": "etl", "key": "K", "id": "K",
        "payload": {"a": [1, "é"]},
    }  # fmt: skip


def test_numbers_are_carried_as_they_were_written() -> None:
    args = arguments.parse(trigger.usage, ["x", "--payload", "1.10"])
    assert trigger.request(args, "K").endswith(b',"payload":1.10}')


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("", "[--param NAME=VALUE]... (EVENT |"),
        ("a b", "[--param NAME=VALUE]... (EVENT |"),
        ("a --payload", "[--param NAME=VALUE]... (EVENT |"),
        ("--key= a", "cdktr-trigger: --key is empty"),
        ("--workflow=", "--workflow is empty"),
        ("--home= a", "--home is empty"),
        ("a --key b --key c", "cdktr-trigger: --key is given twice\n"),
        ("a b", "cdktr-trigger: one argument too many: 'b'\n"),
        ("", "cdktr-trigger: an argument is missing\n"),
        ("a --payload", "cdktr-trigger: --payload needs a value\n"),
        ("a --wait=3", "--wait takes no value"),
        ("-w x y", "--workflow is given twice, or with an argument that it does not go with"),
        ("a -x", "unknown option -x"),
        ("a --wiat", "unknown option --wiat; did you mean --wait?"),
        ("a --payload {", "not JSON"),
        ("a --timeout soon", "--timeout: 'soon' is no length of time"),
        ("a --retry-for 1y", "--retry-for"),
    ],
)
def test_wrong_usage_of_trigger(words: str, says: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        trigger.main(words.split())
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Option(" not in said
    assert "Argument(" not in said


def test_a_word_that_another_one_goes_with_is_not_one_too_many(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for words, says in (("e", "an argument is missing"), ("e --config f", "too many: 'e'")):
        with pytest.raises(SystemExit):
            arguments.parse(WATCH, words.split())
        assert says in capsys.readouterr().err


def test_no_command_is_no_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        adhoc.main(["--", ""])
    assert ended.value.code == 2
    assert capsys.readouterr().err == "cdktr-run: COMMAND is empty\n"


def test_two_commands_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        logs.main(["query", "tail"])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("cdktr-logs: only one of these words goes\n")


def test_config_alone_says_that_a_word_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        config.main([])
    assert ended.value.code == 2
    assert capsys.readouterr().err.startswith("cdktr: an argument is missing\nUsage:")


def test_ctrl_c_before_the_answer_tells_the_key(tmp_path: Path) -> None:
    """Something listens and never answers."""
    (tmp_path / "run").mkdir()
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "run" / "principal.sock"))
        silent.listen()
        words = [sys.executable, "-c", "from cdktr_cli import trigger; trigger.run()"]
        asking = subprocess.Popen(
            [*words, "--home", str(tmp_path), "x", "--key", "K7"], stderr=subprocess.PIPE, text=True
        )
        silent.settimeout(20)
        with silent.accept()[0] as peer:
            assert peer.recv(1)
            asking.send_signal(signal.SIGINT)
            said = asking.communicate(timeout=20)[1]
    assert asking.returncode == 130
    assert "Try again with --key K7: should it have been taken, nothing starts twice" in said
    assert "Traceback" not in said


def test_an_ad_hoc_command_keeps_its_own_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FROM_HERE", "yes")
    words = "--label gpu -l big -e A=b=c -e FROM_HERE -C /w --timeout 1m -- grep --label -e x"
    task = adhoc._task(arguments.parse(adhoc.usage, words.split(), options_first=True))
    assert task.argv == ["grep", "--label", "-e", "x"]
    assert task.env == {"A": "b=c", "FROM_HERE": "yes"}
    assert (task.labels, task.workdir, task.timeout_s) == (["gpu", "big"], "/w", 60.0)


def test_without_the_dashes_options_after_the_command_are_its_own() -> None:
    args = arguments.parse(adhoc.usage, ["ls", "-l", "--all"], options_first=True)
    assert adhoc._task(args).argv == ["ls", "-l", "--all"]


@pytest.mark.parametrize("words", ["", "--env A", "--env =x -- ls", "--timeout x -- ls", "--bogus"])
def test_wrong_usage_of_run(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        adhoc.main([*words.split(), *(["ls"] if words == "--env A" else [])])
    assert ended.value.code == 2
    assert capsys.readouterr().err


@pytest.mark.parametrize("module", ["trigger", "front", "adhoc", "ctl"])
def test_help_imports_neither_zeromq_nor_msgspec(module: str) -> None:
    """`--help` has to be instant, and trigger loads neither even to do its work."""
    program = (
        f"import sys; from cdktr_cli import {module} as m\n"
        "try: m.main(['--help'])\n"
        "except SystemExit: pass\n"
        "print({'zmq', 'msgspec', 'yaml', 'duckdb'} & set(sys.modules), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stderr.strip() == "set()"
