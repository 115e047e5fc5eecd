"""Does a training fit into memory? Refused before it starts, told in words when it runs out.

The need is counted (`slm.model.config.memory_bytes`), so it is an estimate; what is free is
asked of the machine, its container or its GPU at that moment.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from math import prod
from pathlib import Path

import torch

from slm.errors import NoMemoryError
from slm.machine import available_memory
from slm.model.config import (
    BYTES_FLOAT32,
    PRESETS,
    ModelConfig,
    memory_bytes,
    parameter_counts,
    tensor_shapes,
)
from slm.model.lora_settings import LoraConfig, adapted_matrices, adapter_parameters
from slm.training.config import TrainConfig, as_trained
from slm.training.events import latest_config, steps_done

_CUDA_LIBRARIES = 600_000_000  # what PyTorch takes on a GPU beside tensors
_WORDS = ("out of memory", "can't allocate memory", "not enough memory", "cannot allocate memory")


@dataclass(frozen=True)
class Fit:
    """A training's need and what is free, in bytes; and what would fit in its place.

    `grad_accum_steps` micro-batches of the same batch would fit, or None where not even one
    window at a time does; then `preset` is the largest that would, of the same vocabulary.
    Of several processes it is the need of one, `in_shares` where each holds a share of the model.
    """

    needed: int
    free: int
    grad_accum_steps: int | None
    preset: str | None
    in_shares: bool = False

    @property
    def fits(self) -> bool:
        """Whether the training fits as it is asked for."""
        return self.needed <= self.free


def available(device: str) -> int:
    """Bytes that tensors may still take on that device."""
    if device == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return available_memory()


def fit(
    model: ModelConfig,
    config: TrainConfig,
    device: str,
    dtype: torch.dtype,
    free: int | None = None,
    processes: int = 1,
    in_shares: bool | None = None,
) -> Fit:
    """Whether a training fits on that device, and what would; `free` bytes, or what is free now.

    `in_shares` None goes by the settings.
    """
    free = _free(device) if free is None else free
    if in_shares is None:
        in_shares = wants_shares(model, config, device, dtype, free, processes)
    need = partial(needed_bytes, dtype=dtype, processes=processes, in_shares=in_shares)
    needed = need(model, config)
    if needed <= free:
        return Fit(needed, free, config.grad_accum_steps, None, in_shares)
    for parts in range(config.grad_accum_steps + 1, config.batch_size + 1):
        if config.batch_size % parts == 0:
            smaller = config.replace(grad_accum_steps=parts)
            if config.batch_size >= parts * processes and need(model, smaller) <= free:
                return Fit(needed, free, parts, None, in_shares)
    one_window = config.replace(batch_size=1, grad_accum_steps=1)
    context = as_trained(model, config).context_length
    one_window = one_window.replace(lora_rank=0)  # presets are trained whole
    needs = {
        need(
            preset.replace(
                vocab_size=model.vocab_size, context_length=min(context, preset.context_length)
            ),
            one_window,
        ): name
        for name, preset in PRESETS.items()
    }
    largest = max((need for need in needs if need <= free), default=None)
    return Fit(needed, free, None, None if largest is None else needs[largest], in_shares)


def wants_shares(
    model: ModelConfig,
    config: TrainConfig,
    device: str,
    dtype: torch.dtype,
    free: int | None = None,
    processes: int = 1,
) -> bool:
    """Whether each of the processes is to hold a share of the model, by setting or by need.

    On a processor the processes count as sharing its memory.
    """
    alone = config.sharding == "none" or config.lora is not None
    if processes == 1 or device not in {"cpu", "cuda"} or alone:
        return False
    if config.sharding == "full":
        return True
    free = _free(device) if free is None else free
    needed = needed_bytes(model, config, dtype, processes)
    return needed * (processes if device == "cpu" else 1) > free


def needed_bytes(
    model: ModelConfig,
    config: TrainConfig,
    dtype: torch.dtype,
    processes: int = 1,
    in_shares: bool = False,
) -> int:
    """What the tensors of a training take in one process, one micro-batch at a time."""
    rows = -(-config.batch_size // (config.grad_accum_steps * processes))
    per_value = 2 if dtype == torch.bfloat16 else 4
    model = as_trained(model, config)
    parts = memory_bytes(
        model, rows, "train", bytes_per_value=per_value, optimizer=config.optimizer
    )
    if config.lora is not None:
        parts |= _with_adapters(model, config.lora, rows, per_value)
        idle = parts["activations"] + parts["logits"]  # where nothing is on its way back
        parts["looking"] = max(0, parts["looking"] - idle)
    if in_shares:
        parts |= {name: parts[name] // processes for name in ("gradients", "optimizer")}
        parts["weights"] = BYTES_FLOAT32 * sum(parameter_counts(model).values()) // processes
        parts["gathered"] = _gathered_bytes(model, per_value)
    return sum(parts.values())


def _with_adapters(
    model: ModelConfig, lora: LoraConfig, rows: int, per_value: int
) -> dict[str, int]:
    """What differs where adapters are trained: gradients and averages are theirs alone.

    The frozen weights count as float32, the most that they are stored in. "thin" are the
    adapted layers' inputs after A. "looking" is what the merged weights take for a while, when
    the model writes a sample.
    """
    trained = BYTES_FLOAT32 * adapter_parameters(model, lora)
    matrices = adapted_matrices(model, lora)
    thin = per_value * lora.rank * len(matrices) * rows * model.context_length
    whole = BYTES_FLOAT32 * sum(parameter_counts(model).values())
    copies = 0 if per_value == BYTES_FLOAT32 else whole // 2
    return {
        "weights": whole + copies + trained,
        "gradients": trained,
        "optimizer": 2 * trained,
        "thin": thin,
        "looking": whole,
    }


def _gathered_bytes(model: ModelConfig, per_value: int) -> int:
    """What lies whole beside the shares for a while.

    A block that computes and the next one; what is outside the blocks; their gradients until
    they are shared out, in float32 too; and a matrix that Muon orthogonalizes, with its products.
    """
    counts = {name: prod(shape) for name, shape in tensor_shapes(model).items()}
    block = sum(n for name, n in counts.items() if name.startswith("blocks.0."))
    outside = sum(n for name, n in counts.items() if not name.startswith("blocks."))
    weights = per_value * (2 * block + outside)
    gradients = (per_value + BYTES_FLOAT32) * (block + outside)
    matrix = max(n for name, n in counts.items() if name.startswith("blocks.0."))
    return weights + gradients + 5 * BYTES_FLOAT32 * matrix


def _free(device: str) -> int:
    return available(device) - (_CUDA_LIBRARIES if device == "cuda" else 0)


def require(
    model: ModelConfig,
    config: TrainConfig,
    device: str,
    dtype: torch.dtype,
    processes: int = 1,
    in_shares: bool | None = None,
) -> None:
    """Raises: NoMemoryError, with what would fit, for a training that does not."""
    told = fit(model, config, device, dtype, processes=processes, in_shares=in_shares)
    if told.fits:
        return
    where = "on the GPU" if device == "cuda" else "on this machine"
    rows = -(-config.batch_size // (config.grad_accum_steps * processes))
    window = as_trained(model, config).context_length
    held = f" in each of {processes} processes that share it" if told.in_shares else ""
    needs = (
        f"Training this model takes about {_gb(told.needed)} of memory{held} with {rows:,} windows "
        f"of {window:,} tokens at a time; {_gb(told.free)} are free {where}. "
    )
    if told.grad_accum_steps is not None:
        finer = config.replace(grad_accum_steps=told.grad_accum_steps)
        smaller = needed_bytes(model, finer, dtype, processes, told.in_shares)
        raise NoMemoryError(
            f"{needs}Set grad_accum_steps to {told.grad_accum_steps}: it then takes about "
            f"{_gb(smaller)} and learns the same."
        )
    if processes > 1 and not told.in_shares and config.sharding == "none":
        needs += "With sharding auto or full, processes hold shares of the model. "
    remedy = f"the preset {told.preset}" if told.preset else "a much smaller model"
    raise NoMemoryError(
        f"{needs}Not even one window at a time fits. Choose a smaller model, such as {remedy}, "
        "or a shorter context."
    )


@contextmanager
def told_in_words(run_folder: Path) -> Iterator[None]:
    """Tell a memory that runs out in this block in words.

    Raises: NoMemoryError that names the batch and what would take less.
    """
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not _is_shortage(error):
            raise
        raise NoMemoryError(_shortage_in_words(run_folder)) from error


def _is_shortage(error: BaseException) -> bool:
    """Whether it is about memory: a GPU's error has a class, the processor's only words."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return any(words in str(error).lower() for words in _WORDS)


def _shortage_in_words(run_folder: Path) -> str:
    config = latest_config(run_folder)
    rows = config.batch_size // config.grad_accum_steps
    smaller = next(
        (
            parts
            for parts in range(2 * config.grad_accum_steps, config.batch_size + 1)
            if config.batch_size % parts == 0
        ),
        None,
    )
    told = f"Out of memory near step {steps_done(run_folder):,}, with {rows:,} windows at a time. "
    if smaller is None:
        return f"{told}Choose a smaller model or a shorter context, or close other programs."
    halved = max(1, config.batch_size // 2)
    return (
        f"{told}What was saved is unharmed. Try grad_accum_steps {smaller}, which takes less "
        f"memory and learns the same, or a batch_size of {halved}; then go on."
    )


def _gb(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e8 else f"{n_bytes / 1e6:.0f} MB"
