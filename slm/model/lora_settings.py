"""Which matrices get an adapter, and what that comes to. No torch here.

LoRA (low-rank adaptation) leaves a model's matrix W as it is and learns two thin ones beside
it: the layer computes W x + (alpha / rank) B A x. A is (rank, inputs), B (outputs, rank).

Source: Hu et al. 2021 (LoRA), section 4.1.
"""

from math import prod
from typing import Any, Literal, get_args

from pydantic import Field

from slm.config import Config
from slm.errors import ConfigError
from slm.model.config import ModelConfig, tensor_shapes

Parts = Literal["all", "attention", "qkv", "mlp"]
BASE = "base"
"""The folder of a fine-tuned run that holds the model it began with."""
PARTS: tuple[Parts, ...] = get_args(Parts)
_QKV = ("attention.query", "attention.key", "attention.value")
_MLP = ("mlp.gate", "mlp.up", "mlp.down")
_LAYERS_OF: dict[str, tuple[str, ...]] = {
    "all": (*_QKV, "attention.output", *_MLP),
    "attention": (*_QKV, "attention.output"),
    "qkv": _QKV,
    "mlp": _MLP,
}


class LoraConfig(Config):
    """The shape of an adapter."""

    rank: int = Field(8, ge=1, description="Rows of A, columns of B.")
    alpha: float = Field(16.0, gt=0, description="B A is multiplied by alpha / rank.")
    dropout: float = Field(0.0, ge=0, lt=1, description="Share of A's inputs set to zero.")
    parts: Parts = Field("all", description="Which matrices of a block have an adapter.")

    @property
    def scale(self) -> float:
        """alpha / rank: what the product B A is multiplied by."""
        return self.alpha / self.rank


def adapted_matrices(config: ModelConfig, lora: LoraConfig) -> dict[str, tuple[int, int]]:
    """The layers with an adapter by name, each with its matrix's (outputs, inputs).

    >>> adapted = adapted_matrices(ModelConfig(n_layers=1, d_model=64), LoraConfig(parts="qkv"))
    >>> list(adapted)
    ['blocks.0.attention.query', 'blocks.0.attention.key', 'blocks.0.attention.value']

    Raises: ConfigError for a rank above what a matrix of this model can have.
    """
    endings = tuple(f".{layer}.weight" for layer in _LAYERS_OF[lora.parts])
    found = {
        name.removesuffix(".weight"): (shape[0], shape[1])
        for name, shape in tensor_shapes(config).items()
        if name.startswith("blocks.") and name.endswith(endings)
    }
    most = min(min(shape) for shape in found.values())
    if lora.rank > most:
        raise ConfigError(
            f"lora_rank is {lora.rank}, and the smallest adapted matrix of this model has a rank "
            f"of at most {most}. Choose at most {most}, or 0 to train all weights."
        )
    return found


def adapter_shapes(config: ModelConfig, lora: LoraConfig) -> dict[str, tuple[int, ...]]:
    """Every tensor of the adapter by name: `<layer>.lora_a` (rank, inputs), `.lora_b`.

    Raises: ConfigError as `adapted_matrices`.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    for name, (outputs, inputs) in adapted_matrices(config, lora).items():
        shapes[f"{name}.lora_a"] = (lora.rank, inputs)
        shapes[f"{name}.lora_b"] = (outputs, lora.rank)
    return shapes


def adapter_parameters(config: ModelConfig, lora: LoraConfig) -> int:
    """How many numbers are trained: r (inputs + outputs) for each adapted matrix.

    >>> config = ModelConfig(n_layers=1, n_heads=4, d_model=64, d_ff=128)
    >>> adapter_parameters(config, LoraConfig(rank=2, parts="qkv"))  # 3 · 2 · (64 + 64)
    768

    Raises: ConfigError as `adapted_matrices`.
    """
    return sum(prod(shape) for shape in adapter_shapes(config, lora).values())


def read_lora(details: dict[str, Any]) -> LoraConfig | None:
    """The adapter that a manifest's `details` tell of; None for a model stored whole.

    Raises: ConfigError when it cannot be.
    """
    told = details.get("lora")
    return None if told is None else LoraConfig.from_json(told)
