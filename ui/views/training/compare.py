"""Several runs side by side: their validation losses, and in what they differ."""

from collections import Counter
from typing import Any

import pandas as pd
import streamlit as st

from slm.errors import ConfigError, WorkspaceError
from slm.training.runs import METRICS, RunSettings
from slm.workspace import Artefact
from ui import loaders, widgets
from ui.figures import training as figures
from ui.figures.curves import OKABE_ITO
from ui.session import PageState
from ui.view_models import training as words

_MOST = 6
_AT_FIRST = 3


def render(state: PageState) -> None:
    """Choose runs; their losses over each other, and the table of what differs."""
    known = [run for run in state.workspace.runs.list() if not run.problem]
    if not known:
        st.info("There is no run to compare yet. Start one in the view before this.")
        return
    labels = _labels(known)
    chosen = _choose(state, known, labels)
    opened = {run.id: opened for run in chosen if (opened := _open(run)) is not None}
    chosen = [run for run in chosen if run.id in opened]
    if not chosen:
        return
    axis = st.segmented_control(
        "Against",
        list(words.AXES),
        format_func=words.AXES.__getitem__,
        default="step",
        key="axis",
        bind="query-params",
        required=True,
    )
    histories = [(labels[run.id], opened[run.id][1]) for run in chosen]
    rows = words.comparison_rows(histories, axis)
    frame = pd.DataFrame(rows, columns=["x", "run", "nats"])
    colors = {labels[run.id]: _color(run, known) for run in chosen}
    st.vega_lite_chart(frame, figures.comparison(words.AXES[axis], colors), key="compare-loss")
    _table(state, [(labels[run.id], opened[run.id][0]) for run in chosen], histories)
    _code(chosen)


def _choose(state: PageState, known: list[Artefact], labels: dict[str, str]) -> list[Artefact]:
    picked = st.multiselect(
        "Runs",
        list(labels),
        format_func=lambda run_id: labels.get(run_id, run_id),
        key="runs",
        max_selections=_MOST,
        placeholder="the current one and the newest",
        bind="query-params",
        persist_state="session",
    )
    if picked:
        return [run for run in known if run.id in picked]
    current = [run for run in known if state.run is not None and run.id == state.run.id]
    return [*current, *(run for run in known if run not in current)][:_AT_FIRST]


def _labels(known: list[Artefact]) -> dict[str, str]:
    """A name for each run that no other has."""
    names = Counter(run.name for run in known)
    return {
        run.id: run.name if names[run.name] == 1 else f"{run.name} · {run.id[:13]}" for run in known
    }


def _open(run: Artefact) -> tuple[RunSettings, list[dict[str, Any]]] | None:
    try:
        settings = RunSettings.read(run.folder)
    except (WorkspaceError, ConfigError) as error:
        widgets.show_problem(f"{run.name}: {error}")
        return None
    return settings, loaders.log_reader(str(run.folder / METRICS)).read()


def _color(run: Artefact, known: list[Artefact]) -> str:
    """The run's colour: by its place among all runs, oldest first, so that it keeps it."""
    oldest_first = sorted(other.id for other in known)
    return OKABE_ITO[oldest_first.index(run.id) % (len(OKABE_ITO) - 1)]


def _table(
    state: PageState,
    runs: list[tuple[str, RunSettings]],
    histories: list[tuple[str, list[dict[str, Any]]]],
) -> None:
    here = state.workspace
    names = {each.id: each.name for each in (*here.corpora.list(), *here.tokenizers.list())}
    rows = words.settings_that_differ(runs, names)
    best = {"setting": "best validation loss (nats)", **words.best_losses(histories)}
    st.dataframe(pd.DataFrame([best, *rows]), hide_index=True, height="content")
    if len(runs) > 1 and not rows:
        st.caption("These runs have the same settings.")


def _code(chosen: list[Artefact]) -> None:
    widgets.show_code(
        "from slm.files import read_records\n"
        "from slm.training.runs import METRICS\n"
        "from slm.workspace import Workspace\n\n"
        f"for name in {[run.id for run in chosen]!r}:\n"
        '    run = Workspace("workspace").runs.get(name)\n'
        "    records = read_records(run.folder / METRICS).records\n"
        '    print(run.name, [r["val_nats"] for r in records if r["val_nats"] is not None])',
        RunSettings.read,
    )
