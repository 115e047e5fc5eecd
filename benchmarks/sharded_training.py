"""Training in shares a model that one device does not hold: tokens a second, and memory.

    torchrun --standalone --nproc-per-node=2 benchmarks/sharded_training.py
        [--preset phi-3-mini] [--steps 8] [--rows 4] [--context 2048] [--optimizer muon]

Each process takes `--rows` windows of made-up tokens a step. The first three steps warm up
and are not counted. The last line is the rate of all processes together; before it stand the
most memory that a process took on its GPU, and what whole float32 weights, gradients and two
averages of each would take.
"""

import argparse
import os
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor

sys.path.insert(0, str(Path(__file__).parents[1]))

from slm.device import default_dtype
from slm.model.config import PRESETS, flops_per_token, parameter_counts, tensor_shapes
from slm.training import ranks, sharding
from slm.training.compiling import Choice
from slm.training.config import TrainConfig
from slm.training.optimizer import Optimizers

WARM_UP = 3


def main() -> None:
    """Train a few steps on made-up tokens; process 0 prints."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--preset", default="phi-3-mini", choices=list(PRESETS))
    parser.add_argument("--steps", type=int, default=8)
    parser.add_argument("--rows", type=int, default=4)
    parser.add_argument("--context", type=int, default=2048)
    parser.add_argument("--optimizer", default="muon", choices=["muon", "adamw"])
    choice = parser.parse_args()
    device = join()
    model = PRESETS[choice.preset].replace(context_length=choice.context)
    shapes = tensor_shapes(model)

    def fresh(name: str) -> Tensor:
        shape = shapes[name]
        if len(shape) < 2:
            return torch.zeros(shape) if name.endswith("bias") else torch.ones(shape)
        return torch.randn(shape, device=device) * 0.02

    way = Choice("plain", False, "a benchmark")
    begin = time.perf_counter()
    loss = sharding.sharded_loss(model, device, default_dtype(device.type), way, fresh)
    config = TrainConfig(optimizer=choice.optimizer, learning_rate=1e-4, muon_learning_rate=1e-3)
    optimizers = Optimizers(loss.model, config, muon=sharding.ShardedMuon)
    say(f"{choice.preset}: in shares after {time.perf_counter() - begin:.1f} s")
    torch.manual_seed(ranks.rank())
    places = choice.rows * choice.context * ranks.world_size()
    for step in range(WARM_UP + choice.steps):
        if step == WARM_UP:
            settle(device)
            begin = time.perf_counter()
        ids_BT = torch.randint(model.vocab_size, (choice.rows, choice.context + 1), device=device)
        nats = loss(ids_BT[:, :-1], ids_BT[:, 1:])
        torch.autograd.backward(nats * (ranks.world_size() / places))
        norm = sharding.clip_gradients(loss.model.parameters(), 1.0)
        optimizers.step(1.0)
        if step in (0, WARM_UP + choice.steps - 1):
            (total,) = ranks.total(nats.item())
            say(f"step {step + 1}: loss {total / places:.4f}, gradient norm {norm.item():.3f}")
    settle(device)
    seconds = (time.perf_counter() - begin) / choice.steps
    n_parameters = sum(parameter_counts(model).values())
    if device.type == "cuda":
        say(f"most memory on one GPU: {torch.cuda.max_memory_allocated() / 1e9:.1f} GB")
    say(f"whole, in float32, with gradients and two averages: {16 * n_parameters / 1e9:.1f} GB")
    flops = 3 * flops_per_token(model) * places / seconds
    say(f"{flops / ranks.world_size() / 1e12:.2f} TFLOP/s a process, {seconds:.3f} s a step")
    say(f"tokens per second: {places / seconds:,.0f}")
    dist.destroy_process_group()


def join() -> torch.device:
    """Meet the other processes; gives this one's device."""
    if not torch.cuda.is_available():
        torch.set_num_threads(1)
        dist.init_process_group("gloo")
        return torch.device("cpu")
    gpu = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
    torch.cuda.set_device(gpu)
    torch.set_float32_matmul_precision("high")
    dist.init_process_group("cpu:gloo,cuda:nccl", device_id=gpu)
    return gpu


def settle(device: torch.device) -> None:
    """Wait until all that was asked of every device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    ranks.wait()


def say(words: str) -> None:
    """One line, from process 0."""
    if ranks.rank() == 0:
        print(words, flush=True)


if __name__ == "__main__":
    main()
