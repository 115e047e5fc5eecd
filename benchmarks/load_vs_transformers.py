"""Opening a model of 1.1 billion parameters: ours against `transformers`.

    python benchmarks/load_vs_transformers.py [--preset tinyllama-1.1b] [--rounds 3] [--folder DIR]

The model is made on the spot: random bfloat16 weights in shards, as `save_pretrained` would
write them, in a folder of its own that is removed at the end. Each side opens it in a process
of its own, in bfloat16, one after the other in turns, and touches every weight. What is timed is
the opening alone, not the imports; peak memory is the process's largest, less what it held
before. The last line is the ratio of the times; the line before has the memory.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))
SHARD_BYTES = 500_000_000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="tinyllama-1.1b", help="a published shape")
    parser.add_argument("--rounds", type=int, default=3, help="openings on each side")
    parser.add_argument("--folder", type=Path, help="where the model is made (default: temporary)")
    parser.add_argument("--side", choices=("ours", "theirs"), help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        print(json.dumps(opened(asked.side, asked.folder)))
        return
    with tempfile.TemporaryDirectory(dir=asked.folder, prefix="load-") as held:
        folder = Path(held)
        weights = write_model(folder, asked.preset)
        print(f"{asked.preset}: {weights / 1e9:.2f} GB of bfloat16 in shards")
        found: dict[str, list[dict[str, float]]] = {"ours": [], "theirs": []}
        for _ in range(asked.rounds):
            for side in found:
                found[side].append(in_child(side, folder))
    seconds = {side: [one["seconds"] for one in rows] for side, rows in found.items()}
    peaks = {side: max(one["peak_bytes"] for one in rows) for side, rows in found.items()}
    for side in found:
        listed = ", ".join(f"{each:.2f}" for each in seconds[side])
        print(f"{side}: {listed} s; peak {peaks[side] / 1e9:.2f} GB")
    print(f"peak of ours over the weights: {peaks['ours'] / weights:.2f}")
    print("seconds to open, medians, ours over theirs")
    print(f"ratio: {statistics.median(seconds['ours']) / statistics.median(seconds['theirs']):.2f}")


def write_model(folder: Path, preset: str) -> int:
    """A random Llama in the form of Hugging Face; gives the bytes of its weights."""
    import torch

    from slm import files
    from slm.model.config import PRESETS, tensor_shapes
    from slm.model.families import family_of_config
    from slm.model.tensor_stream import write_stream

    config = PRESETS[preset].replace(window=None)
    family, shapes = family_of_config(config), tensor_shapes(config)
    plan = {
        one.name: torch.empty(one.shape(shapes), dtype=torch.bfloat16, device="meta")
        for one in family.tensors(config)
    }

    def random() -> Iterator[tuple[str, torch.Tensor]]:
        generator = torch.Generator().manual_seed(0)
        for name, planned in plan.items():
            drawn = torch.empty(planned.shape, dtype=torch.bfloat16)
            yield name, drawn.normal_(0, 0.02, generator=generator)

    write_stream(folder, plan, random(), shard_bytes=SHARD_BYTES)
    settings = {"architectures": [family.architecture], "model_type": family.model_type}
    settings |= {"torch_dtype": "bfloat16", **family.to_settings(config)}
    files.write_json(folder / "config.json", settings)
    return sum(planned.numel() * 2 for planned in plan.values())


def in_child(side: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, __file__, "--side", side, "--folder", str(folder)]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(told.splitlines()[-1])
    return found


def opened(side: str, folder: Path) -> dict[str, float]:
    """Open the model in this process."""
    import torch

    if side == "ours":
        from slm.exchange.pretrained import load_model
    else:
        import transformers

        transformers.utils.logging.disable_progress_bar()
        # What is imported at the first use of the class, before the clock runs.
        transformers.LlamaForCausalLM  # noqa: B018
    before = peak_bytes()
    begun = time.perf_counter()
    if side == "ours":
        model: torch.nn.Module = load_model(folder, dtype=torch.bfloat16)
    else:
        model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    touched = sum(float(weight.detach().view(-1)[::1024].sum()) for weight in model.parameters())
    seconds = time.perf_counter() - begun
    assert touched == touched, "weights are not finite"
    return {"seconds": seconds, "peak_bytes": peak_bytes() - before}


def peak_bytes() -> int:
    """The most memory that this process has held."""
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


if __name__ == "__main__":
    main()
