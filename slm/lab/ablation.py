"""What a model does without some of its parts: how well it foresees, and how it writes on.

Here a run, its tokenizer, the edits and sampling meet; the edits live in `slm/attention`.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from slm.attention.edit_notation import read_edits, write_edits
from slm.attention.importance import Importance, Left, importance
from slm.attention.interventions import Change, Interventions
from slm.attention.means import Means, mean_outputs
from slm.attention.readings import Reading, reading
from slm.errors import DataError
from slm.jobs import Reporter, silent
from slm.lab.reports import OpenedRun
from slm.model.transformer import Transformer
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import generate

_TOLD = 5  # likeliest tokens in a report


def continuation(
    model: Transformer,
    ids_T: Sequence[int],
    edits: Sequence[Change],
    sampling: SamplingConfig,
    max_new_tokens: int,
    *,
    eos_id: int | None = None,
    means: Means | None = None,
) -> list[int]:
    """What the model writes after the text, with these edits, at most to the context's end.

    Painted rows count while the text is read, all other edits for every new token too. Without
    `means` a mean is that over the text.

    Raises: DataError as `Interventions` and `generate`; DivergedError for logits that are not
    numbers.
    """
    room = model.config.context_length - len(ids_T)
    means = means or mean_outputs(model, ids_T)
    probe = Interventions(model.config, edits, means) if edits else None
    steps = generate(
        model, ids_T, sampling, min(max_new_tokens, max(0, room)), eos_id=eos_id, probe=probe
    )
    return [step.id for step in steps if not step.ends]


def ablation_report(
    opened: OpenedRun,
    text: str,
    edits_line: str,
    *,
    act: Left | None = None,
    sampling: SamplingConfig,
    max_new_tokens: int,
    out: Path | None = None,
    report: Reporter = silent,
) -> dict[str, Any]:
    """A text read and continued without edits and with them; with `act`, what each part is worth.

    Every array goes to `out` (NPZ).

    Raises: DataError for edits that cannot be read, neither edits nor `act`, and texts that
    cannot be read whole.
    """
    model, cut = opened.model, opened.tokenizer
    edits = read_edits(edits_line, model.config)
    if not edits and act is None:
        raise DataError(
            "Nothing is changed and no importance is asked for. Give --edit, like "
            "--edit 0.1:off, or --importance off."
        )
    ids = cut.encode(text)
    found: dict[str, Any] = {
        "run": opened.id,
        "step": opened.step,
        "tokens": [cut.decode([token]) for token in ids],
    }
    arrays: dict[str, Any] = {"ids_T": np.array(ids)}
    if edits:
        before, after = reading(model, ids), reading(model, ids, edits)
        arrays |= reading_arrays(before, after)
        found |= {
            "edits": write_edits(edits, model.config.n_heads),
            "nats_per_token": {"untouched": before.mean_nats, "changed": after.mean_nats},
            "change_of_nats": [round(float(n), 4) for n in after.nats_T - before.nats_T],
            "next": {"untouched": _likeliest(before, opened), "changed": _likeliest(after, opened)},
            "kl_nats": float(before.divergence_P(after)[-1]),
            "continuation": {
                name: cut.decode(
                    continuation(model, ids, each, sampling, max_new_tokens, eos_id=cut.eos_id)
                )
                for name, each in (("untouched", ()), ("changed", edits))
            },
        }
    if act is not None:
        work = importance(model, ids, act, report)
        if not work.finished:
            return {}
        arrays |= importance_arrays(work)
        found["importance"] = {
            "nats_per_token": work.base_nats,
            "heads": work.change_LP[:, :-1].round(4).tolist(),
            "feed_forward": work.change_LP[:, -1].round(4).tolist(),
        }
    if out is not None:
        np.savez_compressed(out, allow_pickle=False, **arrays)
    return found


def reading_arrays(before: Reading, after: Reading) -> dict[str, Any]:
    """A text read twice, as arrays for a file."""
    return {
        "positions_P": np.array(before.positions),
        "nats_untouched_T": before.nats_T,
        "nats_changed_T": after.nats_T,
        "logs_untouched_PV": before.logs_PV,
        "logs_changed_PV": after.logs_PV,
    }


def importance_arrays(work: Importance) -> dict[str, Any]:
    """What each part is worth, as arrays for a file; the last column is feed-forward."""
    return {"change_of_nats_LP": work.change_LP, "base_nats": np.array(work.base_nats)}


def _likeliest(read: Reading, opened: OpenedRun) -> dict[str, float]:
    shares_V = np.exp(read.logs_PV[-1])
    best = np.argsort(-shares_V, kind="stable")[:_TOLD]
    return {opened.tokenizer.decode([int(t)]): round(float(shares_V[t]), 5) for t in best}
