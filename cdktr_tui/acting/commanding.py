"""Obeys the command line: what was read (`commands.py`) is done by the program and its verbs."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from cdktr_common.catalogue.principal import WorkflowDetail, WorkflowShow
from cdktr_common.errors import ProtocolError
from cdktr_tui import views
from cdktr_tui.acting import commands
from cdktr_tui.acting.actions import Subject
from cdktr_tui.acting.commands import Command, Names
from cdktr_tui.widgets.prompt import Prompt

if TYPE_CHECKING:
    from cdktr_tui.acting.acting import Acting

MOST_RUNS = 500
"""Runs that are offered by name."""


def names(acting: Acting) -> Names:
    """All that can be named now."""
    app, session, model = acting.app, acting.session, acting.session.model
    kinds = (("workflow", "workflows"), ("agent", "agents"))
    return Names(
        workflow=model.workflows.order,
        run=["last", *model.runs.order[:MOST_RUNS]],
        agent=model.agents.order,
        principal=list(app.places),
        theme=sorted(app.available_themes),
        part=frozenset(
            kind for kind, root in kinds if root not in session.roots or session.roots[root].stale
        ),
    )


def prompt(acting: Acting, text: str) -> Prompt:
    """The line that is typed after a colon."""
    return Prompt(
        ":",
        lambda typed: obey(acting, typed) if typed else None,
        text,
        complete=lambda typed: commands.complete(typed, names(acting)),
        history=acting.commands,
    )


def obey(acting: Acting, text: str) -> str | None:
    """Do what the line says; what is wrong with it, if anything is."""
    read = commands.read(text, names(acting))
    if isinstance(read, str):
        return read
    return _do(acting, read)


def _do(acting: Acting, command: Command) -> str | None:
    app = acting.app
    match command.form.does:
        case "view":
            app.go(command.form.name)
            if command.rest:
                return app.view.begin(command.rest)
        case "act":
            return _act(acting, command)
        case "open":
            _open(acting, command.object)
        case "goto":
            return app.view.goto(int(command.object))
        case "principal":
            app.switch(command.object) if command.object else app.go("principals")
        case "theme":
            app.theme = command.object
        case "help":
            app.view.action_help()
        case "export":
            app.view.action_export()
        case "resync":
            app.view.action_resync()
        case "quit":
            app.exit(0)
    return None


def _act(acting: Acting, command: Command) -> str | None:
    name, object, rest = command.form.name, command.object, command.rest
    if name == "run":
        return _start(acting, object, rest)
    subject = _subject(acting, command.form.takes, object)
    if name == "retry" and rest in ("all", "failed"):
        acting.begin("retry_all" if rest == "all" else "retry", [subject])
    elif name in ("kill", "resume", "pause"):
        denied = acting.denied()
        if denied:
            acting.say(denied, "warn")
        else:
            acting.begin(name, [subject])
    else:
        acting.do(name, [subject])
    return None


def _start(acting: Acting, workflow: str, rest: str) -> str | None:
    try:
        words = shlex.split(rest)
    except ValueError as fault:
        return str(fault).lower()
    wrong = [word for word in words if "=" not in word]
    if wrong:
        return f"params are NAME=VALUE, not {wrong[0]}"
    if denied := acting.denied():
        acting.say(denied, "warn")
    else:
        acting.start(workflow, dict(word.split("=", 1) for word in words) or None)
    return None


def _subject(acting: Acting, kind: str, name: str) -> Subject:
    """What a name in a command stands for, as far as it is known here."""
    model = acting.session.model
    if kind == "workflow":
        row = model.workflows.rows.get(name)
        return Subject("workflow", name, state="paused" if row and row.paused else "")
    if kind == "agent":
        agent = model.agents.rows.get(name)
        return Subject("agent", name, state=agent.state if agent else "")
    run, _, task = name.partition("/")
    known = model.runs.rows.get(run)
    workflow = known.workflow if known else ""
    if task:
        return Subject("task", name, run=run, workflow=workflow, task=task)
    return Subject("run", run, workflow=workflow, state=known.state if known else "")


def _open(acting: Acting, name: str) -> None:
    app, model = acting.app, acting.session.model
    if name in model.workflows.rows:
        app.go("workflows")
        app.view.seek(name)
    elif name in model.agents.rows:
        app.open(views.make("agent", acting.session, agent=name))
    else:
        _look_for(acting, name)


def _look_for(acting: Acting, name: str) -> None:
    """Open what is not known here: a workflow of this name, else a run."""

    def is_workflow(_: WorkflowDetail) -> None:
        acting.app.go("workflows")
        acting.app.view.begin(name)

    def is_none(_: ProtocolError) -> None:
        run = name.partition("/")[0]
        acting.app.open(views.make("run", acting.session, run=run))

    acting.session.ask(WorkflowShow(workflow=name), is_workflow, is_none)
