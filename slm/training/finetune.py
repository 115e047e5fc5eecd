"""A run that begins with a model that exists: an imported one, or one that was trained here.

The run has the model's weights in `base/`, its tokenizer and its shape; text and recipe are
its own, and it counts its steps from 0. All weights are trained, or adapters beside them
(`TrainConfig.lora_rank`; see `slm.model.lora`).
"""

import os
import shutil
from functools import partial
from pathlib import Path

from slm import files
from slm.errors import CheckpointError, ConfigError, WorkspaceError
from slm.jobs import Reporter, silent
from slm.model import checkpoint
from slm.model.config import ModelConfig, parameter_counts
from slm.model.lora_settings import adapter_parameters
from slm.tokenizer.encoding import tokens_for
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.separators import Separator
from slm.training import memory
from slm.training.config import TrainConfig
from slm.training.runs import Beginning, create_run
from slm.training.trainer import place
from slm.workspace import LOCAL_OWNER, MAX_NAME, Artefact, Workspace


def finetune_run(
    workspace: Workspace,
    model: Artefact,
    corpus: Artefact,
    train: TrainConfig,
    *,
    step: int | None = None,
    name: str = "",
    owner: str = LOCAL_OWNER,
    separator: Separator | None = None,
    processes: int = 1,
    report: Reporter = silent,
) -> Artefact | None:
    """A run that goes on with the model on that corpus, ready for `train`; the model stays.

    The corpus is cut by the model's own tokenizer, now, unless it was before. `step` is a
    checkpoint or snapshot of a run; None: its newest checkpoint. Asked to stop, it makes
    nothing: None.

    Raises: CheckpointError when the model is damaged, or nothing was kept of that step;
    ConfigError for settings that do not fit the model; NoMemoryError for a training that
    does not fit here; DataError when the text is too short; WorkspaceError for a full disk.
    """
    folder = source_folder(model, step)
    shape = checkpoint.load_config(folder)
    memory.require(shape, train, *place(train), processes=processes)
    tokenizer = own_tokenizer(workspace, model, owner=owner)
    tokens = tokens_for(workspace, corpus, tokenizer, report, separator=separator, owner=owner)
    if tokens is None:
        return None
    return create_run(
        workspace,
        shape,
        train,
        corpus,
        tokenizer,
        tokens,
        name or f"{model.name[: MAX_NAME - 12]} fine-tuned",
        owner=owner,
        more_details={"trained_parameters": trained_parameters(shape, train)},
        beginning=Beginning(model, step_of(model, folder), partial(write_base, folder)),
    )


def source_folder(model: Artefact, step: int | None = None) -> Path:
    """The checkpoint that fine-tuning the model begins with.

    Raises: CheckpointError when there is none, it is damaged, or nothing was kept of that step.
    """
    if model.imported:
        if step not in {None, 0}:
            raise CheckpointError(f"{model.name!r} was imported and has no steps; leave it out.")
        checkpoint.require_sound(model.folder)
        return model.folder
    if step is None:
        return checkpoint.newest_sound(model.folder).folder
    kept = [*checkpoint.checkpoints(model.folder), *checkpoint.snapshots(model.folder)]
    found = next((ref.folder for ref in kept if ref.step == step), None)
    if found is None:
        known = ", ".join(f"{known:,}" for known in sorted({ref.step for ref in kept})) or "none"
        raise CheckpointError(
            f"Nothing was kept of step {step:,} of {model.name!r}; there are: {known}."
        )
    checkpoint.require_sound(found)
    return found


def step_of(model: Artefact, folder: Path) -> int:
    """The step that a checkpoint of the model is of; 0 for an imported one."""
    return 0 if model.imported else int(folder.name)


def trained_parameters(model: ModelConfig, train: TrainConfig) -> int:
    """How many numbers a training changes: all, or those of the adapters.

    Raises: ConfigError for a rank that the model's matrices cannot have.
    """
    if train.lora is None:
        return sum(parameter_counts(model).values())
    return adapter_parameters(model, train.lora)


def own_tokenizer(workspace: Workspace, model: Artefact, *, owner: str = LOCAL_OWNER) -> Artefact:
    """The model's tokenizer as an artefact of its own: the one there is, else a copy made now.

    Raises: WorkspaceError when the model's folder lacks it, or the disk is full.
    """
    found = known_tokenizer(workspace, model)
    if found is not None:
        return found
    folder = model.folder / "tokenizer"
    if not folder.is_dir():
        raise WorkspaceError(f"The tokenizer of {model.name!r} is missing; import it again.")
    facts = model.details.get("tokenizer")
    if not isinstance(facts, dict):
        engine = load_tokenizer(folder)
        facts = {"kind": engine.kind, "vocab_size": engine.vocab_size}
    name = f"{model.name[: MAX_NAME - 10]} tokenizer"
    with workspace.tokenizers.create(name, owner=owner, parents={"model": model}) as draft:
        for path in folder.iterdir():
            if path.is_file() and path.name != files.MANIFEST and path.suffix != ".lock":
                shutil.copyfile(path, draft.folder / path.name)
        draft.details.update(
            {
                "kind": "imported",
                "pattern": None,
                "imported_from": model.name,
                "config": {},
                **facts,
            }
        )
    return workspace.tokenizers.get(draft.id)


def known_tokenizer(workspace: Workspace, model: Artefact) -> Artefact | None:
    """The artefact of the model's own tokenizer, if there is a sound one."""
    made_with = model.manifest.parents.get("tokenizer")
    if made_with is not None:
        found = workspace.tokenizers.find(made_with.id)
        if found is not None and not found.problem and found.as_parent() == made_with:
            return found
    for known in workspace.tokenizers.list():
        parent = known.manifest.parents.get("model")
        if not known.problem and parent == model.as_parent():
            return known
    return None


def require_same_adapters(before: TrainConfig, wanted: TrainConfig) -> None:
    """Raises: ConfigError when a fork is to have other adapters than its parent."""
    if before.lora != wanted.lora:
        raise ConfigError(
            "A fork goes on with what its parent trained, so its adapters (lora_…) stay as they "
            "are. To begin adapters on a trained run, fine-tune it: --from in place of --fork."
        )


def link_base(source: Path, target: Path) -> None:
    """The base of one run for another: the same files where the disk can, else copies.

    Files of a committed folder never change, so that two folders may share them.

    Raises: WorkspaceError when the disk is full or refuses.
    """
    manifest = files.read_json(source / files.MANIFEST)
    with files.commit_folder(
        target, {k: v for k, v in manifest.items() if k != "files"}
    ) as staging:
        for name in manifest["files"]:
            _link(source / name, staging / name)


def write_base(source: Path, target: Path) -> None:
    """Commit the model in `source` to the run's `base/`: linked, or whole where it is adapted."""
    config = checkpoint.load_config(source)
    details = {"model": config.to_json(), "step": 0}
    fields = {"schema": checkpoint.SCHEMA, "details": details}
    with files.commit_folder(target, fields) as staging:
        if checkpoint.load_lora(source) is not None:
            checkpoint.write_weights(checkpoint.load_checkpoint(source, verify=False), staging)
            return
        for path in sorted(source.glob("model*.safetensors*")):
            _link(path, staging / path.name)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one that knows no links
        shutil.copyfile(source, target)
