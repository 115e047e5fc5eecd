"""Settings, and what they cost, checked against real models and published figures."""

import pytest
import torch

from slm.errors import ConfigError
from slm.model.config import (
    PRESETS,
    ModelConfig,
    RopeScaling,
    flops_by_part,
    flops_per_token,
    memory_bytes,
    parameter_counts,
    tensor_shapes,
)
from slm.model.loss import mean_nats
from slm.model.probe import Recorder
from slm.model.transformer import Transformer

TINY = ModelConfig(vocab_size=40, context_length=16, n_layers=2, n_heads=4, d_model=16, d_ff=24)

SHAPES = [
    TINY,
    TINY.replace(n_kv_heads=2),
    TINY.replace(n_kv_heads=1, d_head=10),
    TINY.replace(n_heads=3, d_head=6, qk_norm=False),
    TINY.replace(norm="layernorm", positions="learned", mlp="gelu", bias="all", qk_norm=False),
    TINY.replace(norm="layernorm", bias="qkv", tie_embeddings=False),
    TINY.replace(norm="layernorm", bias="all", n_kv_heads=2),
    TINY.replace(bias="all", tie_embeddings=False, window=5),
    TINY.replace(positions="learned", n_heads=16),
    PRESETS["nano"],
]


@pytest.mark.parametrize("config", SHAPES)
def test_counts_and_shapes_are_those_of_the_real_model(config: ModelConfig) -> None:
    model = Transformer(config)
    assert {name: tuple(t.shape) for name, t in model.state_dict().items()} == tensor_shapes(config)
    assert sum(parameter_counts(config).values()) == model.n_parameters


@pytest.mark.parametrize(
    ("preset", "published"),
    [
        ("gpt2-124m", 124_439_808),
        ("smollm2-135m", 134_515_008),
        ("qwen3-0.6b", 596_049_920),
        ("tinyllama-1.1b", 1_100_048_384),
        ("phi-3-mini", 3_821_079_552),
    ],
)
def test_published_presets_have_the_published_number_of_parameters(
    preset: str, published: int
) -> None:
    assert sum(parameter_counts(PRESETS[preset]).values()) == published


@pytest.mark.parametrize("vocab_size", [1024, 4096])
def test_nano_stays_below_a_million_parameters(vocab_size: int) -> None:
    nano = PRESETS["nano"].replace(vocab_size=vocab_size)
    assert sum(parameter_counts(nano).values()) < 1_000_000


def test_parameters_by_part_of_a_model_counted_by_hand() -> None:
    """Width 4, one block, 2 heads of 2, feed-forward 6, vocabulary 10."""
    config = ModelConfig(
        vocab_size=10, context_length=8, n_layers=1, n_heads=2, d_model=4, d_ff=6, qk_norm=True
    )
    assert parameter_counts(config) == {
        "token_embedding": 10 * 4,
        "position_embedding": 0,
        "attention": 4 * 4 * 4,
        "feed_forward": 3 * 4 * 6,
        "norms": 4 + 2 + 2 + 4 + 4,
        "unembedding": 0,
    }


def test_flops_of_a_model_counted_by_hand() -> None:
    """136 + 40 weights at 2 each; scores and mixture over 8 positions: 4·1·2·2·8."""
    config = ModelConfig(
        vocab_size=10, context_length=8, n_layers=1, n_heads=2, d_model=4, d_ff=6, qk_norm=False
    )
    assert flops_per_token(config) == 2 * (64 + 72 + 40) + 128
    assert flops_per_token(config, context_length=4) == 2 * (64 + 72 + 40) + 64
    assert flops_per_token(config.replace(window=2)) == 2 * (64 + 72 + 40) + 32


def test_flops_agree_with_pytorchs_own_counter() -> None:
    from torch.utils.flop_counter import FlopCounterMode

    config = TINY.replace(qk_norm=False)
    model = Transformer(config)
    with FlopCounterMode(display=False) as counter:  # it counts no fused attention on the CPU
        model(torch.zeros(2, 16, dtype=torch.int64), probe=Recorder(["weights"]))
    assert counter.get_total_flops() == 2 * 16 * flops_per_token(config)


@pytest.mark.parametrize(
    "config",
    [
        PRESETS["nano"].replace(vocab_size=512, context_length=64),
        PRESETS["nano"].replace(vocab_size=4096, context_length=32, qk_norm=False),
        PRESETS["gpt2-124m"].replace(
            vocab_size=512, context_length=64, n_layers=3, n_heads=4, d_model=128, d_ff=512
        ),
    ],
)
def test_activation_memory_is_what_autograd_keeps(config: ModelConfig) -> None:
    """Within 5%, with the log-softmax, one of the three that "logits" counts: what does not grow
    with the batch is not counted, and without query/key norm some is that PyTorch does not keep."""
    torch.manual_seed(0)
    model = Transformer(config)
    ids_BT = torch.randint(config.vocab_size, (24, config.context_length))
    own = {parameter.data_ptr() for parameter in model.parameters()}
    own |= {buffer.data_ptr() for buffer in model.buffers()}
    kept: dict[int, int] = {}

    def keep(tensor: torch.Tensor) -> torch.Tensor:
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in own:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits_BTV = model(ids_BT)
        loss = mean_nats(logits_BTV, ids_BT)
    told = memory_bytes(config, batch_size=24, mode="train")
    assert told["logits"] == 3 * logits_BTV.nbytes
    expected = told["activations"] + told["logits"] // 3
    assert sum(kept.values()) == pytest.approx(expected, rel=0.05)
    loss.backward()


def test_flops_by_part_counted_by_hand() -> None:
    """Width 4, one block, 2 heads of 2, feed-forward 6, 10 tokens, 8 places: 2 for each weight,
    and 2 for each of 4 numbers of a query, with 8 keys and then 8 values."""
    config = ModelConfig(
        vocab_size=10, context_length=8, n_layers=1, n_heads=2, d_model=4, d_ff=6, qk_norm=False
    )
    assert flops_by_part(config) == {
        "attention_maps": 2 * 4 * 16,
        "mixing": 2 * (2 * 4 * 8),
        "feed_forward": 2 * 3 * 24,
        "output": 2 * 40,
    }
    assert flops_per_token(config) == sum(flops_by_part(config).values())


def test_memory_of_training_and_generating_counted_by_hand() -> None:
    """One parameter costs 4 bytes four times; the cache holds keys and values of 2 heads of 2."""
    config = ModelConfig(
        vocab_size=10, context_length=8, n_layers=1, n_heads=2, d_model=4, d_ff=6, qk_norm=False
    )
    n_parameters = 40 + 64 + 72 + 12
    training = memory_bytes(config, batch_size=3, mode="train")
    assert training["weights"] == training["gradients"] == 4 * n_parameters
    assert training["optimizer"] == 8 * n_parameters
    assert training["logits"] == 3 * 8 * 10 * 3 * 4  # windows, places, tokens, three of 4 bytes
    muon = memory_bytes(config, batch_size=3, mode="train", optimizer="muon")
    assert muon["optimizer"] == 8 * n_parameters - 4 * (64 + 72)  # one average for matrices
    half = memory_bytes(config, batch_size=3, mode="train", bytes_per_value=2)
    assert half["weights"] == 6 * n_parameters and half["gradients"] == 4 * n_parameters
    assert training["activations"] / 2 < half["activations"] < training["activations"]
    generating = memory_bytes(config, batch_size=3, mode="generate", bytes_per_value=2)
    assert generating == {"weights": 2 * n_parameters, "cache": 2 * 3 * 8 * 2 * 4}


def test_of_many_logits_only_as_many_take_memory_as_are_made_at_once() -> None:
    """Up to 2²⁶ (here 2²⁰ positions) all of them, 12 bytes each; beyond, so many at 16 bytes."""
    config = ModelConfig(vocab_size=64, context_length=1024, n_layers=1, d_model=4, n_heads=1)
    told = [memory_bytes(config, windows, "train")["logits"] for windows in (1024, 1025, 4096)]
    assert told == [12 * 2**26, 16 * 2**26, 16 * 2**26]


def test_all_conflicts_are_told_together_with_their_remedies() -> None:
    with pytest.raises(ConfigError) as caught:
        ModelConfig(d_model=130, n_heads=4, n_kv_heads=3, positions="learned", rope_scaling={})
    message = str(caught.value)
    assert "d_model (130) must be a multiple of n_heads (4)" in message
    assert "128 and 132" in message
    assert "n_kv_heads (3) must divide n_heads (4); choose one of 1, 2, 4." in message
    assert "rope_scaling belongs to rotary positions" in message


def test_an_odd_head_width_cannot_rotate() -> None:
    with pytest.raises(ConfigError, match="head width \\(5\\) must be even"):
        ModelConfig(d_model=20, n_heads=4)
    assert ModelConfig(d_model=20, n_heads=4, positions="learned").head_width == 5


def test_a_given_head_width_frees_the_model_width() -> None:
    config = ModelConfig(d_model=130, n_heads=4, d_head=32)
    assert (config.head_width, config.kv_heads) == (32, 4)


@pytest.mark.parametrize(
    ("field", "value"),
    [("vocab_size", 1), ("n_layers", 0), ("dropout", 1.0), ("norm_eps", 0.0), ("window", 0)],
)
def test_values_out_of_bounds_are_named(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{field} is {value}"):
        ModelConfig(**{field: value})


def test_every_setting_describes_itself() -> None:
    assert all(field.description for field in ModelConfig.model_fields.values())


@pytest.mark.parametrize(
    "config", [*PRESETS.values(), TINY.replace(rope_scaling=RopeScaling(kind="llama3", factor=8))]
)
def test_settings_survive_being_saved(config: ModelConfig) -> None:
    assert ModelConfig.from_json(config.to_json()) == config
