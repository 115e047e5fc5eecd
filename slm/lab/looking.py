"""What one sees of a run as a report: a text's walk through it, and how it changed as it learned.

Here models, tokenizers and run folders meet; what is told is computed in their chapters.
"""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from slm.attention.history import Rise, read_text, steepest_rise, together
from slm.attention.timeline import Moment, Timeline
from slm.errors import CheckpointError, DataError
from slm.jobs import Reporter, silent
from slm.lab.reports import OpenedRun
from slm.lab.snapshots import BUDGET_BYTES, BUDGET_SHARE
from slm.model.readout import Guess, read_position
from slm.model.walk import MOST_TOKENS, Walk, take_walk
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.padded import fitted
from slm.tokenizer.protocol import TextTokenizer
from slm.training.runs import RunSettings
from slm.workspace import Artefact

_MOST_MAP_BYTES = 2_000_000_000


def walkable_ids(opened: OpenedRun, text: str) -> list[int]:
    """The text's ids, as many of the first as a walk takes."""
    ids = opened.tokenizer.encode(text)
    return ids[: min(MOST_TOKENS, opened.model.config.context_length)]


def walk_report(
    opened: OpenedRun,
    text: str,
    *,
    layer: int = 0,
    position: int | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """One position of a text's walk in figures; every array of the walk in `out` (NPZ).

    `position` None is the last. Of a long text the first tokens are walked.

    Raises: DataError for an empty text, or a layer or position that is not there.
    """
    ids = walkable_ids(opened, text)
    walk = take_walk(opened.model, ids, layer)
    position = len(ids) - 1 if position is None else position
    if not 0 <= position < len(ids):
        raise DataError(f"There is no position {position}: the text has 0 to {len(ids) - 1}.")
    reading = read_position(opened.model, walk, position)
    growth = walk.growth(position)
    if out is not None:
        np.savez_compressed(out, allow_pickle=False, **walk_arrays(walk))
    return {
        "run": opened.id,
        "step": opened.step,
        "tokens": [opened.tokenizer.decode([token]) for token in ids],
        "ids": ids,
        "layer": layer,
        "position": position,
        "stream_lengths": growth.stream_L.tolist(),
        "attention_shares": growth.attention_share_L.tolist(),
        "feed_forward_shares": growth.feed_forward_share_L.tolist(),
        "head_lengths": reading.head_lengths_H.tolist(),
        "next": [_told(guess, opened.tokenizer) for guess in reading.guesses[-1]],
        "next_by_depth": [_told(each[0], opened.tokenizer) for each in reading.guesses],
        "logit_parts": {
            "token": opened.tokenizer.decode([reading.parts.token]),
            "embedding": reading.parts.embedding,
            "attention": reading.parts.attention_L.tolist(),
            "feed_forward": reading.parts.feed_forward_L.tolist(),
            "bias": reading.parts.bias,
            "logit": reading.parts.logit,
        },
        "out": str(out) if out is not None else None,
    }


def walk_arrays(walk: Walk) -> dict[str, NDArray[Any]]:
    """Every array of a walk by its name; what this family lacks is left out."""
    named = {**vars(walk.block), **vars(walk)}
    return {name: value for name, value in named.items() if isinstance(value, np.ndarray)}


def snapshot_budget(run_folder: Path) -> int:
    """Bytes that a run which starts now may take for snapshots on that disk."""
    return int(min(BUDGET_BYTES, BUDGET_SHARE * shutil.disk_usage(run_folder).free))


def run_tokenizer(run: Artefact) -> TextTokenizer:
    """The run's tokenizer, with a name for every id that its model may write.

    Raises: TokenizerError when the run has lost it.
    """
    loaded = load_tokenizer(run.folder / "tokenizer")
    return fitted(loaded, RunSettings.read(run.folder).model.vocab_size)


def timeline_report(run: Artefact) -> dict[str, Any]:
    """What the probes found at every snapshot of a run, and what the snapshots take up.

    Raises: TokenizerError when the run has lost its tokenizer.
    """
    timeline = Timeline(run.folder)
    tokenizer = run_tokenizer(run)
    moments, problems = timeline.moments()
    return {
        "run": run.id,
        "disk_bytes": timeline.disk_bytes,
        "budget_bytes": snapshot_budget(run.folder),
        "snapshots": [_moment_report(moment, tokenizer) for moment in moments],
        "problems": list(problems),
    }


def text_timeline_report(
    run: Artefact, text: str, *, out: Path | None = None, report: Reporter = silent
) -> dict[str, Any]:
    """What every snapshot of a run makes of a text: losses, the strongest heads, the steepest rise.

    `out` gets every map, score and loss (NPZ, first axis the snapshots); of a long text the
    tokens that the context holds are read.

    Raises: CheckpointError where the run has no snapshots or one is damaged; DataError for a
    text of fewer than two tokens, or maps of more than 2 GB; TokenizerError.
    """
    timeline = Timeline(run.folder)
    tokenizer = run_tokenizer(run)
    if not timeline.steps:
        raise CheckpointError(f"{run.name!r} has kept no snapshots; train with --snapshots 12.")
    readings, ids = [], []
    for done, step in enumerate(timeline.steps):
        model = timeline.load_model(step)
        ids = tokenizer.encode(text)[: model.config.context_length]
        _require_room(model.config.n_layers * model.config.n_heads, len(ids), len(timeline.steps))
        head = None if out is not None else (0, 0)
        readings.append(read_text(model, ids, head=head, eos_id=tokenizer.eos_id))
        report((done + 1) / len(timeline.steps), f"step {step:,}")
    if out is not None:
        named = {"steps": np.array(timeline.steps), "ids_T": np.array(ids), **together(readings)}
        np.savez_compressed(out, allow_pickle=False, **named)
    scores_SLHM = np.stack([reading.scores.values_LHM for reading in readings])
    measures = readings[-1].scores.measures
    return {
        "run": run.id,
        "tokens": [tokenizer.decode([token]) for token in ids],
        "snapshots": [
            {
                "step": step,
                "nats_per_token": float(reading.nats_T1.mean()),
                "best_heads": {
                    measure: round(float(reading.scores[measure].max()), 4) for measure in measures
                },
            }
            for step, reading in zip(timeline.steps, readings, strict=True)
        ],
        "steepest_rises": {
            measure: _told_rise(steepest_rise(scores_SLHM[..., place]), timeline.steps)
            for place, measure in enumerate(measures)
        },
        "out": str(out) if out is not None else None,
    }


def _require_room(n_heads: int, n_tokens: int, n_snapshots: int) -> None:
    needed = 2 * n_snapshots * n_heads * n_tokens**2
    if needed > _MOST_MAP_BYTES:
        raise DataError(
            f"The maps of {n_tokens:,} tokens at {n_snapshots} snapshots take "
            f"{needed / 1e9:.1f} GB. Give a shorter text."
        )


def _told_rise(rise: Rise | None, steps: Sequence[int]) -> dict[str, Any] | None:
    if rise is None:
        return None
    return {
        "layer": rise.layer,
        "head": rise.head,
        "from_step": steps[rise.place - 1],
        "to_step": steps[rise.place],
        "before": round(rise.before, 4),
        "after": round(rise.after, 4),
    }


def _moment_report(moment: Moment, tokenizer: TextTokenizer) -> dict[str, Any]:
    scores = moment.head_scores_LHM
    return {
        "step": moment.step,
        "text_nats": _mean(moment.text_nats_NT),
        "repeat_nats": _mean(moment.repeat_nats_T),
        "wrote": tokenizer.decode(_without_end(moment.sample_ids.tolist(), tokenizer)),
        "best_heads": {
            measure: round(float(scores[..., place].max()), 4)
            for place, measure in enumerate(moment.measures)
            if scores.size
        },
    }


def _mean(values: NDArray[np.float32]) -> float | None:
    return float(values.mean()) if values.size else None


def _without_end(ids: Sequence[int], tokenizer: TextTokenizer) -> list[int]:
    return [token for token in ids if token != tokenizer.eos_id]


def _told(guess: Guess, tokenizer: TextTokenizer) -> dict[str, Any]:
    return {
        "token": tokenizer.decode([guess.token]),
        "id": guess.token,
        "logit": guess.logit,
        "probability": guess.probability,
    }
