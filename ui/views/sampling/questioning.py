"""A token of a written text, questioned: what else could have stood there.

The distribution is computed again from what stood before the token, once for each place.
"""

from collections.abc import Callable, Sequence

import streamlit as st

from slm.sampling.filters import next_token_distribution
from slm.sampling.generate import fit_prompt, logits
from slm.sampling.methods import WritingConfig, constrained
from ui import loaders, session, widgets
from ui.loaders import LoadedRun
from ui.texts import tr
from ui.view_models.chips import labeller
from ui.view_models.sampling import controls
from ui.view_models.written import Alternative, alternatives
from ui.views.sampling.anatomy import DRAW
from ui.views.sampling.desk import Order, Progress

GoOn = Callable[[Sequence[int]], None]
"""Writes on after these ids, which follow the prompt."""


def question(loaded: LoadedRun, order: Order, progress: Progress, place: int, go_on: GoOn) -> None:
    """The alternatives to one token; a click on one writes on from it."""
    before = tuple(step.id for step in progress.steps[:place])
    chosen = progress.steps[place].id
    tokenizer = loaded.tokenizer
    label = labeller(tokenizer.token_bytes, tokenizer.vocab_size)
    read = (*(int(token) for token in order.prompt_ids), *before)
    st.markdown(
        tr("**In place of “{chosen}”** (token {place}): a click writes on from that token.").format(
            chosen=widgets.esc_md(label(chosen)), place=place + 1
        )
    )
    if len(read) > loaded.model.config.context_length:
        st.caption(
            tr(
                "So much was written that the model had forgotten its beginning; the figures are "
                "those after the last part that it can read."
            )
        )
    with st.container(horizontal=True, gap="xsmall"):
        own = (*order.written, *before) if order.writing.constrained else ()
        for each in _alternatives(
            loaded.run_id, loaded.step, read, own, order.eos_id, order.writing, loaded
        ):
            st.button(
                f"~~{widgets.esc_md(each.label)}~~" if each.cut else widgets.esc_md(each.label),
                key=f"alternative-{each.token}",
                type="primary" if each.token == chosen else "secondary",
                help=tr("The model's own share; {fate}.").format(fate=each.fate),
                on_click=go_on,
                args=((*before, each.token),),
            )
    if st.button(tr("Take this choice apart"), icon=":material/splitscreen:", key="to-anatomy"):
        _to_anatomy(loaded, order, before)


def _to_anatomy(loaded: LoadedRun, order: Order, before: Sequence[int]) -> None:
    """The text so far as a prompt, with the number of the seed that fell at this place."""
    text = loaded.tokenizer.decode([*(int(token) for token in order.prompt_ids), *before])
    st.session_state[DRAW] = len(before)
    seed = controls()["seed"].key
    session.choose(view="anatomy", prompt=text, **{seed: order.writing.sampling.seed})
    st.rerun()


@loaders.shared_answer()
def _alternatives(
    run_id: str,
    step: int,
    read: tuple[int, ...],
    written: tuple[int, ...],
    eos_id: int | None,
    writing: WritingConfig,
    _loaded: LoadedRun,
) -> tuple[Alternative, ...]:
    del run_id, step
    tokenizer, shape = _loaded.tokenizer, _loaded.model.config
    fitted = fit_prompt(read, shape.vocab_size, shape.context_length, tokenizer.eos_id)
    logits_V = logits(_loaded.model, fitted.ids, tokenizer.eos_id)
    constraint = constrained(_loaded.model, tokenizer, writing, eos_id=eos_id, written=written)
    allowed_V = None if constraint is None else constraint.allowed_V
    distribution = next_token_distribution(logits_V, writing.drawn_with, set(fitted.ids), allowed_V)
    drawn = writing.method in {"sampling", "greedy"}
    return alternatives(distribution, tokenizer.token_bytes, tokenizer.vocab_size, drawn=drawn)
