"""How published models name their weights, in which shapes, and what that is in ours.

Both ways, for the families that `FAMILIES` lists. What their settings mean stands
in `family_settings.py`. Reads no file and makes no model.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from slm.errors import CheckpointError, ConfigError
from slm.model.config import ModelConfig, tensor_shapes
from slm.model.family_settings import (
    Settings,
    gpt2_config,
    gpt2_settings,
    llama_config,
    llama_settings,
    phi3_config,
    phi3_settings,
    qwen2_config,
    qwen3_config,
    qwen3_settings,
    qwen_settings,
    require,
)

_LEFTOVER = re.compile(
    r"(transformer\.)?h\.\d+\.attn\.(bias|masked_bias)"
    r"|model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq"
)


@dataclass(frozen=True)
class Published:
    """One published tensor: which of ours stand in it, one below the other.

    `transposed`: stored as (inputs, outputs), as GPT-2 does.
    """

    name: str
    ours: tuple[str, ...]
    transposed: bool = False

    def shape(self, shapes: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
        """Its shape, given those of our tensors."""
        first = shapes[self.ours[0]]
        stacked = (sum(shapes[name][0] for name in self.ours), *first[1:])
        return stacked[::-1] if self.transposed else stacked

    def split(
        self, tensor: Tensor, shapes: Mapping[str, tuple[int, ...]]
    ) -> list[tuple[str, Tensor]]:
        """Our tensors, cut from the published one."""
        upright = tensor.T.contiguous() if self.transposed else tensor
        if len(self.ours) == 1:
            return [(self.ours[0], upright)]
        pieces = torch.split(upright, [shapes[name][0] for name in self.ours])
        return [(name, piece.clone()) for name, piece in zip(self.ours, pieces, strict=True)]

    def join(self, weights: Mapping[str, Tensor]) -> Tensor:
        """The published tensor, put together from ours."""
        stacked = torch.cat([weights[name] for name in self.ours])
        return stacked.T.contiguous() if self.transposed else stacked


@dataclass(frozen=True)
class Family:
    """A published architecture: its names, and its settings in both directions."""

    architecture: str
    model_type: str
    prefix: str
    to_config: Callable[[Settings], ModelConfig]
    to_settings: Callable[[ModelConfig], dict[str, Any]]
    outer: Mapping[str, str]
    block: Mapping[str, tuple[str, ...]]
    block_prefix: str
    transposed: frozenset[str] = frozenset()

    def full_name(self, name: str) -> str:
        """A tensor's name with the prefix that the oldest published files leave out."""
        outer_or_block = name.split(".")[0]
        known = {*self.outer, self.block_prefix} - {"lm_head"}
        return f"{self.prefix}{name}" if outer_or_block in known else name

    def tensors(self, config: ModelConfig) -> list[Published]:
        """Every tensor that a published model of these settings has."""
        shapes = tensor_shapes(config)
        found = []
        for theirs, ours in self.outer.items():
            if f"{ours}.weight" in shapes:
                name = theirs if theirs == "lm_head" else f"{self.prefix}{theirs}"
                found += self._parts(name, (ours,), shapes, False)
        for layer in range(config.n_layers):
            for theirs, ours_in_block in self.block.items():
                ours_all = tuple(f"blocks.{layer}.{part}" for part in ours_in_block)
                name = f"{self.prefix}{self.block_prefix}.{layer}.{theirs}"
                found += self._parts(name, ours_all, shapes, theirs in self.transposed)
        return found

    def _parts(
        self,
        name: str,
        ours: tuple[str, ...],
        shapes: Mapping[str, tuple[int, ...]],
        transposed: bool,
    ) -> list[Published]:
        return [
            Published(
                f"{name}.{part}",
                tuple(f"{one}.{part}" for one in ours),
                transposed and part == "weight",
            )
            for part in ("weight", "bias")
            if f"{ours[0]}.{part}" in shapes
        ]


def is_leftover(name: str, config: ModelConfig) -> bool:
    """Whether published files may carry this tensor although no model reads it.

    Those are masks and rotary tables that older versions saved, and a copy of the
    token embedding where the two are tied.
    """
    if name == "lm_head.weight":
        return config.tie_embeddings
    return bool(_LEFTOVER.fullmatch(name))


def family_of_settings(settings: Settings) -> Family:
    """The family that a published `config.json` belongs to.

    Raises: CheckpointError that names an unknown one, and those that are known.
    """
    architectures = settings.get("architectures")
    if isinstance(architectures, list) and len(architectures) == 1:
        for family in FAMILIES:
            if family.architecture == architectures[0]:
                return family
        named = architectures[0]
    else:
        for family in FAMILIES:
            if architectures is None and family.model_type == settings.get("model_type"):
                return family
        named = settings.get("model_type") if architectures is None else architectures
    known = ", ".join(family.architecture for family in FAMILIES)
    raise CheckpointError(
        f"The architecture {str(named)[:80]!r} is not known here; known: {known}."
    )


def read_settings(settings: Settings) -> tuple[Family, ModelConfig]:
    """The family and our settings of a published `config.json`.

    Raises: CheckpointError for settings that are wrong, or that our model cannot follow.
    """
    family = family_of_settings(settings)
    require(settings, "quantization_config", None)
    try:
        return family, family.to_config(settings)
    except ConfigError as error:
        raise CheckpointError(f"config.json cannot be used: {error}") from None


def family_of_config(config: ModelConfig) -> Family:
    """The published family that computes exactly what these settings say.

    Raises: ConfigError that names the settings to change when there is none.
    """
    if config.norm == "layernorm" or config.positions == "learned" or config.mlp == "gelu":
        wanted = _differences(
            config, norm="layernorm", positions="learned", mlp="gelu", bias="all", qk_norm=False
        )
        if config.kv_heads != config.n_heads:
            wanted.append("n_kv_heads=None")
        if config.head_width * config.n_heads != config.d_model:
            wanted.append("d_head=None")
        if config.window is not None:
            wanted.append("window=None")
        family = GPT2
    elif config.qk_norm:
        wanted, family = _differences(config, bias="none"), QWEN3
    elif config.bias == "qkv":
        wanted, family = [], QWEN2
    elif config.window is not None:
        wanted, family = _differences(config, bias="none"), PHI3
        if config.rope_scaling is not None:
            wanted.append("rope_scaling=None")
    else:
        wanted, family = [], LLAMA
    if wanted:
        raise ConfigError(
            "No published architecture has these settings, so the model cannot be exported. "
            f"The nearest is {family.architecture}, which needs {', '.join(wanted)}."
        )
    return family


def _differences(config: ModelConfig, **wanted: str | bool) -> list[str]:
    return [f"{key}={value}" for key, value in wanted.items() if getattr(config, key) != value]


_OUTER = {
    "embed_tokens": "token_embedding",
    "norm": "final_norm",
    "lm_head": "unembedding",
}
_NORMS_AND_OUTPUT = {
    "input_layernorm": ("attention_norm",),
    "self_attn.o_proj": ("attention.output",),
    "post_attention_layernorm": ("mlp_norm",),
    "mlp.down_proj": ("mlp.down",),
}
_SEPARATE = {
    **_NORMS_AND_OUTPUT,
    "self_attn.q_proj": ("attention.query",),
    "self_attn.k_proj": ("attention.key",),
    "self_attn.v_proj": ("attention.value",),
    "mlp.gate_proj": ("mlp.gate",),
    "mlp.up_proj": ("mlp.up",),
}
GPT2 = Family(
    "GPT2LMHeadModel",
    "gpt2",
    "transformer.",
    gpt2_config,
    gpt2_settings,
    outer={
        "wte": "token_embedding",
        "wpe": "position_embedding",
        "ln_f": "final_norm",
        "lm_head": "unembedding",
    },
    block={
        "ln_1": ("attention_norm",),
        "attn.c_attn": ("attention.query", "attention.key", "attention.value"),
        "attn.c_proj": ("attention.output",),
        "ln_2": ("mlp_norm",),
        "mlp.c_fc": ("mlp.up",),
        "mlp.c_proj": ("mlp.down",),
    },
    block_prefix="h",
    transposed=frozenset({"attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"}),
)
LLAMA = Family(
    "LlamaForCausalLM",
    "llama",
    "model.",
    llama_config,
    llama_settings,
    outer=_OUTER,
    block=_SEPARATE,
    block_prefix="layers",
)
QWEN2 = Family(
    "Qwen2ForCausalLM",
    "qwen2",
    "model.",
    qwen2_config,
    qwen_settings,
    outer=_OUTER,
    block=_SEPARATE,
    block_prefix="layers",
)
QWEN3 = Family(
    "Qwen3ForCausalLM",
    "qwen3",
    "model.",
    qwen3_config,
    qwen3_settings,
    outer=_OUTER,
    block={
        **_SEPARATE,
        "self_attn.q_norm": ("attention.query_norm",),
        "self_attn.k_norm": ("attention.key_norm",),
    },
    block_prefix="layers",
)
PHI3 = Family(
    "Phi3ForCausalLM",
    "phi3",
    "model.",
    phi3_config,
    phi3_settings,
    outer=_OUTER,
    block={
        **_NORMS_AND_OUTPUT,
        "self_attn.qkv_proj": ("attention.query", "attention.key", "attention.value"),
        "mlp.gate_up_proj": ("mlp.gate", "mlp.up"),
    },
    block_prefix="layers",
)
FAMILIES = (GPT2, LLAMA, QWEN2, QWEN3, PHI3)
