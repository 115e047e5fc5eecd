"""One choice taken apart: what every filter makes of the next token's distribution, and the draw.

Here a run, its tokenizer and the filters meet; the filters live in `slm/sampling`.
"""

import math
from typing import Any

from slm.errors import DataError
from slm.lab.reports import OpenedRun
from slm.sampling.config import SamplingConfig
from slm.sampling.distribution import top_tokens
from slm.sampling.draws import uniforms
from slm.sampling.filters import next_token_distribution
from slm.sampling.generate import fit_prompt, logits


def anatomy_report(
    opened: OpenedRun,
    prompt: str,
    config: SamplingConfig,
    *,
    top: int = 10,
    draws: int = 100,
    after: int | None = None,
) -> dict[str, Any]:
    """Each stage in figures, with its likeliest tokens; the seed's first draw; a tally of draws.

    `after`: the choice after so many tokens of the prompt, of those that the model can read.

    Raises: DataError as `fit_prompt`, or for a place outside the prompt.
    """
    cut, shape = opened.tokenizer, opened.model.config
    fitted = fit_prompt(cut.encode(prompt), shape.vocab_size, shape.context_length, cut.eos_id)
    if after is not None and not 1 <= after <= len(fitted.ids):
        raise DataError(
            f"The prompt has {len(fitted.ids):,} tokens that are read; {after:,} is no place in "
            f"it. Give 1 to {len(fitted.ids):,}."
        )
    read = fitted.ids[:after]
    distribution = next_token_distribution(logits(opened.model, read), config, read)
    numbers = uniforms(config.seed, max(1, draws))
    drawn = distribution.draws(numbers)
    counts: dict[str, int] = {}
    for token in drawn[:draws]:
        counts[cut.decode([token])] = counts.get(cut.decode([token]), 0) + 1
    return {
        "run": opened.id,
        "step": opened.step,
        "after": len(read),
        "notes": [*fitted.notes, *distribution.notes],
        "stages": [
            {
                "name": stage.name,
                "changed": stage.changed,
                "kept": int(stage.kept_V.sum()),
                "entropy_nats": stage.entropy_nats,
                "perplexity": math.exp(stage.entropy_nats),
                "top": {
                    cut.decode([token]): round(share, 5)
                    for token, share in top_tokens(stage.probabilities_V, top)
                },
            }
            for stage in distribution.stages
        ],
        "mass_cut": distribution.mass_cut,
        "uniform": numbers[0],
        "drawn": cut.decode([drawn[0]]),
        "tally": dict(sorted(counts.items(), key=lambda pair: -pair[1])),
    }
