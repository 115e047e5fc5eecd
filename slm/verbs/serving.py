"""The verb that lets other programs write with a model."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from slm.verbs.common import Context, Result, parse
from slm.verbs.models import RunChoice


def serve(arguments: Sequence[str], context: Context) -> Result:
    """Serve a model to OpenAI clients over HTTP: completions and chat, until Ctrl+C."""
    from slm.lab.reports import open_run
    from slm.serving.config import ServeConfig
    from slm.serving.server import serve as run_server
    from slm.workshop.room import require_presenter

    @dataclass(frozen=True)
    class Serve:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        settings: Annotated[ServeConfig, tyro.conf.arg(name="")] = ServeConfig()

    asked = parse(Serve, serve, arguments)
    require_presenter(context.owner)
    chosen = context.workspace.get_model(asked.choice.run)
    opened = open_run(chosen, asked.choice.step)
    for note in opened.notes:
        print(note, file=sys.stderr)

    def ready(url: str) -> None:
        if context.common.job is not None:
            context.report(None, "answers until it is stopped", url=url)
            return
        told = f"{opened.name}, step {opened.step:,}, is served at {url} as model {opened.id}."
        print(told, "Ctrl+C ends it.", file=sys.stderr, flush=True)

    answered = run_server(
        context.workspace, chosen, opened, asked.settings, ready, context.report.should_stop
    )
    return {"run": opened.id, "step": opened.step, "requests": answered}
