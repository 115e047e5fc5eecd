"""A new run that begins where another one was: from any of its checkpoints or snapshots.

The new run has the other's weights, its curve and its texts so far, and settings of its own;
the model stays the same. From a checkpoint nothing is lost, so that a fork with the same
settings repeats the other run bit for bit. A snapshot holds weights in half precision and
nothing else: the optimizer and the random numbers begin anew, and the fork's events say so.
"""

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import CheckpointError, ConfigError
from slm.model import checkpoint
from slm.model.lora_settings import BASE
from slm.training.config import TrainConfig
from slm.training.events import Event, config_at, now, read_events, record_event, windows_read
from slm.training.finetune import link_base, require_same_adapters
from slm.training.resume import SCHEMA, Progress
from slm.training.runs import CONFIG, METRICS, SAMPLES, RunSettings, base_of_run
from slm.workspace import LOCAL_OWNER, Artefact, Workspace

_SNAPSHOT_NOTE = "from a snapshot: half-precision weights; the optimizer begins anew"
_OPTIMIZER_NOTE = "the new optimizer begins anew"


def fork_run(
    workspace: Workspace,
    parent: Artefact,
    step: int,
    train: TrainConfig | None = None,
    *,
    name: str = "",
    owner: str = LOCAL_OWNER,
    more_details: Mapping[str, Any] | None = None,
) -> Artefact:
    """A run that goes on from the parent's `step`, ready for `train`; the parent stays as it is.

    `train` are its settings, by default those that were in force there.

    Raises: CheckpointError when nothing sound was kept of that step; ConfigError for
    settings that end before it; WorkspaceError when the disk is full, or the parent is
    of a later version.
    """
    settings = RunSettings.read(parent.folder)
    settings.require_known()
    source = _kept(parent, step)
    events = read_events(parent.folder)
    before = config_at(settings.train, events, step)
    wanted = train or before
    if wanted.steps <= step:
        raise ConfigError(
            f"steps is {wanted.steps:,}, but the fork begins at step {step:,}; choose more steps."
        )
    require_same_adapters(before, wanted)
    own = replace(settings, train=wanted, forked_from={"run": parent.id, "step": step})
    details = {
        **{k: v for k, v in parent.details.items() if k in {"parameters", "trained_parameters"}},
        "steps": wanted.steps,
        "forked_from": own.forked_from,
        **(more_details or {}),
    }
    title = name or f"{parent.name[:60]} from step {step}"
    with workspace.runs.create(
        title, owner=owner, parents={"run": parent}, details=details
    ) as draft:
        files.write_json(draft.folder / CONFIG, own.to_json(), checked=True)
        shutil.copytree(parent.folder / "tokenizer", draft.folder / "tokenizer")
        if wanted.lora is not None:
            link_base(base_of_run(parent.folder), draft.folder / BASE)
        begun_with = files.file_entries(draft.folder)
        _inherit_logs(parent.folder, draft.folder, step)
        note = _begin_state(source, parent, own, before, events, draft.folder / "ckpt" / str(step))
        for event in _events(before, wanted, step, note):
            record_event(draft.folder, event)
    run = workspace.runs.get(draft.id)
    manifest = replace(  # the logs grow and checkpoints go, so that they are not its files
        run.manifest,
        files=begun_with,
        parents={**parent.manifest.parents, **run.manifest.parents},
    )
    files.write_json(run.folder / files.MANIFEST, manifest.to_json(), checked=True)
    return replace(run, manifest=manifest)


def forkable_steps(run_folder: Path) -> dict[int, str]:
    """The steps that a fork can begin from, and what was kept of each.

    The word is "checkpoint", which holds everything, or "snapshot".
    """
    kept = {ref.step: "snapshot" for ref in checkpoint.snapshots(run_folder)}
    kept |= {ref.step: "checkpoint" for ref in checkpoint.checkpoints(run_folder)}
    return dict(sorted(kept.items()))


def _kept(parent: Artefact, step: int) -> Path:
    """What was kept of that step: the checkpoint if there is a sound one, else the snapshot."""
    kind = forkable_steps(parent.folder).get(step)
    if kind is None:
        known = ", ".join(f"{known:,}" for known in forkable_steps(parent.folder)) or "none"
        raise CheckpointError(
            f"Nothing was kept of step {step:,} of {parent.name!r}; there are: {known}."
        )
    folder = parent.folder / ("ckpt" if kind == "checkpoint" else "snapshots") / str(step)
    checkpoint.require_sound(folder)
    return folder


def _inherit_logs(parent: Path, folder: Path, step: int) -> None:
    for log in (METRICS, SAMPLES):
        if (parent / log).exists():
            shutil.copyfile(parent / log, folder / log)
            files.cut_records(folder / log, lambda record: record["step"] <= step)


def _begin_state(
    source: Path,
    parent: Artefact,
    own: RunSettings,
    before: TrainConfig,
    events: Sequence[Event],
    target: Path,
) -> str:
    """Commit the checkpoint that the fork begins with; gives the note on what it lacks."""
    state: dict[str, Any]
    whole = source.parent.name == "ckpt"
    if whole:
        state = {**files.read_json(source / "state.json")}
        progress = {**state["progress"], "best_step": None, "best_nats": None, "descent_step": None}
    else:
        first = RunSettings.read(parent.folder).train
        known = _progress_of(parent.folder, int(source.name))
        known.windows = windows_read(first, events, known.step)
        progress = asdict(known)
        state = {"schema": SCHEMA, "surroundings": {}, "generators": {}}
    note = "" if whole else _SNAPSHOT_NOTE
    if whole and before.optimizer != own.train.optimizer:
        note = _OPTIMIZER_NOTE
    state |= {"progress": progress, "settings": own.to_json(), "fresh_optimizer": bool(note)}
    adapted = own.train.lora is not None
    model = None if adapted else checkpoint.load_checkpoint(source)
    details = (
        files.read_json(source / files.MANIFEST)["details"]
        if model is None
        else checkpoint.checkpoint_details(model, int(source.name))
    )
    with files.commit_folder(target, {"schema": SCHEMA, "details": details}) as staging:
        if model is not None:
            checkpoint.write_weights(model, staging)
        for path in source.glob(f"{checkpoint.ADAPTER}*") if adapted else ():
            shutil.copyfile(path, staging / path.name)
        for path in source.glob("optimizer*") if not note else ():
            shutil.copyfile(path, staging / path.name)
        files.write_json(staging / "state.json", state)
    return note


def _progress_of(run_folder: Path, step: int) -> Progress:
    """Where the run stood at a step of which only a snapshot was kept, as its log tells it."""
    records = files.read_records(run_folder / METRICS).records
    upto = [record for record in records if record["step"] <= step and "tokens" in record]
    if not upto:
        return Progress(step=step)
    last = upto[-1]
    elapsed = float(last.get("elapsed_seconds") or 0.0)
    return Progress(
        step=step,
        tokens=int(last["tokens"]),
        elapsed_seconds=elapsed,
        looking_seconds=elapsed - float(last.get("train_seconds") or elapsed),
    )


def _events(before: TrainConfig, wanted: TrainConfig, step: int, note: str) -> list[Event]:
    old, new = before.to_json(), wanted.to_json()
    found = [
        Event(step, name, old[name], new[name], now(), "fork")
        for name in new
        if new[name] != old[name] and not (note and name == "optimizer")
    ]
    if note:
        found.append(Event(step, "optimizer", old["optimizer"], new["optimizer"], now(), note))
    return found
