"""How a model is trained: every setting once, and the learning-rate schedule. No torch here.

A *step* is one optimizer update on `batch_size` windows, however many micro-batches
and processes share them. The defaults are the fast recipe for small models: Muon on
the hidden matrices, a constant rate, then a long linear descent to zero.
"""

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, Self

from pydantic import Field, model_validator

from slm.config import Config
from slm.data.windows import WindowMode
from slm.model.config import ModelConfig
from slm.model.lora_settings import PARTS, LoraConfig, Parts

MAX_SNAPSHOTS = 24
_USUAL_WIDTH = 768
_TUNING_RATE, _ADAPTERS_RATE, _FASTEST_TUNING = 1e-4, 5e-4, 5e-3
_USUAL_RANK = 8
_TUNED_WINDOW = 256  # tokens: long windows of a long context make a step slow


def _ui(**hints: Any) -> dict[str, Any]:
    """A hint for the page: which widget, which step, which scale."""
    return {"ui": hints}


class TrainConfig(Config):
    """The settings of one training run, beside those of its model."""

    steps: int = Field(
        400,
        ge=1,
        le=10_000_000,
        description="Optimizer updates in the whole run.",
        json_schema_extra=_ui(scale="log", step=50, max=20_000),
    )
    batch_size: int = Field(
        12,
        ge=1,
        le=65_536,
        description="Windows of text per step, over all micro-batches and processes together.",
        json_schema_extra=_ui(step=4, max=256),
    )
    windows: WindowMode = Field(
        "documents",
        description="How text is cut into windows. documents: each begins with a document, as far "
        "as that covers all text, so that the model sees how what it reads began. packed: side by "
        "side, wherever that falls. one_document: a document a window, padded where it is "
        "shorter, going on in further windows where it is longer.",
        json_schema_extra=_ui(options=["documents", "packed", "one_document"]),
    )
    window_length: int | None = Field(
        None,
        ge=2,
        le=1_048_576,
        description="Tokens in a window. None: as many as the model reads at most. Shorter ones "
        "need less memory and time; the model can read as far as before.",
        json_schema_extra=_ui(step=64, max=4_096, optional=True),
    )
    lora_rank: int = Field(
        0,
        ge=0,
        le=4_096,
        description="Rank of the adapters (LoRA): two thin matrices beside each adapted one are "
        "trained, and the model itself stays as it is. 0 trains all weights. For models that "
        "exist already.",
        json_schema_extra=_ui(step=4, max=256),
    )
    lora_alpha: float = Field(
        16.0,
        gt=0,
        le=4_096,
        description="What an adapter adds is multiplied by alpha / rank.",
        json_schema_extra=_ui(step=4.0, max=256.0),
    )
    lora_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of an adapter's inputs set to zero in training; helps where there is "
        "little text.",
        json_schema_extra=_ui(step=0.05, max=0.5),
    )
    lora_parts: Parts = Field(
        "all",
        description="Which matrices have adapters. qkv: queries, keys and values. attention: "
        "these and the output. mlp: the feed-forward. all: every matrix of a block, which learns "
        "best for its size.",
        json_schema_extra=_ui(options=list(PARTS)),
    )
    optimizer: Literal["muon", "adamw"] = Field(
        "muon",
        description="muon: Muon on hidden matrices, AdamW on the rest. adamw: AdamW on everything; "
        "it learns faster from a plain start, with copy_start and look_back_start at 0.",
        json_schema_extra=_ui(options=["muon", "adamw"]),
    )
    learning_rate: float = Field(
        0.01,
        gt=0,
        le=1,
        description="Peak rate of AdamW: embeddings, norms, output head. With optimizer adamw, "
        "of all weights, which want less, about 0.004.",
        json_schema_extra=_ui(scale="log", min=1e-5, max=3e-2),
    )
    muon_learning_rate: float = Field(
        0.015,
        gt=0,
        le=1,
        description="Peak rate of Muon: the size of a hidden matrix's update per step.",
        json_schema_extra=_ui(scale="log", min=1e-3, max=0.2),
    )
    muon_momentum: float = Field(
        0.8,
        ge=0,
        lt=1,
        description="Share of Muon's running average that each step keeps: about "
        "1 / (1 - momentum) steps are remembered. Long runs do well with 0.95.",
        json_schema_extra=_ui(step=0.01, min=0.5),
    )
    schedule: Literal["warmup-stable-decay", "cosine", "linear"] = Field(
        "warmup-stable-decay",
        description="How the rates move after the warm-up: constant then down a line, "
        "down half a cosine, or down a line from the start.",
        json_schema_extra=_ui(options=["warmup-stable-decay", "cosine", "linear"]),
    )
    warmup_steps: int = Field(
        10,
        ge=0,
        le=1_000_000,
        description="Steps over which the rates rise from near zero to their peak; "
        "at most half of the run.",
        json_schema_extra=_ui(step=10, max=2_000),
    )
    decay_fraction: float = Field(
        0.5,
        ge=0,
        le=1,
        description="Share of the run, at its end, that warmup-stable-decay spends descending.",
        json_schema_extra=_ui(step=0.05),
    )
    final_fraction: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Rate at the very end as a share of the peak.",
        json_schema_extra=_ui(step=0.05),
    )
    weight_decay: float = Field(
        0.0,
        ge=0,
        le=10,
        description="Pull of matrices and embeddings towards zero, times the learning rate, "
        "per step. Helps runs of many epochs.",
        json_schema_extra=_ui(step=0.01, max=0.5),
    )
    gradient_clip: float = Field(
        1.0,
        ge=0,
        le=1_000,
        description="Largest gradient norm; longer gradients are shortened to it. 0: off.",
        json_schema_extra=_ui(step=0.1, max=5.0),
    )
    grad_accum_steps: int = Field(
        1,
        ge=1,
        le=4_096,
        description="Micro-batches per step: more need less memory, and give the same update.",
        json_schema_extra=_ui(step=1, max=16),
    )
    evaluate_every: int = Field(
        50,
        ge=1,
        le=1_000_000,
        description="Steps between measurements of the validation loss.",
        json_schema_extra=_ui(step=10, max=1_000),
    )
    evaluation_tokens: int = Field(
        16_384,
        ge=0,
        le=1_000_000_000,
        description="Validation tokens per measurement, spread over the split; 0 takes all of it.",
        json_schema_extra=_ui(step=8_192, max=1_048_576),
    )
    sample_every: int = Field(
        100,
        ge=0,
        le=1_000_000,
        description="Steps between texts that the model writes for you to read; 0 writes none.",
        json_schema_extra=_ui(step=50, max=2_000),
    )
    sample_prompts: tuple[str, ...] = Field(
        ("",),
        max_length=8,
        description="What the samples begin with; an empty one starts a new document.",
    )
    sample_tokens: int = Field(
        96,
        ge=1,
        le=4_096,
        description="Tokens per sample.",
        json_schema_extra=_ui(step=16, max=512),
    )
    snapshots: int = Field(
        16,
        ge=0,
        le=MAX_SNAPSHOTS,
        description="Half-precision copies of the model kept along the way, close together at "
        "first, so that other chapters can look back; 0 keeps none.",
        json_schema_extra=_ui(step=1),
    )
    log_every: int = Field(
        1,
        ge=1,
        le=10_000,
        description="Steps between records of the training loss. On a GPU, 10 or more saves time.",
        json_schema_extra=_ui(step=1, max=100),
    )
    checkpoint_seconds: float = Field(
        60.0,
        ge=0,
        le=86_400,
        description="Least time between checkpoints; it grows when saving takes over 2% of it.",
        json_schema_extra=_ui(step=10, max=600),
    )
    checkpoint_every: int = Field(
        0,
        ge=0,
        le=10_000_000,
        description="Also save a checkpoint every so many steps; 0 goes by time alone.",
        json_schema_extra=_ui(step=100, max=10_000),
    )
    seed: int = Field(
        1,
        ge=0,
        le=2**63 - 1,
        description="Decides the first weights, the order of the text and the dropout.",
        json_schema_extra=_ui(step=1, max=1_000),
    )
    threads: int | None = Field(
        None,
        ge=1,
        le=1_024,
        description="CPU threads per process. None: all cores. "
        "A resumed run repeats exactly only with the same number.",
        json_schema_extra=_ui(step=1, max=64, optional=True),
    )
    device: Literal["auto", "cpu", "cuda", "mps"] = Field(
        "auto",
        description="Where the model is trained; auto takes a GPU where there is one.",
        json_schema_extra=_ui(options=["auto", "cpu", "cuda", "mps"]),
    )
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Numbers of the matrix products; weights stay float32. "
        "auto takes bfloat16 on GPUs that have it.",
        json_schema_extra=_ui(options=["auto", "float32", "bfloat16"]),
    )
    compile: Literal["auto", "off", "graphs", "blocks", "whole"] = Field(
        "auto",
        description="How a step is started. off: operation by operation. graphs: recorded once, "
        "then one call a step (CUDA graphs). blocks, whole: fused kernels are written first "
        "(torch.compile), which takes up to a minute. auto: what ends this run soonest.",
        json_schema_extra=_ui(options=["auto", "off", "graphs", "blocks", "whole"]),
    )
    sharding: Literal["auto", "none", "full"] = Field(
        "auto",
        description="What each of several processes holds. none: the whole model. full: a share "
        "of all weights, gradients and averages (FSDP), for models too large for one GPU; no "
        "samples and snapshots then. auto: full only where the whole model does not fit.",
        json_schema_extra=_ui(options=["auto", "none", "full"]),
    )

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        problems = []
        if self.batch_size % self.grad_accum_steps:
            problems.append(
                f"batch_size ({self.batch_size}) must be a multiple of "
                f"grad_accum_steps ({self.grad_accum_steps})"
            )
        if self.lora_rank and self.optimizer != "adamw":
            problems.append(
                f"optimizer is {self.optimizer!r}, and with lora_rank {self.lora_rank} only "
                "adapters are trained, which want adamw"
            )
        if self.lora_rank and self.sharding == "full":
            problems.append("sharding is 'full', which adapters (lora_rank) do not need; take auto")
        too_long = [prompt for prompt in self.sample_prompts if len(prompt) > 2_000]
        if too_long:
            problems.append(
                f"a sample prompt has {len(too_long[0]):,} characters; give at most 2,000"
            )
        if problems:
            raise ValueError("; ".join(problems))
        return self

    @property
    def lora(self) -> LoraConfig | None:
        """The adapters to train; None where all weights are trained."""
        if not self.lora_rank:
            return None
        return LoraConfig(
            rank=self.lora_rank,
            alpha=self.lora_alpha,
            dropout=self.lora_dropout,
            parts=self.lora_parts,
        )


def forward_passes(config: TrainConfig) -> int:
    """What a training step computes, in forward passes: forward, and back to inputs and weights.

    Frozen matrices have no gradient of their own, which leaves two of the three.
    """
    return 2 if config.lora_rank else 3


def as_trained(model: ModelConfig, config: TrainConfig) -> ModelConfig:
    """The model as the training uses it: with the context that its windows have.

    >>> as_trained(ModelConfig(context_length=256), TrainConfig(window_length=64)).context_length
    64
    """
    if config.window_length is None or config.window_length >= model.context_length:
        return model
    return model.replace(context_length=config.window_length)


def rate_factor(config: TrainConfig, step: int) -> float:
    """The share of the peak learning rates that update number `step` (from 0) uses.

    >>> config = TrainConfig(steps=100, warmup_steps=4, decay_fraction=0.5)
    >>> [round(rate_factor(config, step), 6) for step in (0, 3, 49, 75, 99)]
    [0.25, 1.0, 1.0, 0.5, 0.02]

    Source: warm-up, stable, decay: Hu et al. 2024 (MiniCPM), section 4;
    half a cosine: Loshchilov and Hutter 2017 (SGDR), eq. 5.
    """
    begin = min(config.warmup_steps, config.steps // 2)
    if step < begin:
        return (step + 1) / begin
    begin = descent_begin(config) or begin
    if step < begin:
        return 1.0
    done = min(1.0, (step - begin) / max(1, config.steps - begin))
    shape = 0.5 * (1 + math.cos(math.pi * done)) if config.schedule == "cosine" else 1 - done
    return config.final_fraction + (1 - config.final_fraction) * shape


def descent_begin(config: TrainConfig) -> int | None:
    """The update from which on warmup-stable-decay descends; None where rates do not stay level.

    A run that is to be longer is best taken up here, before its rates fell.

    >>> descent_begin(TrainConfig(steps=100, decay_fraction=0.4))
    60
    """
    if config.schedule != "warmup-stable-decay":
        return None
    warm = min(config.warmup_steps, config.steps // 2)
    return max(warm, config.steps - round(config.steps * config.decay_fraction))


def snapshot_steps(steps: int, count: int) -> tuple[int, ...]:
    """At most `count` steps from 0 to `steps`, each about the same factor after the one before.

    A model changes most at the beginning, so that is where most of the looks are.

    >>> snapshot_steps(steps=400, count=8)
    (0, 1, 5, 12, 30, 71, 169, 400)
    """
    if count < 2:
        return (steps,)[:count]
    ratio = math.log1p(steps) / (count - 1)
    return tuple(sorted({round(math.expm1(ratio * place)) for place in range(count)}))


def is_evaluation_step(config: TrainConfig, step: int) -> bool:
    """Whether the validation loss is measured after `step` updates: also at both ends."""
    return step % config.evaluate_every == 0 or step == config.steps


def is_observation_step(config: TrainConfig, step: int) -> bool:
    """Whether observers look at the model after `step` updates."""
    sampled = config.sample_every > 0 and step % config.sample_every == 0
    kept = step in snapshot_steps(config.steps, config.snapshots)
    return sampled or kept or is_evaluation_step(config, step)


def recipe_for_tuning(model: ModelConfig, *, adapters: bool) -> TrainConfig:
    """The recipe for fine-tuning a model that exists: gentle rates, so that it keeps what it knows.

    Wide models want smaller rates; adapters, which begin with nothing, several times larger ones.
    """
    narrow = max(1.0, _USUAL_WIDTH / model.d_model)
    rate = (_ADAPTERS_RATE if adapters else _TUNING_RATE) * narrow
    return TrainConfig(
        steps=200,
        batch_size=8,
        optimizer="adamw",
        learning_rate=float(f"{min(rate, _FASTEST_TUNING):.1g}"),
        schedule="linear",
        warmup_steps=10,
        window_length=_TUNED_WINDOW if model.context_length > _TUNED_WINDOW else None,
        lora_rank=min(_USUAL_RANK, model.kv_heads * model.head_width) if adapters else 0,
        evaluate_every=20,
        sample_every=50,
        snapshots=12,
    )


_SMALL = TrainConfig()
_MIDDLE = _SMALL.replace(
    steps=2_000,
    batch_size=32,
    learning_rate=3e-3,
    muon_learning_rate=0.02,
    muon_momentum=0.95,
    warmup_steps=40,
    weight_decay=0.05,
    evaluate_every=100,
    evaluation_tokens=65_536,
    sample_every=200,
)
_LARGE = TrainConfig(
    steps=20_000,
    batch_size=480,
    grad_accum_steps=30,
    learning_rate=3e-3,
    muon_learning_rate=0.02,
    muon_momentum=0.95,
    warmup_steps=200,
    decay_fraction=0.4,
    weight_decay=0.1,
    evaluate_every=250,
    evaluation_tokens=1_048_576,
    sample_every=1_000,
    log_every=10,
)

TRAIN_PRESETS: Mapping[str, TrainConfig] = MappingProxyType(
    {
        "nano": _SMALL,
        "micro": _SMALL.replace(steps=800, batch_size=16, learning_rate=3e-3),
        "mini": _MIDDLE,
        "small": _MIDDLE.replace(steps=5_000, batch_size=64, grad_accum_steps=4, warmup_steps=100),
        "medium": _LARGE.replace(steps=10_000, batch_size=256, grad_accum_steps=16),
        "gpt2-124m": _LARGE,
        "smollm2-135m": _LARGE,
        "qwen3-0.6b": _LARGE.replace(grad_accum_steps=60, muon_learning_rate=0.015),
        "tinyllama-1.1b": _LARGE.replace(
            learning_rate=1e-3, muon_learning_rate=0.01, batch_size=512, grad_accum_steps=64
        ),
        "phi-3-mini": _LARGE.replace(
            learning_rate=6e-4, muon_learning_rate=0.01, batch_size=1_024, grad_accum_steps=256
        ),
    }
)
"""Recipes matched to the model presets of the same names."""


def recipe_for(preset: str) -> TrainConfig:
    """The recipe for a model preset; for a name without one, the small models' recipe."""
    return TRAIN_PRESETS.get(preset, _SMALL)
