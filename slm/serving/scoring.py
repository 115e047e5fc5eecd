"""How likely each token of a prompt is, for answers that echo it. Sees ids, never text.

Legend: T position, V vocabulary.
"""

from collections.abc import Sequence

import torch

from slm.model.inference import diverged, inference
from slm.model.transformer import Transformer

_SLICE = 64  # ids at a time: logits of a whole prompt of a large model would not fit

Scored = tuple[float, tuple[tuple[int, float], ...]]
"""The log-probability of a token, and of the likeliest ones in its place, best first."""


def prompt_scores(model: Transformer, ids: Sequence[int], n_top: int) -> list[Scored]:
    """What the model thought of each token but the first, given those before it.

    Raises: DivergedError for logits that are not finite.
    """
    scores: list[Scored] = []
    ids_T = torch.tensor(list(ids), device=model.device)
    cache = model.new_cache(max_length=max(1, len(ids)))
    with inference(model):
        for begin in range(0, len(ids) - 1, _SLICE):
            end = min(begin + _SLICE, len(ids) - 1)
            logits_TV = model(ids_T[None, begin:end], cache)[0].float()
            if not logits_TV.amax(-1).isfinite().all():
                raise diverged("the logits of the prompt are")
            log_TV = logits_TV.log_softmax(-1)
            next_T = ids_T[begin + 1 : end + 1]
            own = log_TV.gather(-1, next_T[:, None])[:, 0].tolist()
            top = log_TV.topk(min(n_top, log_TV.shape[-1]), -1)
            likely = zip(top.indices.tolist(), top.values.tolist(), strict=True)
            scores += [
                (logprob, tuple(zip(*each, strict=True)))
                for logprob, each in zip(own, likely, strict=True)
            ]
    return scores
