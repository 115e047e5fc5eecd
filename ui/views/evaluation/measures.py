"""What the evaluation views measure, kept by checkpoint so that it is measured once.

A first look is small enough to wait for; a whole split is a job, whose figures are
found again by scanning the jobs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from slm import files, jobs
from slm.data.batches import TokenFile
from slm.errors import DataError, WorkspaceError
from slm.evaluation.baselines import Baseline, evaluate_baseline, fit_baselines
from slm.evaluation.perplexity import evaluate
from slm.evaluation.text_score import TextScore, score_text
from slm.jobs import Job
from slm.lab.reports import byte_count, run_tokens
from slm.training.runs import REPORT
from slm.workspace import Artefact, Workspace
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.view_models.evaluation import documents_of

QUICK_TOKENS = 20_000
_COUNTED_TOKENS = 2_000_000  # the baselines count at most so many training tokens
_READ_FOR_DOCUMENTS = 60_000
_DOCUMENTS = 60

Figures = dict[str, Any]


def token_file(state: PageState, split: str) -> Path:
    """The run's token file of a split.

    Raises: DataError when it was deleted, or never came along.
    """
    assert state.run is not None
    path = run_tokens(state.workspace, state.run).folder / f"{split}.bin"
    if not path.exists():
        raise DataError(
            f"The {split} tokens of {state.run.name!r} are not here; measure on your own text."
        )
    return path


def n_tokens(path: Path) -> int:
    """How many tokens a file holds."""
    return len(TokenFile(path))


def quick_figures(loaded: LoadedRun, path: Path) -> Figures:
    """Model and baselines on the first tokens of a split, in the form of `evaluate_run`."""
    return _quick_figures(loaded.run_id, loaded.step, str(path), _version(path), loaded)


def saved_figures(workspace: Workspace, run: Artefact, step: int, split: str) -> Figures | None:
    """The figures on most tokens that a job or the run's own report has left."""
    found = [dict(job.status().result) for job in evaluations(workspace, run)]
    found.append(_report(run).get("evaluation", {}))
    fitting = [
        figures
        for figures in found
        if figures.get("step") == step and figures.get("split") == split and "model" in figures
    ]
    return max(fitting, key=lambda figures: int(figures["model"]["tokens"]), default=None)


def evaluations(workspace: Workspace, run: Artefact) -> list[Job]:
    """The jobs that measured or measure this run, newest first."""
    return [
        job for job in jobs.list_jobs(workspace) if job.verb == "evaluate" and run.id in job.argv
    ]


def text_figures(
    loaded: LoadedRun, score: TextScore, text: str, train: Path | None
) -> Mapping[str, Any]:
    """The model on a text beside the baselines, if the training tokens are still there."""
    figures: Figures = {"model": asdict(score.total)}
    if train is None:
        return figures
    ids = loaded.tokenizer.encode(text)
    eos_id = loaded.tokenizer.eos_id
    lead = [] if eos_id is None else [eos_id]
    if len(lead) + len(ids) < 2:
        return figures
    row = _array([*lead, *ids])
    for name, baseline in _baselines_for(loaded, train).items():
        result = evaluate_baseline(baseline, row, n_bytes=score.total.n_bytes)
        figures[name] = asdict(result)
    return figures


def score(loaded: LoadedRun, text: str) -> TextScore:
    """The model's surprise at each token of a text."""
    return _score(loaded.run_id, loaded.step, text, loaded)


def documents(loaded: LoadedRun, path: Path) -> tuple[str, ...]:
    """The first texts of a token file."""
    return _documents(str(path), _version(path), loaded)


@st.cache_data(max_entries=64, show_spinner=False)
def _quick_figures(run_id: str, step: int, path: str, version: int, _loaded: LoadedRun) -> Figures:
    held_out = Path(path)
    ids = TokenFile(held_out).ids(0, QUICK_TOKENS)
    n_bytes = byte_count(_loaded.tokenizer, ids)
    model = evaluate(_loaded.model, ids, n_bytes=n_bytes)
    baselines = _baselines_for(_loaded, held_out.with_name("train.bin"))
    return {
        "step": step,
        "model": asdict(model),
        **{
            name: asdict(evaluate_baseline(baseline, ids, n_bytes=n_bytes))
            for name, baseline in baselines.items()
        },
    }


@st.cache_data(max_entries=64, show_spinner=False)
def _score(run_id: str, step: int, text: str, _loaded: LoadedRun) -> TextScore:
    return score_text(_loaded.model, _loaded.tokenizer, text)


@st.cache_data(max_entries=8, show_spinner=False)
def _documents(path: str, version: int, _loaded: LoadedRun) -> tuple[str, ...]:
    ids = TokenFile(Path(path)).ids(0, _READ_FOR_DOCUMENTS)
    tokenizer = _loaded.tokenizer
    return documents_of(ids.tolist(), tokenizer.eos_id, tokenizer.decode, _DOCUMENTS)


def _baselines_for(loaded: LoadedRun, train: Path) -> dict[str, Baseline]:
    return _baselines(str(train), _version(train), loaded.model.config.vocab_size)


@st.cache_resource(max_entries=4, show_spinner=False)
def _baselines(path: str, version: int, vocab_size: int) -> dict[str, Baseline]:
    return fit_baselines(TokenFile(Path(path)).ids(0, _COUNTED_TOKENS), vocab_size)


def _report(run: Artefact) -> Figures:
    try:
        return files.read_json(run.folder / REPORT)
    except WorkspaceError:
        return {}


def _version(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except FileNotFoundError:
        raise DataError(f"{path.name} is gone; measure on your own text.") from None


def _array(ids: Sequence[int]) -> Any:
    import numpy as np

    return np.asarray(ids, dtype=np.int64)
