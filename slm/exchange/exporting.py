"""A model as a folder that `transformers` opens with no code of ours.

    config.json  model.safetensors (or shards and an index)  generation_config.json
    tokenizer.json  tokenizer_config.json

It goes out as the published family that computes the same. Tensors are put together and
written one at a time, so that the weights are never twice in memory.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slm import files
from slm.errors import SlmError, WorkspaceError
from slm.exchange.belonging import require_belongs
from slm.jobs import Reporter, silent
from slm.model.config import ModelConfig
from slm.model.families import FAMILIES, Family, Published, family_of_config
from slm.model.tensor_stream import write_stream
from slm.model.tensors import SHARD_BYTES
from slm.model.transformer import Transformer
from slm.tokenizer.imported import SETTINGS_FILE, settings_beside, token_name
from slm.tokenizer.protocol import TextTokenizer

_OF_TRAINING = ("dropout", "copy_start", "look_back_start")
"""Settings that say how weights are begun and learned, not what they compute."""


CUT_BY_FAMILY = frozenset({"Qwen2ForCausalLM"})
"""Families for which AutoTokenizer cuts text as the first of them did, whatever tokenizer.json and
tokenizer_config.json say (transformers 5). PreTrainedTokenizerFast does as the files say."""


def export_pretrained(
    model: Transformer,
    tokenizer: TextTokenizer,
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
    details = {"schema": 1, "details": {"architecture": family.architecture}}
    with files.commit_folder(new_folder(folder), details) as staging:
        write_pretrained(model, tokenizer, staging, dtype=dtype)


def new_folder(folder: Path) -> Path:
    """`folder`, which is not there now; an empty one is taken away.

    Raises: WorkspaceError when there is something.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise WorkspaceError(f"{folder.name} exists already; choose a new folder to export to.")
    if folder.exists():
        folder.rmdir()
    return folder


def write_pretrained(
    model: Transformer,
    tokenizer: TextTokenizer,
    folder: Path,
    *,
    dtype: torch.dtype | None = None,
    architecture: str | None = None,
    generation: Mapping[str, Any] | None = None,
    shard_bytes: int = SHARD_BYTES,
    report: Reporter = silent,
) -> Family:
    """Fill a folder that is being staged.

    `architecture` is that which a model came with: it leaves with it where it can.
    `generation`: how the model should write, by the names of `generation_config.json`.

    Raises: as `export_pretrained`.
    """
    family = family_for(model.config, architecture)
    require_belongs(model.config, tokenizer.vocab_size)
    weights = model.state_dict()
    published = family.tensors(model.config)
    plan = {one.name: _planned(one, weights, dtype) for one in published}
    total = sum(tensor.nbytes for tensor in plan.values())
    files.require_space(folder, total, "The export")
    write_stream(folder, plan, _joined(published, weights, dtype, report), shard_bytes=shard_bytes)
    marks = _write_tokenizer(model.config, tokenizer, folder)
    stored_as = str(next(iter(plan.values())).dtype).removeprefix("torch.")
    files.write_json(
        folder / "config.json",
        {
            "architectures": [family.architecture],
            "model_type": family.model_type,
            "torch_dtype": stored_as,
            **marks,
            **family.to_settings(model.config),
        },
    )
    files.write_json(folder / "generation_config.json", {**marks, **(generation or {})})
    return family


def family_for(config: ModelConfig, architecture: str | None = None) -> Family:
    """The family in which a model goes out: the one it came with, if that computes the same.

    Several families can be the same computation (Phi-3 without a window is a Llama).

    Raises: ConfigError as `family_of_config`.
    """
    for family in FAMILIES:
        if family.architecture == architecture and _can_hold(family, config):
            return family
    return family_of_config(config)


def _can_hold(family: Family, config: ModelConfig) -> bool:
    """Whether the family's own settings mean this model."""
    try:
        back = family.to_config(family.to_settings(config))
    except SlmError:
        return False
    return _computed(back) == _computed(config)


def _computed(config: ModelConfig) -> dict[str, Any]:
    """What decides the logits of given weights, each setting said."""
    told = config.replace(n_kv_heads=config.kv_heads, d_head=config.head_width).to_json()
    rotary = () if config.positions == "rotary" else ("rope_theta",)
    return {key: value for key, value in told.items() if key not in {*_OF_TRAINING, *rotary}}


def _planned(one: Published, weights: Mapping[str, Tensor], dtype: torch.dtype | None) -> Tensor:
    """Shape and number format of a published tensor, without its numbers."""
    shapes = {name: tuple(weights[name].shape) for name in one.ours}
    stored = dtype or weights[one.ours[0]].dtype
    return torch.empty(one.shape(shapes), dtype=stored, device="meta")


def _joined(
    published: list[Published],
    weights: Mapping[str, Tensor],
    dtype: torch.dtype | None,
    report: Reporter,
) -> Iterator[tuple[str, Tensor]]:
    for done, one in enumerate(published):
        report(done / len(published), f"Writing {one.name}")
        yield one.name, one.join(weights).to(device="cpu", dtype=dtype)


def _write_tokenizer(
    config: ModelConfig, tokenizer: TextTokenizer, folder: Path
) -> dict[str, int | None]:
    """Write it; gives the ids that begin and end texts.

    They are said also where there is none: families have defaults that fit no other vocabulary.
    Where nothing is said to begin a text, what ends one stands before the next.
    """
    tokenizer.save(folder)
    kept = settings_beside(folder)
    settings: dict[str, Any] = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "model_max_length": config.context_length,
        "clean_up_tokenization_spaces": False,
    }
    ends = tokenizer.eos_id
    if ends is not None:
        settings["eos_token"] = tokenizer.token_bytes(ends).decode()
    files.write_json(folder / SETTINGS_FILE, {**settings, **kept})
    begins = tokenizer.special_tokens.get(token_name(kept.get("bos_token")) or "", ends)
    return {"bos_token_id": begins, "eos_token_id": ends, "pad_token_id": None}
