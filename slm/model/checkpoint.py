"""A model on disk: its weights, its settings, and which of a run's checkpoints can be trusted.

    ckpt/<step>/{model.safetensors, manifest.json, …}       for going on with training
    snapshots/<step>/{model.safetensors (fp16), manifest.json, …}   for looking back
    base/{model.safetensors, manifest.json}   of a fine-tuned run: what it began with

`manifest.json` holds `details.model` (the settings), `details.step`, and each
file's size and hash. Of a run that trains an adapter (LoRA), checkpoints and snapshots hold
`adapter.safetensors` alone, and `details.lora` and `details.base`, the digest of the base's
files; loaded, they are one plain model. Knows nothing about optimizers or how a run goes on.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

from slm import files
from slm.errors import CheckpointError, ConfigError, WorkspaceError
from slm.model.config import ModelConfig, tensor_shapes
from slm.model.lora import adapter_tensors, merged_with, stored_format
from slm.model.lora_settings import BASE, LoraConfig, adapter_shapes, read_lora
from slm.model.tensors import (
    is_finite,
    listing,
    read_in_turn,
    require_shapes,
    stored_tensors,
    write_tensors,
)
from slm.model.transformer import Transformer

SCHEMA = 1
IN_MEMORY = "dtype_in_memory"
"""The key of a manifest's details that names the number format to use a model in."""
ADAPTER = "adapter"
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
    adapter = {} if model.adapter is None else model.adapter.to_json()
    return {"model": model.config.to_json(), "step": step, **adapter}


def write_weights(model: Transformer, folder: Path, dtype: torch.dtype | None = None) -> None:
    """`model.safetensors` in a folder that is being staged; `dtype` None keeps the format.

    Of an adapted model `adapter.safetensors`, always in float32: it is small.

    Raises: WorkspaceError when the disk is full or refuses.
    """
    if model.adapter is not None:
        write_tensors(folder, adapter_tensors(model), ADAPTER)
        return
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
    lora = load_lora(folder)
    tensors = _weights(folder, config) if lora is None else _merged(folder, config, lora)
    return assemble(config, tensors, device, dtype)


def load_frozen(folder: Path, device: torch.device | str = "cpu") -> Transformer:
    """The model in `folder` for adapters: its matrices in the number format they are stored in.

    Raises: CheckpointError as `load_checkpoint`.
    """
    require_sound(folder)
    config = load_config(folder)
    kept = ((name, stored_format(name, tensor)) for name, tensor in _weights(folder, config))
    return assemble(config, kept, device, None)


def _weights(folder: Path, config: ModelConfig) -> Iterator[tuple[str, Tensor]]:
    """The weights of a model that is stored whole, read one after another."""
    stored = stored_tensors(folder)
    require_shapes(stored, tensor_shapes(config), f"The checkpoint {folder.name}")
    return zip(stored, read_in_turn(stored.values()), strict=True)


def _merged(folder: Path, config: ModelConfig, lora: LoraConfig) -> Iterator[tuple[str, Tensor]]:
    """The base's weights with the adapter of this folder added to them."""
    _require_base(folder)
    base = _weights(base_of(folder), config)
    return merged_with(base, read_adapter(folder, config, lora), config, lora)


def read_adapter(folder: Path, config: ModelConfig, lora: LoraConfig) -> dict[str, Tensor]:
    """The adapter's tensors in a checkpoint or snapshot.

    Raises: CheckpointError when they are missing, damaged, or of another shape.
    """
    stored = stored_tensors(folder, ADAPTER)
    require_shapes(stored, adapter_shapes(config, lora), f"The adapter of step {folder.name}")
    return {name: tensor.read() for name, tensor in stored.items()}


def load_lora(folder: Path) -> LoraConfig | None:
    """The adapter's settings of a checkpoint that holds one alone; None for a whole model.

    Raises: CheckpointError when the manifest is missing or damaged.
    """
    details = _manifest(folder).get("details")
    try:
        return read_lora(details) if isinstance(details, dict) else None
    except (ConfigError, TypeError) as error:
        raise CheckpointError(f"The settings of {folder.name} cannot be used: {error}") from None


def base_of(folder: Path) -> Path:
    """Where the base of a run's checkpoint or snapshot lies."""
    return folder.parent.parent / BASE


def base_digest(base: Path) -> str:
    """One hash over the hashes of the base's files, as its manifest has them.

    Raises: CheckpointError when the manifest is missing or damaged.
    """
    recorded = _manifest(base).get("files")
    if not isinstance(recorded, dict):
        raise CheckpointError(f"The manifest of {base.name} lists no files.")
    hashes = {name: entry.get("sha256") for name, entry in recorded.items()}
    return hashlib.sha256(json.dumps(hashes, sort_keys=True).encode()).hexdigest()


def _require_base(folder: Path) -> None:
    """Raises: CheckpointError when the base of an adapter is gone, or another than it was."""
    base = base_of(folder)
    if not (base / files.MANIFEST).is_file():
        raise CheckpointError(
            f"Step {folder.name} holds an adapter alone, and the model that it belongs to is "
            f"missing in the run's folder ({BASE}). Restore it, or fine-tune anew."
        )
    if base_digest(base) != _manifest(folder)["details"].get("base"):
        raise CheckpointError(
            f"The adapter of step {folder.name} belongs to other weights than those in {BASE}."
        )


def dtype_in_memory(folder: Path) -> torch.dtype:
    """The number format in which the model in `folder` is to be used.

    It is float32, but where an imported model was taken in as bfloat16 to halve its memory.

    Raises: CheckpointError when the manifest is missing, damaged or from a later version.
    """
    details = _manifest(folder).get("details")
    chosen = details.get(IN_MEMORY) if isinstance(details, dict) else None
    return torch.bfloat16 if chosen == "bfloat16" else torch.float32


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
    dtype: torch.dtype | None = torch.float32,
) -> Transformer:
    """A Transformer with the given weights; no fresh ones are drawn, and none is held twice.

    `dtype` None keeps the number format of each.

    Raises: CheckpointError naming the tensors that hold NaN or infinity.
    """
    with torch.device("meta"), _NothingDrawn():
        model = Transformer(config)
    weights, broken = {}, []
    for name, tensor in tensors:
        if not is_finite(tensor):
            broken.append(name)
        weights[name] = tensor.to(device=device, dtype=dtype)
    if broken:
        raise CheckpointError(
            f"Some weights are not finite numbers: {listing(broken)}. "
            "The training that wrote them diverged; use an earlier checkpoint."
        )
    model.load_state_dict(weights, strict=True, assign=True)
    return model.to(device).eval()


class _NothingDrawn(TorchFunctionMode):
    """Modules made under it start with no numbers, as theirs are replaced at once.

    Drawing on the meta device costs nothing by itself, but the first draw there imports the
    compiler of PyTorch: two seconds and 800 modules.
    """

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if getattr(func, "__name__", "") in _DRAWS:
            return kwargs["tensor"] if "tensor" in kwargs else args[0]
        return func(*args, **kwargs)


_DRAWS = frozenset({"normal_", "uniform_", "kaiming_uniform_", "trunc_normal_"})


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
            _require_fitting(candidate.folder)
        except CheckpointError as error:
            kind = "Snapshot" if candidate.folder.parent.name == "snapshots" else "Checkpoint"
            skipped.append(f"{kind} {candidate.step} is damaged: {error}")
        else:
            return CheckpointRef(candidate.folder, candidate.step, tuple(skipped))
    if skipped:
        raise CheckpointError("No checkpoint of this run can be used. " + " ".join(skipped))
    raise CheckpointError("This run has no checkpoint yet; train it for longer, then try again.")


def _require_fitting(folder: Path) -> None:
    """Raises: CheckpointError when names or shapes are not those of the settings."""
    config, lora = load_config(folder), load_lora(folder)
    if lora is None:
        require_shapes(stored_tensors(folder), tensor_shapes(config), "It")
        return
    require_shapes(stored_tensors(folder, ADAPTER), adapter_shapes(config, lora), "It")
    require_shapes(stored_tensors(base_of(folder)), tensor_shapes(config), "Its base")


def require_sound(folder: Path) -> None:
    """Compare every file with the size and hash that the manifest recorded; of an adapter, those
    of its base, too.

    Raises: CheckpointError for the first that differs.
    """
    if load_lora(folder) is not None:
        _require_base(folder)
        require_sound(base_of(folder))
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
