"""Does the cost grow with the text, or faster? `prepare`, learning and encoding at three sizes.

    python benchmarks/scaling.py [--megabytes 1,10,100] [--text FILE]

Each piece of work at each size is a process of its own: its seconds are those of the work alone,
its processor time that of the whole process and its children, its memory the most that they
held, Python and libraries with it. `near-duplicates` is that cleaning rule on its own.
Learning is measured twice: `Tokenizer.train` (rustbpe) and the `tokenize` job, which counts
within a budget and tells counts and progress. The peer is the work itself at the smallest size
that takes a second or more: with linear cost the rates are equal, and the ratio is 1.

Without a text: the embedded corpora, see `texts.py`.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import texts
from measuring import measure

VOCAB_SIZE = 4096
WORKS = ("prepare", "near-duplicates", "train", "train-job", "encode")
_SHORTEST_SECONDS = 1.0  # below it start-up weighs more than the text


def main() -> None:
    arguments = _arguments()
    if arguments.work:
        seconds = _work(arguments.work, arguments.file, arguments.folder)
        used = os.times()
        processor = used.user + used.system + used.children_user + used.children_system
        print(json.dumps({"seconds": seconds, "processor": processor}))
        return
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        _measure_all(arguments, Path(scratch))


def _measure_all(arguments: argparse.Namespace, scratch: Path) -> None:
    sizes = sorted(float(size) for size in arguments.megabytes.split(","))
    files = {size: scratch / f"{size:g}.txt" for size in sizes}
    rates: dict[str, list[float]] = {work: [] for work in WORKS}
    print(f"{os.cpu_count()} cores")
    for size, file in files.items():
        megabytes = texts.write(file, round(size * 1e6), arguments.text) / 1e6
        for work in WORKS:  # encode reads what train-job made, and both what prepare made
            given = ["--work", work, "--file", str(file), "--folder", str(scratch / f"{size:g}")]
            found = measure([__file__, *given])
            seconds, processor = found.told["seconds"], found.told["processor"]
            print(
                f"{work}, {megabytes:.0f} MB: {seconds:.1f} s, {megabytes / seconds:.1f} MB/s; "
                f"processor {processor:.1f} s, {megabytes / processor:.1f} MB/s; "
                f"{found.peak_bytes / 1e6:,.0f} MB of memory at most"
            )
            if seconds >= _SHORTEST_SECONDS or size == sizes[-1]:
                rates[work].append(megabytes / seconds)
    worst = min(rate[-1] / rate[0] for rate in rates.values())
    print("quantity: MB/s at the largest size over MB/s at the smallest, of the work that keeps")
    print("its rate worst")
    print(f"ratio: {worst:.2f}")


def _work(work: str, file: Path, folder: Path) -> float:
    from slm.data.cleaning.near_duplicates import NearDuplicates
    from slm.data.corpus import PrepareConfig, prepare_corpus
    from slm.tokenizer.encoding import TokenizeConfig, encode_corpus, train_tokenizer
    from slm.tokenizer.fast import Tokenizer
    from slm.workspace import Workspace

    here = Workspace(folder)
    done: Any
    began = time.perf_counter()
    if work == "prepare":
        done = prepare_corpus(here, PrepareConfig(source=str(file), name="text"))
    elif work == "near-duplicates":
        done = NearDuplicates(0.8)
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                done(line)
    elif work == "train":
        with file.open(encoding="utf-8") as lines:
            done = Tokenizer.train(list(lines), VOCAB_SIZE)
    elif work == "train-job":
        config = TokenizeConfig(corpus="text", name="text", vocab_size=VOCAB_SIZE)
        done = train_tokenizer(here, config)
    else:
        done = encode_corpus(here, here.corpora.get("text"), here.tokenizers.get("text"))
    assert done is not None
    return time.perf_counter() - began


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="UTF-8 text to take documents from")
    parser.add_argument("--megabytes", default="1,10,100", help="sizes (1,10,100)")
    parser.add_argument("--scratch", type=Path, help="folder for temporary files")
    parser.add_argument("--work", choices=WORKS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
