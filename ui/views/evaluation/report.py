"""All figures of a run on one page that stands alone, to keep or to hand on."""

from pathlib import Path

import streamlit as st

from slm import jobs
from slm.jobs import Job
from slm.lab.evaluation_report import evaluation_report
from slm.workspace import Artefact, Workspace
from ui import job_panel, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models.evaluation_report import contents, file_name, report_code

_DEPTHS = {"quick": (20_000, 50), "thorough": (200_000, 300)}
_LABELS = {"quick": tr("Quick"), "thorough": tr("Thorough")}
_PAGE = "report.html"
_HEIGHT = 700
_ON_CORPUS = tr("Its own text is not here: it is measured on the held-out part of {name}.")
_NO_CORPUS = tr(
    "Its own text is not here. Choose a corpus in the sidebar to measure on one; without it the "
    "report has tasks and samples alone."
)


def render(state: PageState) -> None:
    """How thorough to the left, the page to the right; both redraw when a report is done."""
    run = state.run
    if run is None:
        st.info(tr("No model is here yet. Build one on Home, then let it be judged here."))
        return
    left, right = st.columns([1, 2.2], gap="medium")
    made = _newest_page(state.workspace, run)
    with left:
        st.markdown(
            tr(
                "One page with everything of this chapter: perplexity with its interval, where the "
                "loss is, calibration, copying, small tasks, samples, the curves of its training. "
                "It stands alone: nothing is fetched from anywhere, so it can be mailed or printed."
            )
        )
        depth = st.segmented_control(
            tr("How thorough"),
            list(_DEPTHS),
            format_func=lambda key: _LABELS.get(key, key),
            default="quick",
            key="report_depth",
            bind="query-params",
            required=True,
        )
        tokens, questions = _DEPTHS[depth or "quick"]
        st.caption(
            tr("{tokens:,} tokens, {questions} questions of each task.").format(
                tokens=tokens, questions=questions
            )
        )
        corpus = state.corpus if run.imported else None
        if run.imported:
            st.caption(
                _ON_CORPUS.format(name=widgets.esc_md(corpus.name)) if corpus else _NO_CORPUS
            )
        _work(state.workspace, run, tokens, questions, corpus)
        if made is not None:
            _offer(run, *made)
    with right:
        if made is None:
            st.info(tr("The report appears here once it was written."))
        else:
            st.iframe(made[1], height=_HEIGHT)
    widgets.show_code(report_code(run, tokens, questions), evaluation_report)


def _work(
    workspace: Workspace, run: Artefact, tokens: int, questions: int, corpus: Artefact | None
) -> None:
    """A button that starts the job; while it works, how far it is."""
    newest = next(iter(_reports(workspace, run)), None)
    status = newest.status() if newest is not None else None
    if newest is not None and status is not None and (status.alive or status.error):
        job_panel.watch(workspace, newest.id, key="report")
        if status.alive:
            return
    if st.button(
        tr("Write the report"), type="primary", icon=":material/description:", key="report"
    ):
        argv = ["report", "--run", run.id]
        argv += ["--max-tokens", str(tokens), "--questions", str(questions)]
        argv += ["--corpus", corpus.id] if corpus is not None else []
        jobs.start(
            workspace,
            argv,
            name=tr("Report of {name}").format(name=run.name)[:80],
            key=f"report-{run.id}",
        )
        st.rerun()


def _offer(run: Artefact, job: Job, text: str) -> None:
    """The page to take home, and what could not be measured."""
    st.download_button(
        tr("Download the page"),
        text,
        file_name=file_name(run),
        mime="text/html",
        icon=":material/download:",
        key="report-download",
        on_click="ignore",
    )
    for line in contents(job.status().result):
        if line.problem:
            st.caption(f"{line.title}: {widgets.esc_md(line.problem)}")


def _newest_page(workspace: Workspace, run: Artefact) -> tuple[Job, str] | None:
    """The newest report of the run that was written to its end."""
    for job in _reports(workspace, run):
        path = job.folder / _PAGE
        if path.exists():
            return job, _read(str(path), path.stat().st_mtime_ns)
    return None


def _reports(workspace: Workspace, run: Artefact) -> list[Job]:
    """The jobs that write or have written a report of the run, newest first."""
    found = jobs.list_jobs(workspace)
    return [job for job in found if job.verb == "report" and run.id in job.argv]


@st.cache_data(max_entries=8, show_spinner=False)
def _read(path: str, version: int) -> str:
    return Path(path).read_text(encoding="utf-8")
