"""The verbs that take models out, and prove that what left is the model."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from slm.errors import ConfigError
from slm.jobs import StoppedError
from slm.verbs.common import Context, Result, parse

if TYPE_CHECKING:
    from slm.exchange.outgoing import Outgoing, Proof
    from slm.model.transformer import Transformer
    from slm.tokenizer.protocol import TextTokenizer
    from slm.workspace import Artefact


@dataclass(frozen=True)
class Export:
    """What goes where, and how."""

    run: str
    """Run or imported model, by name or id."""
    to: Path | None = None
    """A new folder. Default: the shelf of what was taken out, from which the Library offers it."""
    step: int | None = None
    """The snapshot at this step. Default: the newest checkpoint."""
    format: str = "hugging-face"
    """The form in which it leaves."""
    number_format: str | None = None
    """How numbers are stored, as float32 or bfloat16. Default: what is usual for the form; an
    imported model as it was published."""
    writing: str = "Balanced"
    """The preset that goes with it as the way to write, by name; empty: none."""
    proof: bool = True
    """Open what was written with the program that it is for, and compare."""


def export(arguments: Sequence[str], context: Context) -> Result:
    """Take a model out, as a Hugging Face folder that `transformers` opens, or in another form."""
    from slm.exchange.taking_out import (
        TakeOutConfig,
        exports,
        read_proof,
        take_out,
        take_out_to_shelf,
    )

    asked = parse(Export, export, arguments)
    written = context.result.get("export")  # by an earlier try of this job, which was stopped
    if written is not None and exports(context.workspace).find(str(written)) is not None:
        return prove(["--export", str(written)], context)
    config = TakeOutConfig(
        format=asked.format, number_format=asked.number_format, proof=asked.proof
    )
    outgoing = _outgoing(context, asked.run, asked.step, config.format, asked.writing)
    source = outgoing.source
    result: Result = {"run": source.id if source else None, "step": outgoing.step}
    try:
        if asked.to is not None:
            left = take_out(outgoing, config, asked.to, context.report)
            result |= {"folder": str(asked.to), "format": config.format, **left.told}
            return result | _proof_told(left.proof)
        made = take_out_to_shelf(
            context.workspace, outgoing, config, context.report, owner=context.owner
        )
    except StoppedError:
        context.report(None, "Stopped; nothing was kept")
        return {}
    result |= {"export": made.id, "folder": str(made.folder), "format": config.format}
    return result | dict(made.details["told"]) | _proof_told(read_proof(made.folder))


@dataclass(frozen=True)
class Prove:
    """What is checked."""

    export: str
    """What was taken out to the shelf, by name or id."""


def prove(arguments: Sequence[str], context: Context) -> Result:
    """Open what was taken out with the program that it is for, and compare it with the model."""
    from slm.exchange.taking_out import exports, prove_export

    asked = parse(Prove, prove, arguments)
    made = exports(context.workspace).get(asked.export)
    source = context.workspace.find_model(str(made.details.get("source")))
    if source is None or source.problem:
        raise ConfigError(
            f"The model that {made.name!r} was made from was deleted, so there is nothing to "
            "compare it with."
        )
    at = _step_of(made, source)
    outgoing = _outgoing(context, source.id, at, str(made.details.get("format")), "")
    try:
        found = prove_export(outgoing, made, context.report)
    except StoppedError:
        context.report(None, "Stopped; nothing was compared")
        return {}
    return {"export": made.id, "folder": str(made.folder), **_proof_told(found)}


def _step_of(export: "Artefact", source: "Artefact") -> int | None:
    """Which of the source's steps holds the weights that left; None for its newest checkpoint.

    Raises: ConfigError when they are gone.
    """
    from slm.exchange.taking_out import weights_mark
    from slm.lab.reports import checkpoint_at
    from slm.model.checkpoint import snapshots

    mark, step = export.details.get("weights_mark"), export.details.get("step")
    if weights_mark(checkpoint_at(source).folder) == mark:
        return None
    for reference in snapshots(source.folder):
        if reference.step == step and weights_mark(reference.folder) == mark:
            return reference.step
    raise ConfigError(
        f"{source.name!r} was trained on, and its checkpoint of step {step} is gone; a snapshot "
        "that is left of it is rounded. Take the model out again for another proof."
    )


def _proof_told(proof: "Proof | None") -> Result:
    if proof is None:
        return {}
    verdict = "not run" if proof.missing else "the same" if proof.passed else "NOT the same"
    found = {finding.what: finding.value for finding in proof.findings}
    return {"proof": verdict, "proof_with": proof.missing or proof.opened_with, "found": found}


def _outgoing(
    context: Context, name: str, step: int | None, format_key: str, writing: str
) -> "Outgoing":
    """The model that leaves, with what is known of it.

    Raises: ConfigError for a form or a preset that there is not; as `open_run`.
    """
    from slm.exchange.formats import format_named
    from slm.exchange.outgoing import Outgoing
    from slm.exchange.taking_out import weights_mark
    from slm.lab.evaluation import EvaluateConfig
    from slm.lab.kept_evaluations import kept_evaluation
    from slm.lab.reports import checkpoint_at, open_run
    from slm.sampling.presets import presets_of

    workspace = context.workspace
    source = workspace.get_model(name)
    presets = presets_of(workspace.root, source.id)
    preset = presets.get(writing) if writing else None
    if writing and preset is None:
        known = ", ".join(each.name for each in presets.presets)
        raise ConfigError(f"There is no preset {writing!r} for this model; there are: {known}.")
    reference = checkpoint_at(source, step)
    known_of: dict[str, Any] = {
        "name": source.name,
        "source": source,
        "workspace": workspace,
        "weights_mark": weights_mark(reference.folder),
        "writing": preset.writing if preset is not None else None,
        "evaluation": kept_evaluation(workspace, source, EvaluateConfig(), step) or {},
    }
    if format_named(format_key).number_formats:
        context.report(None, "Opening the model")
        opened = open_run(source, step)
        return Outgoing.of(opened.model, opened.tokenizer, step=opened.step, **known_of)

    def open_later() -> "tuple[Transformer, TextTokenizer]":
        later = open_run(source, step)
        return later.model, later.tokenizer

    return Outgoing(open_later, step=reference.step, **known_of)
