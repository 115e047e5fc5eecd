"""A model as GGUF names it: which architecture of llama.cpp, its settings, its tensors.

Matrices stand as here, (outputs, inputs). Llama alone turns queries and keys by neighbouring
pairs of numbers where we turn number i with number i + K/2, so its rows are put in that order.
Knows no file.

Source: names and keys are described in the ggml repository, docs/gguf.md; which tensors an
architecture reads, in llama.cpp, src/models.

K head width.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from slm.errors import ConfigError
from slm.model.config import ModelConfig, tensor_shapes
from slm.model.families import GPT2, LLAMA, family_of_config
from slm.model.layers import rotary_frequencies

ROPE_FACTORS = "rope_freqs.weight"
_OUTER = {
    "token_embd": "token_embedding",
    "position_embd": "position_embedding",
    "output_norm": "final_norm",
    "output": "unembedding",
}
_NORMS_AND_OUTPUT = {
    "attn_norm": ("attention_norm",),
    "attn_output": ("attention.output",),
    "ffn_norm": ("mlp_norm",),
    "ffn_down": ("mlp.down",),
}
_TOGETHER = {"attn_qkv": ("attention.query", "attention.key", "attention.value")}
_SEPARATE = {
    "attn_q": ("attention.query",),
    "attn_k": ("attention.key",),
    "attn_v": ("attention.value",),
    "attn_q_norm": ("attention.query_norm",),
    "attn_k_norm": ("attention.key_norm",),
    "ffn_gate": ("mlp.gate",),
    "ffn_up": ("mlp.up",),
}
_BLOCKS: dict[str, dict[str, tuple[str, ...]]] = {
    "gpt2": {**_NORMS_AND_OUTPUT, **_TOGETHER, "ffn_up": ("mlp.up",)},
    "phi3": {**_NORMS_AND_OUTPUT, **_TOGETHER, "ffn_up": ("mlp.gate", "mlp.up")},
    **{key: {**_NORMS_AND_OUTPUT, **_SEPARATE} for key in ("llama", "qwen2", "qwen3")},
}


@dataclass(frozen=True)
class GgufTensor:
    """One tensor of the file: which of ours stand in it, one below the other.

    `turned_heads`: how many heads' rows are put in the order of neighbouring pairs; 0: none.
    """

    name: str
    ours: tuple[str, ...]
    shape: tuple[int, ...]
    turned_heads: int = 0

    def join(self, weights: Mapping[str, Tensor]) -> Tensor:
        """The tensor, put together from ours."""
        parts = [weights[name] for name in self.ours]
        stacked = parts[0] if len(parts) == 1 else torch.cat(parts)
        return neighbouring_pairs(stacked, self.turned_heads) if self.turned_heads else stacked

    def straight(self, tensor: Tensor) -> Tensor:
        """Its rows in our order again; where several of ours stand in it, still together."""
        return halves_apart(tensor, self.turned_heads) if self.turned_heads else tensor


def neighbouring_pairs(rows: Tensor, n_heads: int) -> Tensor:
    """Each head's rows 0, 1, … K-1 in the order 0, K/2, 1, K/2 + 1, …

    >>> neighbouring_pairs(torch.arange(8), n_heads=2).tolist()
    [0, 2, 1, 3, 4, 6, 5, 7]
    """
    halves = rows.reshape(n_heads, 2, -1, *rows.shape[1:])
    return halves.transpose(1, 2).reshape(rows.shape)


def halves_apart(rows: Tensor, n_heads: int) -> Tensor:
    """`neighbouring_pairs` undone.

    >>> halves_apart(neighbouring_pairs(torch.arange(8), 2), 2).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    pairs = rows.reshape(n_heads, -1, 2, *rows.shape[1:])
    return pairs.transpose(1, 2).reshape(rows.shape)


def architecture_of(config: ModelConfig) -> str:
    """The architecture of llama.cpp that computes what these settings say.

    Those of Qwen2 and Phi-3 want heads that together are as wide as the model; where they are
    not, and where slow angles are stretched as in Llama 3, that of Llama takes the same weights.

    Raises: ConfigError that names the settings to change when there is none.
    """
    family = family_of_config(config)
    scaling = config.rope_scaling
    stretches = scaling is not None and scaling.kind == "llama3"
    if family.model_type in {"gpt2", "qwen3"}:
        if stretches:
            raise ConfigError(
                "llama.cpp stretches rotary positions by the llama3 rule in Llama alone, so this "
                "model cannot be written to GGUF. Take it out in the form of Hugging Face."
            )
        return family.model_type
    wide = config.n_heads * config.head_width == config.d_model
    return family.model_type if wide and not stretches else LLAMA.model_type


def readable_context(config: ModelConfig) -> int:
    """How many tokens llama.cpp reads as this model does: it knows no window for these families.

    As long as a text is no longer than the window, every position sees all before it.
    """
    if config.window is None:
        return config.context_length
    return min(config.context_length, config.window)


def tensors(config: ModelConfig) -> list[GgufTensor]:
    """Every tensor that the file needs of our weights, in order.

    Raises: ConfigError as `architecture_of`.
    """
    architecture = architecture_of(config)
    shapes = tensor_shapes(config)
    names: list[tuple[str, tuple[str, ...]]] = [(name, (ours,)) for name, ours in _OUTER.items()]
    for layer in range(config.n_layers):
        for theirs, ours_in_block in _BLOCKS[architecture].items():
            ours_all = tuple(f"blocks.{layer}.{part}" for part in ours_in_block)
            names.append((f"blk.{layer}.{theirs}", ours_all))
    found = []
    for name, ours in names:
        for part in ("weight", "bias"):
            parts = tuple(f"{one}.{part}" for one in ours)
            if parts[0] in shapes:
                rows = sum(shapes[each][0] for each in parts)
                shape = (rows, *shapes[parts[0]][1:])
                turned = _turned_heads(config, name) if architecture == "llama" else 0
                found.append(GgufTensor(f"{name}.{part}", parts, shape, turned))
    return found


def _turned_heads(config: ModelConfig, name: str) -> int:
    if name.endswith("attn_q"):
        return config.n_heads
    return config.kv_heads if name.endswith("attn_k") else 0


def rope_factors(config: ModelConfig) -> Tensor | None:
    """By what each angle is divided, (K/2,), where slow angles are stretched as in Llama 3."""
    scaling = config.rope_scaling
    if scaling is None or scaling.kind != "llama3":
        return None
    plain = rotary_frequencies(config.head_width, config.rope_theta)
    return plain / rotary_frequencies(config.head_width, config.rope_theta, scaling)


def settings(config: ModelConfig) -> dict[str, Any]:
    """The keys of the architecture, without its name before them."""
    found: dict[str, Any] = {
        "context_length": readable_context(config),
        "embedding_length": config.d_model,
        "block_count": config.n_layers,
        "feed_forward_length": config.d_ff,
        "attention.head_count": config.n_heads,
        "attention.head_count_kv": config.kv_heads,
        "vocab_size": config.vocab_size,
    }
    if architecture_of(config) == GPT2.model_type:
        return {**found, "attention.layer_norm_epsilon": config.norm_eps}
    found |= {
        "attention.layer_norm_rms_epsilon": config.norm_eps,
        "attention.key_length": config.head_width,
        "attention.value_length": config.head_width,
        "rope.dimension_count": config.head_width,
        "rope.freq_base": config.rope_theta,
    }
    scaling = config.rope_scaling
    if scaling is not None and scaling.kind == "linear":
        found |= {"rope.scaling.type": "linear", "rope.scaling.factor": scaling.factor}
    return found
