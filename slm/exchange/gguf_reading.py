"""A GGUF file that was written here, read back: is every number in it what was meant?"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from torch import Tensor

from slm.errors import CheckpointError
from slm.exchange import gguf_model
from slm.exchange.gguf import NUMBER_FORMATS, numbers_of, stored_as
from slm.exchange.outgoing import Finding
from slm.model.checkpoint import assemble
from slm.model.config import ModelConfig, tensor_shapes
from slm.model.transformer import Transformer


def of_weights(model: Transformer, path: Path, number_format: str) -> Finding:
    """Whether the file holds the model's tensors, each byte as the number format has it."""
    what = "Weights in the file"
    stored = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    weights = model.state_dict()
    other, numbers = [], 0
    planned = gguf_model.tensors(model.config)
    for one in planned:
        if one.name not in stored:
            return Finding(what, f"{one.name} is missing", False)
        theirs = stored.pop(one.name)
        kind = stored_as(one, NUMBER_FORMATS[number_format])
        expected = numbers_of(one.join(weights), kind, one.name)
        numbers += int(theirs.n_elements)
        same = theirs.tensor_type == kind and tuple(theirs.shape[::-1].tolist()) == one.shape
        if not same or theirs.data.tobytes() != expected.tobytes():
            other.append(one.name)
    strange = set(stored) - {gguf_model.ROPE_FACTORS}
    if strange:
        return Finding(what, f"{len(strange)} tensors too many, {min(strange)} first", False)
    if other:
        return Finding(what, f"{len(other)} tensors differ, {other[0]} first", False)
    as_asked = "" if number_format == "float32" else f", rounded to {number_format}"
    return Finding(what, f"all {numbers:,} as in the model{as_asked}", True)


def read_model(path: Path, config: ModelConfig) -> Transformer:
    """The model that the file holds, given its settings; rounded numbers as they now are.

    Raises: CheckpointError where a tensor is missing or of another shape.
    """
    return assemble(config, _ours(path, config))


def _ours(path: Path, config: ModelConfig) -> Iterator[tuple[str, Tensor]]:
    shapes = tensor_shapes(config)
    stored = {tensor.name: tensor for tensor in gguf.GGUFReader(path).tensors}
    for one in gguf_model.tensors(config):
        found = stored.get(one.name)
        if found is None or tuple(found.shape[::-1].tolist()) != one.shape:
            raise CheckpointError(f"{path.name} has no proper {one.name}. Write the file again.")
        plain = gguf.quants.dequantize(found.data, found.tensor_type)
        upright = one.straight(torch.from_numpy(np.array(plain, np.float32)).reshape(one.shape))
        parts = torch.split(upright, [shapes[name][0] for name in one.ours])
        yield from ((name, part.clone()) for name, part in zip(one.ours, parts, strict=True))


def metadata(path: Path) -> dict[str, Any]:
    """What the file says of itself, by key; lists as lists."""
    return {key: field.contents() for key, field in gguf.GGUFReader(path).fields.items()}
