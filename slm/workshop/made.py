"""Whether whoever works here has made what a step of the tour asks for.

Found among the artefacts that are theirs. No torch here: the step that goes along through
the pages asks at each of them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from slm import files
from slm.errors import SlmError
from slm.training.events import latest_config
from slm.training.runs import METRICS, RunSettings
from slm.workshop.tour import LEAST_DOCUMENTS, Step
from slm.workspace import Artefact, Workspace


@dataclass(frozen=True)
class Verdict:
    """Whether a step is done, and in a sentence what was found or what is missing."""

    done: bool
    said: str


def check_made(step: Step, workspace: Workspace) -> Verdict:
    """Whether whoever works here has made what the step asks for."""
    return _MADE[step.id](workspace)


def own(workspace: Workspace, artefacts: Sequence[Artefact]) -> list[Artefact]:
    """Those that whoever works here has made, and that can be used."""
    return [
        each
        for each in artefacts
        if each.manifest.owner == workspace.actor and not each.read_only and not each.problem
    ]


def last_measured(run: Artefact) -> float | None:
    """The validation loss (nats per token) with which a run ended; None while it has not.

    A run has ended when it has done the last of its steps.
    """
    records = files.read_records(run.folder / METRICS).records
    sound = [record for record in records if "tokens" in record]
    if not sound or any(record.get("diverged") for record in records[-3:]):
        return None
    if sound[-1]["step"] < latest_config(run.folder).steps:
        return None
    measured = [record["val_nats"] for record in sound if record.get("val_nats") is not None]
    return float(measured[-1]) if measured else None


def _corpus_made(workspace: Workspace) -> Verdict:
    found = own(workspace, workspace.corpora.list())
    most = max((int(each.details.get("documents", 0)) for each in found), default=0)
    if most >= LEAST_DOCUMENTS:
        return Verdict(True, f"Your corpus holds {most:,} documents.")
    if found:
        return Verdict(
            False,
            f"Your largest corpus holds {most:,} documents; {LEAST_DOCUMENTS} are asked for.",
        )
    return Verdict(False, "You have saved no corpus yet.")


def _tokenizer_made(workspace: Workspace) -> Verdict:
    found = own(workspace, workspace.tokenizers.list())
    corpora = {corpus.id for corpus in own(workspace, workspace.corpora.list())}
    learned = [each for each in found if _learned_from(each) in corpora]
    if learned:
        return Verdict(True, f"Your tokenizer {learned[0].name!r} is here.")
    if found:
        remedy = "Train one on yours." if corpora else "Save one of your own first."
        return Verdict(
            False,
            f"Your tokenizer {found[0].name!r} learned from a corpus that is not yours. {remedy}",
        )
    return Verdict(False, "You have saved no tokenizer yet.")


def _learned_from(tokenizer: Artefact) -> str | None:
    corpus = tokenizer.manifest.parents.get("corpus")
    return None if corpus is None else corpus.id


def _finished(workspace: Workspace) -> list[tuple[Artefact, float]]:
    """One's own runs that were trained to their end, oldest first, with their last loss."""
    found = []
    for run in reversed(own(workspace, workspace.runs.list())):
        try:
            loss = last_measured(run)
        except SlmError:  # a damaged one proves nothing
            continue
        if loss is not None:
            found.append((run, loss))
    return found


def _model_trained(workspace: Workspace) -> Verdict:
    found = _finished(workspace)
    if found:
        run, loss = found[-1]
        return Verdict(True, f"{run.name!r} was trained to its end: {loss:.3f} nats per token.")
    if own(workspace, workspace.runs.list()):
        return Verdict(False, "You have a run that has not done the last of its steps yet.")
    return Verdict(False, "You have trained no model yet.")


def _beaten(workspace: Workspace) -> Verdict:
    best: dict[str, tuple[str, float]] = {}
    told = "You need two finished runs on the same tokens."
    for run, loss in _finished(workspace):
        tokens = RunSettings.read(run.folder).tokens
        name, before = best.setdefault(tokens, (run.name, loss))
        if loss < before:
            return Verdict(
                True, f"{run.name!r} ends at {loss:.3f} nats per token, {name!r} at {before:.3f}."
            )
        if run.name != name or loss > before:
            told = f"{run.name!r} ends at {loss:.3f} nats per token, not below {before:.3f}."
    return Verdict(False, told)


_MADE: Mapping[str, Callable[[Workspace], Verdict]] = MappingProxyType(
    {
        "collect-a-corpus": _corpus_made,
        "train-a-tokenizer": _tokenizer_made,
        "train-a-first-model": _model_trained,
        "beat-yourself": _beaten,
    }
)
