"""From raw text to a token file: `prepare` and `tokenize` against `datasets` and `tokenizers`.

    python benchmarks/prepare_vs_datasets.py [--megabytes 100] [--text FILE] [--rounds 1]

Both sides read the same file, a document a line, apply the same merges, and end with the ids
of all documents, each followed by the end-of-text id, in a file of two bytes an id. Ours reads,
splits and saves the corpus, then encodes it. The peer is `datasets.load_dataset` and
`map(batched=True, num_proc=2)` with `tokenizers`, then its Arrow blocks written out. Each side
is a process of its own, timed from start to end, imports and all; the sides take turns and the
best of the rounds counts. Ours runs without cleaning rules, so that both write the same number
of ids (checked), and once more with the rules that `prepare` has by default, for information.

Without a text: the embedded corpora, see `texts.py`.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

import texts
from measuring import Measured, measure

VOCAB_SIZE = 4096
LEARN_FROM_BYTES = 5_600_000


def main() -> None:
    arguments = _arguments()
    if arguments.side:
        work = {"ours": _ours, "cleaned": _cleaned, "peer": _peer}[arguments.side]
        print(json.dumps(work(arguments.file, arguments.folder)))
        return
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        _race(arguments, Path(scratch))


def _race(arguments: argparse.Namespace, scratch: Path) -> None:
    from slm.tokenizer.fast import Tokenizer

    file = scratch / "text.txt"
    n_bytes = texts.write(file, round(arguments.megabytes * 1e6), arguments.text)
    print(f"text: {n_bytes / 1e6:.1f} MB")
    learned = texts.documents(LEARN_FROM_BYTES, arguments.text)
    Tokenizer.train(list(learned), VOCAB_SIZE).save(scratch / "tokenizer")

    best: dict[str, Measured] = {}
    for turn in range(arguments.rounds):
        for side in ("ours", "peer")[:: -1 if turn % 2 else 1]:
            measured = _measure_side(side, turn, file, scratch)
            if side not in best or measured.seconds < best[side].seconds:
                best[side] = measured
    best["cleaned"] = _measure_side("cleaned", 0, file, scratch)
    assert best["ours"].told["tokens"] == best["peer"].told["tokens"], "not the same work"
    names = {"ours": "ours", "peer": "datasets", "cleaned": "ours, with the usual rules"}
    for side, measured in best.items():
        parts = ", ".join(f"{key} {value}" for key, value in measured.told.items())
        rate = n_bytes / 1e6 / measured.seconds
        print(f"{names[side]}: {measured.seconds:.1f} s, {rate:.1f} MB/s ({parts})")
        print(f"{names[side]}: {measured.peak_bytes / 1e6:,.0f} MB of memory at most")
    print("quantity: MB/s from raw text to token file, ours over datasets")
    print(f"ratio: {best['peer'].seconds / best['ours'].seconds:.2f}")


def _measure_side(side: str, turn: int, file: Path, scratch: Path) -> Measured:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        given = ["--file", str(file), "--folder", folder]
        return measure([__file__, "--side", side, *given])


def _ours(file: Path, folder: Path) -> dict[str, Any]:
    return _prepared(file, folder, rules=())


def _cleaned(file: Path, folder: Path) -> dict[str, Any]:
    return _prepared(file, folder)


def _prepared(file: Path, folder: Path, **settings: Any) -> dict[str, Any]:
    import time

    from slm.data.corpus import PrepareConfig, prepare_corpus
    from slm.tokenizer.encoding import encode_corpus
    from slm.tokenizer.fast import Tokenizer
    from slm.workspace import Workspace

    here = Workspace(folder / "workspace")
    began = time.perf_counter()
    corpus = prepare_corpus(here, PrepareConfig(source=str(file), name="text", **settings))
    assert corpus is not None
    prepared = time.perf_counter()
    with here.tokenizers.create("text", owner="benchmark") as draft:
        Tokenizer.load(file.parent / "tokenizer").save(draft.folder)
    tokens = encode_corpus(here, corpus.artefact, here.tokenizers.get(draft.id))
    assert tokens is not None
    return {
        "documents": corpus.count,
        "tokens": sum(tokens.details[split]["tokens"] for split in ("train", "val")),
        "prepare_seconds": round(prepared - began, 1),
        "encode_seconds": round(time.perf_counter() - prepared, 1),
    }


def _peer(file: Path, folder: Path) -> dict[str, Any]:
    os.environ.update(
        HF_HUB_OFFLINE="1",
        HF_DATASETS_DISABLE_PROGRESS_BARS="1",
        HF_HOME=str(folder / "cache"),
        TOKENIZERS_PARALLELISM="false",
    )
    import datasets
    import numpy as np
    import tokenizers

    engine = tokenizers.Tokenizer.from_file(str(file.parent / "tokenizer" / "tokenizer.json"))
    engine.encode_special_tokens = True
    end = engine.token_to_id("<|endoftext|>")

    def encode(batch: dict[str, list[str]]) -> dict[str, list[list[int]]]:
        return {"ids": [[*found.ids, end] for found in engine.encode_batch_fast(batch["text"])]}

    data = datasets.load_dataset("text", data_files=str(file), split="train")
    encoded = data.map(encode, batched=True, num_proc=2, remove_columns=["text"])
    n_tokens = 0
    with (folder / "tokens.bin").open("wb") as stream:
        for block in encoded.with_format("arrow").iter(10_000):
            ids = block["ids"].combine_chunks().flatten().to_numpy()
            stream.write(ids.astype(np.uint16).tobytes())
            n_tokens += ids.size
    return {"documents": len(encoded), "tokens": n_tokens}


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, help="UTF-8 text to take documents from")
    parser.add_argument("--megabytes", type=float, default=100.0, help="how much text (100)")
    parser.add_argument("--rounds", type=int, default=1, help="turns of each side (1)")
    parser.add_argument("--scratch", type=Path, help="folder for temporary files")
    for hidden in ("--side", "--file", "--folder"):
        parser.add_argument(
            hidden, type=str if hidden == "--side" else Path, help=argparse.SUPPRESS
        )
    return parser.parse_args()


if __name__ == "__main__":
    main()
