"""Is `memory_bytes` true? What a training takes on this machine's processor, against the formula.

    python benchmarks/memory_formula.py [--shapes nano,micro] [--rows 8]

For each shape a fresh process trains a few steps on random ids. "kept" are the bytes that
autograd keeps between the way forward and the way back, each tensor once; "grew" is how much
the process grew at most (VmHWM), PyTorch itself left out. With MALLOC_MMAP_THRESHOLD_=65536 in
the environment every freed tensor is given back at once, so that the growth is free of holes.
The last line is the ratio of the formula to the growth, of the shape that is furthest off.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from slm.model.config import BYTES_FLOAT32, LOGITS_AT_ONCE, PRESETS, ModelConfig, memory_bytes

SHAPES: dict[str, tuple[ModelConfig, int]] = {
    "nano": (PRESETS["nano"], 12),
    "nano, batch 64": (PRESETS["nano"], 64),
    "micro": (PRESETS["micro"], 16),
    "mini": (PRESETS["mini"], 4),
    "gelu, layernorm, learned": (
        PRESETS["gpt2-124m"].replace(
            n_layers=4, d_model=256, n_heads=4, d_ff=1024, vocab_size=4096
        ),
        2,
    ),
    "untied, no qk norm": (
        PRESETS["tinyllama-1.1b"].replace(
            n_layers=4, d_model=512, n_heads=8, d_ff=1408, vocab_size=8192, context_length=512
        ),
        2,
    ),
    "logits in turn": (
        PRESETS["nano"].replace(vocab_size=32_768, context_length=512, n_layers=2),
        10,
    ),
    "logits in turn, many": (
        PRESETS["mini"].replace(vocab_size=50_257, n_layers=2),
        24,
    ),
}
_FEW_STEPS = 3


def main() -> None:
    """Measure every shape in a child of its own; print a table and the worst ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--child", default="")
    parser.add_argument("--optimizer", default="muon", choices=["muon", "adamw"])
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(_measure(*SHAPES[arguments.child], arguments.optimizer)))
        return
    worst = 1.0
    for name, (config, rows) in SHAPES.items():
        command = [sys.executable, __file__, "--child", name, "--optimizer", arguments.optimizer]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found = json.loads(done.stdout)
        told = memory_bytes(config, rows, "train", optimizer=arguments.optimizer)
        kept = told["activations"] + _kept_of_logits(config, rows, told["logits"])
        ratio = sum(told.values()) / found["peak"]
        worst = max(worst, ratio, key=lambda each: abs(each - 1))
        print(
            f"{name:26} kept {kept / 1e6:8.1f} MB, "
            f"measured {found['activations'] / 1e6:8.1f} "
            f"({kept / found['activations'] - 1:+.1%}); "
            f"all {sum(told.values()) / 1e6:8.1f} MB, grew {found['peak'] / 1e6:8.1f} "
            f"({ratio - 1:+.1%})"
        )
    print("bytes of a training step, formula over measured")
    print(f"ratio: {worst:.2f}")


def _kept_of_logits(config: ModelConfig, rows: int, all_bytes: int) -> int:
    """What stays until the way back: their log-softmax; where they are made in turn, the
    gradients of the stream and of the head's weights in their place."""
    tokens = rows * config.context_length
    if tokens * config.vocab_size <= LOGITS_AT_ONCE:
        return all_bytes // 3
    return BYTES_FLOAT32 * config.d_model * (tokens + config.vocab_size)


def _measure(config: ModelConfig, rows: int, optimizer: str) -> dict[str, int]:
    import torch

    from slm.model.transformer import Transformer
    from slm.training.compiling import Loss
    from slm.training.config import TrainConfig
    from slm.training.optimizer import Optimizers

    torch.set_num_threads(1)
    kept: dict[int, int] = {}

    def steps(config: ModelConfig, rows: int, count: int) -> None:
        model = Transformer(config).train()
        optimizers = Optimizers(model, TrainConfig(optimizer=optimizer))
        summed_nats = Loss(model, "plain")
        weights = {parameter.data_ptr() for parameter in model.parameters()}

        def keep(tensor: torch.Tensor) -> torch.Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() not in weights:
                kept[storage.data_ptr()] = storage.nbytes()
            return tensor

        for _ in range(count):
            kept.clear()
            ids = torch.randint(config.vocab_size, (rows, config.context_length))
            with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
                nats = summed_nats(ids, ids.roll(-1, dims=1))
            torch.autograd.backward(nats / ids.numel())
            optimizers.step(1.0)

    steps(PRESETS["nano"].replace(vocab_size=64, context_length=8), 1, 1)  # kernels, buffers
    before = _high_water(reset=True)
    steps(config, rows, _FEW_STEPS)
    return {"peak": _high_water() - before, "activations": sum(kept.values())}


def _high_water(*, reset: bool = False) -> int:
    """The most bytes that this process held so far, or since the last reset (Linux)."""
    if reset:
        Path("/proc/self/clear_refs").write_text("5")
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


if __name__ == "__main__":
    main()
