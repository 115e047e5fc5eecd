"""The demo model with many listeners: the first token, and what each hears.

    python benchmarks/generation_listeners.py [--listeners 30] [--new 200] [--rounds 3]

One engine, as a page has it. First one listener alone, then many who ask at the same moment,
each with a prompt and a seed of their own, each in a thread; told are the time to the first
token and the tokens a second that the slowest of them hears. The last line is tokens a second
of all together, over one alone.
"""

import argparse
import statistics
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from slm.lab.reports import OpenedRun, open_run
from slm.sampling.config import SamplingConfig
from slm.sampling.engine import Engine
from slm.workspace import Workspace

ROOT = Path(__file__).resolve().parents[1]
PROMPTS = ("Once upon a time", "The fox", "One day a small bear", "In the garden")


def main() -> None:
    """Measure one and many and print the ratio as the last line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--listeners", type=int, default=30)
    parser.add_argument("--new", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=3)
    choice = parser.parse_args()
    (run,) = Workspace(ROOT / "demo").runs.list()
    opened = open_run(run)
    engine = Engine(opened.model)
    print(f"{opened.model.n_parameters:,} parameters, {engine.seats} seats")
    listen(engine, opened, 1, 20)  # warm
    rates = {}
    for listeners in (1, choice.listeners):
        rounds = [listen(engine, opened, listeners, choice.new) for _ in range(choice.rounds)]
        rate, first, slowest = max(rounds)
        rates[listeners] = rate
        print(
            f"{listeners:3} at once: {rate:8.1f} tokens/s, first token after "
            f"{1000 * statistics.median(first):.0f} ms (latest {1000 * max(first):.0f}), "
            f"the slowest hears {slowest:.1f} tokens/s"
        )
    print(f"tokens a second of {choice.listeners} at once, over one alone")
    print(f"ratio: {rates[choice.listeners] / rates[1]:.2f}")


def listen(
    engine: Engine, opened: OpenedRun, listeners: int, new: int
) -> tuple[float, list[float], float]:
    """Tokens a second of all, seconds to each first token, tokens a second of the slowest."""
    barrier = threading.Barrier(listeners + 1)
    first, whole = [0.0] * listeners, [0.0] * listeners

    def hear(number: int) -> None:
        ids = opened.tokenizer.encode(PROMPTS[number % len(PROMPTS)])
        barrier.wait()
        begin = time.perf_counter()
        for place, _ in enumerate(engine.generate(ids, SamplingConfig(seed=number), new)):
            if place == 0:
                first[number] = time.perf_counter() - begin
        whole[number] = time.perf_counter() - begin

    threads = [threading.Thread(target=hear, args=(number,)) for number in range(listeners)]
    for thread in threads:
        thread.start()
    barrier.wait()
    begin = time.perf_counter()
    for thread in threads:
        thread.join()
    return listeners * new / (time.perf_counter() - begin), first, new / max(whole)


if __name__ == "__main__":
    main()
