"""The process that lays conversations out: `python -m slm.serving.template_child`.

A chat template is a program that somebody published. It runs in Jinja's sandbox, and here,
where one that never ends or eats memory costs its parent a sentence. The first line of standard
input is the template and its tokens; every further line is a conversation; each is answered by a
line: {"text": …} or {"error": a sentence}. The process ends with its input.

The settings of the sandbox and what a template may call are those of `transformers`
(`utils/chat_template_utils.py`), which published templates are written for.
"""

import json
import signal
import sys
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from jinja2 import TemplateError, nodes
from jinja2.ext import Extension, loopcontrols
from jinja2.parser import Parser
from jinja2.sandbox import ImmutableSandboxedEnvironment

SECONDS = 5
MEMORY_BYTES = 2**29
MOST_TEXT = 2**20


class _Generation(Extension):
    """`{% generation %}` marks what the model says, for training; here it changes nothing."""

    tags = {"generation"}  # noqa: RUF012 - as the base class has it

    def parse(self, parser: Parser) -> nodes.Node:
        """The block as if it were not marked."""
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return nodes.Scope(body, lineno=line)


def _raise(message: str) -> None:
    raise TemplateError(message)


def _to_json(value: Any, indent: int | None = None, **_: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)


def environment() -> ImmutableSandboxedEnvironment:
    """The sandbox that templates run in."""
    made = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    made.filters["tojson"] = _to_json
    made.globals["raise_exception"] = _raise
    made.globals["strftime_now"] = lambda form: datetime.now().strftime(str(form))
    return made


def _answer(template: Any, marks: Mapping[str, str], asked: Mapping[str, Any]) -> dict[str, str]:
    try:
        parts, length = [], 0
        for part in template.generate(**marks, **asked, tools=None, documents=None):
            parts.append(part)
            length += len(part)
            if length > MOST_TEXT:
                return {"error": "it writes more than a conversation can be"}
        return {"text": "".join(parts)}
    except MemoryError:
        return {"error": "it needs too much memory"}
    except (TemplateError, TypeError, ValueError, ArithmeticError, LookupError) as error:
        return {"error": f"{str(error)[:200] or type(error).__name__}"}
    except (AttributeError, RecursionError) as error:
        return {"error": type(error).__name__}


def _limit() -> None:
    if sys.platform != "win32":
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if sys.platform == "linux":
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))


def _alarm(seconds: int) -> None:
    """End this process after so many seconds; 0: not any more. Its parent does so on Windows."""
    if sys.platform != "win32":
        signal.alarm(seconds)


def main() -> int:
    _limit()
    told = json.loads(sys.stdin.readline())
    try:
        template = environment().from_string(told["template"])
    except (TemplateError, RecursionError, MemoryError) as error:
        print(json.dumps({"error": f"it cannot be read: {str(error)[:200]}"}), flush=True)  # noqa: T201
        return 0
    print(json.dumps({"text": ""}), flush=True)  # noqa: T201
    for line in sys.stdin:
        _alarm(SECONDS)
        answer = json.dumps(_answer(template, told["marks"], json.loads(line)))
        _alarm(0)
        print(answer, flush=True)  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
