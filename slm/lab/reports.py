"""What can be told of a model: what its heads do, how it writes. How good: `evaluation`.

Here the run folder, the tokenizer and the measures meet; the measures themselves
live in their chapters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from slm import files
from slm.attention.flows import (
    layer_means,
    logit_contributions,
    rollout,
    targets_of,
    value_norms,
)
from slm.attention.heads import head_scores, label
from slm.attention.maps import Floats, attention_maps
from slm.errors import CheckpointError, DataError, NoMemoryError, WorkspaceError
from slm.machine import available_memory
from slm.model.checkpoint import (
    CheckpointRef,
    dtype_in_memory,
    load_checkpoint,
    newest_sound,
    snapshots,
)
from slm.model.transformer import Transformer
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import decode_stream, generate
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.padded import fitted
from slm.tokenizer.protocol import TextTokenizer
from slm.workspace import Artefact, Workspace

IMPORTED_STEP = 0
"""The step that an imported model is at: nothing is known of the ones that it has behind it."""


@dataclass(frozen=True)
class OpenedRun:
    """A run or an imported model, ready to use. `notes` says in words what was passed over."""

    id: str
    name: str
    step: int
    model: Transformer
    tokenizer: TextTokenizer
    notes: tuple[str, ...]


def checkpoint_at(run: Artefact, step: int | None = None) -> CheckpointRef:
    """The run's newest sound checkpoint, or its snapshot at `step`.

    An imported model is one checkpoint, that of step 0; its files are compared with their
    recorded hashes when it is loaded.

    Raises: CheckpointError when there is none yet, all are damaged, or none is at `step`.
    """
    if run.imported:
        return _imported(run, step)
    if step is None:
        return newest_sound(run.folder)
    for reference in snapshots(run.folder):
        if reference.step == step:
            return reference
    known = ", ".join(str(reference.step) for reference in snapshots(run.folder)) or "none"
    raise CheckpointError(f"{run.name!r} has no snapshot at step {step}; it has: {known}.")


def _imported(model: Artefact, step: int | None) -> CheckpointRef:
    if step not in {None, IMPORTED_STEP}:
        raise CheckpointError(
            f"{model.name!r} was imported, so nothing of its training is here; leave the step out."
        )
    if not (model.folder / files.MANIFEST).is_file():
        raise CheckpointError(f"The model {model.name!r} was deleted. Choose another.")
    return CheckpointRef(model.folder, IMPORTED_STEP)


def open_run(run: Artefact, step: int | None = None) -> OpenedRun:
    """Model and tokenizer of a run, or of an imported model, on the CPU.

    Raises: CheckpointError, as `checkpoint_at`; NoMemoryError for one that does not fit.
    """
    reference = checkpoint_at(run, step)
    require_room(run)
    model = load_checkpoint(reference.folder, dtype=dtype_in_memory(reference.folder)).eval()
    tokenizer = fitted(load_tokenizer(run.folder / "tokenizer"), model.config.vocab_size)
    return OpenedRun(run.id, run.name, reference.step, model, tokenizer, tuple(reference.skipped))


def require_room(model: Artefact) -> None:
    """Raises: NoMemoryError for an imported model that does not fit into the free memory."""
    needed, free = model.details.get("memory_bytes"), available_memory()
    if isinstance(needed, int) and needed > free:
        raise NoMemoryError(
            f"{model.name!r} takes {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are "
            "free. Close other programs, or choose a smaller model."
        )


def require_trained_here(model: Artefact) -> None:
    """Raises: DataError for an imported model, of whose training nothing is known."""
    if model.imported:
        raise DataError(
            f"{model.name!r} was trained elsewhere: its losses and snapshots are not here. "
            "Choose a run that was trained here."
        )


def run_tokens(workspace: Workspace, run: Artefact) -> Artefact:
    """The token files that the run was trained on.

    Raises: DataError when they were deleted, or the model was trained elsewhere.
    """
    if run.imported:
        raise DataError(
            f"{run.name!r} was trained elsewhere, on text that is not here; measure it on a text "
            "of your own."
        )
    parent = run.manifest.parents.get("tokens")
    try:
        return workspace.tokens.get(parent.id if parent else "")
    except WorkspaceError:
        raise DataError(
            f"The token files of {run.name!r} are gone, so its corpus cannot be measured on; "
            "measure on a text instead."
        ) from None


def byte_count(tokenizer: TextTokenizer, ids: np.ndarray[Any, Any]) -> int:
    """Bytes of text behind `ids`; special tokens stand for none."""
    widths = np.array(
        [
            0 if token == tokenizer.eos_id else len(tokenizer.token_bytes(token))
            for token in range(tokenizer.vocab_size)
        ]
    )
    return int(widths[ids[1:]].sum())


def head_labels(opened: OpenedRun, ids_T: Sequence[int]) -> list[list[str]]:
    """A plain word for each head, layer by layer: what it does on these ids and on repeats."""
    scores = head_scores(opened.model, ids_T, eos_id=opened.tokenizer.eos_id)
    return [[str(word) for word in row] for row in label(scores)]


def write_text(
    opened: OpenedRun, config: SamplingConfig, opening: str = "", max_new_tokens: int = 200
) -> str:
    """The opening and what the model makes of it, to its end or `max_new_tokens`."""
    prompt_ids = opened.tokenizer.encode(opening)
    eos_id = opened.tokenizer.eos_id
    steps = generate(opened.model, prompt_ids, config, max_new_tokens, eos_id=eos_id)
    return opening + "".join(decode_stream(steps, opened.tokenizer, after=prompt_ids)).rstrip()


Flow = Literal["weights", "value-norm", "logit", "layer-mean", "rollout"]
"""What of attention is told: see `slm.attention.flows`."""


def attention_report(
    opened: OpenedRun, text: str, out: Path | None, measure: Flow = "weights"
) -> dict[str, Any]:
    """All attention weights for `text` (saved to `out` as NPZ) and what each head does.

    Another `measure` is saved in place of the weights, under its own name.

    Raises: DataError for text that is empty or longer than the context.
    """
    ids = opened.tokenizer.encode(text)
    values = _flow(opened.model, ids, measure)
    tokens = [opened.tokenizer.decode([token]) for token in ids]
    if out is not None:
        named = {measure.replace("-", "_"): values}
        np.savez_compressed(
            out, allow_pickle=False, ids=np.array(ids), tokens=np.array(tokens), **named
        )
    n_tokens = len(ids)
    return {
        "run": opened.id,
        "step": opened.step,
        "layers": opened.model.config.n_layers,
        "heads": opened.model.config.n_heads,
        "tokens": n_tokens,
        "measure": measure,
        "largest": float(np.abs(values).max()),
        "out": str(out) if out is not None else None,
        "labels": head_labels(opened, ids) if n_tokens > 1 else None,
    }


def _flow(model: Transformer, ids: Sequence[int], measure: Flow) -> Floats:
    """By head (L, H, T, T), or by layer (L, T, T) where heads are averaged."""
    if measure == "weights":
        return attention_maps(model, ids)
    if measure == "value-norm":
        return value_norms(model, ids)
    if measure == "logit":
        return logit_contributions(model, ids, targets_of(model, ids))
    means_LTT = layer_means(model, ids)
    return means_LTT if measure == "layer-mean" else rollout(means_LTT)
