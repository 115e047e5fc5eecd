"""What the evaluation views measure, kept by checkpoint so that it is measured once.

A first look is small enough to wait for; a whole text is a job, whose figures the workspace
keeps (`slm.lab.kept_evaluations`).
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import streamlit as st

from slm import files, jobs
from slm.data.batches import TokenFile
from slm.data.sources import Document
from slm.errors import DataError, WorkspaceError
from slm.evaluation.baselines import evaluate_baseline
from slm.evaluation.text_score import TextScore, score_text
from slm.jobs import Job
from slm.lab.evaluation import Contender, Counted, EvaluateConfig, count_training, measure
from slm.lab.judged_text import JudgedText, TextConfig, encode_text, open_text
from slm.lab.kept_evaluations import kept_evaluation
from slm.lab.reports import run_tokens
from slm.tokenizer.beginning import frame
from slm.training.runs import REPORT
from slm.workspace import Artefact, Workspace
from ui import loaders
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models.evaluation import documents_of, quick_tokens

LONGEST_TOKENS = 2_000_000
"""Of a text whose length nobody knows, a job measures so much."""
HUB_TOKENS = 200_000
LISTED = 500
"""Documents to list, from either end."""
_READ_FOR_DOCUMENTS = 60_000
_DOCUMENTS = 60

Figures = dict[str, Any]


def settings(text: TextConfig, stride: int | None, against: Sequence[str]) -> EvaluateConfig:
    """All that is measured, of the whole text."""
    held = {name: getattr(text, name) for name in type(text).model_fields}
    most = HUB_TOKENS if of_the_hub(text) else LONGEST_TOKENS
    return EvaluateConfig(
        **{**held, "max_tokens": most},
        stride=stride,
        against=tuple(against),
        documents=LISTED,
    )


def of_the_hub(text: TextConfig) -> bool:
    """Whether it has to be fetched first."""
    return bool(text.source) and not Path(text.source).exists()


def digest(config: EvaluateConfig) -> str:
    """A short name for what is measured, so that starting it twice starts it once."""
    told = json.dumps(config.to_json(), sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def kept_figures(state: PageState, run: Artefact, config: EvaluateConfig) -> Figures | None:
    """What a job has measured of the whole text."""
    return kept_evaluation(state.workspace, run, config)


def report_figures(run: Artefact, step: int, split: str) -> Figures | None:
    """The figures of the run's own report, from when it was built."""
    try:
        found = files.read_json(run.folder / REPORT).get("evaluation", {})
    except WorkspaceError:
        return None
    fits = found.get("step") == step and found.get("split") == split and "model" in found
    return dict(found) if fits else None


def first_look(
    state: PageState, loaded: LoadedRun, config: EvaluateConfig, others: Sequence[LoadedRun]
) -> Figures:
    """The first tokens of the text, measured now.

    Raises: as `slm.lab.judged_text.open_text`.
    """
    largest = max(each.model.n_parameters for each in (loaded, *others))
    small = config.replace(max_tokens=min(config.max_tokens, quick_tokens(largest)))
    version = (_version(state, loaded, small), tuple((each.run_id, each.step) for each in others))
    return _first_look(
        loaded.run_id, loaded.step, small.to_json(), version, state, loaded, small, tuple(others)
    )


def judged(state: PageState, loaded: LoadedRun, config: TextConfig) -> JudgedText:
    """The text as documents in the model's tokens.

    Raises: as `slm.lab.judged_text.open_text`.
    """
    version = _version(state, loaded, config)
    return _judged(loaded.run_id, config.to_json(), version, state, loaded, config)


def token_file(state: PageState, split: str) -> Path:
    """The run's token file of a split.

    Raises: DataError when it was deleted, or never came along.
    """
    assert state.run is not None
    path = run_tokens(state.workspace, state.run).folder / f"{split}.bin"
    if not path.exists():
        raise DataError(
            tr("The {split} tokens of {name!r} are not here; measure on your own text.").format(
                split=split, name=state.run.name
            )
        )
    return path


def documents(loaded: LoadedRun, path: Path) -> tuple[str, ...]:
    """The first texts of a token file."""
    return _documents(str(path), _changed(path), loaded)


def by_surprise(loaded: LoadedRun, texts: tuple[str, ...]) -> tuple[str, ...]:
    """The same texts, those first that take the most bits a byte.

    Of a large model, only as many texts as can be read at once are told apart.
    """
    return _by_surprise(loaded.run_id, loaded.step, texts, loaded)


def evaluations(workspace: Workspace, run: Artefact) -> list[Job]:
    """The jobs that measured or measure this run, newest first."""
    return [
        job for job in jobs.list_jobs(workspace) if job.verb == "evaluate" and run.id in job.argv
    ]


def text_figures(
    state: PageState, loaded: LoadedRun, scored: TextScore, text: str
) -> Mapping[str, Any]:
    """The model on a text beside the baselines, if the training tokens are still there."""
    figures: Figures = {"model": asdict(scored.total)}
    counted = _counted_for(state, loaded, TextConfig())
    framed = frame(loaded.tokenizer)
    ids, lead = framed.plain.encode(text), framed.before
    if counted is None or len(lead) + len(ids) < 2:
        return figures
    row = _array([*lead, *ids])
    for name, baseline in counted.baselines.items():
        figures[name] = asdict(evaluate_baseline(baseline, row, n_bytes=scored.total.n_bytes))
    return figures


def score(loaded: LoadedRun, text: str) -> TextScore:
    """The model's surprise at each token of a text."""
    return _score(loaded.run_id, loaded.step, text, loaded)


@loaders.shared_answer()
def _first_look(
    run_id: str,
    step: int,
    config: Mapping[str, Any],
    version: object,
    _state: PageState,
    _loaded: LoadedRun,
    _config: EvaluateConfig,
    _others: tuple[LoadedRun, ...],
) -> Figures:
    text = judged(_state, _loaded, _config)
    counted = _counted_for(_state, _loaded, _config)
    others = [_contender(each) for each in _others]
    return measure(_contender(_loaded), text, _config, counted, others, len(others))


@st.cache_resource(max_entries=8, show_spinner=False)
def _judged(
    run_id: str,
    config: Mapping[str, Any],
    version: object,
    _state: PageState,
    _loaded: LoadedRun,
    _config: TextConfig,
) -> JudgedText:
    return open_text(_state.workspace, _run(_state, run_id), _loaded.tokenizer, _config)


@st.cache_data(max_entries=8, show_spinner=False)
def _documents(path: str, version: int, _loaded: LoadedRun) -> tuple[str, ...]:
    ids = TokenFile(Path(path)).ids(0, _READ_FOR_DOCUMENTS)
    tokenizer = _loaded.tokenizer
    return documents_of(ids.tolist(), tokenizer.eos_id, tokenizer.decode, _DOCUMENTS)


@loaders.shared_answer()
def _by_surprise(
    run_id: str, step: int, texts: tuple[str, ...], _loaded: LoadedRun
) -> tuple[str, ...]:
    most = quick_tokens(2 * _loaded.model.n_parameters)  # windows overlap by half
    documents = (Document(text, "") for text in texts)
    judged_text = encode_text("", documents, _loaded.tokenizer, most)
    half = max(1, _loaded.model.config.context_length // 2)
    config = EvaluateConfig(baselines=False, resamples=0, documents=len(texts), stride=half)
    rows = measure(_contender(_loaded), judged_text, config)["documents"]
    first = [row["document"] - 1 for row in rows]
    return (*(texts[n] for n in first), *texts[judged_text.documents :])


@loaders.shared_answer()
def _score(run_id: str, step: int, text: str, _loaded: LoadedRun) -> TextScore:
    return score_text(_loaded.model, _loaded.tokenizer, text)


def _counted_for(state: PageState, loaded: LoadedRun, config: TextConfig) -> Counted | None:
    version = _version(state, loaded, TextConfig(corpus=config.corpus))
    return _counted(loaded.run_id, config.corpus, version, state, loaded)


@loaders.shared_answer()
def _counted(
    run_id: str, corpus: str, version: object, _state: PageState, _loaded: LoadedRun
) -> Counted | None:
    run = _run(_state, run_id)
    config = EvaluateConfig(corpus=corpus)
    return count_training(_state.workspace, run, _loaded.tokenizer, _loaded.model, config)


def _run(state: PageState, run_id: str) -> Artefact:
    assert state.run is not None and state.run.id == run_id
    return state.run


def _contender(loaded: LoadedRun) -> Contender:
    return Contender(loaded.run_id, loaded.name, loaded.step, loaded.model, loaded.tokenizer)


def others_of(state: PageState, names: Sequence[str]) -> list[LoadedRun]:
    """Other models of the workspace, loaded.

    Raises: WorkspaceError for one that is gone; as `loaders.load_run`.
    """
    return [loaders.load_run(state.workspace.get_model(name)) for name in names]


def _version(state: PageState, loaded: LoadedRun, config: TextConfig) -> tuple[object, ...]:
    """What changes when the text behind the same settings does."""
    found: list[object] = []
    try:
        folder = run_tokens(state.workspace, _run(state, loaded.run_id)).folder
        found += [str(folder), *(_changed(folder / f"{s}.bin") for s in ("val", "train"))]
    except DataError:
        found.append(None)
    if config.corpus:
        found.append(state.workspace.corpora.get(config.corpus).manifest.digest)
    if config.source:
        found.append(_changed(Path(config.source)))
    return tuple(found)


def _changed(path: Path) -> int:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return 0


def _array(ids: Sequence[int]) -> Any:
    import numpy as np

    return np.asarray(ids, dtype=np.int64)
