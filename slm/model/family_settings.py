"""What the keys of a published `config.json` mean in our settings, and the way back.

Such a file is data from strangers: only the keys named here are looked at, types
and bounds are checked, and a setting that would change the computation in a way
that our model does not know is refused by name. Keys that the family's reference
code does not read either are passed over.

Source: the configuration classes of the transformers library name keys and defaults.
"""

from collections.abc import Mapping
from typing import Any

from slm.errors import CheckpointError
from slm.model.config import ModelConfig, RopeScaling

Settings = Mapping[str, Any]


def require(settings: Settings, key: str, *allowed: Any) -> None:
    """Refuse a setting that changes the computation; a missing one is the first allowed."""
    value = settings.get(key, allowed[0])
    if not any(value == choice and type(value) is type(choice) for choice in allowed):
        choices = " or ".join(str(choice) for choice in allowed)
        raise CheckpointError(
            f"config.json has {key} = {str(value)[:80]!r}; only {choices} can be followed here."
        )


def _whole(settings: Settings, key: str, default: int | None = None) -> int:
    value = settings.get(key)
    value = default if value is None else value
    if type(value) is not int:
        raise CheckpointError(
            f"config.json has {key} = {str(value)[:80]!r}; a whole number is needed."
        )
    return value


def _number(settings: Settings, key: str, default: float) -> float:
    value = settings.get(key, default)
    if type(value) not in (int, float):
        raise CheckpointError(f"config.json has {key} = {str(value)[:80]!r}; a number is needed.")
    return float(value)


def _flag(settings: Settings, key: str, default: bool) -> bool:
    value = settings.get(key, default)
    if type(value) is not bool:
        raise CheckpointError(
            f"config.json has {key} = {str(value)[:80]!r}; true or false is needed."
        )
    return value


def gpt2_config(settings: Settings) -> ModelConfig:
    """GPT-2: LayerNorm, learned positions, GELU, biases everywhere."""
    require(settings, "activation_function", "gelu_new", "gelu_pytorch_tanh")
    require(settings, "scale_attn_weights", True)
    require(settings, "scale_attn_by_inverse_layer_idx", False)
    require(settings, "add_cross_attention", False)
    width = _whole(settings, "n_embd", 768)
    return ModelConfig(
        vocab_size=_whole(settings, "vocab_size", 50_257),
        context_length=_whole(settings, "n_positions", 1024),
        n_layers=_whole(settings, "n_layer", 12),
        n_heads=_whole(settings, "n_head", 12),
        d_model=width,
        d_ff=_whole(settings, "n_inner", 4 * width),
        norm="layernorm",
        norm_eps=_number(settings, "layer_norm_epsilon", 1e-5),
        positions="learned",
        mlp="gelu",
        qk_norm=False,
        bias="all",
        tie_embeddings=_flag(settings, "tie_word_embeddings", True),
    )


def gpt2_settings(config: ModelConfig) -> dict[str, Any]:
    """The `config.json` keys of a GPT-2."""
    return {
        "vocab_size": config.vocab_size,
        "n_positions": config.context_length,
        "n_embd": config.d_model,
        "n_layer": config.n_layers,
        "n_head": config.n_heads,
        "n_inner": config.d_ff,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": config.norm_eps,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "attn_pdrop": config.dropout,
        "tie_word_embeddings": config.tie_embeddings,
    }


def _rotary_config(settings: Settings, *, default_eps: float, **fixed: Any) -> ModelConfig:
    """What the Llama, Qwen and Phi-3 families have in common."""
    require(settings, "hidden_act", "silu")
    theta, scaling = _rope(settings)
    return ModelConfig(
        **{
            "vocab_size": _whole(settings, "vocab_size"),
            "context_length": _whole(settings, "max_position_embeddings"),
            "n_layers": _whole(settings, "num_hidden_layers"),
            "n_heads": _whole(settings, "num_attention_heads"),
            "n_kv_heads": _whole(
                settings, "num_key_value_heads", _whole(settings, "num_attention_heads")
            ),
            "d_model": _whole(settings, "hidden_size"),
            "d_head": None if settings.get("head_dim") is None else _whole(settings, "head_dim"),
            "d_ff": _whole(settings, "intermediate_size"),
            "norm": "rmsnorm",
            "norm_eps": _number(settings, "rms_norm_eps", default_eps),
            "positions": "rotary",
            "mlp": "swiglu",
            "qk_norm": False,
            "bias": "none",
            "tie_embeddings": _flag(settings, "tie_word_embeddings", False),
            "rope_theta": theta,
            "rope_scaling": scaling,
            **fixed,
        }
    )


def _rope(settings: Settings) -> tuple[float, RopeScaling | None]:
    """Base and scaling of the rotary positions, in the older form or in `rope_parameters`."""
    rope = settings.get("rope_parameters") or settings.get("rope_scaling") or {}
    if not isinstance(rope, Mapping):
        raise CheckpointError("config.json has rope settings that are no object.")
    theta = _number(rope, "rope_theta", _number(settings, "rope_theta", 10_000.0))
    require({**settings, **rope}, "partial_rotary_factor", 1.0, 1)
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return theta, None
    if kind == "linear":
        return theta, RopeScaling(kind="linear", factor=_number(rope, "factor", 1.0))
    if kind == "llama3":
        return theta, RopeScaling(
            kind="llama3",
            factor=_number(rope, "factor", 8.0),
            low_freq_factor=_number(rope, "low_freq_factor", 1.0),
            high_freq_factor=_number(rope, "high_freq_factor", 4.0),
            original_context_length=_whole(rope, "original_max_position_embeddings", 8192),
        )
    raise CheckpointError(
        f"config.json stretches rotary positions by {str(kind)[:40]!r}; "
        "only default, linear and llama3 can be followed here."
    )


def _rotary_settings(config: ModelConfig) -> dict[str, Any]:
    scaling = config.rope_scaling
    rope: dict[str, Any] = {"rope_type": "default"}
    if scaling is not None:
        rope = {"rope_type": scaling.kind, "factor": scaling.factor}
    if scaling is not None and scaling.kind == "llama3":
        rope |= {
            "low_freq_factor": scaling.low_freq_factor,
            "high_freq_factor": scaling.high_freq_factor,
            "original_max_position_embeddings": scaling.original_context_length,
        }
    return {
        "vocab_size": config.vocab_size,
        "max_position_embeddings": config.context_length,
        "num_hidden_layers": config.n_layers,
        "num_attention_heads": config.n_heads,
        "num_key_value_heads": config.kv_heads,
        "hidden_size": config.d_model,
        "head_dim": config.head_width,
        "intermediate_size": config.d_ff,
        "hidden_act": "silu",
        "rms_norm_eps": config.norm_eps,
        "attention_dropout": config.dropout,
        "tie_word_embeddings": config.tie_embeddings,
        "rope_theta": config.rope_theta,
        "rope_scaling": None if scaling is None else rope,
        "rope_parameters": {**rope, "rope_theta": config.rope_theta},
    }


def llama_config(settings: Settings) -> ModelConfig:
    """Llama, TinyLlama, SmolLM2."""
    with_bias = _flag(settings, "attention_bias", False)
    require(settings, "mlp_bias", with_bias)
    return _rotary_config(settings, default_eps=1e-6, bias="all" if with_bias else "none")


def llama_settings(config: ModelConfig) -> dict[str, Any]:
    """The `config.json` keys of a Llama."""
    with_bias = config.bias == "all"
    return {**_rotary_settings(config), "attention_bias": with_bias, "mlp_bias": with_bias}


def qwen2_config(settings: Settings) -> ModelConfig:
    """Qwen2 and Qwen2.5: biases on queries, keys and values."""
    return _rotary_config(settings, default_eps=1e-6, bias="qkv", window=_qwen_window(settings))


def qwen3_config(settings: Settings) -> ModelConfig:
    """Qwen3: normed queries and keys, no biases."""
    require(settings, "attention_bias", False)
    return _rotary_config(settings, default_eps=1e-6, qk_norm=True, window=_qwen_window(settings))


def _qwen_window(settings: Settings) -> int | None:
    """The window, which all layers or none must have."""
    n_layers = _whole(settings, "num_hidden_layers")
    kinds = settings.get("layer_types")
    if kinds is None:
        if not _flag(settings, "use_sliding_window", False):
            return None
        first = _whole(settings, "max_window_layers", n_layers)
        kinds = ["full_attention"] * min(first, n_layers)
        kinds += ["sliding_attention"] * (n_layers - len(kinds))
    if kinds == ["full_attention"] * n_layers:
        return None
    if kinds == ["sliding_attention"] * n_layers:
        return _whole(settings, "sliding_window", 4096)
    raise CheckpointError(
        "config.json gives some layers a window and others none; that cannot be followed here."
    )


def qwen_settings(config: ModelConfig) -> dict[str, Any]:
    """The `config.json` keys of a Qwen2."""
    kind = "full_attention" if config.window is None else "sliding_attention"
    return {
        **_rotary_settings(config),
        "use_sliding_window": config.window is not None,
        "sliding_window": config.window,
        "max_window_layers": config.n_layers if config.window is None else 0,
        "layer_types": [kind] * config.n_layers,
    }


def qwen3_settings(config: ModelConfig) -> dict[str, Any]:
    """The `config.json` keys of a Qwen3."""
    return {**qwen_settings(config), "attention_bias": False}


def phi3_config(settings: Settings) -> ModelConfig:
    """Phi-3 Mini with 4k context."""
    window = settings.get("sliding_window")
    return _rotary_config(
        settings,
        default_eps=1e-5,
        window=None if window is None else _whole(settings, "sliding_window"),
    )


def phi3_settings(config: ModelConfig) -> dict[str, Any]:
    """The `config.json` keys of a Phi-3."""
    return {
        **_rotary_settings(config),
        "sliding_window": config.window,
        "original_max_position_embeddings": config.context_length,
        "resid_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
    }
