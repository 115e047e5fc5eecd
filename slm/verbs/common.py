"""What every verb of the command line shares: its flags, its place, who hears how far it is.

A verb is a function of its arguments and a `Context` that gives a result. It imports what
it needs inside, so that waiting jobs and `--help` stay light. Its docstring is its help.
"""

import inspect
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import tyro

from slm.errors import ConfigError
from slm.jobs import Reporter
from slm.tokenizer.separators import Separator
from slm.workspace import LOCAL_OWNER, Artefact, Workspace

ROOT = Path(__file__).resolve().parents[2]
DEMO = ROOT / "demo"
T = TypeVar("T")


@dataclass(frozen=True)
class Common:
    """What every verb takes."""

    workspace: Path | None = None
    """Where artefacts are kept. Default: SLM_WORKSPACE, else ./workspace."""
    job: str | None = None
    """The job that this process is; set by the app."""
    json: bool = False
    """Print the result as one JSON object."""

    def open(self) -> Workspace:
        """The workspace, with the shipped demo beside it."""
        root = self.workspace or Path(os.environ.get("SLM_WORKSPACE", "workspace"))
        demo = [] if root.resolve() == DEMO else [DEMO]
        return Workspace(root, read_only=demo)


class TerminalReporter:
    """Tells progress on standard error, a line at a time, a few times a second at most."""

    def __init__(self) -> None:
        self._told = 0.0

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        """See `slm.jobs.Reporter`."""
        now = time.monotonic()
        patience = 0.2 if sys.stderr.isatty() else 5.0
        if now - self._told < patience:
            return
        self._told = now
        share = "" if fraction is None else f"{fraction:4.0%} "
        line = f"{stage + ': ' if stage else ''}{share}{message}"
        end = "\r" if sys.stderr.isatty() else "\n"
        print(f"{line[:100]:100}" if end == "\r" else line, end=end, file=sys.stderr, flush=True)

    def plan(self, stages: Mapping[str, float]) -> None:
        """A terminal shows stages as they come."""

    def should_stop(self) -> bool:
        """Ctrl+C ends a verb in a terminal; nothing else does."""
        return False


Result = dict[str, Any]
Verb = Callable[[Sequence[str], "Context"], Result]


@dataclass
class Context:
    """What a verb works with: where, who watches, and what an earlier try has made."""

    common: Common
    report: Reporter
    owner: str = LOCAL_OWNER
    result: Result = field(default_factory=dict)

    @property
    def workspace(self) -> Workspace:
        """The workspace that the command line names, as the owner of the work may use it."""
        return self.common.open().acting_as(self.owner)


def parse(settings: type[T], verb: Verb, arguments: Sequence[str]) -> T:
    """The verb's settings from flat flags. A wrong flag ends the program with status 2."""
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.AvoidSubcommands, tyro.conf.FlagConversionOff)
    return tyro.cli(
        settings,
        args=list(arguments),
        prog=f"python -m slm {verb_name(verb)}",
        description=f"{inspect.getdoc(verb)} Every verb also takes --workspace FOLDER and --json.",
        config=config,
    )


def value_of(flag: str, arguments: Sequence[str]) -> str | None:
    """The value of a flag before the others are read, since their defaults depend on it.

    >>> value_of("--preset", ["--preset=nano"]), value_of("--preset", ["--steps", "3"])
    ('nano', None)
    """
    for index, argument in enumerate(arguments):
        if argument == flag and index + 1 < len(arguments):
            return arguments[index + 1]
        if argument.startswith(f"{flag}="):
            return argument.partition("=")[2]
    return None


def preset_of(arguments: Sequence[str], default: str) -> str:
    """The model preset that the flags name, before the others are read.

    Raises: ConfigError for one that there is not.
    """
    from slm.model.config import PRESETS

    preset = value_of("--preset", arguments) or default
    if preset not in PRESETS:
        raise ConfigError(f"There is no preset {preset!r}; there are: {', '.join(PRESETS)}.")
    return preset


def chosen_text(corpus: str, tokenizer: str, context: Context) -> tuple[Artefact, Artefact]:
    """Corpus and tokenizer by name or id; of no tokenizer, the newest learned from the corpus.

    Raises: WorkspaceError when there are none; TokenizerError when nothing was learned yet.
    """
    from slm.tokenizer.encoding import newest_tokenizer

    here = context.workspace
    found = here.corpora.get(corpus)
    return found, here.tokenizers.get(tokenizer) if tokenizer else newest_tokenizer(here, found)


def chosen_tokens(
    corpus: str, tokenizer: str, context: Context, separator: Separator | None = None
) -> tuple[Artefact, Artefact, Artefact] | None:
    """Corpus, tokenizer, and the corpus as tokens; None when asked to stop before they are cut.

    Raises: as `chosen_text`.
    """
    from slm.tokenizer.encoding import tokens_for

    text = chosen_text(corpus, tokenizer, context)
    tokens = tokens_for(
        context.workspace, *text, context.report, separator=separator, owner=context.owner
    )
    return None if tokens is None else (*text, tokens)


def verb_name(verb: Verb) -> str:
    """What the verb is called: `import_tokenizer` is `import-tokenizer`, `import_` is `import`."""
    return verb.__name__.rstrip("_").replace("_", "-")
