"""Commands without a shell: nothing must show that there was none."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdktr_agent import direct
from cdktr_agent.attempt import Attempt
from cdktr_agent.custody import Held
from cdktr_agent.environment import Shared, base_environment
from cdktr_agent.outcome import as_by_shell, end_of
from cdktr_agent.places import Places
from cdktr_agent.process import Spawner
from cdktr_common.catalogue.values import RunContext, TaskSpec

PROBE = """#!/bin/sh
printf '<%s>' "$#" "$@"; echo
tr '\\0' '\\n' < /proc/$$/cmdline
readlink /proc/$$/cwd
echo "to stderr" >&2
tr '\\0' '\\n' < /proc/$$/environ | grep -v '^PPID=' | sort
case "$1" in exit) exit "$2" ;; kill) kill "-$2" $$ ;; esac
"""

REAL_SHELL = os.path.basename(os.path.realpath("/bin/sh"))


class Seen(NamedTuple):
    """What a program did, for whoever looks at it from outside."""

    end: tuple[int, str]
    stdout: bytes
    stderr: bytes


class Ground:
    """Two spawners: one that is free to leave the shell out, one that is not."""

    def __init__(self, directory: Path) -> None:
        self.work = directory / "work"
        self.work.mkdir()
        (directory / "link").symlink_to("work")
        self.bin = directory / "bin"
        self.bin.mkdir()
        self.program("probe", PROBE)
        self.program("bare", 'echo "no first line: $0 $*"\n')
        self.program("locked", PROBE).chmod(0o600)
        places = Places(str(directory / "tasks"))
        places.clear()
        self.free, self.shell = Spawner(places), Spawner(places)
        for spawner in (self.free, self.shell):
            spawner.stand_in(str(self.work))
        self.shell._programs._dash = False
        self.base = base_environment("a")
        for name in (b"PWD", b"OLDPWD", b"_"):
            self.base.pop(name, None)

    def program(self, name: str, text: str) -> Path:
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def see(self, spawner: Spawner, **fields: Any) -> Seen:
        env = {"PATH": f"{self.bin}:/usr/bin:/bin", **fields.pop("env", {})}
        spec = TaskSpec(token="r/t/1/x", run="r", task="t", n=1, fence=1, env=env, **fields)
        context = RunContext(workflow="w")
        attempt = Attempt(Held(spec, context, 0.0), Shared(self.base, "r", context, ""))
        spawner.start(attempt)
        found = [b"", b""]
        for stream, fd in enumerate(attempt.fds):
            os.set_blocking(fd, True)
            while data := os.read(fd, 65536):
                found[stream] += data
        _, status = os.waitpid(attempt.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if attempt.direct:
            code, said = as_by_shell(code, os.WCOREDUMP(status))
            found[1] += said
        spawner.discard(attempt)
        return Seen(end_of(code), *found)

    def same(self, **fields: Any) -> Seen:
        """What both see."""
        free, shell = (self.see(spawner, **fields) for spawner in (self.free, self.shell))
        assert free == shell
        return free


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ground]:
    before = Path.cwd()
    try:
        yield Ground(tmp_path_factory.mktemp("direct"))
    finally:
        os.chdir(before)


words = st.lists(
    st.one_of(
        st.sampled_from(["-x", "--a=b", "a/b", "1,2", "x:y", "%d", "@", "^", "a+b", "exit 3"]),
        st.text(alphabet="ab=:'\" $*?~#\\{}[]!|<()-%^@+,./\n\t`ü\x01", max_size=6),
    ),
    max_size=4,
).map(" ".join)
HARMLESS = settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@HARMLESS
@given(st.sampled_from(["probe ", "probe\t", " probe ", "probe"]), words)
def test_what_is_executed_directly_is_what_the_shell_would(
    ground: Ground, program: str, rest: str
) -> None:
    command = program + rest
    if direct.words(command) is not None:
        ground.same(command=command)


names = st.sampled_from(
    ["A", "PWD", "OLDPWD", "IFS", "OPTIND", "PPID", "PS1", "PS4", "_", "x.y", "1a", "HOME",
     "LINENO", "ENV", "MAIL", "CDPATH", "SHLVL", "RANDOM"]
)  # fmt: skip


@HARMLESS
@given(st.data())
def test_variables_and_places(ground: Ground, data: st.DataObject) -> None:
    work = ground.work
    places = [str(work), f"{work.parent}/link", f"{work}/.", "/", "relative", "", "/no/where"]
    env = data.draw(st.dictionaries(names, st.sampled_from(["", "x", "a b", "ü", *places])))
    workdir = data.draw(st.sampled_from([None, "/", str(work.parent), f"{work.parent}/link", "."]))
    ground.same(command="probe 1", env=env, workdir=workdir)


@pytest.mark.parametrize(
    "command",
    [
        "probe exit 3", "probe kill 2", "probe kill 9", "probe kill 13",
        "probe kill 15", "probe kill 34",
        "probe 'a b' \"c d\" e'f'\"g\"h '' \"\"",
        "bare a b", "locked", "no-such-program", "no-such-program 'a b'", "./no/such", "/", "/etc",
        "/etc/passwd", "../bin/probe x", "probe x\n", "\n probe x \n\n", "true", "false",
        "echo -n x", "cat /proc/self/stat/x", "sleep", "probe a=b", "A=b probe", "if", "kill -9 $$",
        "probe '\n\t'", 'probe "a#b" a#b', "ls /no/such/file", "printf %s x", "-x", "+x", "",
        "probe " + "x" * 3000,
    ],
)  # fmt: skip
def test_ends_and_complaints(ground: Ground, command: str) -> None:
    seen = ground.same(command=command)
    if command == "probe kill 9":
        assert (seen.end, seen.stderr) == ((137, ""), b"to stderr\nKilled\n")


def test_where_programs_are_looked_for(ground: Ground) -> None:
    for path in (
        "",
        ".",
        f"relative:{ground.bin}",
        f"{ground.bin}:%x",
        "/no/such",
        f":{ground.bin}",
    ):
        ground.same(command="probe 1", env={"PATH": f"{path}:/bin"})
    ground.program("late", "#!/bin/sh\necho first\n")
    assert ground.same(command="late").stdout == b"first\n"
    (ground.bin / "late").unlink()
    assert ground.same(command="late").end[0] == 127  # although it was found a moment ago


@pytest.mark.skipif(REAL_SHELL != "dash", reason="another /bin/sh than is known")
def test_a_plain_command_is_executed_directly(ground: Ground) -> None:
    for command, found in [
        ("ls", ("ls",)), ("ls -l a=b", ("ls", "-l", "a=b")), ("a 'b c'\"d\"", ("a", "b cd")),
    ]:  # fmt: skip
        assert direct.words(command) == found
    text = (ground.see(ground.free, command="probe")).stdout.decode()
    assert re.search(r"^CDKTR_TASK_ID=t$", text, re.MULTILINE)


@pytest.mark.parametrize(
    "command",
    [
        "echo x", "cd /", ". x", ": x", "[ a ]", "test a", "a=b", "A=b c", "ls *", "ls ?", "ls [a]",
        "ls ~", "ls $A", "ls `a`", "a; b", "a & b", "a | b", "a > b", "a < b", "a && b", "(a)",
        "{ a; }", "if a", "! a", "a # b", "a\nb", "a \\b", 'a "$b"', 'a "`b`"', 'a "\\b"', "a 'b",
        'a "b', "exec a", "ü", "a ü", "'a'", '"a" b', "a{b,c}", "-a", "time a", "x" * 5000, "",
        "a\0b", "setsid a",
    ],
)  # fmt: skip
def test_what_is_for_the_shell(command: str) -> None:
    assert direct.words(command) is None
