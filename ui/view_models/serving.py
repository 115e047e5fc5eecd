"""A model served to other programs: the command, and the lines that clients need."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass

from slm.serving.config import ServeConfig
from slm.serving.presence import Running
from ui.texts import tr

USUAL_PORT = int(ServeConfig.model_fields["port"].default)
PROMPT = "Once upon a time"
_CHAT = [{"role": "user", "content": tr("Tell me a tale.")}]


@dataclass(frozen=True)
class Row:
    """A server that runs. `name` is foreign text; `ours`: it serves the chosen model."""

    name: str
    facts: str
    url: str
    ours: bool


@dataclass(frozen=True)
class ClientLines:
    """What one types, or writes into a program, to ask the server."""

    curl: str
    python: str
    chat: str | None


def serve_argv(model: str, step: int | None, port: int, *, plain_chat: bool) -> list[str]:
    """The verb and its flags."""
    argv = ["serve", f"--run={model}"]
    if step is not None:
        argv.append(f"--step={step}")
    if port != USUAL_PORT:
        argv.append(f"--port={port}")
    return [*argv, "--plain-chat=True"] if plain_chat else argv


def command(argv: Sequence[str], root: str) -> str:
    """The line for a terminal in the app's folder."""
    return shlex.join(["python", "-m", "slm", *argv, f"--workspace={root}"])


def rows(found: Sequence[Running], chosen: str) -> tuple[Row, ...]:
    """The servers that run, those of the chosen model first, then the newest."""
    told = [
        Row(
            each.name,
            tr("step {step:,} · {asks_key}").format(
                step=each.step,
                asks_key=tr("asks for a key") if each.asks_key else tr("asks for no key"),
            ),
            each.url,
            each.model == chosen,
        )
        for each in reversed(found)
    ]
    return tuple(sorted(told, key=lambda row: not row.ours))


def address(found: Sequence[Row], port: int) -> str:
    """Where the chosen model is served, or will be."""
    return next((row.url for row in found if row.ours), f"http://127.0.0.1:{port}/v1")


def chat_note(name: str, *, has_template: bool) -> str:
    """Whether the model can chat, and how; `name` is foreign text."""
    if has_template:
        return tr("{name} has a chat template: it answers chats as it was trained to.").format(
            name=name
        )
    return tr(
        "{name} is a base model without a chat template: it goes on with "
        "a text. A chat is refused with that reason, unless plain chat "
        "is on."
    ).format(name=name)


def client_lines(url: str, model: str, *, chats: bool) -> ClientLines:
    """Lines that ask for a text, and for an answer where the server chats."""
    body = json.dumps({"model": model, "prompt": PROMPT, "max_tokens": 60, "seed": 1})
    curl = (
        f"curl {url}/completions \\\n"
        "  -H 'Content-Type: application/json' \\\n"
        f"  -d {shlex.quote(body)}"
    )
    client = (
        "from openai import OpenAI  # pip install openai\n\n"
        "client = OpenAI(\n"
        f"    base_url={url!r},\n"
        "    api_key='none',  # or the key that the server asks for\n"
        ")\n"
    )
    python = (
        f"{client}"
        "stream = client.completions.create(\n"
        f"    model={model!r},\n"
        f"    prompt={PROMPT!r},\n"
        "    max_tokens=60,\n"
        "    seed=1,\n"
        "    stream=True,\n"
        ")\n"
        "for chunk in stream:\n"
        "    print(chunk.choices[0].text, end='', flush=True)\n"
    )
    chat = (
        f"{client}"
        "answer = client.chat.completions.create(\n"
        f"    model={model!r},\n"
        f"    messages={_CHAT!r},\n"
        "    max_completion_tokens=60,\n"
        ")\n"
        "print(answer.choices[0].message.content)\n"
    )
    return ClientLines(curl, python, chat if chats else None)


def code_lines(root: str, model: str, step: int | None) -> str:
    """Lines that serve from a program of one's own."""
    return (
        "from pathlib import Path\n\n"
        "from slm.lab.reports import open_run\n"
        "from slm.serving.config import ServeConfig\n"
        "from slm.serving.server import serve\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({root!r}), read_only=[Path('demo')])\n"
        f"chosen = workspace.get_model({model!r})\n"
        f"opened = open_run(chosen, {step})\n"
        "serve(workspace, chosen, opened, ServeConfig(), ready=print)  # until Ctrl+C\n"
    )
