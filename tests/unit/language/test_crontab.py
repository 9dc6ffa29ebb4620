"""A crontab to workflows: what is kept of each entry, and what is said of the rest."""

from __future__ import annotations

import subprocess
from textwrap import dedent

import pytest

from cdktr_common.catalogue.values import Fault, Plan, Schedule
from cdktr_principal.check.dryrun import dry_run
from cdktr_principal.language.crontab import NICKNAMES, Entry, decoded, entries
from cdktr_principal.language.dialects import load_text
from cdktr_principal.language.nodes import Faults
from cdktr_principal.language.writer import write


def read(text: str) -> tuple[list[Entry], list[Fault]]:
    faults = Faults("crontab")
    found = entries(dedent(text), faults)
    return found, faults.all()


def one(text: str) -> Plan:
    (entry,), faults = read(text)
    assert faults == []
    return entry.plan


def notes(text: str) -> list[str]:
    (entry,), _ = read(text)
    return entry.notes


DEBIAN = """\
# Edit this file to introduce tasks to be run by cron.
#
# For more information see the manual pages of crontab(5) and cron(8)
#
# m h  dom mon dow   command
SHELL=/bin/bash
PATH = "/usr/local/bin:/usr/bin:/bin"
MAILTO=ops@example.org

# Backup of the shop
# (whole, every night)
30 2 * * *   /opt/bin/backup.sh --full >/dev/null 2>&1
#0 4 * * * /opt/bin/old.sh
*/5 8-18 * * mon-fri cd /srv/app && ./poll

CRON_TZ=Europe/Berlin
@daily  logrotate -s "$HOME/state" rotate.conf
@weekly mail -s report boss%Dear boss,%%all is well: 100\\%.
@reboot /opt/bin/warm-up
"""


def test_a_whole_crontab() -> None:
    found, faults = read(DEBIAN)
    assert [entry.plan.workflow for entry in found] == ["backup", "poll", "logrotate", "mail"]
    backup, poll, rotate, mail = (entry.plan for entry in found)
    assert backup.description == "Backup of the shop\n(whole, every night)"
    assert [plan.schedules for plan in (backup, poll, rotate, mail)] == [
        [Schedule(cron="30 2 * * *")],
        [Schedule(cron="*/5 8-18 * * mon-fri")],
        [Schedule(cron="0 0 * * *", timezone="Europe/Berlin")],
        [Schedule(cron="0 0 * * 0", timezone="Europe/Berlin")],
    ]
    assert backup.tasks[0].command == "/opt/bin/backup.sh --full >/dev/null 2>&1"
    assert backup.tasks[0].shell == ["/bin/bash", "-c"]
    assert backup.env == {"PATH": "/usr/local/bin:/usr/bin:/bin"}
    assert poll.description == ""
    assert found[0].notes == ["MAILTO=ops@example.org: output is not mailed, cdktr-logs shows it"]
    (fault,) = faults
    assert (fault.line, fault.what) == (19, "@reboot: no workflow starts when a machine does")


def test_each_is_a_file_that_loads_as_the_same_plan() -> None:
    for entry in read(DEBIAN)[0]:
        plan, faults = load_text(write(entry.plan).encode(), entry.plan.workflow, "x")
        assert faults == []
        assert plan == entry.plan


@pytest.mark.parametrize(("nickname", "cron"), NICKNAMES.items())
def test_nicknames(nickname: str, cron: str) -> None:
    assert one(f"{nickname} run-it").schedules == [Schedule(cron=cron)]


@pytest.mark.parametrize(
    ("line", "stdout"),
    [
        ("cat%one%two", "one\ntwo\n"),
        ("cat%one%two%", "one\ntwo\n"),
        ("cat; echo x%END%EN", "END\nEN\nx\n"),
        ("echo 50\\%", "50%\n"),
        ("cat | tr a-z A-Z # shout%$HOME `x` \\%", "$HOME `X` %\n".replace("x", "X")),
        ("cat%", ""),
    ],
)
def test_what_stands_behind_a_percent_sign_is_read(line: str, stdout: str) -> None:
    command = one(f"* * * * * {line}").tasks[0].command
    assert command is not None
    done = subprocess.run(["/bin/sh", "-c", command], capture_output=True, text=True, check=True)
    assert done.stdout == stdout


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("/usr/local/bin/backup.sh -v", "backup"),
        ("cd /srv/app && ./bin/poll --all", "poll"),
        ("sudo nice -n 10 python3 /opt/etl/load_orders.py", "load-orders"),
        ("FOO=bar /opt/x", "x"),
        ("[ -x /usr/sbin/anacron ] || run-parts /etc/cron.daily", "anacron"),
        ("test 1", "entry"),
    ],
)
def test_the_name_is_that_of_what_is_run(command: str, name: str) -> None:
    assert one(f"0 0 * * * {command}").workflow == name


def test_variables_that_are_of_the_time() -> None:
    found, _ = read("CRON_TZ=UTC\nRANDOM_DELAY=45\n0 0 * * * a\nRANDOM_DELAY=9999\n0 1 * * * b\n")
    assert [entry.plan.schedules for entry in found] == [
        [Schedule(cron="0 0 * * *", jitter_s=2700.0)],
        [Schedule(cron="0 1 * * *", jitter_s=86400.0)],
    ]


def test_equal_names_get_a_number() -> None:
    found, _ = read("0 0 * * * a\n0 1 * * * a\n0 2 * * * b/a.sh\n")
    assert [entry.plan.workflow for entry in found] == ["a", "a-2", "a-3"]


@pytest.mark.parametrize(
    ("text", "note"),
    [
        ("-0 0 * * * a", "keeps cron from logging"),
        ("my-var=5\n0 0 * * * a", "the variable 'my-var' is left out"),
    ],
)
def test_what_is_different_is_said(text: str, note: str) -> None:
    (found,) = notes(text)
    assert note in found


@pytest.mark.parametrize(
    "text",
    [
        "0 0 1 * 1 a",
        "0 0 * * */2 a",
        "*/7 * * * * a",
        "0-59/7,3 0 1 jan-mar,DEC mon-7 a",
        "MAILTO=\n@daily a",
    ],
)
def test_what_is_the_same_is_not_spoken_of(text: str) -> None:
    assert notes(text) == []


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "the crontab has no entries"),
        ("# only this", "the crontab has no entries"),
        ("CRON_TZ=Mars/Olympus\n0 0 * * * a", "'Mars/Olympus' is not a time zone"),
        ("0 22-6 * * * a", "'22-6' ends before it begins"),
        ("0 0 31 4 * a", "never comes"),
        ("99 * * * * a", "minutes: '99' is not 0 to 59"),
        ("* * * * *", "not a line of a crontab"),
        ("5-1 * * * * a", "'5-1' ends before it begins"),
        ("* * * * FRI-sun a", "'FRI-sun' ends before it begins"),
        ("* * L * * a", "'L' is not for cron"),
        ("* * * * 5#3 a", "'5#3' is not for cron"),
        ("5/10 * * * * a", "'5/10' is not for cron"),
        ("0 0 15W * * a", "'15W' is not for cron"),
        ("\ufeff* * * * * a", "a byte order mark (U+FEFF) in the middle"),
        ("A=1\n\ufeffB=2", "a byte order mark (U+FEFF) in the middle"),
        ("0~59 * * * * a", "a time picked at random"),
        ("@fortnightly a", "no such nickname"),
        ("* * * * * %in", "the entry has no command"),
        ("30 2 * *", "not a line of a crontab"),
    ],
)
def test_faults(text: str, what: str) -> None:
    found, faults = read(text)
    assert found == []
    assert what in faults[0].what


def test_variables_are_as_cron_reads_them() -> None:
    plan = one("""
        HOME=/srv/me
          A = ' two words '
        "B"="x"
        C=a=b
        LOGNAME=me
        TZ=UTC
        0 0 * * * a
    """)
    assert plan.env == {"HOME": "/srv/me", "A": " two words ", "B": "x", "C": "a=b", "TZ": "UTC"}
    assert plan.workdir == "/srv/me"


def test_comments_belong_to_the_entry_right_below() -> None:
    found, _ = read("# far\n\n0 0 * * * a\n# near\n0 0 * * * b\n# x\nA=1\n0 0 * * * c\n")
    assert [entry.plan.description for entry in found] == ["", "near", ""]


def test_braces_are_no_expressions() -> None:
    plan = one(
        'FMT={{ 1 + 1 }} "q" \\n }} é🙂\n# see {{ params.x }}\n0 0 * * * docker ps {{.ID}}\n'
    )
    loaded, faults = load_text(write(plan).encode(), plan.workflow, "x")
    assert (faults, loaded) == ([], plan)
    shown = [line.strip() for line in dry_run(plan, {}, None)]
    assert 'FMT={{ 1 + 1 }} "q" \\n }} é🙂' in shown
    assert plan.tasks[0].command == "docker ps {{.ID}}"
    assert plan.description == "see { { params.x }}"


def test_every_line_that_is_not_utf_8_is_told_and_nothing_is_guessed() -> None:
    faults = Faults("crontab")
    assert decoded(b"\xef\xbb\xbf# a\n0 0 * * * \xe9\nok\n\xff", faults) == ""
    assert [(of.line, of.col, of.what) for of in faults.all()] == [
        (2, 11, "byte 0xe9 is not UTF-8"),
        (4, 1, "byte 0xff is not UTF-8"),
    ]
    assert decoded("\ufeffé".encode(), Faults("crontab")) == "é"
