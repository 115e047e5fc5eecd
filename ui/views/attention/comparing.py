"""Two moments of a training, or two models, side by side on one text."""

import streamlit as st

from slm.attention.comparison import map_distance, map_distances, most_alike
from slm.attention.history import Reading, read_text
from slm.model.checkpoint import snapshots
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.components.heatmap import heatmap_view
from ui.figures.attention_compare import loss_bars
from ui.figures.attention_saved import compared_picture
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import attention_compare as words
from ui.view_models import glossary
from ui.view_models.attention_compare import Question, Side
from ui.view_models.library import unique_labels
from ui.views.attention.asking import Asked
from ui.views.attention.saving import panel

_MODEL_WIDTH, _STEP_WIDTH, _HEAD_WIDTH = 230, 130, 175
TITLE = tr("Compare two")
Head = tuple[int, int]


def show(state: PageState, asked: Asked) -> None:
    """A is the current model, B any that cuts the text into the same tokens."""
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small"):
        a_step = _ask_step(asked.run, "A", "timeline_a", newest=False)
        other = _ask_model(state, asked.run)
        b_step = _ask_step(other, "B", "timeline_b", newest=True)
        found = _sides(asked, other, a_step, b_step)
        if found is None:
            st.info(words.other_tokens(asked.run.name, other.name))
            return
        a, b = found
        same_run = other.id == asked.run.id
        a_head = _ask_head(a, "A", ("layer", "head"), words.most_changed(a, b))
        nearest = words.partner(a, b, a_head)
        like = a_head if same_run else (nearest.layer, nearest.head)
        b_head = _ask_head(b, "B", ("timeline_b_layer", "timeline_b_head"), like)
    if same_run and a.step == b.step:
        st.info(tr("A and B are the same, so nothing differs. Choose another step or model."))
    _draw(asked, a, b, a_head, b_head)
    _tell(a, b, same_run, asked)
    _save(asked, other, (a, b), (a_step, b_step), (a_head, b_head))


def _ask_model(state: PageState, run: Artefact) -> Artefact:
    """The model of B; the current one where nothing else is chosen."""
    others = [each for each in state.workspace.all_models() if not each.problem]
    labels = unique_labels(others)
    by_label = {labels[each.id]: each for each in others}
    if st.session_state.get("timeline_other") not in {None, *by_label}:
        del st.session_state["timeline_other"]
    chosen = st.selectbox(
        tr("Model of B"),
        list(by_label),
        index=None,
        placeholder=tr("{name} (as A)").format(name=run.name),
        key="timeline_other",
        bind="query-params",
        width=_MODEL_WIDTH,
        help=tr("Another run or an imported model that cuts the text into the same tokens."),
    )
    return by_label.get(chosen or "", run)


def _ask_step(run: Artefact, side: str, key: str, *, newest: bool) -> int | None:
    """A step of that model; None for its newest checkpoint, or where it has no snapshots."""
    steps = [reference.step for reference in snapshots(run.folder)]
    if not steps:
        return None
    if st.session_state.get(key) not in {None, *steps}:
        del st.session_state[key]
    chosen: int | None = st.selectbox(
        tr("Step of {side}").format(side=side),
        steps,
        index=None,
        placeholder=str(steps[-1] if newest else steps[0]),
        key=key,
        bind="query-params",
        width=_STEP_WIDTH,
        help=glossary.meaning("snapshot"),
    )
    return chosen if chosen is not None else steps[-1 if newest else 0]


def _ask_head(side: Side, which: str, keys: tuple[str, str], otherwise: Head) -> Head:
    """A head of that model; the one that is named in the empty field where none is chosen."""
    chosen = []
    names = (tr("layer"), tr("head"))
    for key, name, count, now in zip(keys, names, side.shape, otherwise, strict=True):
        if st.session_state.get(key) is not None and st.session_state[key] >= count:
            st.session_state[key] = None
        picked = st.selectbox(
            f"{which}: {name}",
            list(range(count)),
            index=None,
            placeholder=str(now),
            key=key,
            bind="query-params",
            width=_HEAD_WIDTH // 2,
            help=glossary.meaning(key.rsplit("_", 1)[-1]),
        )
        chosen.append(now if picked is None else picked)
    return chosen[0], chosen[1]


def _sides(
    asked: Asked, other: Artefact, a_step: int | None, b_step: int | None
) -> tuple[Side, Side] | None:
    """Both readings; None where B cuts the text into other tokens."""
    first, second = loaders.load_run(asked.run, a_step), loaders.load_run(other, b_step)
    if not _same_tokens(first, second, asked):
        return None
    return (
        Side(first.name, first.step, _read(str(asked.run.folder), first.step, asked.ids_T, first)),
        Side(second.name, second.step, _read(str(other.folder), second.step, asked.ids_T, second)),
    )


def _same_tokens(a: LoadedRun, b: LoadedRun, asked: Asked) -> bool:
    cut = asked.window
    ids = b.tokenizer.encode(asked.text)[cut.start : cut.stop]
    bytes_a, bytes_b = ([each.tokenizer.token_bytes(i) for i in asked.ids_T] for each in (a, b))
    return tuple(ids) == asked.ids_T and bytes_a == bytes_b


@loaders.shared_answer(tr("Reading the text"))
def _read(folder: str, step: int, ids_T: tuple[int, ...], _loaded: LoadedRun) -> Reading:
    del folder, step
    return read_text(_loaded.model, ids_T, eos_id=_loaded.tokenizer.eos_id)


def _draw(asked: Asked, a: Side, b: Side, a_head: Head, b_head: Head) -> None:
    pictures = words.heats(a, b, a_head, b_head, asked.tokens_T)
    columns = st.columns(3, gap="medium")
    titles = (
        tr("**A**: {name}, step {step:,}").format(name=widgets.esc_md(a.name), step=a.step),
        tr("**B**: {name}, step {step:,}").format(name=widgets.esc_md(b.name), step=b.step),
        "**B − A**",
    )
    drawn = (pictures.a, pictures.b, pictures.difference)
    for column, title, heat, key in zip(columns, titles, drawn, "abd", strict=True):
        with column:
            st.markdown(title)
            heatmap_view(heat, key=f"timeline-heat-{key}")
    a_TT, b_TT = a.reading.maps_LHTT[a_head], b.reading.maps_LHTT[b_head]
    st.markdown(words.head_words(a, b, a_head, b_head, map_distance(a_TT, b_TT)))


def _tell(a: Side, b: Side, same_run: bool, asked: Asked) -> None:
    """Losses of the tokens, and every head in a table."""
    change = words.loss_change(a, b, asked.tokens_T)
    st.markdown(tr("**Loss of each token.** {words}").format(words=change.words))
    st.plotly_chart(loss_bars(change), key="timeline-losses", config={"displayModeBar": False})
    rows = words.head_rows(a, b, same_run=same_run)
    with st.expander(tr("Every head"), icon=":material/table:", expanded=True):
        if rows is None:
            st.caption(tr("These models have too many heads to look for every one's partner."))
        else:
            st.caption(
                tr("A head of A and the same head in B.")
                if same_run
                else tr(
                    "Which head takes up which habit is chance, so every head of A stands beside "
                    "the head of B whose attention on this text is most alike."
                )
            )
            st.dataframe(rows, hide_index=True)


def _save(
    asked: Asked,
    other: Artefact,
    sides: tuple[Side, Side],
    steps: tuple[int | None, int | None],
    heads: tuple[Head, Head],
) -> None:
    """Both maps with their difference, both readings, and a link that names every choice."""
    question = Question(asked.text, asked.window)
    panel(
        asked,
        picture=lambda: compared_picture(
            *sides, heads, asked.tokens_T, words.loss_change(*sides, asked.tokens_T)
        ),
        arrays=lambda: words.arrays(*sides),
        code=words.code_lines(asked.run, other, steps, question),
        functions=(map_distances, most_alike),
        link={
            "view": "timeline",
            "timeline_show": TITLE,
            "timeline_a": sides[0].step,
            "timeline_b": sides[1].step,
            **dict(zip(("layer", "head"), heads[0], strict=True)),
            **dict(zip(("timeline_b_layer", "timeline_b_head"), heads[1], strict=True)),
        },
        name="compared",
    )
