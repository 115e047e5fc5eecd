"""How long the index of a training text takes, how much memory, and how long a question.

    python benchmarks/copy_detective.py [--megabytes 10] [--text FILE] [--peer FOLDER]

Ours is `slm.evaluation.suffix_array`: numpy alone, on a text as bytes (one token each, the
longest row that a text can be) and as tokens of a BPE vocabulary of 4,096. The peer is
pydivsufsort, a compiled suffix sorter, if `--peer` names a folder that it was installed into
(`pip install --target FOLDER --no-deps pydivsufsort`). A question is: for 300 tokens of text
that is not in the row, the longest match that begins at each. It is held against looking
through the whole row with `bytes.find` by halving the length, timed on 10 of the 300 places.
Both find the same lengths, or the benchmark fails. Each side runs in a process of its own on
one thread; memory is what the process holds at most beyond what it held before it began.
"""

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path.insert(0, str(Path(__file__).parents[1]))

import texts
from measuring import measure

from slm.evaluation.suffix_array import SuffixArray, sort_suffixes
from slm.tokenizer.fast import Tokenizer

_ONE_THREAD = ("OMP_NUM_THREADS", "RAYON_NUM_THREADS", "OPENBLAS_NUM_THREADS")
_QUESTION = 300
_LOOKED_THROUGH = 10
_REPEATS = 5
TASKS = ("ours", "peer", "question")


def main() -> None:
    """Every size and kind of row; the last lines are the ratio."""
    arguments = _arguments()
    if arguments.task:
        print(json.dumps(_TASKS[arguments.task](arguments.row, arguments.peer)))
        return
    os.environ.update(dict.fromkeys(_ONE_THREAD, "1"))
    with tempfile.TemporaryDirectory() as folder:
        for megabytes in arguments.megabytes:
            for kind, row in _rows(Path(folder), megabytes, arguments.text):
                _race(kind, megabytes, row, arguments.peer)


def _race(kind: str, megabytes: float, row: Path, peer: Path | None) -> None:
    n = len(np.load(row, mmap_mode="r"))
    print(f"{megabytes:g} MB as {kind}: {n:,} tokens")
    ours = _run("ours", row, peer)
    print(f"  index     {ours['seconds']:8.2f} s   {ours['bytes'] / 1e6:6.0f} MB")
    if peer is not None:
        theirs = _run("peer", row, peer)
        print(f"  peer      {theirs['seconds']:8.2f} s   {theirs['bytes'] / 1e6:6.0f} MB")
        print("seconds of the index over those of pydivsufsort")
        print(f"ratio: {ours['seconds'] / theirs['seconds']:.2f}")
    asked = _run("question", row, peer)
    print(f"  question  {asked['seconds'] * 1e3:8.1f} ms  longest match {asked['longest']}")
    print(f"  looking through it {asked['through']:8.2f} s")
    print("seconds of a question over those of looking through the row")
    print(f"ratio: {asked['seconds'] / asked['through']:.5f}")


def _run(task: str, row: Path, peer: Path | None) -> dict[str, Any]:
    flags = [str(Path(__file__)), "--task", task, "--row", str(row)]
    found = measure([*flags, *(["--peer", str(peer)] if peer is not None else [])])
    return {**found.told, "bytes": found.peak_bytes - found.told["before"]}


def _rows(folder: Path, megabytes: float, text: Path | None) -> list[tuple[str, Path]]:
    """The text as bytes and as BPE tokens; the last 300 of each are the question."""
    lines = list(texts.documents(round(megabytes * 1e6), text))
    raw = np.frombuffer("\n".join(lines).encode(), dtype=np.uint8).astype(np.uint16)
    tokenizer = Tokenizer.train(lines[: max(2_000, len(lines) // 10)], vocab_size=4_096)
    ids, _ = tokenizer.encode_together(lines)
    made = []
    for kind, row in (("bytes", raw), ("BPE tokens", ids.astype(np.uint16))):
        path = folder / f"{kind}-{megabytes:g}.npy"
        np.save(path, row)
        made.append((kind, path))
    return made


def _held_now() -> int:
    """Bytes of memory, counted as `measuring` counts them."""
    memory = psutil.Process().memory_full_info()
    return int(getattr(memory, "pss", memory.rss))


def _index(row: Path, peer: Path | None) -> dict[str, Any]:
    del peer
    ids = np.load(row)
    before = _held_now()
    began = time.perf_counter()
    sort_suffixes(ids)
    return {"seconds": time.perf_counter() - began, "before": before}


def _peer(row: Path, peer: Path | None) -> dict[str, Any]:
    assert peer is not None
    sys.path.insert(0, str(peer))
    from pydivsufsort import divsufsort

    ids = np.load(row)
    ids = ids.astype(np.uint8) if ids.max() < 2**8 else ids
    before = _held_now()
    began = time.perf_counter()
    divsufsort(ids)
    return {"seconds": time.perf_counter() - began, "before": before}


def _question(row: Path, peer: Path | None) -> dict[str, Any]:
    """The row but for its end, asked for its end."""
    del peer
    ids = np.load(row)
    held, asked = ids[:-_QUESTION], ids[-_QUESTION:].tolist()
    array = SuffixArray.build(held)
    times = []
    for _ in range(_REPEATS):
        began = time.perf_counter()
        found = array.longest_matches(asked)
        times.append(time.perf_counter() - began)
    stored, n_bytes = held.astype(">u2").tobytes(), 2
    places = range(0, _QUESTION, _QUESTION // _LOOKED_THROUGH)
    began = time.perf_counter()
    lengths = [_look_through(stored, asked[place:], n_bytes) for place in places]
    through = (time.perf_counter() - began) * _QUESTION / len(lengths)
    assert lengths == [int(found.lengths_Q[place]) for place in places]
    return {
        "seconds": sorted(times)[_REPEATS // 2],
        "longest": int(found.lengths_Q.max()),
        "through": through,
        "before": 0,
    }


def _look_through(stored: bytes, asked: list[int], n_bytes: int) -> int:
    """The longest beginning of `asked` that stands in the row: what is found by halving."""
    wanted = np.array(asked, dtype=">u2").tobytes()
    low, high = 0, len(asked)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (
            (middle, high) if _stands(stored, wanted[: middle * n_bytes]) else (low, middle - 1)
        )
    return low


def _stands(stored: bytes, wanted: bytes) -> bool:
    place = stored.find(wanted)
    while place > 0 and place % 2:  # between two tokens
        place = stored.find(wanted, place + 1)
    return place >= 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=float, nargs="+", default=[10])
    parser.add_argument("--text", type=Path, help="Plain text; without one, what ships here.")
    parser.add_argument("--peer", type=Path, help="A folder that holds pydivsufsort.")
    parser.add_argument("--task", choices=TASKS, help=argparse.SUPPRESS)
    parser.add_argument("--row", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


_TASKS = {"ours": _index, "peer": _peer, "question": _question}

if __name__ == "__main__":
    main()
