"""How much slower is an evaluation than the bare forward pass, and how long does painting take?

    python benchmarks/evaluation_speed.py [--megabytes 1] [--rounds 3] [--preset nano]

A megabyte of Python's documentation and source in tokens of its own vocabulary, a model of the
preset with random weights. The bare pass gets the same windows, in the batches in which it is
fastest, and its logits are thrown away; the evaluation gives every figure of `evaluate_run` but
the baselines: perplexity, bits a byte, 1,000 resamples, and the loss by document, place and
frequency. Rounds alternate; the best of each counts. Painting is `score_text` with five expected
tokens each.
"""

import argparse
import sys
import time
from itertools import chain
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import numpy as np
import torch

from slm.data.embedded import python_code, python_docs
from slm.data.sources import Document
from slm.evaluation.perplexity import evaluate
from slm.evaluation.text_score import score_text
from slm.lab.evaluation import Contender, EvaluateConfig, measure
from slm.lab.judged_text import encode_text
from slm.model.config import PRESETS
from slm.model.transformer import Transformer
from slm.tokenizer.fast import Tokenizer

BATCHES = (1, 2, 4, 8, 16)
PAINTED_TOKENS = 1_000


def main() -> None:
    """Race, print, and end with the ratio."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--megabytes", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--preset", default="nano", choices=sorted(PRESETS))
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    torch.set_num_threads(asked.threads)
    torch.manual_seed(0)

    documents = tell(asked.megabytes)
    tokenizer = Tokenizer.train((each.text for each in documents), vocab_size=4_096)
    config = PRESETS[asked.preset].replace(vocab_size=tokenizer.vocab_size)
    model = Transformer(config).eval()
    text = encode_text("Python", documents, tokenizer)
    me = Contender("bench", "bench", 0, model, tokenizer)
    settings = EvaluateConfig(max_tokens=10**9, baselines=False)
    n = len(text.ids) - 1
    print(f"{text.n_bytes / 1e6:.2f} MB, {n:,} tokens, {model.n_parameters:,} parameters")

    bare: dict[int, float] = {}
    seconds = {"evaluate": np.inf, "measure": np.inf}
    for _ in range(asked.rounds):
        for rows in BATCHES:
            bare[rows] = min(bare.get(rows, np.inf), forward_only(model, text.ids, rows))
        for name, work in (
            ("evaluate", lambda: evaluate(model, text.ids)),
            ("measure", lambda: measure(me, text, settings)),
        ):
            began = time.perf_counter()
            work()
            seconds[name] = min(seconds[name], time.perf_counter() - began)
    rows = min(bare, key=bare.__getitem__)
    print(f"bare forward pass   {n / bare[rows]:10,.0f} tokens/s (batches of {rows})")
    print(f"perplexity alone    {n / seconds['evaluate']:10,.0f} tokens/s")
    print(f"all figures         {n / seconds['measure']:10,.0f} tokens/s")

    ids = text.ids[1 : PAINTED_TOKENS + 1].tolist()
    painted = tokenizer.decode([each for each in ids if each != tokenizer.eos_id])
    took = min(timed(lambda: score_text(model, tokenizer, painted)) for _ in range(asked.rounds))
    print(f"painting {len(tokenizer.encode(painted)):,} tokens: {took:.2f} s")
    print("token rate of the whole evaluation, over that of the bare forward pass")
    print(f"ratio: {bare[rows] / seconds['measure']:.2f}")


def tell(megabytes: float) -> list[Document]:
    """The embedded documentation, then source, so many million bytes."""
    documents, size = [], 0
    for text, source in chain(python_docs.documents(), python_code.documents()):
        documents.append(Document(text, source))
        size += len(text.encode())
        if size >= megabytes * 1e6:
            break
    return documents


def forward_only(model: Transformer, ids: np.ndarray, rows: int) -> float:
    """Seconds for the logits of all windows and nothing else."""
    width = model.config.context_length
    n_windows = (len(ids) - 1) // width
    windows = torch.from_numpy(ids[: n_windows * width].astype(np.int64).reshape(-1, width))
    began = time.perf_counter()
    with torch.inference_mode():
        for first in range(0, n_windows, rows):
            model(windows[first : first + rows])
    return time.perf_counter() - began


def timed(work) -> float:  # type: ignore[no-untyped-def]
    """Seconds."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
