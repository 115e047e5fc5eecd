"""The verbs that make, judge and use models: from training to export."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from slm.errors import ConfigError, JobError, WorkspaceError
from slm.locks import is_held
from slm.tokenizer.separators import Separator
from slm.verbs.common import Context, Result, chosen_tokens, parse, preset_of, value_of
from slm.verbs.tuning import ToTune, to_tune
from slm.workspace import Artefact


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
    separator: Separator | None = None
    """What stands behind each document. Default: what the tokenizer was trained to go with."""
    resume: str = ""
    """Go on with this run from its newest sound checkpoint. Settings are its own but for those
    given: with more --steps a finished run gets longer."""
    fork: str = ""
    """Begin a new run where this one was; settings are its own but for those given."""
    from_model: Annotated[str, tyro.conf.arg(name="from")] = ""
    """Fine-tune this model, imported or trained here: a new run that begins with its weights and
    keeps its shape and tokenizer. --lora-rank 8 trains adapters beside them, 0 all of them."""
    at: int | None = None
    """The step to fork or to fine-tune: of a checkpoint or a snapshot. Default: the newest
    checkpoint."""
    nproc: int = 1
    """Processes that share the work, on one machine."""


def train(arguments: Sequence[str], context: Context) -> Result:
    """Train a model, go on with one, fork one, or fine-tune one."""
    from slm.model.config import PRESETS, ModelConfig
    from slm.training.config import TrainConfig, recipe_for
    from slm.training.runs import RunSettings

    preset = preset_of(arguments, TrainChoice.preset)

    known: _Known | ToTune | None = None
    shape, recipe = PRESETS[preset], recipe_for(preset)
    if "run" not in context.result:
        known = to_tune(arguments, context) or _known_run(arguments, context)
    elif value_of("--from", arguments):  # an earlier try made the run
        made_before = RunSettings.read(context.workspace.runs.get(context.result["run"]).folder)
        shape, recipe = made_before.model, made_before.train
    if known is not None:
        shape, recipe = known.model, known.training

    @dataclass(frozen=True)
    class Train:
        choice: Annotated[TrainChoice, tyro.conf.arg(name="")]
        model: Annotated[ModelConfig, tyro.conf.arg(name="")] = shape
        training: Annotated[TrainConfig, tyro.conf.arg(name="")] = recipe

    asked = parse(Train, train, arguments)
    if "run" not in context.result:
        take = _new_run if known is None else known.taken_up
        made = take(asked.choice, asked.model, asked.training, context)
        if made is None:
            return {}
        context.result["run"] = made.id
    run = context.workspace.runs.get(context.result["run"])
    return _train_run(run, asked.choice.nproc, context)


@dataclass(frozen=True)
class _Known:
    """A run to go on with or to fork, its model, and the settings that hold for it there."""

    run: Artefact
    model: Any
    training: Any
    step: int | None

    def taken_up(
        self, choice: TrainChoice, model: Any, training: Any, context: Context
    ) -> Artefact:
        """The run to train: itself, with what is to change asked for, or its fork."""
        from slm.training.events import request_change
        from slm.training.fork import fork_run
        from slm.training.runs import require_steps

        require_steps(context.workspace, training.steps)
        if model != self.model:
            raise ConfigError(
                f"The model of {self.run.name!r} cannot change; start a new run for another model."
            )
        if self.step is not None:
            name = "" if choice.name == TrainChoice.name else choice.name
            return fork_run(
                context.workspace, self.run, self.step, training, name=name, owner=context.owner
            )
        old, new = self.training.to_json(), training.to_json()
        request_change(self.run.folder, {key: new[key] for key in new if new[key] != old[key]})
        return self.run


def _known_run(arguments: Sequence[str], context: Context) -> _Known | None:
    """The run that --resume or --fork names, as it stands."""
    from slm.training.events import config_at, latest_config, read_events
    from slm.training.runs import RunSettings

    name, fork = value_of("--resume", arguments), value_of("--fork", arguments)
    if name and fork:
        raise ConfigError("Choose one of --resume and --fork.")
    if not name and not fork:
        return None
    run = context.workspace.runs.get(fork or name or "")
    settings = RunSettings.read(run.folder)
    if name:
        _require_own(run)
        context.workspace.runs.changeable(run.id)
        return _Known(run, settings.model, latest_config(run.folder), None)
    at = value_of("--at", arguments)
    step = int(at) if at and at.isdigit() else _newest_step(run)
    training = config_at(settings.train, read_events(run.folder), step)
    return _Known(run, settings.model, training, step)


def _newest_step(run: Artefact) -> int:
    from slm.model.checkpoint import newest_sound

    return newest_sound(run.folder).step


def _require_own(run: Artefact) -> None:
    """Raises: WorkspaceError for a run that ships with the app, JobError for one at work."""
    if run.read_only:
        raise WorkspaceError(
            f"{run.name!r} ships with the app and cannot be changed; fork it: --fork {run.id}."
        )
    if is_held(run.folder / "run.lock"):
        raise JobError(f"{run.name!r} is being trained now; change it with the verb change.")


@dataclass(frozen=True)
class ChangeChoice:
    """Which run is to change."""

    run: str
    """Run, by name or id."""


def change(arguments: Sequence[str], context: Context) -> Result:
    """Change settings of a run while it trains, or for when it goes on."""
    from slm.training.config import TrainConfig
    from slm.training.events import CHANGEABLE, latest_config, request_change
    from slm.training.runs import require_steps

    name = value_of("--run", arguments)
    run = context.workspace.runs.get(name) if name else None
    if run is not None and run.read_only:
        raise WorkspaceError(f"{run.name!r} ships with the app and cannot be changed; fork it.")
    if run is not None:
        context.workspace.runs.changeable(run.id)
    before = TrainConfig() if run is None else latest_config(run.folder)

    @dataclass(frozen=True)
    class Change:
        choice: Annotated[ChangeChoice, tyro.conf.arg(name="")]
        training: Annotated[TrainConfig, tyro.conf.arg(name="")] = before

    asked = parse(Change, change, arguments)
    assert run is not None, "parse requires --run"
    old, new = before.to_json(), asked.training.to_json()
    changes = {key: new[key] for key in new if new[key] != old[key]}
    if not changes:
        raise ConfigError(
            "Nothing would change: give at least one setting another value than it has. "
            f"What can change: {', '.join(sorted(CHANGEABLE))}."
        )
    require_steps(context.workspace, asked.training.steps)
    request_change(run.folder, changes)
    return {"run": run.id, "name": run.name, "changes": changes}


def build(arguments: Sequence[str], context: Context) -> Result:
    """From raw text to a model that speaks: the whole pipeline as one piece of work."""
    from slm.lab.pipeline import BuildConfig, build_model

    settings = parse(BuildConfig, build, arguments)
    return build_model(
        context.workspace, settings, context.report, made=context.result, owner=context.owner
    )


@dataclass(frozen=True)
class RunChoice:
    """Which model to use."""

    run: str
    """Run or imported model, by name or id."""
    step: int | None = None
    """Use the snapshot at this step. Default: the newest checkpoint."""


def evaluate(arguments: Sequence[str], context: Context) -> Result:
    """Perplexity and bits per byte, with intervals, beside baselines and other models."""
    from slm.lab.evaluation import EvaluateConfig, evaluate_run
    from slm.lab.kept_evaluations import keep_evaluation

    @dataclass(frozen=True)
    class Evaluate:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        settings: Annotated[EvaluateConfig, tyro.conf.arg(name="")] = EvaluateConfig()

    asked = parse(Evaluate, evaluate, arguments)
    workspace, step = context.workspace, asked.choice.step
    run = workspace.get_model(asked.choice.run)
    found = evaluate_run(workspace, run, asked.settings, step=step, report=context.report)
    if not context.report.should_stop():
        keep_evaluation(workspace, run, asked.settings, found, step)
    return found


@dataclass(frozen=True)
class Writing:
    """What to write."""

    prompt: str = ""
    """The beginning; empty: a new document."""
    max_new_tokens: int = 200
    """How many tokens at most."""
    stop: tuple[str, ...] = ()
    """The text ends before the first of these strings."""
    regex: str = ""
    """The text behind the prompt must match this regular expression as a whole."""
    json_schema: str = ""
    """The text behind the prompt must be JSON as this schema describes it."""
    int8: bool = False
    """Read new tokens with weights of 8 bits: faster, nearly as well, on a processor."""


def generate(arguments: Sequence[str], context: Context) -> Result:
    """Let a model write; the text streams to standard output."""
    from slm.lab.reports import open_run
    from slm.sampling.filters import SamplingConfig
    from slm.sampling.generate import decode_stream
    from slm.sampling.generate import generate as write
    from slm.sampling.methods import WritingConfig, constrained
    from slm.utf8 import without_controls

    @dataclass(frozen=True)
    class Generate:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        writing: Annotated[Writing, tyro.conf.arg(name="")]
        sampling: Annotated[SamplingConfig, tyro.conf.arg(name="")] = SamplingConfig()

    asked = parse(Generate, generate, arguments)
    run = open_run(context.workspace.get_model(asked.choice.run), asked.choice.step)
    prompt_ids = run.tokenizer.encode(asked.writing.prompt)
    eos_id = run.tokenizer.eos_id
    n_new = asked.writing.max_new_tokens
    stop, int8 = asked.writing.stop, asked.writing.int8
    form = WritingConfig(regex=asked.writing.regex, json_schema=asked.writing.json_schema)
    decoder = run.tokenizer.decoder(prompt_ids) if stop else None
    steps = _tell_notes(
        write(
            run.model, prompt_ids, asked.sampling, n_new,
            eos_id=eos_id, stop=stop, decoder=decoder, int8=int8,
            constraint=constrained(run.model, run.tokenizer, form, eos_id=eos_id),
        )
    )  # fmt: skip
    stream = not context.common.json
    shown = without_controls if sys.stdout.isatty() else str  # a file gets the very text
    pieces = [] if not stream else [asked.writing.prompt]
    if stream:
        print(shown(asked.writing.prompt), end="", flush=True)
    for piece in decode_stream(steps, run.tokenizer, prompt_ids, stop):
        pieces.append(piece)
        if stream:
            print(shown(piece), end="", flush=True)
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
    measure: Literal["weights", "value-norm", "logit", "layer-mean", "rollout"] = "weights"
    """The weights; times the length of the value; what is added to the logit of the token that
    came; averaged over each layer's heads; or rolled out through the layers."""
    out: Path | None = None
    """Where to put them (NPZ: L×H×T×T, by layer L×T×T, with `tokens` and `ids`)."""


def attention(arguments: Sequence[str], context: Context) -> Result:
    """The attention weights of every layer and head for a text, and what each head does."""
    from slm.lab.reports import attention_report, open_run

    @dataclass(frozen=True)
    class Look:
        choice: Annotated[RunChoice, tyro.conf.arg(name="")]
        looking: Annotated[Looking, tyro.conf.arg(name="")]

    asked = parse(Look, attention, arguments)
    run = open_run(context.workspace.get_model(asked.choice.run), asked.choice.step)
    looking = asked.looking
    return attention_report(run, looking.text, looking.out, looking.measure)


def _new_run(choice: TrainChoice, model: Any, training: Any, context: Context) -> Artefact | None:
    """The run folder to train in; None when asked to stop before it is ready."""
    from slm.training import memory
    from slm.training.runs import create_run
    from slm.training.trainer import place

    if not choice.corpus:
        raise ConfigError("--corpus is missing; name the corpus to learn from, or --resume a run.")
    chosen = chosen_tokens(choice.corpus, choice.tokenizer, context, choice.separator)
    if chosen is None:
        return None
    tokens = chosen[-1]
    fitted = model.replace(vocab_size=tokens.details["vocab_size"])
    memory.require(fitted, training, *place(training), processes=choice.nproc)
    return create_run(
        context.workspace, fitted, training, *chosen, choice.name, owner=context.owner
    )


def _train_run(run: Artefact, nproc: int, context: Context) -> Result:
    from slm.lab.snapshots import observers_for
    from slm.training.launch import train_in_processes
    from slm.training.trainer import train as train_here

    tokens = _tokens_of(run, context)
    if nproc > 1:
        train_in_processes(run.folder, nproc, report=context.report, tokens=tokens)
        return {"run": run.id, "name": run.name}
    observers = observers_for(run.folder, tokens)
    outcome = train_here(run.folder, observers=observers, report=context.report, tokens=tokens)
    return {"run": run.id, "name": run.name, **asdict(outcome)}


def _tokens_of(run: Artefact, context: Context) -> Path | None:
    """The folder of its token files: a fork of the shipped run reads the shipped ones."""
    parent = run.manifest.parents.get("tokens")
    found = context.workspace.tokens.find(parent.id) if parent else None
    return found.folder if found is not None else None
