"""`python -m slm VERB`: every chapter without a browser, from the same settings.

Results go to standard output (`--json` for machines), progress to standard
error. Exit status: 0 done, 1 a mistake that the user can mend (one sentence), 2
a wrong command line. With `--job ID` the same verb runs as a job of the app.
Each verb imports what it needs, so that waiting jobs and `--help` stay light.
"""

import json
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

import tyro

from slm import jobs
from slm.errors import ConfigError, JobError, SlmError
from slm.jobs import Reporter
from slm.workspace import LOCAL_OWNER, Artefact, Workspace

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "demo"
T = TypeVar("T")
_KEPT_LENGTH = 2_000  # characters of JSON


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
        """The workspace that the command line names."""
        return self.common.open()


def prepare(arguments: Sequence[str], context: Context) -> Result:
    """Collect, clean and split a corpus."""
    from slm.data.corpus import PrepareConfig, prepare_corpus

    settings = _parse(PrepareConfig, "prepare", arguments)
    made = prepare_corpus(context.workspace, settings, context.report, owner=context.owner)
    if made is None:
        return {}
    return {"corpus": made.artefact.id, "name": made.artefact.name, **made.artefact.details}


def tokenize(arguments: Sequence[str], context: Context) -> Result:
    """Train a tokenizer on a corpus and turn the corpus into token files."""
    from slm.tokenizer.encoding import TokenizeConfig, tokens_for, train_tokenizer

    settings = _parse(TokenizeConfig, "tokenize", arguments)
    here = context.workspace
    made = train_tokenizer(here, settings, context.report, owner=context.owner)
    if made is None:
        return {}
    context.result["tokenizer"] = made.id
    corpus = here.corpora.get(settings.corpus)
    tokens = tokens_for(here, corpus, made, context.report, owner=context.owner)
    if tokens is None:
        return {"tokenizer": made.id, "name": made.name}
    return {"tokenizer": made.id, "name": made.name, "tokens": tokens.id, **tokens.details}


@dataclass(frozen=True)
class TrainChoice:
    """Which run to make or to go on with."""

    corpus: str = ""
    """Corpus to learn from, by name or id."""
    tokenizer: str = ""
    """Tokenizer, by name or id. Default: the newest made from the corpus."""
    name: str = "run"
    """The new run's name."""
    preset: str = "nano"
    """Model preset that the other settings start from."""
    resume: str = ""
    """Go on with this run from its newest sound checkpoint; other settings are its own."""
    nproc: int = 1
    """Processes that share the work, on one machine."""


def train(arguments: Sequence[str], context: Context) -> Result:
    """Train a model, or go on with one."""
    from slm.model.config import PRESETS, ModelConfig
    from slm.training.config import TrainConfig, recipe_for

    preset = _value_of("--preset", arguments) or TrainChoice.preset
    if preset not in PRESETS:
        raise ConfigError(f"There is no preset {preset!r}; there are: {', '.join(PRESETS)}.")

    @dataclass(frozen=True)
    class Train:
        choice: Annotated[TrainChoice, tyro.conf.arg(name="")]
        model: Annotated[ModelConfig, tyro.conf.arg(name="")] = PRESETS[preset]
        training: Annotated[TrainConfig, tyro.conf.arg(name="")] = recipe_for(preset)

    asked = _parse(Train, "train", arguments)
    run = context.result.get("run") or asked.choice.resume
    if not run:
        made = _new_run(asked.choice, asked.model, asked.training, context)
        if made is None:
            return {}
        run = made.id
        context.result["run"] = run
    return _train_run(context.workspace.runs.get(run), asked.choice.nproc, context)


def build(arguments: Sequence[str], context: Context) -> Result:
    """From raw text to a model that speaks: the whole pipeline as one piece of work."""
    from slm.lab.pipeline import BuildConfig, build_model

    settings = _parse(BuildConfig, "build", arguments)
    return build_model(
        context.workspace, settings, context.report, made=context.result, owner=context.owner
    )


@dataclass(frozen=True)
class RunChoice:
    """Which trained model to use."""

    run: str
    """Run, by name or id."""
    step: int | None = None
    """Use the snapshot at this step. Default: the newest checkpoint."""


def evaluate(arguments: Sequence[str], context: Context) -> Result:
    """Perplexity and bits per byte on held-out text, beside simple baselines."""
    from slm.lab.reports import EvaluateConfig, evaluate_run

    @dataclass(frozen=True)
    class Evaluate:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        settings: Annotated[EvaluateConfig, tyro.conf.arg(name="")] = EvaluateConfig()

    asked = _parse(Evaluate, "evaluate", arguments)
    run = context.workspace.runs.get(asked.choice.run)
    return evaluate_run(
        context.workspace, run, asked.settings, step=asked.choice.step, report=context.report
    )


@dataclass(frozen=True)
class Writing:
    """What to write."""

    prompt: str = ""
    """The beginning; empty: a new document."""
    max_new_tokens: int = 200
    """How many tokens at most."""


def generate(arguments: Sequence[str], context: Context) -> Result:
    """Let a model write; the text streams to standard output."""
    from slm.lab.reports import open_run
    from slm.sampling.filters import SamplingConfig
    from slm.sampling.generate import decode_stream
    from slm.sampling.generate import generate as write

    @dataclass(frozen=True)
    class Generate:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        writing: Annotated[Writing, tyro.conf.arg(name="")]
        sampling: Annotated[SamplingConfig, tyro.conf.arg(name="")] = SamplingConfig()

    asked = _parse(Generate, "generate", arguments)
    run = open_run(context.workspace.runs.get(asked.choice.run), asked.choice.step)
    prompt_ids = run.tokenizer.encode(asked.writing.prompt)
    eos_id = run.tokenizer.eos_id
    n_new = asked.writing.max_new_tokens
    steps = _tell_notes(write(run.model, prompt_ids, asked.sampling, n_new, eos_id=eos_id))
    stream = not context.common.json
    pieces = [] if not stream else [asked.writing.prompt]
    if stream:
        print(asked.writing.prompt, end="", flush=True)
    for piece in decode_stream(steps, run.tokenizer, after=prompt_ids):
        pieces.append(piece)
        if stream:
            print(piece, end="", flush=True)
    if stream:
        print()
        return {}
    return {
        "run": run.id,
        "step": run.step,
        "prompt": asked.writing.prompt,
        "text": "".join(pieces),
    }


def _tell_notes(steps: Iterable[Any]) -> Iterator[Any]:
    """Pass steps on; what was clamped or trimmed goes to standard error."""
    for step in steps:
        for note in step.notes:
            print(note, file=sys.stderr)
        yield step


@dataclass(frozen=True)
class Looking:
    """What to look at."""

    text: str = "Once upon a time"
    """The text whose attention is wanted; at most one context length."""
    out: Path | None = None
    """Where to put the weights (NPZ: `weights` L×H×T×T, `tokens`, `ids`)."""


def attention(arguments: Sequence[str], context: Context) -> Result:
    """The attention weights of every layer and head for a text, and what each head does."""
    from slm.lab.reports import attention_report, open_run

    @dataclass(frozen=True)
    class Look:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        looking: Annotated[Looking, tyro.conf.arg(name="")]

    asked = _parse(Look, "attention", arguments)
    run = open_run(context.workspace.runs.get(asked.choice.run), asked.choice.step)
    return attention_report(run, asked.looking.text, asked.looking.out)


@dataclass(frozen=True)
class Export:
    """Where the model goes."""

    run: str
    """Run, by name or id."""
    to: Path
    """A new folder."""


def export(arguments: Sequence[str], context: Context) -> Result:
    """Write a run as a Hugging Face folder that `transformers` opens."""
    from slm.exchange.pretrained import export_pretrained
    from slm.lab.reports import open_run

    asked = _parse(Export, "export", arguments)
    run = open_run(context.workspace.runs.get(asked.run))
    export_pretrained(run.model, run.tokenizer, asked.to)
    return {"run": run.id, "step": run.step, "folder": str(asked.to)}


VERBS: Mapping[str, Verb] = {
    "prepare": prepare,
    "tokenize": tokenize,
    "train": train,
    "evaluate": evaluate,
    "generate": generate,
    "attention": attention,
    "build": build,
    "export": export,
}


def main(arguments: Sequence[str]) -> int:
    """Run one verb; gives the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    if not arguments or arguments[0] in {"-h", "--help"}:
        _print_usage()
        return 0 if arguments else 2
    verb, rest = arguments[0], list(arguments[1:])
    if verb not in VERBS:
        print(f"There is no verb {verb!r}; there are: {', '.join(VERBS)}.", file=sys.stderr)
        return 2
    common, rest = _split_common(verb, rest)
    try:
        result = _run_as_job(verb, rest, common) if common.job else _run(verb, rest, common)
    except SlmError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Stopped. What was saved stays.", file=sys.stderr)
        return 130
    if common.json:
        print(json.dumps(result, ensure_ascii=False, indent=1))
    elif result:
        print("\n".join(_lines(result)))
    return 0


def _run(verb: str, arguments: Sequence[str], common: Common) -> Result:
    return VERBS[verb](arguments, Context(common, TerminalReporter()))


def _run_as_job(verb: str, arguments: Sequence[str], common: Common) -> Result:
    from slm.worker import working

    assert common.job is not None
    job = jobs.get_job(common.open(), common.job)
    if job is None:
        raise JobError(f"There is no job {common.job!r} in this workspace.")
    with working(job) as report:
        if report.should_stop():
            return report.result
        context = Context(common, report, job.owner, report.result)
        report.result.update(_small(VERBS[verb](arguments, context)))
    return report.result


def _new_run(choice: TrainChoice, model: Any, training: Any, context: Context) -> Artefact | None:
    """The run folder to train in; None when asked to stop before it is ready."""
    from slm.tokenizer.encoding import newest_tokenizer, tokens_for
    from slm.training.runs import create_run

    here = context.workspace
    if not choice.corpus:
        raise ConfigError("--corpus is missing; name the corpus to learn from, or --resume a run.")
    corpus = here.corpora.get(choice.corpus)
    tokenizer = (
        here.tokenizers.get(choice.tokenizer)
        if choice.tokenizer
        else newest_tokenizer(here, corpus)
    )
    tokens = tokens_for(here, corpus, tokenizer, context.report, owner=context.owner)
    if tokens is None:
        return None
    fitted = model.replace(vocab_size=tokens.details["vocab_size"])
    return create_run(
        here, fitted, training, corpus, tokenizer, tokens, choice.name, owner=context.owner
    )


def _train_run(run: Artefact, nproc: int, context: Context) -> Result:
    from slm.lab.snapshots import observers_for
    from slm.training.launch import train_in_processes
    from slm.training.trainer import train as train_here

    if nproc > 1:
        train_in_processes(run.folder, nproc, report=context.report)
        return {"run": run.id, "name": run.name}
    outcome = train_here(run.folder, observers=observers_for(run.folder), report=context.report)
    return {"run": run.id, "name": run.name, **asdict(outcome)}


def _parse(settings: type[T], verb: str, arguments: Sequence[str]) -> T:
    """The verb's settings from flat flags. A wrong flag ends the program with status 2."""
    config = (tyro.conf.OmitArgPrefixes, tyro.conf.AvoidSubcommands, tyro.conf.FlagConversionOff)
    return tyro.cli(
        settings,
        args=list(arguments),
        prog=f"python -m slm {verb}",
        description=f"{VERBS[verb].__doc__} Every verb also takes --workspace FOLDER and --json.",
        config=config,
    )


def _split_common(verb: str, arguments: list[str]) -> tuple[Common, list[str]]:
    """The flags that every verb has, and the rest."""
    values: dict[str, Any] = {}
    rest = []
    pending = iter(arguments)
    known = {f"--{item.name}" for item in fields(Common)}
    for argument in pending:
        name, _, value = argument.partition("=")
        if name not in known:
            rest.append(argument)
        elif name == "--json":
            values["json"] = True
        else:
            values[name[2:]] = value or next(pending, "")
    if values.get("workspace") is not None:
        values["workspace"] = Path(values["workspace"])
    return Common(**values), rest


def _value_of(flag: str, arguments: Sequence[str]) -> str | None:
    for index, argument in enumerate(arguments):
        if argument == flag and index + 1 < len(arguments):
            return arguments[index + 1]
        if argument.startswith(f"{flag}="):
            return argument.partition("=")[2]
    return None


def _small(result: Result) -> Result:
    """What of a result is worth keeping in a job's status: figures, no long texts or lists."""
    return {key: value for key, value in result.items() if len(json.dumps(value)) <= _KEPT_LENGTH}


def _lines(result: Mapping[str, Any], indent: str = "") -> list[str]:
    lines = []
    for key, value in result.items():
        if isinstance(value, Mapping):
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else value
            lines.append(f"{indent}{key}: {shown}")
    return lines


def _print_usage() -> None:
    width = max(len(verb) for verb in VERBS)
    print("python -m slm VERB [--help]\n")
    print("\n".join(f"  {verb:{width}}  {VERBS[verb].__doc__}" for verb in VERBS))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
