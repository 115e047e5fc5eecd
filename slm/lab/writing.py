"""Texts by any method as figures: what was written, and every token with what else was likely.

Here a run, its tokenizer and the methods of writing meet; those live in `slm/sampling`.
"""

from typing import Any

from slm.lab.reports import OpenedRun
from slm.sampling.generate import fit_prompt
from slm.sampling.methods import Draft, WritingConfig, constrained, write
from slm.sampling.search import Beam
from slm.sampling.steps import Step, decode_stream
from slm.tokenizer.protocol import TextTokenizer


def writing_report(
    opened: OpenedRun, prompt: str, config: WritingConfig, *, go_on: bool = False
) -> dict[str, Any]:
    """A text for each seed, each token with probability, rank, entropy and alternatives.

    go_on: the end-of-text token ends no text.

    Raises: DataError and DivergedError as `slm.sampling.methods.write` and `constrained`.
    """
    cut, shape = opened.tokenizer, opened.model.config
    ids = cut.encode(prompt)
    fitted = fit_prompt(ids, shape.vocab_size, shape.context_length, cut.eos_id)
    eos_id = None if go_on else cut.eos_id
    texts = []
    for seed in config.seeds():
        steps: list[Step] = []
        rivals: tuple[Beam, ...] = ()
        for item in write(
            opened.model,
            ids,
            config.with_seed(seed),
            eos_id=eos_id,
            decoder=lambda: cut.decoder(ids),
            constraint=constrained(opened.model, cut, config, eos_id=eos_id),
        ):
            if isinstance(item, Draft):
                steps, rivals = list(item.steps), item.rivals
            else:
                steps.append(item)
        text = "".join(decode_stream(steps, cut, after=ids, stop=config.stop))
        told: dict[str, Any] = {"seed": seed, "text": text}
        if config.constrained:
            told["has_its_form"] = bool(steps) and (steps[-1].ends or steps[-1].whole)
        told |= {"tokens": [_told(step, cut) for step in steps]}
        if rivals:
            told["found"] = [
                {"text": cut.decode(list(beam.ids)), "logprob": beam.logprob, "score": beam.score}
                for beam in rivals
            ]
        texts.append(told)
    return {
        "run": opened.id,
        "step": opened.step,
        "method": config.method,
        "prompt": prompt,
        "notes": list(fitted.notes),
        "texts": texts,
    }


def _told(step: Step, cut: TextTokenizer) -> dict[str, Any]:
    return {
        "id": step.id,
        "text": cut.decode([step.id]),
        "logprob": step.logprob,
        "rank": step.rank,
        "entropy_nats": step.entropy_nats,
        "drawn_with": step.probability if step.n_kept else None,
        "kept": step.n_kept,
        "likeliest": {cut.decode([token]): round(share, 5) for token, share in step.top},
        "removed": [cut.decode([token]) for token in step.removed],
    }
