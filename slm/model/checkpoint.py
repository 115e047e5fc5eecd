"""A model on disk: its weights, its settings, and which of a run's checkpoints can be trusted.

    ckpt/<step>/{model.safetensors, manifest.json, …}       for going on with training
    snapshots/<step>/{model.safetensors (fp16), manifest.json, …}   for looking back

`manifest.json` holds `details.model` (the settings), `details.step`, and each
file's size and hash. Knows nothing about optimizers or how a run goes on.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slm import files
from slm.errors import CheckpointError, ConfigError, WorkspaceError
from slm.model.config import ModelConfig, tensor_shapes
from slm.model.tensors import listing, require_shapes, stored_tensors, write_tensors
from slm.model.transformer import Transformer

SCHEMA = 1
_REMEMBERED_BYTES = 8_000_000
"""Files from this size on are hashed once; smaller ones within milliseconds, each time anew."""


@dataclass(frozen=True)
class CheckpointRef:
    """A checkpoint or snapshot folder, and in words which newer ones were passed over."""

    folder: Path
    step: int
    skipped: tuple[str, ...] = ()


def checkpoint_details(model: Transformer, step: int) -> dict[str, Any]:
    """What a manifest's `details` must hold so that the folder loads as a model."""
    return {"model": model.config.to_json(), "step": step}


def write_weights(model: Transformer, folder: Path, dtype: torch.dtype | None = None) -> None:
    """`model.safetensors` in a folder that is being staged; `dtype` None keeps the format.

    Raises: WorkspaceError when the disk is full or refuses.
    """
    weights = {name: tensor.detach().to(dtype=dtype) for name, tensor in model.state_dict().items()}
    write_tensors(folder, weights)


def save_checkpoint(
    model: Transformer,
    folder: Path,
    *,
    step: int = 0,
    dtype: torch.dtype | None = None,
    details: Mapping[str, Any] | None = None,
) -> None:
    """A whole checkpoint at `folder`, or none: staged, hashed, synced, renamed.

    Who has more to store than weights stages a folder and calls `write_weights`.

    Raises: WorkspaceError when the disk is full or refuses.
    """
    everything = {**checkpoint_details(model, step), **(details or {})}
    with files.commit_folder(folder, {"schema": SCHEMA, "details": everything}) as staging:
        write_weights(model, staging, dtype)


def load_checkpoint(
    folder: Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    verify: bool = True,
) -> Transformer:
    """The model in `folder`, ready to evaluate (dropout off).

    `verify` compares every file with its recorded size and hash first.

    Raises: CheckpointError when something is missing, damaged or not finite.
    """
    config = load_config(folder)
    if verify:
        require_sound(folder)
    stored = stored_tensors(folder)
    require_shapes(stored, tensor_shapes(config), f"The checkpoint {folder.name}")
    tensors = ((name, stored[name].read()) for name in stored)
    return assemble(config, tensors, device, dtype)


def load_config(folder: Path) -> ModelConfig:
    """The settings of the model in `folder`; no weights are read.

    Raises: CheckpointError when the manifest is missing, damaged or from a later version.
    """
    details = _manifest(folder).get("details")
    settings = details.get("model") if isinstance(details, dict) else None
    if not isinstance(settings, dict):
        raise CheckpointError(f"{folder.name} holds no model: its manifest has no settings.")
    try:
        return ModelConfig.from_json(settings)
    except ConfigError as error:
        raise CheckpointError(f"The settings of {folder.name} cannot be used: {error}") from None


def assemble(
    config: ModelConfig,
    tensors: Iterable[tuple[str, Tensor]],
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> Transformer:
    """A Transformer with the given weights; no fresh ones are drawn, and none is held twice.

    Raises: CheckpointError naming the tensors that hold NaN or infinity.
    """
    with torch.device("meta"):
        model = Transformer(config)
    weights, broken = {}, []
    for name, tensor in tensors:
        if not torch.isfinite(tensor).all():
            broken.append(name)
        weights[name] = tensor.to(device=device, dtype=dtype)
    if broken:
        raise CheckpointError(
            f"Some weights are not finite numbers: {listing(broken)}. "
            "The training that wrote them diverged; use an earlier checkpoint."
        )
    model.load_state_dict(weights, strict=True, assign=True)
    return model.to(device).eval()


def checkpoints(run_folder: Path) -> list[CheckpointRef]:
    """The committed checkpoints of a run, oldest first, unchecked."""
    return _committed(run_folder / "ckpt")


def snapshots(run_folder: Path) -> list[CheckpointRef]:
    """The committed weight snapshots of a run, oldest first, unchecked."""
    return _committed(run_folder / "snapshots")


def newest_sound(run_folder: Path, *, snapshots_too: bool = True) -> CheckpointRef:
    """The newest checkpoint whose files are all as they were written.

    Where there is none, the newest such snapshot, unless only checkpoints will do.
    `skipped` tells which newer ones are damaged, and how.

    Raises: CheckpointError when nothing can be used.
    """
    candidates = checkpoints(run_folder)[::-1]
    if snapshots_too:
        candidates += snapshots(run_folder)[::-1]
    skipped: list[str] = []
    for candidate in candidates:
        try:
            require_sound(candidate.folder)
            require_shapes(
                stored_tensors(candidate.folder),
                tensor_shapes(load_config(candidate.folder)),
                "It",
            )
        except CheckpointError as error:
            kind = "Snapshot" if candidate.folder.parent.name == "snapshots" else "Checkpoint"
            skipped.append(f"{kind} {candidate.step} is damaged: {error}")
        else:
            return CheckpointRef(candidate.folder, candidate.step, tuple(skipped))
    if skipped:
        raise CheckpointError("No checkpoint of this run can be used. " + " ".join(skipped))
    raise CheckpointError("This run has no checkpoint yet; train it for longer, then try again.")


def require_sound(folder: Path) -> None:
    """Compare every file with the size and hash that the manifest recorded.

    Raises: CheckpointError for the first that differs.
    """
    recorded = _manifest(folder).get("files")
    if not isinstance(recorded, dict):
        raise CheckpointError(f"The manifest of {folder.name} lists no files.")
    present = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*")}
    for name, entry in recorded.items():
        if name not in present or not isinstance(entry, dict):
            raise CheckpointError(f"{name} is missing in {folder.name}.")
        if present[name].stat().st_size != entry.get("size"):
            raise CheckpointError(f"{name} in {folder.name} has not the size it was saved with.")
        if _hash_of(present[name]) != entry.get("sha256"):
            raise CheckpointError(f"{name} in {folder.name} has changed since it was saved.")


def _hash_of(path: Path) -> str:
    """The SHA-256 of a file; that of a large one is remembered until the file changes.

    A page asks for the newest sound checkpoint at every click, and 500 MB take half a second.
    """
    found = path.stat()
    if found.st_size < _REMEMBERED_BYTES:
        return files.sha256_of(path)
    return _remembered_hash(path, found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)


@lru_cache(maxsize=256)
def _remembered_hash(path: Path, *version: int) -> str:
    del version
    return files.sha256_of(path)


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = files.read_json(folder / files.MANIFEST)
    except WorkspaceError as error:
        raise CheckpointError(str(error)) from None
    schema = manifest.get("schema")
    if not isinstance(schema, int) or schema > SCHEMA:
        raise CheckpointError(
            f"{folder.name} was written by a later version (schema {schema}); update this app."
        )
    return manifest


def _committed(place: Path) -> list[CheckpointRef]:
    if not place.is_dir():
        return []
    steps = [folder for folder in place.iterdir() if folder.name.isdecimal()]
    found = [
        CheckpointRef(folder, int(folder.name))
        for folder in steps
        if (folder / files.MANIFEST).is_file()
    ]
    return sorted(found, key=lambda ref: ref.step)
