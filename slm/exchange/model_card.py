"""The README.md of a model that leaves: what it is, what it learned from, how well it does.

Everything is read from manifests, the ledger and the run's records; what is not known is left
out or said to be unknown. Names and file names are foreign text and are escaped.

Source: the sections follow Mitchell et al. 2019, "Model Cards for Model Reporting".
"""

import json
from collections.abc import Iterator
from typing import Any

from slm.errors import ConfigError, WorkspaceError
from slm.exchange.card_data import learned_from
from slm.exchange.card_markdown import code, plain, settings, table
from slm.exchange.card_measures import measured
from slm.exchange.exporting import CUT_BY_FAMILY
from slm.exchange.outgoing import Outgoing
from slm.model.config import ModelConfig, parameter_counts
from slm.training.events import read_events
from slm.training.runs import RunSettings
from slm.workspace import Artefact

_MOST_CHANGES = 30


def model_card(outgoing: Outgoing, architecture: str, number_format: str) -> str:
    """The model card in Markdown, with the head that the Hub reads."""
    config = outgoing.model.config
    parts = [
        _head(outgoing),
        f"# {plain(outgoing.name)}",
        _summary(outgoing, config, architecture, number_format),
        _loading(outgoing, architecture),
        *measured(outgoing),
        *learned_from(outgoing, _parent(outgoing, "corpus")),
        _shape(config),
        *_training(outgoing),
        *_lineage(outgoing),
        _licence(outgoing),
    ]
    return "\n\n".join(parts) + "\n"


def _head(outgoing: Outgoing) -> str:
    """Settings in YAML, of which JSON is a part, so that no value can break out of its line."""
    told: dict[str, Any] = {
        "library_name": "transformers",
        "pipeline_tag": "text-generation",
        "tags": ["slm-lab"],
    }
    licence = _published_licence(outgoing)
    if licence:
        told["license"] = licence
    lines = [f"{key}: {json.dumps(value, ensure_ascii=True)}" for key, value in told.items()]
    return "\n".join(["---", *lines, "---"])


def _summary(outgoing: Outgoing, config: ModelConfig, architecture: str, number_format: str) -> str:
    size = f"{sum(parameter_counts(config).values()):,} parameters"
    form = (
        f"It computes what `{architecture}` computes and is stored in {number_format}; nothing of "
        f"it needs code of its own. It reads {config.context_length:,} tokens at a time."
    )
    source = outgoing.source
    if source is None:
        return f"A language model of {size}. {form}"
    if source.imported:
        origin = plain(source.details.get("imported_from") or "an unknown place")
        revision = source.details.get("revision")
        at = f", revision {plain(revision)}" if revision else ""
        return (
            f"A language model of {size}, trained elsewhere and imported from {origin}{at}; "
            f"its weights were not changed by SLM Lab. {form}"
        )
    base = _parent(outgoing, "model")
    began = f", where it began with {plain(base.name)}" if base is not None else ""
    return (
        f"A language model of {size}, trained with SLM Lab{began}, and taken after step "
        f"{outgoing.step:,}. {form}\n\nIt is a model for learning how such models work. What it "
        "writes is made up; do not rely on it."
    )


def _loading(outgoing: Outgoing, architecture: str) -> str:
    folder = '"path/to/this/folder"'
    lines = ["from transformers import pipeline", f'write = pipeline("text-generation", {folder})']
    note = ""
    if architecture in CUT_BY_FAMILY and (outgoing.source is None or not outgoing.source.imported):
        lines = [
            "from transformers import PreTrainedTokenizerFast, pipeline",
            f"tokenizer = PreTrainedTokenizerFast.from_pretrained({folder})",
            f'write = pipeline("text-generation", {folder}, tokenizer=tokenizer)',
        ]
        note = (
            "AutoTokenizer would cut text as the published models of this family do, not as this "
            "one was trained.\n\n"
        )
    n_new = max(1, min(50, outgoing.model.config.context_length // 2))
    lines.append(f'print(write("Once upon a time", max_new_tokens={n_new})[0]["generated_text"])')
    code_block = "\n".join(["```python", *lines, "```"])
    return (
        f"## Load it\n\n{code_block}\n\n{note}"
        "`proof.json`, where it is there, tells what came of comparing this folder, opened by "
        "transformers, with the model that it was made from."
    )


def _shape(config: ModelConfig) -> str:
    return "## Settings of the model\n\n" + settings(config.to_json())


def _training(outgoing: Outgoing) -> Iterator[str]:
    source = outgoing.source
    if source is None or source.imported:
        return
    try:
        asked = RunSettings.read(source.folder)
    except (WorkspaceError, ConfigError):
        return
    yield "## Settings of the training\n\n" + settings(asked.train.to_json())
    changes = [event for event in read_events(source.folder) if event.step < outgoing.step]
    if changes:
        lines = [
            f"- step {event.step:,}: {plain(event.field)} from {plain(event.old)} to "
            f"{plain(event.new)}"
            for event in changes[:_MOST_CHANGES]
        ]
        if len(changes) > _MOST_CHANGES:
            lines.append(f"- {len(changes) - _MOST_CHANGES:,} more")
        yield "### What changed on the way\n\n" + "\n".join(lines)


def _lineage(outgoing: Outgoing) -> Iterator[str]:
    source = outgoing.source
    if source is None:
        return
    rows = [("imported model" if source.imported else "run", source.name, source.id, "")]
    rows += [
        (role, _name_of(outgoing, role), parent.id, parent.sha256)
        for role, parent in source.manifest.parents.items()
    ]
    told = [(plain(role), plain(name), code(key), code(sha)) for role, name, key, sha in rows]
    yield "## Lineage\n\n" + table(("made from", "name", "id", "SHA-256"), told)


def _name_of(outgoing: Outgoing, role: str) -> str:
    found = _parent(outgoing, role)
    return found.name if found is not None else "deleted since"


_SHELVES = {"corpus": "corpora", "tokenizer": "tokenizers", "tokens": "tokens", "run": "runs"}


def _parent(outgoing: Outgoing, role: str) -> Artefact | None:
    """The artefact that the model was made from in that role; None where it is not here."""
    source, workspace = outgoing.source, outgoing.workspace
    parent = source.manifest.parents.get(role) if source is not None else None
    if parent is None or workspace is None:
        return None
    if role not in _SHELVES:
        return workspace.find_model(parent.id)
    return workspace.shelf(_SHELVES[role]).find(parent.id)


def _published_licence(outgoing: Outgoing) -> str | None:
    source = outgoing.source
    found = source.details.get("licence") if source is not None and source.imported else None
    return found if isinstance(found, str) else None


def _licence(outgoing: Outgoing) -> str:
    source = outgoing.source
    if source is not None and source.imported:
        told = _published_licence(outgoing)
        said = f"Published as {plain(told)}." if told else "Its publisher's card named none."
        return f"## Licence\n\n{said} The terms of the publisher hold for these files too."
    base = _parent(outgoing, "model")
    began = ""
    if base is not None and base.imported:
        told = base.details.get("licence")
        named = f"published as {plain(told)}" if told else "whose licence its card did not name"
        began = f" It began with {plain(base.name)}, {named}: those terms hold for it too."
    return (
        "## Licence\n\nWho trained the model decides under which licence it is published; the "
        f"licence of the text, told above, may ask for something.{began}"
    )
