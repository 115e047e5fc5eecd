"""A text as it is: its documents, and pictures of it that lead to them."""

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from slm import jobs
from slm.data.catalogue import EMBEDDED
from slm.data.corpus import open_corpus
from slm.data.exploring.profile_store import explore as explore_corpus
from slm.data.exploring.profiling import profile
from slm.data.sources import SourceConfig
from slm.jobs import Job
from ui import session, widgets
from ui.job_panel import POLL_SECONDS
from ui.session import PageState
from ui.texts import tr
from ui.view_models import cleaning as cleaning_words
from ui.view_models import data as source_words
from ui.view_models import explore as words
from ui.views.data import explore_pictures as pictures
from ui.views.data import ledger, reading
from ui.views.data.explore_documents import panel
from ui.views.data.explore_split import split
from ui.views.data.profiles import BY_ITSELF_BYTES, Known, Shown

_ASPECTS = {
    "documents": tr("Documents"),
    "lengths": tr("Lengths"),
    "words": tr("Words"),
    "growth": tr("Growth"),
    "phrases": tr("Phrases"),
    "characters": tr("Characters"),
    "languages": tr("Languages"),
    "duplicates": tr("Duplicates"),
    "strange": tr("Strange"),
    "split": tr("Split"),
    "cleaning": tr("Cleaning"),
}
_SAVED_ONLY = frozenset({"split", "cleaning"})
_PICTURES = {
    "lengths": pictures.lengths,
    "words": pictures.word_counts,
    "growth": pictures.growth,
    "phrases": pictures.phrases,
    "characters": pictures.character_counts,
    "languages": pictures.languages,
    "duplicates": pictures.copies,
    "strange": pictures.strange,
}


def render(state: PageState) -> None:
    """Choose a text, then an aspect of it."""
    row = st.container(horizontal=True, gap="medium")
    with row.container(width=265):
        shown = _choose(state)
    known = shown.known()
    for figure in words.text_figures(known.profile):
        row.metric(figure.label, figure.value, help=figure.meaning, width="content")
    how_much = st.container(height=44, border=False)
    _aspects(shown, known)
    st.caption(widgets.esc_md(_origin(shown)))
    _show_code(shown)
    with how_much:  # last, since it starts a process that would hold up the first picture
        _how_much(state, shown, known)


def use(corpus_id: str) -> None:
    """Make a corpus the current one and look at it; a callback."""
    session.choose(corpus=corpus_id)
    st.session_state.update(view="explore", show=None)


def _choose(state: PageState) -> Shown:
    own = state.corpus
    choice = st.selectbox(
        tr("Text"),
        list(EMBEDDED),
        index=None,
        format_func=lambda key: tr("{title} (embedded)").format(title=EMBEDDED[key].title),
        placeholder=own.name if own is not None else EMBEDDED["tales"].title,
        key="show",
        bind="query-params",
        help=tr("The current corpus, which the sidebar chooses, or one that ships with the app."),
    )
    if choice is None and own is not None:
        return Shown(state.workspace, own, None)
    return Shown(state.workspace, None, SourceConfig(source=choice or "tales"))


def _how_much(state: PageState, shown: Shown, known: Known) -> None:
    """One line: how much of the text is behind the numbers, and the job that counts the rest."""
    if shown.source is not None:
        sample = reading.sample_of(shown.source)
        _line().caption(cleaning_words.sample_note(len(sample.documents), sample.whole))
        return
    if known.profile.sampled_from is None:
        _line().caption(words.seen_note(known.profile))
        return
    assert shown.corpus is not None
    job = shown.job()
    if job is None and open_corpus(shown.corpus).n_bytes <= BY_ITSELF_BYTES:
        job = shown.count(state.owner)
    _progress(state, shown, known, job)


def _progress(state: PageState, shown: Shown, known: Known, job: Job | None) -> None:
    alive = job is not None and job.status().alive

    @st.fragment(run_every=POLL_SECONDS if alive else None)
    def line() -> None:
        status = job.status() if job is not None else None
        if alive and status is not None and not status.alive:
            st.rerun()  # the exact numbers are there, or the reason why not
        row = _line()
        row.caption(words.seen_note(known.profile, status))
        if job is not None and status is not None and status.alive and not job.can_change:
            pass  # somebody else has asked for the same; its count is for everybody
        elif job is not None and status is not None and status.alive:
            row.button(tr("Stop"), key="explore-stop", on_click=job.stop, type="tertiary")
        else:
            row.button(
                tr("Count all of it"),
                key="explore-count",
                on_click=_count,
                args=(state, shown, job),
                type="tertiary",
            )
        if status is not None and status.error:
            widgets.show_problem(status.error)

    line()


def _line() -> DeltaGenerator:
    """A line of one height, whatever stands in it, so that nothing below jumps."""
    return st.container(
        horizontal=True, vertical_alignment="center", gap="small", height=44, border=False
    )


def _count(state: PageState, shown: Shown, job: Job | None) -> None:
    if job is None or not job.can_change:
        shown.count(state.owner)
    elif not job.is_alive():
        jobs.restart(state.workspace, job)


def _origin(shown: Shown) -> str:
    """Where the text is from, and how its documents were told apart."""
    if shown.corpus is not None:
        return source_words.corpus_facts(shown.corpus.details)
    assert shown.source is not None
    info = EMBEDDED[shown.source.source]
    how_split = reading.sample_of(shown.source).how_split
    return tr("{description} Licence: {licence}. {how_split}").format(
        description=tr(info.description), licence=info.licence, how_split=how_split
    )


def _collect(source: str) -> None:
    """Go on with that source; the address tells it too, by the title that its picker shows."""
    st.session_state.update(view="collect", source=source)
    st.query_params["source"] = EMBEDDED[source].title


@st.fragment
def _aspects(shown: Shown, known: Known) -> None:
    """One aspect at a time, drawn without the rest of the page."""
    names = [key for key in _ASPECTS if shown.corpus is not None or key not in _SAVED_ONLY]
    if st.session_state.get("aspect") not in {None, *names}:
        st.session_state["aspect"] = names[0]
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    aspect = row.segmented_control(
        tr("Aspect"),
        names,
        format_func=_ASPECTS.__getitem__,
        default=names[0],
        key="aspect",
        bind="query-params",
        label_visibility="collapsed",
        required=True,
        wrap=True,
    )
    if shown.source is not None and row.button(
        tr("Clean and save it"),
        help=tr("Choose rules, see what they do, and save a corpus."),
        on_click=_collect,
        args=(shown.source.source,),
    ):
        st.rerun()
    with widgets.user_errors():
        if not known.profile.documents:
            st.info(tr("This text has no documents."))
        elif aspect == "split" and shown.corpus is not None:
            split(shown, shown.corpus, known.leakage)
        elif aspect == "cleaning" and shown.corpus is not None:
            _cleaning(shown)
        elif aspect in _PICTURES:
            left, right = st.columns([1.2, 1], gap="medium")
            with left:
                _PICTURES[aspect](shown, known)
            with right:
                panel(shown, known, wide=False)
        else:
            panel(shown, known, wide=True)


def _cleaning(shown: Shown) -> None:
    assert shown.corpus is not None
    reports = open_corpus(shown.corpus).rule_reports()
    ledger.render(reports, key="saved", corpus=shown.corpus)


def _show_code(shown: Shown) -> None:
    if shown.corpus is not None:
        lines = (
            "from pathlib import Path\n"
            "from slm.data.corpus import open_corpus\n"
            "from slm.data.exploring.profile_store import explore\n"
            "from slm.workspace import Workspace\n\n"
            f"workspace = Workspace(Path({str(shown.workspace.root)!r}), "
            f"[Path({str(session.DEMO)!r})])\n"
            f"corpus = open_corpus(workspace.corpora.get({shown.corpus.id!r}))\n"
            "found = explore(workspace, corpus)\n"
            "print(found.profile.zipf, found.profile.top_words[:10], found.leakage)"
        )
    else:
        assert shown.source is not None
        lines = (
            "from itertools import islice\n"
            "from slm.data.exploring.profiling import profile\n"
            "from slm.data.sources import SourceConfig, read_documents\n\n"
            f"config = SourceConfig(source={shown.source.source!r})\n"
            f"documents = islice(read_documents(config), {reading.PREVIEW_DOCUMENTS})\n"
            "found = profile([document.text for document in documents])\n"
            "print(found.zipf, found.top_words[:10])"
        )
    widgets.show_code(lines, profile, explore_corpus)
