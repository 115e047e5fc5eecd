"""How long a corpus takes to be counted, and in how much memory.

    python benchmarks/explore_speed.py [--megabytes 1 10 100] [--text FILE]

Ours is `slm.data.exploring.profiling` (two passes: words, phrases of two and three words, lengths,
characters, scripts, languages, exact and near copies, strangeness), then leakage, a sample and
a search. The peer is plain Python on the same documents in one pass: lengths, characters,
words and pairs of words in `collections.Counter`s, and exact copies in a set: what most
notebooks count, and a small part of ours. Each runs in a process of its own on one thread;
peak memory is that process's. Without a text: tales. Texts are repeated with every fourth
word exchanged, so that repetitions are no copies.
"""

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from itertools import count, pairwise
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from slm.data.corpus import Corpus, PrepareConfig, open_corpus, prepare_corpus
from slm.data.embedded import tales
from slm.data.exploring.leakage import corpus_leakage
from slm.data.exploring.profiling import ReadAgain, profile_with_table
from slm.data.exploring.sample import sample_profile
from slm.data.exploring.search import SearchConfig, search
from slm.workspace import Workspace

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
TASKS = ("profile", "peer", "leakage", "sample", "search")


def main() -> None:
    arguments = _arguments()
    if arguments.task:
        print(json.dumps(_timed(arguments.task, arguments.workspace, arguments.megabytes[0])))
        return
    with tempfile.TemporaryDirectory() as folder:
        for megabytes in arguments.megabytes:
            _make(Path(folder), arguments.text, megabytes)
            results = {task: _in_child(task, Path(folder), megabytes) for task in TASKS}
            for task, result in results.items():
                print(
                    f"{megabytes:6g} MB  {task:8} {result['seconds']:8.2f} s "
                    f"{result['peak_megabytes']:7.0f} MB"
                )
    ratio = results["profile"]["seconds"] / results["peer"]["seconds"]
    print(f"seconds of the whole profile over those of a plain pass, at {megabytes:g} MB")
    print(f"ratio: {ratio:.2f}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, nargs="+", default=[1, 10, 100])
    parser.add_argument("--text", type=Path, help="Plain text; each line that is not blank is one.")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--workspace", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _make(folder: Path, text: Path | None, megabytes: float) -> None:
    """A corpus of that size in the workspace below the folder, named by its megabytes."""
    source = folder / f"{megabytes:g}.jsonl"
    with source.open("w", encoding="utf-8") as stream:
        for document in _documents(text, round(megabytes * 1e6)):
            stream.write(json.dumps({"text": document}) + "\n")
    config = PrepareConfig(
        source=str(source), name=f"{megabytes:g} MB", rules=(), keep_original=False
    )
    prepare_corpus(Workspace(folder / "workspace"), config)
    source.unlink()


def _documents(text: Path | None, characters: int) -> Iterator[str]:
    if text is None:
        base = [tales.generate(seed).text for seed in range(3_000)]
    else:
        base = [line for line in text.read_text(encoding="utf-8").split("\n") if line.strip()]
    chance, given = random.Random(0), 0
    for turn in count():
        for document in base:
            words = document.split(" ")
            for _ in range(len(words) // 4 if turn else 0):
                fresh = f"{chance.randrange(300_000):x}" if chance.random() < 0.1 else words[-1]
                words[chance.randrange(len(words))] = (
                    fresh if chance.random() < 0.2 else words[chance.randrange(len(words))]
                )
            yield " ".join(words)
            given += len(document)
            if given >= characters:
                return


def _in_child(task: str, folder: Path, megabytes: float) -> dict[str, float]:
    command = [sys.executable, __file__, "--task", task, "--megabytes", f"{megabytes:g}"]
    command += ["--workspace", str(folder / "workspace")]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **_ONE_THREAD}
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _timed(task: str, workspace: Path, megabytes: float) -> dict[str, float]:
    corpus = open_corpus(Workspace(workspace).corpora.get(f"{megabytes:g} MB"))
    began = time.perf_counter()
    _run(task, corpus)
    seconds = time.perf_counter() - began
    unit = 1 if sys.platform == "darwin" else 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
    return {"seconds": seconds, "peak_megabytes": peak}


def _run(task: str, corpus: Corpus) -> None:
    if task == "profile":
        profile_with_table(ReadAgain(corpus.texts))
    elif task == "leakage":
        corpus_leakage(corpus)
    elif task == "sample":
        sample_profile(corpus)
    elif task == "search":
        search(corpus, SearchConfig(query="garden", whole_words=True))
    else:
        _plain_pass(corpus)


def _plain_pass(corpus: Corpus) -> None:
    characters: Counter[str] = Counter()
    words: Counter[str] = Counter()
    pairs: Counter[tuple[str, str]] = Counter()
    lengths: list[int] = []
    seen: set[int] = set()
    for text in corpus.texts():
        found = _WORD.findall(text.lower())
        lengths.append(len(found))
        characters.update(text)
        words.update(found)
        pairs.update(pairwise(found))
        seen.add(hash(text))


if __name__ == "__main__":
    main()
