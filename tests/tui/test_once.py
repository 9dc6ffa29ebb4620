"""One frame without a terminal: what is printed, and the exit code when it is not what was asked
for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cdktr_common.catalogue.logd import HistoryList, HistoryPage
from cdktr_common.catalogue.principal import (
    RunShow,
    WorkflowDetail,
    WorkflowList,
    WorkflowPage,
    WorkflowShow,
)
from cdktr_common.catalogue.values import WorkflowRow
from cdktr_common.errors import ProtocolError
from cdktr_tui import once, starting
from cdktr_tui.app import CdktrApp
from cdktr_tui.feed.items import Link
from cdktr_tui.options import Options
from cdktr_tui.session import Place
from tests.tui.stage import HERE, NOW, UP, Reaction, Scripted

NO_RUN = ProtocolError("not_found", "there is no run nonsense")
ETL = WorkflowRow(workflow="etl", tasks=1)
ANSWERS: dict[type, Reaction] = {
    WorkflowList: WorkflowPage(workflows=[ETL]),
    WorkflowShow: lambda asked: WorkflowDetail(workflow=ETL) if asked.workflow == "etl" else NO_RUN,
    RunShow: NO_RUN,
    HistoryList: HistoryPage(columns=[], rows=[]),
}


def shown(
    capsys: pytest.CaptureFixture[str], command: str = "", link: Link = UP, wait_s: float = 0.3
) -> tuple[int, str, str]:
    """Exit code, what was printed, and what was said on stderr."""

    def feed_of(place: Place, wake: Callable[[], None]) -> Scripted:
        feed = Scripted(dict(ANSWERS), link)
        feed.wake = wake
        return feed

    options = Options(fps=1000, view=command, theme="cdktr-ansi")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(once, "WAIT_S", wait_s)
        try:
            code = once.show(CdktrApp([HERE], options, feed_of, lambda: NOW), (80, 24), plain=True)
        except SystemExit as ended:
            code = int(ended.code or 0)
    out, said = capsys.readouterr()
    return code, out, said


def test_a_frame_that_shows_what_was_asked_for_is_a_success(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, said = shown(capsys, wait_s=10.0)
    assert (code, said) == (0, "") and "etl" in out


@pytest.mark.parametrize("state", ["lost", "connecting"])
def test_without_a_principal_it_is_a_failure(
    state: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, said = shown(capsys, link=replace_link(state))
    assert code == 1 and "no principal answers" in out
    assert said == f"cdktr-tui: no principal answers at {HERE.endpoint}\n"


def test_a_principal_that_is_not_understood_is_a_failure(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _, said = shown(capsys, link=replace_link("refused"), wait_s=10.0)
    assert (code, said) == (1, "cdktr-tui: it speaks another protocol\n")


def replace_link(state: str) -> Link:
    return Link(state=state, at=NOW, detail="it speaks another protocol")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "command, said",
    [
        ("logs nonsense", "nonsense: not_found: there is no run nonsense"),
        ("open nonsense", "not_found: there is no run nonsense"),
        ("cancel nonsense", "--command: this asks first, and nobody is there to answer"),
    ],
)
def test_a_command_that_fails_is_a_failure(
    command: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, told = shown(capsys, command, wait_s=2.0)
    assert (code, told) == (1, f"cdktr-tui: {said}\n") and out


def test_a_command_that_cannot_be_read_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, told = shown(capsys, "nonsense", wait_s=10.0)
    assert (code, out) == (2, "") and told.startswith("cdktr-tui: --command: there is no command")


@pytest.mark.parametrize("size", ["39x24", "80x9", "2000x24", "80", "x", "²x24", "80x-24"])
def test_a_size_that_nothing_can_be_drawn_in_is_wrong_usage(
    size: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        starting._size({"--size": size})
    assert ended.value.code == 2 and "--size is" in capsys.readouterr().err
    assert starting._size({"--size": "40x10"}) == (40, 10)
