"""Artefacts as rows that a person can read: what, how big, made from what, when."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slm.workshop.rights import may_change_artefact
from slm.workspace import Artefact, Workspace, folder_bytes
from ui.texts import tr
from ui.view_models import workshop
from ui.view_models.jobs import count, size

KINDS: Mapping[str, str] = {
    "runs": tr("Runs"),
    "models": tr("Imported"),
    "tokenizers": tr("Tokenizers"),
    "corpora": tr("Corpora"),
}
_GONE: Mapping[str, str] = {
    "run": tr("a deleted run"),
    "model": tr("a deleted model"),
    "tokenizer": tr("a deleted tokenizer"),
    "corpus": tr("a deleted corpus"),
}
LARGEST_DOWNLOAD = 500_000_000


@dataclass(frozen=True)
class ArtefactRow:
    """One artefact in the Library. `name`, `made_from`, `owner`, `problem` may be foreign text."""

    id: str
    name: str
    facts: str
    made_from: str
    made: str
    size: str
    owner: str
    can_change: bool
    can_download: bool
    problem: str | None
    why_not: str = ""


def unique_labels(artefacts: Sequence[Artefact]) -> dict[str, str]:
    """A label for each id, no two alike, since a label is what a link to it carries.

    The oldest of a name bears it alone, so that a link keeps its meaning; others
    add the end of their id.
    """
    labels: dict[str, str] = {}
    for artefact in reversed(artefacts):
        label = artefact.name
        if artefact.read_only:
            label = tr("{label} (ships with the app)").format(label=label)
        elif artefact.imported:
            label = tr("{label} (imported)").format(label=label)
        if label in labels.values():
            label = f"{label} ({artefact.id[-6:]})"
        labels[artefact.id] = label
    return labels


def library_rows(
    workspace: Workspace, kind: str, artefacts: Sequence[Artefact]
) -> list[ArtefactRow]:
    """The rows of one shelf, in its order."""
    names = {artefact.id: artefact.name for other in KINDS for artefact in _all(workspace, other)}
    people = workshop.names_in(workspace)
    return [_row(kind, artefact, names, people, workspace.actor) for artefact in artefacts]


def _all(workspace: Workspace, kind: str) -> list[Artefact]:
    return workspace.shelf(kind).list()


def _row(
    kind: str,
    artefact: Artefact,
    names: Mapping[str, str],
    people: Mapping[str, str],
    looking: str,
) -> ArtefactRow:
    n_bytes, owner = folder_bytes(artefact), artefact.manifest.owner
    parents = [
        names.get(parent.id, _GONE.get(role, role))
        for role, parent in artefact.manifest.parents.items()
        if role != "tokens"
    ]
    return ArtefactRow(
        id=artefact.id,
        name=artefact.name,
        facts=_FACTS[kind](artefact.details),
        made_from=", ".join(parents),
        made=tr("ships with the app") if artefact.read_only else when(artefact.manifest.created),
        size=size(n_bytes),
        owner="" if artefact.read_only else workshop.owner_name(people, owner, looking),
        can_change=may_change_artefact(looking, artefact),
        can_download=n_bytes <= LARGEST_DOWNLOAD and artefact.problem is None,
        problem=artefact.problem,
        why_not=tr("It ships with the app: it can be used, not changed.")
        if artefact.read_only
        else tr("It belongs to somebody else: look at it, use it, or fork it."),
    )


def when(created: str) -> str:
    """An ISO time as local date and minute.

    >>> when("not a time")
    ''
    """
    try:
        return f"{datetime.fromisoformat(created).astimezone():%Y-%m-%d %H:%M}"
    except ValueError:
        return ""


def _run_facts(details: Mapping[str, Any]) -> str:
    parameters, steps = details.get("parameters"), details.get("steps")
    return (
        tr("{parameters} parameters, {steps:,} steps").format(
            parameters=count(parameters), steps=steps
        )
        if parameters and steps
        else ""
    )


def _model_facts(details: Mapping[str, Any]) -> str:
    """What an imported model is, what it needs, under which licence it is published."""
    facts = [str(details.get("architecture") or "")]
    if parameters := details.get("parameters"):
        facts.append(tr("{parameters} parameters").format(parameters=count(parameters)))
    if memory := details.get("memory_bytes"):
        facts.append(tr("{memory} in memory").format(memory=size(memory)))
    facts.append(tr("licence {licence}").format(licence=details.get("licence") or tr("not told")))
    return ", ".join(fact for fact in facts if fact)


def begins_note(details: Mapping[str, Any]) -> str | None:
    """What is put before every text that an imported model reads, in one sentence.

    >>> begins_note({"tokenizer": {"begins_with": "<s>"}})
    'Begins every text with <s>, as it did in its training.'
    """
    facts = details.get("tokenizer")
    name = facts.get("begins_with") if isinstance(facts, Mapping) else None
    if not isinstance(name, str):
        return None
    return tr("Begins every text with {name}, as it did in its training.").format(name=name[:40])


def _tokenizer_facts(details: Mapping[str, Any]) -> str:
    vocabulary = details.get("vocab_size")
    return tr("vocabulary of {vocabulary:,}").format(vocabulary=vocabulary) if vocabulary else ""


def _corpus_facts(details: Mapping[str, Any]) -> str:
    documents = details.get("documents")
    return tr("{documents:,} documents").format(documents=documents) if documents else ""


_FACTS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "runs": _run_facts,
    "models": _model_facts,
    "tokenizers": _tokenizer_facts,
    "corpora": _corpus_facts,
}
