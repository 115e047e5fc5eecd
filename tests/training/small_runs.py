"""Tiny runs: a few thousand tokens of a made-up language, and settings that take a second."""

from collections.abc import Callable
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import numpy as np

from slm import files
from slm.data.batches import TokenFile
from slm.model.config import ModelConfig
from slm.tokenizer.characters import CharacterTokenizer
from slm.training.config import TrainConfig
from slm.workspace import Artefact, Workspace

VOCAB = 24
SMALL_MODEL = ModelConfig(
    vocab_size=VOCAB, context_length=16, n_layers=2, n_heads=2, n_kv_heads=1, d_model=16, d_ff=32
)
SHORT = TrainConfig(
    steps=30,
    batch_size=8,
    evaluate_every=10,
    sample_every=0,
    snapshots=0,
    checkpoint_seconds=3600,
    threads=1,
    device="cpu",
)

MakeRun = Callable[..., Path]


class AsksAt:
    """Touches a file at a step, as a page does."""

    def __init__(self, file: Path, step: int) -> None:
        self._file, self._step = file, step

    def on_evaluation(self, step: int, model: Any) -> dict[str, Any]:
        if step == self._step:
            self._file.parent.mkdir(exist_ok=True)
            self._file.touch()
        return {}


def chain(n_tokens: int, seed: int) -> np.ndarray:
    """Ids in which each is followed by its double plus one (modulo the vocabulary), mostly."""
    rng = np.random.default_rng(seed)
    ids = [0]
    for noise in rng.random(n_tokens - 1):
        ids.append(int(rng.integers(VOCAB)) if noise < 0.1 else (2 * ids[-1] + 1) % VOCAB)
    return np.array(ids)


def artefacts(workspace: Workspace, document_end: int | None = None) -> dict[str, Artefact]:
    """A corpus in name only, a tokenizer of letters, and token files of a made-up language."""
    with workspace.corpora.create("chain") as corpus:
        files.write_json(corpus.folder / "ledger.json", {})
    with workspace.tokenizers.create("chain") as tokenizer:
        CharacterTokenizer.train([ascii_lowercase[: VOCAB - 2]]).save(tokenizer.folder)
    with workspace.tokens.create("chain") as tokens:
        TokenFile.write(tokens.folder / "train.bin", [chain(4_000, seed=1)], VOCAB)
        TokenFile.write(tokens.folder / "val.bin", [chain(500, seed=2)], VOCAB)
        tokens.details["document_end"] = document_end
    return {
        "corpus": workspace.corpora.get(corpus.id),
        "tokenizer": workspace.tokenizers.get(tokenizer.id),
        "tokens": workspace.tokens.get(tokens.id),
    }
