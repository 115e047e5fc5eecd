"""What the lens and patching tell of a run and a text, as a report with words for its tokens.

Here a run, its tokenizer and the measures meet; the measures live in `slm/attention`.
"""

from pathlib import Path
from typing import Any

import numpy as np

from slm.attention.attribution import Attribution, attribute_logit
from slm.attention.lens import Lens, LensConfig, logit_lens
from slm.attention.patching import (
    SITES,
    Alignment,
    Contrast,
    Site,
    Sweep,
    aligned,
    make_contrast,
    sweep,
    what_places_are,
)
from slm.errors import DataError
from slm.jobs import Reporter, silent
from slm.lab.reports import OpenedRun
from slm.tokenizer.protocol import TextTokenizer


def answer_token(tokenizer: TextTokenizer, text: str) -> int:
    """The one token that this text is, as it stands or with a space before it.

    Raises: DataError where it is none or several.
    """
    for each in (text, f" {text}"):
        ids = tokenizer.encode(each)
        if len(ids) == 1:
            return ids[0]
    n_tokens = len(tokenizer.encode(text))
    raise DataError(
        f"{text[:40]!r} is {n_tokens} tokens. An answer is a single one: "
        "choose it from the list, or give its first piece."
    )


def patch_report(
    opened: OpenedRun,
    clean: str,
    corrupted: str,
    *,
    site: Site | None = None,
    alignment: Alignment = "equal",
    answer: str | None = None,
    rival: str | None = None,
    out: Path | None = None,
    report: Reporter = silent,
) -> dict[str, Any]:
    """How much of the clean answer comes back from each place of each layer; `out` holds all.

    `site` None is every site, one after the other.

    Raises: DataError, as `make_contrast` and `answer_token`.
    """
    cut = opened.tokenizer
    pair = aligned(cut.encode(clean), cut.encode(corrupted), alignment)
    contrast = make_contrast(
        opened.model,
        *pair,
        None if answer is None else answer_token(cut, answer),
        None if rival is None else answer_token(cut, rival),
    )
    found = {}
    for each in SITES if site is None else (site,):
        work = sweep(opened.model, contrast, each, report)
        if not work.finished:
            return {}
        found[each] = work
    if out is not None:
        np.savez_compressed(out, allow_pickle=False, **patch_arrays(contrast, *found.values()))
    return {
        "run": opened.id,
        "step": opened.step,
        "clean_tokens": [cut.decode([token]) for token in contrast.clean_T],
        "corrupted_tokens": [cut.decode([token]) for token in contrast.corrupted_T],
        "answer": cut.decode([contrast.answer]),
        "rival": cut.decode([contrast.rival]),
        "logit_difference": {"clean": contrast.clean, "corrupted": contrast.corrupted},
        "best": {each: _best(work) for each, work in found.items()},
        "recovery": {each: work.recovery_LP.round(4).tolist() for each, work in found.items()},
    }


def patch_arrays(contrast: Contrast, *sweeps: Sweep) -> dict[str, Any]:
    """A contrast and what was patched, as arrays for a file."""
    return {
        "clean_ids_T": np.array(contrast.clean_T),
        "corrupted_ids_T": np.array(contrast.corrupted_T),
        "answer": np.array(contrast.answer),
        "rival": np.array(contrast.rival),
        "clean_logits_V": contrast.clean_logits_V,
        "corrupted_logits_V": contrast.corrupted_logits_V,
        **{f"{work.site}_recovery_LP": work.recovery_LP for work in sweeps},
        **{f"{work.site}_ahead_LP": work.ahead_LP for work in sweeps},
    }


def lens_report(
    opened: OpenedRun,
    text: str,
    config: LensConfig,
    *,
    position: int | None = None,
    out: Path | None = None,
) -> dict[str, Any]:
    """What every depth would say after one position, and who wrote the likeliest token's logit.

    `position` None is the last. Every array, of all positions, goes to `out` (NPZ). The logit
    is told as its lead over the mean of all logits.

    Raises: DataError for an empty or too long text or a position that is not there.
    """
    cut = opened.tokenizer
    ids = cut.encode(text)
    lens = logit_lens(opened.model, ids, config)
    position = len(ids) - 1 if position is None else position
    if not 0 <= position < len(ids):
        raise DataError(f"There is no position {position}: the text has 0 to {len(ids) - 1}.")
    token = int(lens.top_ids_NTK[-1, position, 0])
    parts = attribute_logit(opened.model, ids, position, token, against="mean")
    if out is not None:
        np.savez_compressed(out, allow_pickle=False, **lens_arrays(lens, parts))
    return {
        "run": opened.id,
        "step": opened.step,
        "tokens": [cut.decode([each]) for each in ids],
        "position": position,
        "depths": {
            stop: _says(lens, depth, position, cut) for depth, stop in enumerate(lens.stops)
        },
        "token": cut.decode([token]),
        "logit_above_mean": parts.total,
        "parts": {
            "embedding": parts.embedding,
            "heads": parts.heads_LH.round(4).tolist(),
            "feed_forward": parts.feed_forward_L.round(4).tolist(),
            "rest": parts.rest,
        },
    }


def lens_arrays(lens: Lens, parts: Attribution | None = None) -> dict[str, Any]:
    """A lens, and one token's logit taken apart, as arrays for a file."""
    return {**lens.arrays(), **({} if parts is None else parts.arrays())}


def _says(lens: Lens, depth: int, position: int, tokenizer: TextTokenizer) -> dict[str, Any]:
    """One depth at one position, in figures."""
    rank = int(lens.next_rank_NT[depth, position])
    return {
        "tokens": [tokenizer.decode([int(t)]) for t in lens.top_ids_NTK[depth, position]],
        "probabilities": [round(float(p), 5) for p in lens.top_shares_NTK[depth, position]],
        "rank_of_next": rank or None,
        "probability_of_next": float(lens.next_share_NT[depth, position]) if rank else None,
        "entropy_nats": float(lens.entropy_NT[depth, position]),
        "kl_to_output_nats": float(lens.kl_NT[depth, position]),
    }


def _best(work: Sweep) -> dict[str, Any]:
    """The place from which most comes back."""
    layer, place = divmod(int(work.recovery_LP.argmax()), work.recovery_LP.shape[1])
    best = float(work.recovery_LP[layer, place])
    return {"layer": layer, what_places_are(work.site): place, "recovery": best}
