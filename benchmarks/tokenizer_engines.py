"""Tokenizer engines against each other: learning, encoding one string, encoding documents.

    python benchmarks/tokenizer_engines.py [--text FILE] [--megabytes 5.6] [--rounds 5]

Ours is `slm.tokenizer` (rustbpe and tiktoken inside), the peer is `tokenizers`, with
the same cuts, the same vocabulary size and, for encoding, the same merges; ids are
compared before anything is timed. Sides take turns; the best of the rounds counts,
as other work on the machine can only slow a round down. What takes one thread is timed
by that thread's own seconds. Without a text: Python's documentation and standard
library, as often as it takes.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import chain, cycle
from pathlib import Path

import tiktoken
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

sys.path.insert(0, str(Path(__file__).parents[1]))

from slm.data.sources import SourceConfig, read_documents
from slm.tokenizer import bpe
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.patterns import PATTERNS
from slm.tokenizer.together import Tally, id_blocks

VOCAB_SIZE = 4096


def main() -> None:
    arguments = _arguments()
    texts = _texts(arguments.text, round(arguments.megabytes * 1e6))
    text = "".join(texts)
    megabytes = len(text.encode()) / 1e6
    print(f"text: {megabytes:.2f} MB in {len(texts)} documents")

    ours = Tokenizer.train(texts, VOCAB_SIZE)
    bare = tiktoken.Encoding(
        "bare",
        pat_str=PATTERNS["gpt2"].expression,
        mergeable_ranks=dict(ours.definition.vocab),
        special_tokens={},
    )

    def say(subject: str, seconds: dict[str, float]) -> None:
        for side, taken in seconds.items():
            print(f"{subject}, {side}: {megabytes / taken:.1f} MB/s")

    # First, and apart: the peer leaves the memory in such pieces that tables made before
    # it are read up to a third slower, ours or tiktoken's, whichever they are.
    alone = _best(
        arguments.rounds,
        {
            "ours": lambda: ours.encode(text),
            "tiktoken, same ranks": lambda: bare.encode_ordinary(text),
        },
        time.thread_time,
    )
    say("encode one string", alone)
    over_tiktoken = alone["tiktoken, same ranks"] / alone["ours"]
    print(f"encode one string, ours over tiktoken: {over_tiktoken:.2f}")

    peer = _same_tokenizer(ours)
    assert [found.ids for found in peer.encode_batch(texts)] == ours.encode_batch(texts)
    seconds = _best(1, {"tokenizers": lambda: peer.encode(text)}, time.thread_time)
    say("encode one string", seconds)

    learning = _best(
        arguments.rounds,
        {
            "ours": lambda: Tokenizer.train(texts, VOCAB_SIZE),
            "tokenizers": lambda: _train_peer(texts),
            "ours, readable": lambda: bpe.train_bpe(texts, VOCAB_SIZE),
        },
    )
    for side, taken in learning.items():
        print(f"learn {VOCAB_SIZE} tokens, {side}: {taken:.2f} s")
    fresh = Tokenizer.train(texts, VOCAB_SIZE)
    counting = _best(1, {"ours": lambda: fresh.merges})["ours"]
    print(f"count the merges afterwards (once, when saved), ours: {counting:.2f} s")

    cores = os.cpu_count() or 1
    seconds = _best(
        arguments.rounds,
        {
            "ours": lambda: ours.encode_batch(texts),
            "ours, into arrays as token files are written": lambda: list(
                id_blocks(texts, ours, [], Tally())
            ),
            "tiktoken, same ranks": lambda: bare.encode_ordinary_batch(texts, num_threads=cores),
            "tokenizers": lambda: peer.encode_batch_fast(texts),
        },
    )
    say(f"encode documents on {cores} cores", seconds)
    print(f"quantity: MB/s encoding documents on {cores} cores, ours over tokenizers")
    print(f"ratio: {seconds['tokenizers'] / seconds['ours']:.2f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="UTF-8 text; documents are its lines")
    parser.add_argument("--megabytes", type=float, default=5.6, help="how much text (5.6)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (5)")
    return parser.parse_args()


def _texts(path: Path | None, n_bytes: int) -> list[str]:
    """Documents of about `n_bytes` in all, repeated where there are fewer."""
    if path is not None:
        source = path.read_text("utf-8").splitlines(keepends=True)
    else:
        configs = [SourceConfig(source=name) for name in ("python-docs", "python-code")]
        source = [d.text for d in chain.from_iterable(map(read_documents, configs))]
    taken: list[str] = []
    for text in cycle(source):
        taken.append(text)
        n_bytes -= len(text.encode())
        if n_bytes <= 0:
            return taken
    raise SystemExit("The text is empty.")


def _same_tokenizer(ours: Tokenizer) -> tokenizers.Tokenizer:
    with tempfile.TemporaryDirectory() as folder:
        ours.save(Path(folder))
        return tokenizers.Tokenizer.from_file(f"{folder}/tokenizer.json")


def _train_peer(texts: list[str]) -> None:
    peer = tokenizers.Tokenizer(models.BPE())
    peer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=[bpe.END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    peer.train_from_iterator(texts, trainer, length=len(texts))


def _best(
    rounds: int,
    sides: dict[str, Callable[[], object]],
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """The least seconds that each side took; they take turns, every other round backwards.

    Who comes after a side that freed much memory has to fetch it from the system anew.
    """
    seconds = dict.fromkeys(sides, float("inf"))
    for turn in range(rounds):
        for side, work in list(sides.items())[:: -1 if turn % 2 else 1]:
            began = clock()
            work()
            seconds[side] = min(seconds[side], clock() - began)
    return seconds


if __name__ == "__main__":
    main()
