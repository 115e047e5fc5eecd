"""Learning merges: `Tokenizer.train` against `rustbpe` and `tokenizers`, and what counts cost.

    python benchmarks/bpe_training.py [--text FILE] [--megabytes 5.6] [--rounds 5]

All learn a vocabulary of 4,096 from the same documents with GPT-2's cuts. Ours includes all
that `Tokenizer.train` does: learning, finding the pair of each merge, and setting up the
encoder. The peers stop when they have learned. Sides take turns; the best round of each
counts. Then, for information: the counts of all merges, the learner of the `tokenize` job,
which tells counts and progress as it goes, and the readable trainer on 1 MB.

Without a text: the embedded corpora, see `texts.py`.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import rustbpe
import tokenizers
from tokenizers import models, pre_tokenizers, trainers

sys.path.insert(0, str(Path(__file__).parents[1]))

import texts

from slm.tokenizer import bpe
from slm.tokenizer.counting import count_text
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.learning import learn
from slm.tokenizer.patterns import PATTERNS

VOCAB_SIZE = 4096


def main() -> None:
    arguments = _arguments()
    documents = list(texts.documents(round(arguments.megabytes * 1e6), arguments.text))
    megabytes = sum(len(text.encode()) for text in documents) / 1e6
    print(f"text: {megabytes:.2f} MB in {len(documents):,} documents; {os.cpu_count()} cores")

    sides: dict[str, Callable[[], object]] = {
        "ours": lambda: Tokenizer.train(documents, VOCAB_SIZE),
        "rustbpe": lambda: _train_rustbpe(documents),
        "tokenizers": lambda: _train_tokenizers(documents),
    }
    seconds = dict.fromkeys(sides, float("inf"))
    for turn in range(arguments.rounds):
        for side, work in list(sides.items())[:: -1 if turn % 2 else 1]:
            seconds[side] = min(seconds[side], _timed(work))
    for side, taken in seconds.items():
        print(f"learn {VOCAB_SIZE:,} tokens, {side}: {taken:.2f} s")

    trained = Tokenizer.train(documents, VOCAB_SIZE)
    print(f"count all merges afterwards, ours: {_timed(lambda: trained.merges):.2f} s")
    cores = os.cpu_count() or 1
    taken = _timed(lambda: _learn_as_the_job_does(documents, cores))
    print(f"learn with counts and progress (the job), ours: {taken:.2f} s")
    one = list(texts.documents(1_000_000, arguments.text))
    taken = _timed(lambda: bpe.train_bpe(one, 256 + 1 + 1_000))
    print(f"1,000 merges of 1 MB, readable trainer: {taken:.2f} s")
    print(f"quantity: seconds to learn {VOCAB_SIZE:,} tokens, ours over the faster peer")
    print(f"ratio: {seconds['ours'] / min(seconds['rustbpe'], seconds['tokenizers']):.2f}")


def _train_rustbpe(documents: list[str]) -> object:
    engine = rustbpe.Tokenizer()
    pattern = PATTERNS["gpt2"].expression
    engine.train_from_iterator(iter(documents), VOCAB_SIZE - 1, pattern=pattern)
    return engine.get_mergeable_ranks()


def _train_tokenizers(documents: list[str]) -> object:
    peer = tokenizers.Tokenizer(models.BPE())
    peer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_SIZE,
        special_tokens=[bpe.END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    peer.train_from_iterator(documents, trainer, length=len(documents))
    return peer


def _learn_as_the_job_does(documents: list[str], cores: int) -> object:
    counts = count_text(documents, "gpt2", processes=cores).counts
    return list(islice(learn(counts), VOCAB_SIZE - 257))


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="UTF-8 text to take documents from")
    parser.add_argument("--megabytes", type=float, default=5.6, help="how much text (5.6)")
    parser.add_argument("--rounds", type=int, default=5, help="turns of each side (5)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
