"""The Shannon game between a person, a model and counts: passages, and how machines play them.

Here a run's tokens and its model meet the game of `slm.evaluation.shannon`.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from pydantic import Field

from slm.config import Config
from slm.data.batches import TokenFile
from slm.errors import DataError
from slm.evaluation.ngrams import NGrams
from slm.evaluation.shannon import (
    Floats,
    Lexicon,
    NextToken,
    Passage,
    Play,
    Unit,
    cut_passage,
    play,
    standing,
)
from slm.lab.reports import OpenedRun, run_tokens
from slm.model.inference import inference, require_known
from slm.model.transformer import Transformer
from slm.tokenizer.beginning import frame
from slm.tokenizer.protocol import TextTokenizer
from slm.workspace import Artefact, Workspace

MOST_TOKENS = 256
_COUNTED_TOKENS = 2_000_000
_READ_TOKENS = 60_000


class GameConfig(Config):
    """Which text to play, and by what."""

    document: int = Field(1, ge=1, description="Which held-out document, counted from 1.")
    text: str = Field("", description="A text to play instead of a held-out document.")
    unit: Unit = Field("letters", description="Guess letters, or tokens.")


def passage_of(
    model: Transformer, tokenizer: TextTokenizer, text: str, unit: Unit, alphabet_of: str = ""
) -> Passage:
    """The beginning of a text as a game that the model's context holds.

    Raises: DataError for a text too short to guess anything.
    """
    room = min(MOST_TOKENS, model.config.context_length)
    return cut_passage(text, tokenizer, unit, most_tokens=room, alphabet_of=alphabet_of)


def machine_plays(
    model: Transformer,
    tokenizer: TextTokenizer,
    passage: Passage,
    lexicon: Lexicon,
    trigram: NGrams | None = None,
) -> dict[str, Play]:
    """How the model plays the passage, and the trigram counts where there are any."""
    plays = {"model": play(passage, _by_model(model, tokenizer, passage), lexicon, tokenizer)}
    if trigram is not None:
        counts = trigram

        def by_counts(place: int) -> Floats:
            return counts.probabilities_after(passage.ids[max(0, place - counts.reach) : place])

        plays["trigram"] = play(passage, by_counts, lexicon, tokenizer)
    return plays


def fit_trigram(workspace: Workspace, run: Artefact, vocab_size: int) -> NGrams | None:
    """Kneser-Ney trigram counts of the run's training text; None where that is not here."""
    try:
        path = run_tokens(workspace, run).folder / "train.bin"
        return NGrams.fit(TokenFile(path).ids(0, _COUNTED_TOKENS), vocab_size, order=3)
    except (DataError, FileNotFoundError):
        return None


def held_out_document(
    workspace: Workspace, run: Artefact, tokenizer: TextTokenizer, number: int
) -> str:
    """A held-out document by its number, counted from 1.

    Raises: DataError when the tokens are gone or there are not so many documents.
    """
    path = run_tokens(workspace, run).folder / "val.bin"
    ids = TokenFile(path).ids(0, _READ_TOKENS)
    ends = np.flatnonzero(ids == tokenizer.eos_id) if tokenizer.eos_id is not None else np.empty(0)
    starts = [0, *(int(end) + 1 for end in ends)]
    if number > len(starts):
        raise DataError(f"There is no document {number}; choose 1 to {len(starts)}.")
    start = starts[number - 1]
    stop = int(ends[number - 1]) if number <= len(ends) else len(ids)
    return tokenizer.decode(ids[start:stop].tolist())


def prepare_game(
    workspace: Workspace,
    run: Artefact,
    model: Transformer,
    tokenizer: TextTokenizer,
    config: GameConfig,
) -> tuple[Passage, dict[str, Play]]:
    """A passage, and how the machines play it.

    Raises: DataError for a text too short, or where there is no held-out text.
    """
    text = config.text or held_out_document(workspace, run, tokenizer, config.document)
    passage = passage_of(model, tokenizer, text, config.unit)
    trigram = fit_trigram(workspace, run, model.config.vocab_size)
    return passage, machine_plays(model, tokenizer, passage, Lexicon(tokenizer), trigram)


def game_report(
    workspace: Workspace, run: Artefact, opened: OpenedRun, config: GameConfig
) -> dict[str, Any]:
    """How the machines play a passage: what a person would play against.

    Raises: DataError for a text too short, or where there is no held-out text.
    """
    passage, plays = prepare_game(workspace, run, opened.model, opened.tokenizer, config)
    return {
        "run": opened.id,
        "step": opened.step,
        "unit": passage.unit,
        "lead": passage.lead,
        "text": "".join(passage.symbols),
        "players": {name: _told(passage, one) for name, one in plays.items()},
    }


def _told(passage: Passage, one: Play) -> Mapping[str, Any]:
    stands = standing(passage, one.attempts, one.bits)
    return {
        "bits_per_character": stands.exact,
        "low": stands.bounds.low,
        "high": stands.bounds.high,
        "right_at_once": stands.at_once,
        "guesses": [attempt.guesses for attempt in one.attempts],
        "bits": [round(bits, 4) for bits in one.bits],
    }


def _by_model(model: Transformer, tokenizer: TextTokenizer, passage: Passage) -> NextToken:
    """One forward pass over the passage; rows of probabilities when they are asked for."""
    lead = list(frame(tokenizer).before)
    room = model.config.context_length
    ids = [*lead, *passage.ids][: room + 1]
    if len(lead) + len(passage.ids) > room + 1:
        lead, ids = [], list(passage.ids)
    require_known(np.array(ids), model.config.vocab_size)
    with inference(model):
        logits_TV = model(torch.tensor([ids[:-1]], device=model.device))[0].float()
    first = 1 - len(lead)  # the token that the first row predicts

    def next_token(place: int) -> Floats:
        probabilities_V: Floats = logits_TV[place - first].softmax(-1).cpu().numpy()
        return probabilities_V

    return next_token
