"""Tokens a second of GPT-2 124M trained by one process and by several, each on its own GPU.

    python benchmarks/data_parallel.py [--nproc 2] [--batch 32] [--way whole]

Every process takes `--batch` windows of 1,024 made-up tokens a step, so the work grows with
the processes; gradients, their exchange, clip and update are the trainer's own. Without a GPU
the processes share the machine's cores, and the ratio says nothing.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import torch
import torch.distributed as dist

sys.path.insert(0, str(Path(__file__).parents[1]))

from sharded_training import join, say, settle

from slm.device import default_dtype
from slm.model.config import PRESETS
from slm.model.transformer import Transformer
from slm.training import ranks
from slm.training.compiling import choose_way
from slm.training.config import TrainConfig
from slm.training.gradients import Gradients
from slm.training.optimizer import Optimizers

WARM_UP, TIMED = 5, 20


def main() -> None:
    """Both sizes, or, started by torchrun, one of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nproc", type=int, default=2)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--way", default="whole", choices=["off", "blocks", "whole"])
    parser.add_argument("--preset", default="gpt2-124m", choices=list(PRESETS))
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    choice = parser.parse_args()
    if choice.worker:
        train(choice)
        return
    rates = {}
    for nproc in (1, choice.nproc):
        command = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
        command += [f"--nproc-per-node={nproc}", __file__, "--worker", "--way", choice.way]
        command += ["--batch", str(choice.batch), "--preset", choice.preset]
        ended = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        rates[nproc] = float(ended.stdout.split()[-1])
        print(f"{nproc} processes: {rates[nproc]:,.0f} tokens per second", flush=True)
    print(f"tokens per second of {choice.nproc} processes over those of one")
    print(f"ratio: {rates[choice.nproc] / rates[1]:.3f}")


def train(choice: argparse.Namespace) -> None:
    """Steps on made-up tokens; process 0 prints the rate of all together."""
    device = join()
    model_config = PRESETS[choice.preset]
    config = TrainConfig(optimizer="adamw", learning_rate=1e-4, compile=choice.way)
    chosen = choose_way(config, model_config, device.type, ranks.world_size())
    torch.manual_seed(0)
    model = Transformer(model_config).to(device)
    optimizers = Optimizers(model, config, record=chosen.records)
    gradients = Gradients(model, default_dtype(device.type), chosen)
    parameters = list(model.parameters())
    size = (choice.batch, model_config.context_length)
    ids_BT = torch.randint(model_config.vocab_size, size)
    targets_BT = ids_BT.roll(-1, dims=1)
    for step in range(WARM_UP + TIMED):
        if step == WARM_UP:
            settle(device)
            begin = time.perf_counter()
        gradients.add(ids_BT, targets_BT, 1 / ids_BT.numel(), first=True, last=True)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizers.step(1.0)
    settle(device)
    seconds = (time.perf_counter() - begin) / TIMED
    say(f"{ids_BT.numel() * ranks.world_size() / seconds}")
    dist.destroy_process_group()


if __name__ == "__main__":
    main()
