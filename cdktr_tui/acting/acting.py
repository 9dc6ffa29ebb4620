"""Does what keys, the command line and the palette ask for: asks before, sends, tells what came
of it.

What a verb means and how much is asked is decided by `actions.py`; here are the question at the
foot, the box, the requests of a deed and the one sentence that tells how it ended. Every request
carries an id of its own, so that nothing is done twice however often it is sent. Knows no view.
"""

from __future__ import annotations

import getpass
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cdktr_common import clean
from cdktr_common.catalogue.base import Request
from cdktr_common.catalogue.principal import (
    RunDetail,
    RunExplained,
    RunRetry,
    RunShow,
    RunStatus,
    RunWhy,
    TaskList,
    TaskPage,
)
from cdktr_common.errors import ProtocolError
from cdktr_tui import views
from cdktr_tui.acting import actions, beginning, commanding
from cdktr_tui.acting.actions import Deed, Refused, Subject
from cdktr_tui.boxes.dialogs import Box, Inner, Reading, Typed
from cdktr_tui.boxes.palette import Palette, Thing, things
from cdktr_tui.draw import explaining
from cdktr_tui.draw.line import Line, line
from cdktr_tui.keys import key_name
from cdktr_tui.widgets.footer import Footer
from cdktr_tui.widgets.prompt import Question

if TYPE_CHECKING:
    from cdktr_tui.app import CdktrApp
    from cdktr_tui.session import Session

TOLD: Final = 200
"""Sentences that are kept, for those who looked away."""


def somebody() -> str:
    """Who asks, as others are told."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no such user in a bare container
        return "cdktr-tui"


class Acting:
    """One for the program; what it does is done on the principal that is shown."""

    def __init__(self, app: CdktrApp) -> None:
        self.app = app
        self.told: deque[tuple[float, str]] = deque(maxlen=TOLD)
        self.wrong = ""
        """What went wrong last, if anything has."""
        self.commands: list[str] = []
        """Lines that were typed, for going back to them."""
        self.filters: list[str] = []
        self._cancelled: set[tuple[str, str]] = set()

    # What it needs of the screen.

    @property
    def session(self) -> Session:
        return self.app.session

    @property
    def foot(self) -> Footer:
        return self.app.view.query_one(Footer)

    def say(self, text: str, style: str = "ok") -> None:
        """One sentence at the foot; it is kept."""
        text = clean.line(text, 400)
        if style in ("warn", "bad"):
            self.wrong = text
        self.told.append((self.app.now(), text))
        self.foot.say((text, style))

    def box(self, inner: Inner, then: Callable[[Any], None] | None = None) -> Box:
        """Open a box; `then` gets what comes of it, unless it is left."""

        def closed(result: Any) -> None:
            if then is not None and result is not None:
                then(result)

        box = Box(inner, self.app.signs)
        self.app.push_screen(box, closed)
        return box

    def denied(self) -> str:
        """Why nothing can be changed now; "": it can."""
        if self.session.place.read_only or self.app.options.read_only:
            return "read-only: nothing is changed from here"
        if self.session.model.link.state != "up":
            return f"{self.session.place.name} does not answer: nothing can be changed now"
        return ""

    # Verbs.

    def do(self, verb: str, subjects: Sequence[Subject]) -> None:
        """What a key says, to these."""
        subjects = [self._meant(verb, each) for each in subjects]
        if not subjects:
            self.say("nothing is selected", "warn")
        elif verb == "explain":
            self.explain(subjects[0])
        elif verb == "logs":
            self.logs(subjects[0])
        elif denied := self.denied():
            self.say(denied, "warn")
        elif verb == "retry":
            self._ask_retry(subjects)
        elif verb == "run" and len(subjects) == 1:
            self.start(subjects[0].of_workflow)
        else:
            place = self.session.place.name
            cancelled = {run for where, run in self._cancelled if where == place}
            self.begin(actions.which(verb, subjects, cancelled), subjects)

    def _meant(self, verb: str, subject: Subject) -> Subject:
        """The run that a verb is about, if it is about runs, and how it stands with it."""
        model = self.session.model
        if subject.kind == "task" and verb == "cancel":
            known = model.runs.rows.get(subject.run)
            state = known.state if known is not None else ""
            return Subject("run", subject.run, subject.run, subject.of_workflow, state=state)
        row = model.workflows.rows.get(subject.id)
        return actions.its_run(verb, subject, row.last if row is not None else ())

    def begin(self, verb: str, subjects: Sequence[Subject]) -> None:
        """Ask as much as there is to be asked, then do it."""
        place = self.session.place
        try:
            deed = actions.deed(verb, subjects, somebody(), place.name * place.protected)
        except Refused as refused:
            self.say(str(refused), "warn")
            return
        if deed.ask == "word":
            self.box(self.typed(deed), lambda _: self.perform(deed))
        elif deed.ask == "question":
            text = line((f"{clean.line(deed.title, 80)}?", "warn"), f" {deed.effect}")
            self.foot.ask(Question(text, {"y": (deed.verb, lambda: self.perform(deed))}))
        else:
            self.perform(deed)

    def typed(self, deed: Deed) -> Typed:
        place = self.session.place
        touched: list[Line] = [line(clean.line(step.name, 90)) for step in deed.steps]
        for name, reason in deed.skipped:
            touched.append(line((f"not {clean.line(name, 40)}: {reason}", "dim")))
        why = f"{place.name} is protected" if place.protected else ""
        return Typed(clean.line(deed.title, 80), touched, deed.word, deed.effect, why)

    def perform(self, deed: Deed, wrong: Callable[[ProtocolError], bool] | None = None) -> None:
        """Send all of it; one sentence when all answers are there. `wrong` may take care of what
        was refused."""
        session, faults = self.session, [(name, why) for name, why in deed.skipped]
        told: list[str] = []

        def ended(name: str, reply: Any, fault: ProtocolError | None = None) -> None:
            if fault is None:
                told.append(actions.done(deed.verb, name, reply))
                self._remember(session, deed.verb, reply)
            elif wrong is not None and wrong(fault):
                return
            else:
                faults.append((name, said(fault)))
            if len(told) + len(faults) < len(deed.steps) + len(deed.skipped):
                return
            if len(deed.steps) > 1:
                text = actions.done_all(deed.verb, len(told), faults)
            else:
                text = told[0] if told else ": ".join(faults[-1])
            self.say(text, "ok" if not faults else "warn" if told else "bad")

        self.say(f"{deed.title} …", "dim")
        for step in deed.steps:
            self._send(session, deed.verb, step.name, step.request, ended)

    def _send(
        self,
        session: Session,
        verb: str,
        name: str,
        request: Request,
        ended: Callable[[str, Any, ProtocolError | None], None],
    ) -> None:
        def refused(fault: ProtocolError) -> None:
            ended(name, None, fault)

        def answered(reply: Any) -> None:
            if isinstance(reply, RunDetail) and verb == "again":
                session.ask(actions.once_more(reply), answered, lambda fault: gone(fault, reply))
            else:
                ended(name, reply, None)

        def gone(fault: ProtocolError, detail: RunDetail) -> None:
            """There is no such workflow any more, or there never was: the plan is in the run."""
            if fault.code == "not_found":
                session.ask(RunRetry(run=detail.run.run, all=True), answered, refused)
            else:
                refused(fault)

        session.ask(request, answered, refused)

    def _remember(self, session: Session, verb: str, reply: Any) -> None:
        """One more cancel of it will mean to end it."""
        if verb == "cancel" and isinstance(reply, RunStatus):
            self._cancelled.add((session.place.name, reply.run.run))

    def _ask_retry(self, subjects: Sequence[Subject]) -> None:
        verbs = {"f": ("failed tasks", "retry"), "a": ("all", "retry_all")}
        if len(subjects) == 1 and subjects[0].task:
            verbs["h"] = (f"from {clean.line(subjects[0].task, 20)} on", "retry_here")

        def answer(verb: str) -> Callable[[], None]:
            return lambda: self.begin(verb, subjects)

        what = subjects[0].of_run if len(subjects) == 1 else f"{len(subjects)} runs"
        answers = {key: (label, answer(verb)) for key, (label, verb) in verbs.items()}
        self.foot.ask(Question(line((f"retry {clean.line(what, 40)}:", "warn")), answers))

    def start(self, workflow: str, given: Mapping[str, str] | None = None) -> None:
        """Start a workflow; see `beginning`."""
        if workflow:
            beginning.start(self, workflow, given)
        else:
            self.say("it belongs to no workflow", "warn")

    def failed(self, about: str) -> Callable[[ProtocolError], None]:
        return lambda fault: self.say(f"{about}: {said(fault)}", "bad")

    # What changes nothing.

    def explain(self, subject: Subject) -> None:
        """Why it waits, or why it failed."""
        run = subject.of_run
        if not run:
            self.say(f"{subject.id}: {subject.text or 'no run of it is known'}", "warn")
            return
        session, name = self.session, f"why {run}" + (f"/{subject.task}" if subject.task else "")

        def why(told: RunExplained) -> None:
            box = self.box(Reading(name, explaining.causes(told)))

            def tasks(page: TaskPage) -> None:
                if box.is_attached:
                    box.hold(Reading(name, explaining.failures(told, page, subject.task)))

            if told.run.failed or told.run.state == "FAILED":
                session.ask(TaskList(run=told.run.run), tasks, self.failed(name))

        session.ask(RunWhy(run=run, task=subject.task or None), why, self.failed(name))

    def logs(self, subject: Subject) -> None:
        """Its output on the full screen."""
        run = subject.of_run
        if not run:
            self.say(f"{subject.id}: no run of it is known", "warn")
            return
        if subject.of_workflow:
            self._open_log(subject, run, subject.of_workflow)
            return

        def known(detail: RunDetail) -> None:
            self._open_log(subject, detail.run.run, detail.run.workflow)

        self.session.ask(RunShow(run=run), known, self.failed(run))

    def _open_log(self, subject: Subject, run: str, workflow: str) -> None:
        of = {"run": run, "workflow": workflow, "task": subject.task, "n": subject.n}
        self.app.open(views.make("log", self.session, **of))

    # The command line and the palette.

    def line(self, text: str) -> str | None:
        """Do what a command line says; what is wrong with it."""
        return commanding.obey(self, text)

    def command(self, text: str = "") -> None:
        """Ask for a command line."""
        self.foot.ask(commanding.prompt(self, text))

    def palette(self) -> None:
        """Find an action or an object by some of its letters."""
        view = self.app.view
        found = things(self, view.NAME, self.app.keys)

        def chosen(thing: Thing) -> None:
            if thing.key:
                self.app.simulate_key(key_name(thing.key))
            elif fault := self.line(thing.line):
                self.say(fault, "warn")

        self.box(Palette(found), chosen)


def said(fault: ProtocolError) -> str:
    """A refusal in one sentence: its code, the detail, and what would have been right."""
    text = f"{fault.code}: {fault.detail}" if fault.detail else fault.code
    if fault.near:
        text += f"; {', '.join(fault.near[:3])}?"
    return text + ("; it may be tried again" if fault.retry else "")
