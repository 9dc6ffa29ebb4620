"""What `cdktr-trigger` makes of params and files before anything is sent."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from cdktr_cli import document, params, trigger
from cdktr_cli.payload import BadPayload
from cdktr_common import arguments


def sent(*words: str) -> dict[str, Any]:
    args = arguments.parse(trigger.usage, words)
    message: dict[str, Any] = json.loads(trigger.request(args, "K", trigger._document(args)))
    return message


def test_params_are_text_until_the_workflow_says_more() -> None:
    message = sent("-w", "etl", "-p", "day=monday", "--param", "rows=10", "-p", "where=a=b")
    assert message["params"] == {"day": "monday", "rows": "10", "where": "a=b"}
    assert "params" not in sent("-w", "etl")


@pytest.mark.parametrize("form", ["json", "yaml"])
def test_a_file_of_params_keeps_types_and_words_win(form: str, tmp_path: Path) -> None:
    file = tmp_path / "p"
    file.write_text(
        '{"rows": 10, "fast": true, "names": ["a", "1.10"], "day": "on"}'
        if form == "json"
        else "rows: 10\nfast: true\nnames: [a, '1.10']\nday: on\n"
    )
    given = params.gather(["rows=11"], str(file))
    assert given == {"rows": "11", "fast": True, "names": ["a", "1.10"], "day": "on"}


@pytest.mark.parametrize(
    ("text", "value"),
    [("on", "on"), ("2026-01-31", "2026-01-31"), ("0777", "0777"), ("1.5e3", 1500.0), ("-3", -3),
     ("~", None), ("", None), ("22:22", "22:22"), ("0x1f", "0x1f"), ("'5'", "5")],
)  # fmt: skip
def test_yaml_is_read_as_in_workflow_files(text: str, value: object, tmp_path: Path) -> None:
    file = tmp_path / "p"
    file.write_text(f"x: {text}\n")
    assert params.gather([], str(file)) == {"x": value}


@pytest.mark.parametrize(
    ("words", "text", "says"),
    [
        (["rows"], None, "-p takes NAME=VALUE, not 'rows'"),
        (["=1"], None, "-p takes NAME=VALUE"),
        (['{"a": 1}'], None, "a payload goes with --payload"),
        (["a=1", "a=2"], None, "'a' is given twice"),
        ([], "[1]", "a mapping of names"),
        ([], "1: 2", "a mapping of names"),
        ([], "a: 1\na: 2\n", "the key 'a' stands twice at line 2 column 1"),
        ([], "a: &x [1]\nb: *x\n", "aliases are refused at line 2 column 4"),
        ([], "a: !!python/object:os.x {}\n", "the tag tag:yaml.org,2002:python/object:os.x"),
        ([], "a: [1\n", "neither JSON nor YAML"),
        ([], "[" * 100_000, "nested too deeply|neither JSON nor YAML"),
        ([], '{"n": NaN}', "p: not JSON: NaN is no JSON value"),
        ([], '{"n": {"l": [Infinity]}}', "p: not JSON: Infinity is no JSON value"),
        ([], '{"n": -1e999}', "p: the number -1e999 is too large"),
        ([], f'{{"n": {"1" * 9000}}}', "p: the number 1{24}… is too large"),
        ([], "n: [1e999]", "the number 1e999 is too large at line 1 column 5"),
        ([], f"n: {'1' * 9000}", "the number 1{24}… is too large at line 1 column 4"),
        ([], " " * (257 << 10), "larger than 256 KiB"),
    ],
)
def test_what_are_no_params_is_told(
    words: list[str], text: str | None, says: str, tmp_path: Path
) -> None:
    file = tmp_path / "p"
    file.write_text(text or "")
    with pytest.raises(BadPayload, match=says):
        params.gather(words, str(file) if text is not None else None)


def test_a_file_is_sent_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = "tasks:\n  a: {command: 'echo ä'}\n"
    file = tmp_path / "w.yaml"
    file.write_text(text)
    message = sent("--file", str(file), "--strip-image")
    assert message == {
        "type": "run.start", "source": text, "file": str(file), "strip_image": True,
        "key": "K", "id": "K",
    }  # fmt: skip
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert sent("-f", "-")["file"] == "<stdin>"


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("x --strip-image", 2, "--strip-image goes with --file"),
        ("-f - --params -", 2, "--file and --params cannot both be stdin"),
        ("-f /no/such", 3, "/no/such: No such file"),
        ("-f /", 2, "/: Is a directory"),
        ("-f x y", 2, "with an argument that it does not go with"),
    ],
)
def test_wrong_files_are_told(
    words: str, code: int, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        trigger.main(words.split())
    assert ended.value.code == code
    assert says in capsys.readouterr().err


def test_what_is_not_utf_8_is_told_with_its_place(tmp_path: Path) -> None:
    file = tmp_path / "w.yaml"
    file.write_bytes(b"tasks:\n  a: \xff\n")
    with pytest.raises(document.BadDocument, match=r"w.yaml:2:6: not UTF-8"):
        document.read(str(file))
    file.write_bytes(b"#" * (document.LIMIT + 1))
    with pytest.raises(document.BadDocument, match="larger than 2 MiB"):
        document.read(str(file))


def test_faults_are_shown_in_the_text() -> None:
    sent = document.Document("a:b.yaml", "\ufefftasks:\n  a: {comand: x\x1b}\n" + "x" * 300)
    faults = (
        "a:b.yaml:2:7: unknown key 'comand' (did you mean command?)\n"
        "a:b.yaml:3:200: too long\na:b.yaml: and 3 more"
    )
    assert list(document.explain(sent, faults)) == [
        "a:b.yaml:2:7: unknown key 'comand' (did you mean command?)",
        "      a: {comand: x }",
        "          ^",
        "a:b.yaml:3:200: too long",
        "    " + "x" * 100,
        "    " + " " * 49 + "^",
        "a:b.yaml: and 3 more",
    ]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("e --at 22:30 --delay 5m", "--at and --delay say the same"),
        ("-f x.yaml --at 22:30", "--at starts a workflow that is stored"),
        ("e --delay 5m --wait", "--wait has nothing to wait for: with --delay"),
        ("e --delay 5m --follow", "--follow has nothing to wait for: with --delay"),
        ("e --stdin --delay 5m -j 3", "-j has nothing to wait for"),
        ("-w etl --source me", "--source goes with an event"),
        ("-w etl --require-listener", "--require-listener goes with an event"),
        ("e --follow --json", "--follow prints output"),
        ("e -j 3", "-j goes with --stdin"),
        ("e --strip-image", "--strip-image goes with --file"),
        ("--stdin --params -", "--params and --stdin cannot both be stdin"),
        ("-f - --params -", "--file and --params cannot both be stdin"),
        ("e --stdin --payload 1", "--payload does not go with --stdin: the lines are the payloads"),
        ("--stdin --json", "--json does not go with --stdin"),
        ("--stdin -p a=1", "--param needs EVENT or --workflow"),
        ("--stdin --at 22:30", "--at needs EVENT or --workflow"),
        ("--stdin -j 0", "-j takes a number from 1 to 1000, not 0"),
        ("e --at soon", "--at: 'soon' is no time"),
        ("e --delay soon", "--delay: 'soon' is no length of time"),
    ],
)
def test_what_does_not_go_together_is_told(
    words: str, says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refused:
        trigger.main(words.split())
    assert refused.value.code == 2
    assert f"cdktr-trigger: {says}" in capsys.readouterr().err


def test_what_is_to_happen_later_says_when() -> None:
    assert sent("e", "--delay", "1m30s", "--source", "cron of ada") == {
        "type": "event.fire", "event": "e", "delay_s": 90.0, "source": "cron of ada", "key": "K",
        "id": "K",
    }  # fmt: skip
    assert sent("-w", "etl", "--at", "2026-01-31T22:30:00Z")["at_ts"] == 1769898600.0
