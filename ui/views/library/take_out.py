"""Take a model out: choose the form, let a job write and prove it, download it."""

import streamlit as st

from slm import jobs
from slm.exchange import taking_out
from slm.exchange.formats import FORMATS, format_named
from slm.exchange.outgoing import Format
from slm.exchange.packing import packed
from slm.sampling.presets import presets_of
from slm.training.runs import shape_of
from slm.workspace import Artefact
from ui import job_panel, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models import taking_out as words
from ui.view_models.jobs import jobs_to_show
from ui.view_models.preparing import work_key
from ui.view_models.taking_out import ExportView, ProofView
from ui.views.at_step import ask_step

_VERBS = ("export", "prove")


def render(state: PageState) -> None:
    """The questions to the left; to the right what is being written, and what left before."""
    ask, out = st.columns([1, 1.5], gap="large")
    with ask:
        st.markdown(
            tr("**Take a model out**, to use it in other programs, with no code of this one."),
            help=glossary.meaning("export"),
        )
        with widgets.user_errors():
            _ask(state)
    with out:
        st.markdown(tr("**Taken out**"))
        _work(state)
        _list(state)


def _ask(state: PageState) -> None:
    source = state.run
    if source is None:
        st.info(tr("There is no model yet. Home makes a first one in a few minutes."))
        return
    st.caption(widgets.esc_md(tr("Model, as chosen on the left: {name}").format(name=source.name)))
    chosen = _ask_format()
    if chosen.require is not None:
        chosen.require(shape_of(source))
    left, right = st.columns([1.4, 1])
    with left:
        numbers = _ask_numbers(chosen, source)
    with right:
        step = None if source.imported else ask_step(source, tr("Any of them can leave."))
    writing = _ask_writing(state, chosen, source)
    argv = words.export_argv(source.id, step, chosen, numbers, writing)
    if st.button(tr("Take it out"), type="primary", icon=":material/upload:", key="take-out"):
        name = tr("Take out {name}").format(name=source.name)[:80]
        job = jobs.start(state.workspace, argv, name=name, owner=state.owner, key=work_key(argv))
        st.session_state.setdefault("out_met", set()).add(job.id)
        st.rerun()
    root = str(state.workspace.root)
    widgets.show_code(
        words.code_lines(root, source.id, step, chosen, numbers or ""),
        taking_out.take_out,
    )


def _ask_format() -> Format:
    keys = [each.key for each in FORMATS]
    key = st.selectbox(
        tr("Form"),
        keys,
        format_func=lambda each: format_named(each).label,
        key="out_format",
        bind="query-params",
    )
    chosen = format_named(key)
    st.caption(chosen.about)
    return chosen


def _ask_numbers(chosen: Format, source: Artefact) -> str | None:
    if not chosen.number_formats:
        return None
    numbers: str = st.selectbox(
        tr("Numbers"),
        chosen.number_formats,
        index=words.usual_numbers(chosen, source),
        key=f"out_numbers-{chosen.key}-{source.id}",
        help=words.NUMBERS_HELP,
    )
    return numbers


def _ask_writing(state: PageState, chosen: Format, source: Artefact) -> str | None:
    if not chosen.takes_writing:
        return None
    names = [each.name for each in presets_of(state.workspace.root, source.id).presets]
    return st.selectbox(
        tr("Way to write"),
        names,
        index=names.index("Balanced"),
        key=f"out_writing-{source.id}",
        placeholder=tr("not said"),
        help=tr(
            "Temperature and filters that other programs take up. Own ones are saved on the "
            "page Sampling."
        ),
    )


def _work(state: PageState) -> None:
    """Exports and proofs on their way, found by their folders: a reload loses none."""
    met: set[str] = st.session_state.setdefault("out_met", set())
    listed = jobs.list_jobs(state.workspace)
    shown = [job for verb in _VERBS for job in jobs_to_show(listed, verb, *met)]
    met.update(job.id for job in shown)  # when they end, their end is told
    for job in shown:
        if job.status().state != "done":  # then what it made says so
            job_panel.watch(state.workspace, job.id, key=f"out-{job.id}")


def _list(state: PageState) -> None:
    left = taking_out.exports(state.workspace).list()
    if not left:
        st.info(tr("Nothing yet. What is taken out stands here, to be downloaded."))
    for export in left[: words.SHOWN]:
        with st.container(border=True, key=f"export-{export.id}"):
            _show(state, export, words.export_view(export))


def _show(state: PageState, export: Artefact, view: ExportView) -> None:
    st.text(view.name)
    st.caption(widgets.esc_md(view.facts))
    if view.problem:
        widgets.show_problem(view.problem)
    if view.proof is not None:
        _proof(view.proof)
    elif view.can_prove:
        st.caption(tr("Not proved yet."))
    row = st.container(horizontal=True)
    if view.can_download:
        row.download_button(
            tr("Download ({size})").format(size=view.size),
            lambda: packed(
                taking_out.content_of(export),
                {taking_out.PROOF: export.folder / taking_out.PROOF},
                export.folder.parent,
            ),
            file_name=view.file_name,
            mime="application/zip",
            on_click="ignore",
            key=f"download-{export.id}",
        )
    if view.can_prove and row.button(
        tr("Proof"),
        key=f"prove-{export.id}",
        help=tr("Open it with the program that it is for, and compare it with the model here."),
    ):
        _prove(state, export)
    with row.popover(tr("Delete …")):
        st.markdown(tr("This copy goes; the model itself stays."))
        if st.button(tr("Delete"), type="primary", key=f"delete-{export.id}"):
            with widgets.user_errors():
                taking_out.exports(state.workspace).delete(export.id)
                st.rerun()
    with st.expander(tr("Where it is, and how it is opened"), key=f"where-{export.id}"):
        st.code(view.folder, language=None)
        opening = words.opening_lines(str(export.details.get("format")), view.folder)
        if opening is not None:
            lines, language = opening
            st.code(lines, language=language)


def _proof(view: ProofView) -> None:
    """The verdict, and below it every comparison in figures."""
    if view.passed is None:
        st.info(widgets.esc_md(view.verdict))
        return
    show = st.success if view.passed else st.error
    show(widgets.esc_md(view.verdict))
    with st.expander(tr("What was compared"), expanded=not view.passed):
        for icon, what, found in view.rows:
            st.markdown(f"{icon} **{widgets.esc_md(what)}**: {widgets.esc_md(found)}")
        st.caption(
            widgets.esc_md(
                tr("With {opened_with}, in a process of its own, offline.").format(
                    opened_with=view.opened_with
                )
            )
        )


def _prove(state: PageState, export: Artefact) -> None:
    argv = ["prove", f"--export={export.id}"]
    name = tr("Proof of {name}").format(name=export.name)[:80]
    with widgets.user_errors():
        job = jobs.start(state.workspace, argv, name=name, owner=state.owner, key=work_key(argv))
        st.session_state.setdefault("out_met", set()).add(job.id)
        st.rerun()
