"""Models in Hugging Face folders, in and out: config.json, safetensors, tokenizer.json.

Nothing of another library's model code runs here: settings and weights are read
as data and put into our own Transformer. Loading takes any of `FAMILIES`; a model
trained here goes out as the family that computes the same.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from slm import files
from slm.errors import CheckpointError, WorkspaceError
from slm.exchange.hub import download_model, is_hub_id
from slm.model.checkpoint import assemble
from slm.model.config import ModelConfig, tensor_shapes
from slm.model.families import (
    Family,
    Published,
    family_of_config,
    is_leftover,
    read_settings,
)
from slm.model.tensors import StoredTensor, require_shapes, stored_tensors, write_tensors
from slm.model.transformer import Transformer

if TYPE_CHECKING:
    from slm.tokenizer.protocol import TextTokenizer

MAX_SETTINGS_BYTES = 1_000_000


def load_pretrained(
    source: str | Path,
    *,
    revision: str | None = None,
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
) -> tuple[Transformer, "TextTokenizer"]:
    """A published model and its tokenizer, from a folder or from the Hub by owner/name.

    A string that names an existing folder is a folder. The model is ready to
    evaluate (dropout off).

    Raises: CheckpointError, TokenizerError or HubError, each with what is wrong.
    """
    from slm.tokenizer.loading import load_tokenizer

    folder = find_folder(source, revision)
    model = load_model(folder, device=device, dtype=dtype)
    tokenizer = load_tokenizer(folder)
    _require_belongs(model.config, tokenizer)
    return model, tokenizer


def find_folder(source: str | Path, revision: str | None = None) -> Path:
    """The folder that `source` names, fetched from the Hub when it is none here.

    Raises: CheckpointError when it is neither a folder nor owner/name; HubError.
    """
    if Path(source).is_dir():
        return Path(source)
    if isinstance(source, str) and is_hub_id(source):
        return download_model(source, revision)
    raise CheckpointError(
        f"{str(source)[:200]!r} is no folder, and no model on the Hub either (owner/name)."
    )


def load_model(
    folder: Path, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> Transformer:
    """The model of a Hugging Face folder, without its tokenizer.

    Names, shapes and formats of all tensors are compared before any is read.

    Raises: CheckpointError listing what does not fit.
    """
    family, config = read_config(folder)
    stored = {
        family.full_name(name): tensor
        for name, tensor in stored_tensors(folder).items()
        if not is_leftover(name, config)
    }
    published = family.tensors(config)
    shapes = tensor_shapes(config)
    require_shapes(stored, {one.name: one.shape(shapes) for one in published}, folder.name)
    return assemble(config, _ours(published, stored, shapes), device, dtype)


def read_config(folder: Path) -> tuple[Family, ModelConfig]:
    """The family and our settings of a Hugging Face folder.

    Raises: CheckpointError when config.json is missing, damaged, or not to be followed.
    """
    path = folder / "config.json"
    if path.is_file() and path.stat().st_size > MAX_SETTINGS_BYTES:
        raise CheckpointError("config.json is too large to hold settings.")
    try:
        return read_settings(files.read_json(path))
    except (WorkspaceError, RecursionError) as error:
        raise CheckpointError(f"{folder.name} holds no model: {error}") from None


def export_pretrained(
    model: Transformer,
    tokenizer: "TextTokenizer",
    folder: Path,
    *,
    dtype: torch.dtype | None = None,
) -> None:
    """A new folder that `transformers` opens with AutoModelForCausalLM, with no code of ours.

    `dtype` None keeps the weights' number format. The folder appears whole or not
    at all; a `manifest.json` in it lists sizes and hashes.

    Raises: ConfigError when no published family has these settings; CheckpointError
        for a tokenizer of another model; WorkspaceError when the folder is in use.
    """
    family = family_of_config(model.config)
    _require_belongs(model.config, tokenizer)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkspaceError(f"{folder.name} exists already; choose a new folder to export to.")
    if folder.exists():
        folder.rmdir()
    details = {"schema": 1, "details": {"architecture": family.architecture}}
    with files.commit_folder(folder, details) as staging:
        weights = model.state_dict()
        theirs = {one.name: one.join(weights).to(dtype) for one in family.tensors(model.config)}
        write_tensors(staging, theirs)
        stored_as = str(next(iter(theirs.values())).dtype).removeprefix("torch.")
        files.write_json(
            staging / "config.json",
            {
                "architectures": [family.architecture],
                "model_type": family.model_type,
                "torch_dtype": stored_as,
                **_special_ids(tokenizer),
                **family.to_settings(model.config),
            },
        )
        files.write_json(staging / "generation_config.json", _special_ids(tokenizer))
        tokenizer.save(staging)
        path = staging / "tokenizer_config.json"
        kept = files.read_json(path) if path.exists() else {}
        files.write_json(path, {**_tokenizer_settings(model.config, tokenizer), **kept})


def _ours(
    published: list[Published],
    stored: dict[str, StoredTensor],
    shapes: dict[str, tuple[int, ...]],
) -> Iterator[tuple[str, Tensor]]:
    for one in published:
        yield from one.split(stored[one.name].read(), shapes)


def _require_belongs(config: ModelConfig, tokenizer: "TextTokenizer") -> None:
    """Fewer tokens than the model has room for is usual (padding); more cannot be."""
    if tokenizer.vocab_size > config.vocab_size:
        raise CheckpointError(
            f"The tokenizer has {tokenizer.vocab_size:,} tokens and the model knows "
            f"{config.vocab_size:,}; use the tokenizer that the model was trained with."
        )


def _special_ids(tokenizer: "TextTokenizer") -> dict[str, int | None]:
    """Said also where there is none: families have defaults that fit no other vocabulary."""
    ends = tokenizer.eos_id
    return {"bos_token_id": ends, "eos_token_id": ends, "pad_token_id": None}


def _tokenizer_settings(config: ModelConfig, tokenizer: "TextTokenizer") -> dict[str, Any]:
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config.context_length,
        "clean_up_tokenization_spaces": False,
    }
    if tokenizer.eos_id is not None:
        settings["eos_token"] = tokenizer.token_bytes(tokenizer.eos_id).decode()
    return settings
