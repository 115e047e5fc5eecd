"""A tree of branches grown from a run's model: as text and figures, to keep and to open again.

Here a run, its tokenizer and the tree meet; the tree lives in `slm/sampling/branches.py`.
"""

import math
from dataclasses import replace
from typing import Any

from pydantic import Field

from slm.config import Config
from slm.errors import DataError
from slm.lab.reports import OpenedRun
from slm.sampling.branch_files import Planted, fingerprint
from slm.sampling.branches import ROOT, Tree, grow_levels, grow_sampled, plant, rescored
from slm.sampling.config import SamplingConfig
from slm.sampling.engine import engine_for


class GrowConfig(Config):
    """How a tree is grown in one go."""

    width: int = Field(3, ge=0, le=50, description="The likeliest tokens behind each; 0: none.")
    depth: int = Field(3, ge=0, le=64, description="How many tokens deep the likeliest are taken.")
    samples: int = Field(0, ge=0, le=64, description="Sampled continuations of the prompt.")
    tokens: int = Field(20, ge=1, le=500, description="Tokens of a sampled continuation at most.")


def grown(
    opened: OpenedRun, prompt: str, config: GrowConfig, sampling: SamplingConfig
) -> tuple[Planted, tuple[str, ...]]:
    """A tree of the prompt, and what was done to the prompt.

    Raises: DataError as `plant`, and for a tree with too many branches.
    """
    tree, notes = planted_in(opened, prompt)
    eos_id = opened.tokenizer.eos_id
    if config.width and config.depth:
        tree = grow_levels(opened.model, tree, config.width, config.depth, eos_id)
    if config.samples:
        engine = engine_for(opened.model)
        *_, tree = grow_sampled(
            engine, tree, ROOT, config.samples, config.tokens, sampling, eos_id=eos_id
        )
    cut = fingerprint(opened.tokenizer)
    return Planted(tree, prompt, opened.id, opened.step, cut), notes


def planted_in(opened: OpenedRun, prompt: str) -> tuple[Tree, tuple[str, ...]]:
    """The prompt without branches yet, as this model reads it. Raises: as `plant`."""
    cut, shape = opened.tokenizer, opened.model.config
    return plant(cut.encode(prompt), shape.vocab_size, shape.context_length, cut.eos_id)


def moved_to(opened: OpenedRun, planted: Planted) -> Planted:
    """The same branches with this model's probabilities; a file's own figures are not trusted.

    Raises: DataError for a tree whose ids mean other text to this tokenizer, and as `rescored`.
    """
    cut = fingerprint(opened.tokenizer)
    if planted.cut != cut:
        raise DataError(
            "This tree was grown with another tokenizer, so its tokens mean nothing to this "
            "model. Choose the model that it was grown with, or grow a new one."
        )
    prompt_ids = planted_in(opened, planted.prompt)[0].prompt_ids
    tree = replace(planted.tree, prompt_ids=prompt_ids)
    tree = rescored(opened.model, tree, opened.tokenizer.eos_id)
    return Planted(tree, planted.prompt, opened.id, opened.step, cut, planted.name)


def branches_report(
    opened: OpenedRun, planted: Planted, notes: tuple[str, ...] = ()
) -> dict[str, Any]:
    """Every branch with its text and probabilities, and the most probable paths."""
    tree, cut = planted.tree, opened.tokenizer
    return {
        "run": opened.id,
        "step": opened.step,
        "notes": list(notes),
        "prompt": planted.prompt,
        "covered": tree.covered(),
        "best_by_sum": tree.best("sum"),
        "best_by_mean": tree.best("mean"),
        "branches": [
            {
                "id": node.id,
                "parent": node.parent,
                "token": node.token,
                "text": cut.decode([node.token]),
                "probability": math.exp(node.logprob),
                "surprise_nats": -node.logprob,
                "rank": node.rank,
                "path_logprob": tree.logprob_of[node.id],
                "drawn": node.drawn,
                "ends": node.ends,
            }
            for node in tree.nodes
        ],
        "paths": [
            {
                "id": leaf.id,
                "text": cut.decode([node.token for node in tree.path(leaf.id)]),
                "logprob": tree.logprob_of[leaf.id],
                "probability": math.exp(tree.logprob_of[leaf.id]),
            }
            for leaf in sorted(tree.leaves, key=lambda leaf: -tree.logprob_of[leaf.id])
        ],
    }
