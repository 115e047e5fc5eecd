"""Models in Hugging Face folders: config.json, safetensors, tokenizer.json.

Nothing of another library's model code runs here: settings and weights are read
as data and put into our own Transformer. Loading takes any of `FAMILIES`; the way
out, whose `export_pretrained` can be had from here too, stands in `exporting.py`.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from slm import files
from slm.errors import CheckpointError, WorkspaceError
from slm.exchange.belonging import require_belongs
from slm.exchange.exporting import export_pretrained as export_pretrained
from slm.exchange.hub import download_model, is_hub_id
from slm.model.checkpoint import assemble
from slm.model.config import ModelConfig, tensor_shapes
from slm.model.families import (
    Family,
    Published,
    is_leftover,
    read_settings,
)
from slm.model.tensors import StoredTensor, read_in_turn, require_shapes, stored_tensors
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
    require_belongs(model.config, tokenizer.vocab_size)
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


def _ours(
    published: list[Published],
    stored: dict[str, StoredTensor],
    shapes: dict[str, tuple[int, ...]],
) -> Iterator[tuple[str, Tensor]]:
    read = read_in_turn(stored[one.name] for one in published)
    for one, tensor in zip(published, read, strict=True):
        yield from one.split(tensor, shapes)
