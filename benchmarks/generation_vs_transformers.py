"""Writing beside transformers: one prompt, many at once, and the time to the first token.

    python benchmarks/generation_vs_transformers.py [--model small|gpt2|1b] [--threads 1]
    python benchmarks/generation_vs_transformers.py --device cuda --model gpt2

Both sides hold the same random weights (small: 10.8M, 6 layers, width 384, 512 tokens, context
256; gpt2: 124M; 1b: the shape of TinyLlama 1.1B), write greedily in turns in this one process,
and must write the same tokens. transformers runs as its `generate` does by default, and on a GPU
also with its static cache, which it compiles and keeps; there ours is the engine, which keeps
what it recorded. On a processor ours also writes with weights of 8 bits, which may choose other
tokens.
Beside the times stands the floor: how long one thread takes to read all weights once. The last
line is tokens a second of one prompt, ours over the peer's.
"""

import argparse
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import torch
import transformers

from slm.exchange.pretrained import load_model
from slm.model import int8
from slm.model.transformer import Transformer
from slm.sampling.engine import Engine
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import generate

SHAPES: dict[str, dict[str, int]] = {
    "small": {"vocab_size": 512, "n_positions": 256, "n_embd": 384, "n_layer": 6, "n_head": 6},
    "gpt2": {"vocab_size": 50_257, "n_positions": 1024, "n_embd": 768, "n_layer": 12, "n_head": 12},
    "1b": {"vocab_size": 32_000, "max_position_embeddings": 2048, "hidden_size": 2048,
           "intermediate_size": 5632, "num_hidden_layers": 22, "num_attention_heads": 32,
           "num_key_value_heads": 4},
}  # fmt: skip
GREEDY = SamplingConfig(temperature=0)
PROMPT = 16


def main() -> None:
    """Run both sides and print the ratio as the last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=sorted(SHAPES), default="small")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--new", type=int, default=100)
    parser.add_argument("--rows", type=int, nargs="*", default=[4, 16, 30])
    choice = parser.parse_args()
    torch.set_num_threads(choice.threads)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        peer, model = in_a_thread(lambda: both_sides(choice.model, folder, choice.device))
    prompt = torch.randint(5, 500, (PROMPT,), generator=torch.Generator().manual_seed(3)).tolist()
    sides: dict[str, Callable[[], list[int]]] = {
        "peer": lambda: peer_writes(peer, prompt, choice.new),
        "ours": lambda: [step.id for step in generate(model, prompt, GREEDY, choice.new)],
    }
    if choice.device == "cpu" and int8.available():
        sides["ours, 8 bits"] = lambda: [
            step.id for step in generate(model, prompt, GREEDY, choice.new, int8=True)
        ]
    if choice.device != "cpu":
        kept = Engine(model)
        sides["ours"] = lambda: [step.id for step in kept.generate(prompt, GREEDY, choice.new)]
        sides["peer, static cache"] = lambda: peer_writes(peer, prompt, choice.new, "static")
    seconds = in_a_thread(lambda: in_turns(sides, choice.rounds, same=choice.device == "cpu"))
    speed = {name: choice.new / min(each) for name, each in seconds.items()}
    for name, rate in speed.items():
        middle = choice.new / statistics.median(seconds[name])
        print(f"{name:20} {rate:8.1f} tokens/s, best of {choice.rounds}; median {middle:.1f}")
    first = in_a_thread(
        lambda: min(timed(lambda: next(generate(model, prompt, GREEDY, 1))) for _ in range(5))
    )
    print(f"first token          {1000 * first:8.1f} ms after {PROMPT} ids of prompt")
    if choice.device == "cpu":
        floor = in_a_thread(lambda: reading_seconds(model))
        share = 100 * floor * speed["ours"]
        print(f"reading all weights  {1000 * floor:8.2f} ms: ours takes {share:.0f}% of its time")
    for rows in choice.rows:
        many = max(together(model, prompt, choice.new, rows) for _ in range(choice.rounds))
        print(f"{rows:2} prompts at once   {many:8.1f} tokens/s, {many / speed['ours']:.2f} × one")
    best_peer = max(rate for name, rate in speed.items() if name.startswith("peer"))
    print("tokens a second of one prompt, ours over the peer's best")
    print(f"ratio: {speed['ours'] / best_peer:.2f}")


def in_turns(
    sides: dict[str, Callable[[], list[int]]], rounds: int, *, same: bool
) -> dict[str, list[float]]:
    """The seconds of each side, once a round; `same`: ours must write the peer's tokens."""
    written = {name: write() for name, write in sides.items()}  # and everything is warm
    if same:
        assert written["ours"] == written["peer"], "the two sides write different tokens"
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for _ in range(rounds):
        for name, write in sides.items():
            seconds[name].append(timed(write))
    return seconds


def in_a_thread(work: Callable[[], Any]) -> Any:
    """What `work` gives, in a thread that is gone afterwards, and its helpers with it.

    While two threads each have helpers (OpenMP's) on two cores, these sleep between all
    products, and both threads are three times slower. The engine has a thread of its own.
    """
    with ThreadPoolExecutor(1) as alone:
        return alone.submit(work).result()


def both_sides(
    name: str, folder: Path, device: str
) -> tuple[transformers.PreTrainedModel, Transformer]:
    """The same random model twice; sharp enough that rounding does not choose the token."""
    torch.manual_seed(1)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    if name == "1b":
        peer = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SHAPES[name])).to(dtype)
    else:
        shape = transformers.GPT2Config(**SHAPES[name], bos_token_id=0, eos_token_id=0)
        peer = transformers.GPT2LMHeadModel(shape)
    with torch.no_grad():
        for parameter in peer.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4)
    peer.save_pretrained(folder)
    return peer.to(device, dtype).eval(), load_model(folder, device=device, dtype=dtype)


def peer_writes(
    peer: transformers.PreTrainedModel, prompt: list[int], new: int, cache: str | None = None
) -> list[int]:
    """The peer's own `generate`, greedily and to the full length."""
    asked: dict[str, Any] = {} if cache is None else {"cache_implementation": cache}
    ids_BT = torch.tensor([prompt], device=peer.device)
    found = peer.generate(
        ids_BT,
        attention_mask=torch.ones_like(ids_BT),
        do_sample=False,
        max_new_tokens=new,
        eos_token_id=None,
        pad_token_id=0,
        **asked,
    )
    ids: list[int] = found[0, len(prompt) :].tolist()
    return ids


def together(model: Transformer, prompt: list[int], new: int, rows: int) -> float:
    """Tokens a second of so many texts, asked for at once, with settings of their own."""
    engine = Engine(model, seats=rows, memory_bytes=2**33)
    configs = [SamplingConfig(seed=row, temperature=0.5 + row / 40) for row in range(rows)]
    barrier = threading.Barrier(rows + 1)

    def listen(config: SamplingConfig) -> None:
        barrier.wait()
        for _ in engine.generate(prompt, config, new):
            pass

    threads = [threading.Thread(target=listen, args=(config,)) for config in configs]
    for thread in threads:
        thread.start()
    barrier.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    return rows * new / (time.perf_counter() - begin)


def reading_seconds(model: Transformer) -> float:
    """The least time to read every weight once, as sums over them, best of seven."""
    weights = [parameter.detach() for parameter in model.parameters()]

    def read() -> None:
        for weight in weights:
            weight.sum()

    return min(timed(read) for _ in range(7))


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes; a GPU is waited for."""
    begin = time.perf_counter()
    work()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
