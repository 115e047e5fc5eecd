"""The settings of a new tokenizer."""

from collections.abc import Mapping

import streamlit as st

from slm.tokenizer.bpe import END_OF_TEXT
from slm.tokenizer.config import TokenizeConfig
from slm.tokenizer.patterns import PATTERNS
from slm.workspace import Artefact
from ui import session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import tokenizer_training as words
from ui.view_models.settings import described

_FIELDS = TokenizeConfig.model_fields
_FIELD_WIDTH = 164  # two stand side by side unless the screen is narrow


def ask(state: PageState) -> TokenizeConfig | None:
    """What is asked for; None while there is no corpus, or the settings do not fit together."""
    corpora = {corpus.id: corpus for corpus in state.workspace.corpora.list() if not corpus.problem}
    if not corpora:
        st.info(tr("A tokenizer learns from a corpus, and there is none yet."))
        if st.button(tr("Collect a corpus"), type="primary"):
            session.go_to("data", view="collect")
        return None
    corpus = _ask_corpus(state, corpora)
    kind = st.segmented_control(
        tr("Kind"),
        list(words.KINDS),
        format_func=words.KINDS.__getitem__,
        default="bpe",
        key="kind",
        bind="query-params",
        required=True,
        wrap=True,
        help=described(_FIELDS["kind"]),
    )
    values: dict[str, object] = {"corpus": corpus.id, "kind": kind}
    if kind == "bpe":
        values |= _ask_merges()
    values |= _ask_marks()
    suggested = f"{corpus.name} {kind}"[:80]
    name = st.text_input(
        tr("Name"), key="tokenizer_name", placeholder=suggested, max_chars=80, bind="query-params"
    )
    with widgets.user_errors():
        config = TokenizeConfig.from_json({**values, "name": name.strip() or suggested})
        plan = words.plan(config, corpus.details["train"]["bytes"])
        st.caption(tr("{plan} It goes on when this page closes.").format(plan=plan))
        return config
    return None


def _ask_corpus(state: PageState, corpora: Mapping[str, Artefact]) -> Artefact:
    usual = state.corpus if state.corpus is not None and state.corpus.id in corpora else None
    if st.session_state.get("learn_from") not in {None, *corpora}:
        st.session_state["learn_from"] = None
    chosen = st.selectbox(
        tr("Corpus"),
        list(corpora),
        index=None,
        format_func=lambda key: corpora[key].name if key in corpora else key,
        placeholder=(usual or next(iter(corpora.values()))).name,
        key="learn_from",
        bind="query-params",
        help=glossary.meaning("corpus"),
    )
    return corpora[chosen] if chosen else usual or next(iter(corpora.values()))


def _ask_merges() -> dict[str, object]:
    """How many pairs are joined, and across which cuts none is."""
    row = st.container(horizontal=True)
    return {
        "vocab_size": row.number_input(
            tr("Vocabulary size"),
            min_value=257,
            max_value=200_000,
            value=2048,
            step=256,
            key="vocab_size",
            bind="query-params",
            help=glossary.meaning("vocabulary size"),
            width=_FIELD_WIDTH,
        ),
        "pattern": row.selectbox(
            tr("Where text is cut"),
            list(PATTERNS),
            format_func=lambda key: tr("As {title} does").format(title=PATTERNS[key].title),
            key="pattern",
            bind="query-params",
            help=" ".join(f"{each.title}: {tr(each.description)}" for each in PATTERNS.values()),
            width=_FIELD_WIDTH,
        ),
    }


def _ask_marks() -> dict[str, object]:
    """Special tokens, and what stands between documents."""
    with st.popover(tr("Special tokens, document ends"), width="stretch"):
        return _ask_in_popover()


def _ask_in_popover() -> dict[str, object]:
    names = st.multiselect(
        tr("Special tokens"),
        list(words.MARKS),
        default=[END_OF_TEXT],
        accept_new_options=True,
        key="special_tokens",
        bind="query-params",
        help=tr("{description} Type a name of your own, such as <|sys|>.").format(
            description=described(_FIELDS["special_tokens"])
        ),
    )
    with widgets.user_errors():
        TokenizeConfig(corpus="", special_tokens=tuple(names))
        st.caption(widgets.esc_md(words.special_tokens_note(names)))
    separator = st.selectbox(
        tr("Between documents"),
        list(words.SEPARATORS),
        format_func=words.SEPARATORS.__getitem__,
        key="separator",
        bind="query-params",
        help=described(_FIELDS["separator"]),
    )
    return {"special_tokens": names, "separator": separator}
