"""Is it only copying? A text of a model held against the text that it learned from.

Where a model, its tokenizer, its training text and the search for copies meet.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from slm.config import Config
from slm.data.corpus import open_corpus
from slm.data.exploring.lookup import groups
from slm.errors import DataError
from slm.evaluation.memorization import (
    Copying,
    Novelty,
    Span,
    find_copies,
    novelty,
    passages,
)
from slm.jobs import Reporter, silent
from slm.lab.copy_index import MAX_TOKENS, CopyIndex, Text, build_index, choose_text
from slm.lab.reports import OpenedRun, open_run
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import generate
from slm.tokenizer.beginning import frame
from slm.workspace import Artefact, Workspace

HELD_OUT_PASSAGES = 20
_TOLD_SPANS = 50
_PLACES = 20


class CopyingConfig(Config):
    """Which text is examined, and against what."""

    corpus: str = Field(
        "", description="Corpus to compare with. Default: the text that the model was trained on."
    )
    text: str | None = Field(None, description="A text to examine, instead of letting it write.")
    text_file: Path | None = Field(None, description="The same, from a file (UTF-8).")
    prompt: str = Field("", description="The model goes on from here; empty: it begins a text.")
    max_new_tokens: int = Field(
        200, ge=1, le=20_000, description="How many tokens the model writes at most."
    )
    min_length: int = Field(
        16, ge=1, le=10_000, description="Tokens from which on a match counts as copied."
    )
    max_tokens: int = Field(
        MAX_TOKENS,
        ge=1,
        le=500_000_000,
        description="Index at most the first so many training tokens.",
    )
    index_only: bool = Field(False, description="Build the index, examine nothing.")
    out: Path | None = Field(
        None, description="Where to put ids, match lengths and places of each token (NPZ)."
    )


@dataclass(frozen=True)
class Examined:
    """A text beside held-out passages of the same length.

    ids       the text, as the model reads it
    copying   what of it stands in the training text
    held_out  the same of each held-out passage; none where the corpus has too little
    """

    ids: tuple[int, ...]
    copying: Copying
    held_out: tuple[Copying, ...]

    @cached_property
    def novelty(self) -> Novelty:
        """Shares of new n-grams, of the text and of each passage."""
        return novelty(self.copying, self.held_out)

    def held_out_share(self, min_length: int) -> float | None:
        """Share of held-out tokens in matches of at least so many; None without passages."""
        if not self.held_out:
            return None
        return float(np.mean([passage.copied_share(min_length) for passage in self.held_out]))


@dataclass(frozen=True)
class Source:
    """Where in the training text a stretch stands.

    number    the document's place among the training documents, from 0; None: not told apart
    document  its id in the corpus, where that is still here
    named     what the corpus calls its source; foreign text
    start     of the stretch in the row of all tokens; the document is first … stop − 1
    """

    number: int | None
    document: int | None
    named: str | None
    start: int
    first: int
    stop: int


@dataclass(frozen=True)
class Found:
    """Everywhere that a stretch stands: how often, in how many documents, the first ones."""

    times: int
    documents: int
    sources: tuple[Source, ...]


def examine(index: CopyIndex, ids: Sequence[int], held_out: Sequence[Copying] = ()) -> Examined:
    """A text against the index; `held_out` comes from `held_out_copies`."""
    copying = find_copies(index.array, ids, index.document_end)
    return Examined(tuple(map(int, ids)), copying, tuple(held_out))


def held_out_copies(
    index: CopyIndex, tokens: int, count: int = HELD_OUT_PASSAGES
) -> tuple[Copying, ...]:
    """What of held-out passages of that length stands in the training text."""
    rows = passages(index.held_out_N, max(1, tokens), count, index.document_end)
    return tuple(find_copies(index.array, row, index.document_end) for row in rows)


def find_sources(index: CopyIndex, text: Text, ids: Sequence[int], count: int = _PLACES) -> Found:
    """Where these ids stand in the training text: one place of each of the first documents.

    Raises: DataError when the corpus is damaged.
    """
    places = index.array.occurrences(ids).astype(np.int64)
    numbers = np.searchsorted(index.starts_D, places, side="right") - 1
    kinds, firsts = np.unique(numbers, return_index=True)
    shown = [int(places[first]) for first in firsts[:count]]
    if not index.marked:
        shown, kinds = places[:count].tolist(), places
    known = _documents(text, kinds[:count].tolist()) if index.marked else {}
    sources = []
    for place in shown:
        number, first, stop = index.document_at(place)
        told = number if index.marked else None
        document, named = known.get(number, (None, None))
        sources.append(Source(told, document, named, place, first, stop))
    return Found(int(places.size), int(kinds.size), tuple(sources))


def _documents(text: Text, numbers: Sequence[int]) -> dict[int, tuple[int, str]]:
    """Id and source of training documents, by their places among these; texts stay unread."""
    wanted = np.array(sorted(numbers), dtype=np.int64)
    found: dict[int, tuple[int, str]] = {}
    if text.corpus is None or not wanted.size:
        return found
    before = 0
    for group in groups(open_corpus(text.corpus)):
        table = group.read("split", "source")
        rows = np.flatnonzero(np.array(table["split"].to_pylist()) == "train")
        for number in wanted[(wanted >= before) & (wanted < before + rows.size)].tolist():
            row = int(rows[number - before])
            found[number] = (group.first + row, str(table["source"][row].as_py()))
        before += rows.size
        if before > wanted[-1]:
            break
    return found


def copying_report(
    workspace: Workspace,
    run: Artefact,
    config: CopyingConfig,
    sampling: SamplingConfig,
    *,
    step: int | None = None,
    report: Reporter = silent,
) -> dict[str, Any]:
    """The index built where it is missing, a text examined, in JSON values; `out` gets arrays.

    Raises: DataError for no text or none to compare with; as `build_index` and `open_run`.
    """
    text = choose_text(workspace, run, config.corpus, config.max_tokens)
    index = build_index(workspace, text, report)
    if index is None:
        return {}
    about = {
        "run": run.id,
        "training_text": text.name,
        "own": text.own,
        "training_tokens": len(index.array),
        "of_tokens": index.of_tokens,
    }
    if config.index_only:
        return about
    opened = open_run(run, step)
    ids = _asked_ids(opened, config, sampling)
    examined = examine(index, ids, held_out_copies(index, len(ids)))
    if config.out is not None:
        np.savez_compressed(
            config.out,
            ids=np.array(ids),
            lengths=examined.copying.lengths_Q,
            places=examined.copying.places_Q,
        )
    if config.text is None and config.text_file is None:
        about["prompt"] = config.prompt
    return {**about, "step": opened.step, **_told(opened, text, index, examined, config)}


def _asked_ids(opened: OpenedRun, config: CopyingConfig, sampling: SamplingConfig) -> list[int]:
    if config.text_file is not None:
        return frame(opened.tokenizer).plain.encode(config.text_file.read_text(encoding="utf-8"))
    if config.text is not None:
        ids = frame(opened.tokenizer).plain.encode(config.text)
        if not ids:
            raise DataError("The text is empty. Give at least one character.")
        return ids
    prompt_ids = opened.tokenizer.encode(config.prompt)
    steps = generate(
        opened.model, prompt_ids, sampling, config.max_new_tokens, eos_id=opened.tokenizer.eos_id
    )
    return [step.id for step in steps if not step.ends]


def _told(
    opened: OpenedRun, text: Text, index: CopyIndex, examined: Examined, config: CopyingConfig
) -> dict[str, Any]:
    copying, least = examined.copying, config.min_length
    spans = sorted(copying.spans(least), key=lambda span: -span.length)[:_TOLD_SPANS]
    return {
        "text": opened.tokenizer.decode(examined.ids),
        "tokens": copying.tokens,
        "longest_match": copying.longest,
        "min_length": least,
        "copied_share": copying.copied_share(least),
        "held_out": {
            "passages": len(examined.held_out),
            "longest_matches": [passage.longest for passage in examined.held_out],
            "copied_share": examined.held_out_share(least),
        },
        "novel_n_grams": asdict(examined.novelty),
        "spans": [_span(opened, text, index, examined, span) for span in spans],
        "out": str(config.out) if config.out is not None else None,
    }


def _span(
    opened: OpenedRun, text: Text, index: CopyIndex, examined: Examined, span: Span
) -> dict[str, Any]:
    ids = examined.ids[span.start : span.stop]
    found = find_sources(index, text, ids, count=1)
    source = found.sources[0]
    return {
        "start": span.start,
        "length": span.length,
        "text": opened.tokenizer.decode(ids),
        "times": found.times,
        "documents": found.documents,
        "document": source.document,
        "source": source.named,
    }
