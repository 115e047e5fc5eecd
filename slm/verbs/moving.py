"""The verbs that bring models in."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated

import tyro

from slm.verbs.common import Context, Result, parse
from slm.workspace import MAX_NAME


@dataclass(frozen=True)
class Brought:
    """Which model is brought in."""

    source: tyro.conf.Positional[str]
    """A folder in the form of Hugging Face, a zip of one, or owner/name on the Hub."""
    name: Annotated[str, tyro.conf.arg(help=f"Name here, at most {MAX_NAME} characters.")] = ""
    revision: str | None = None
    """Branch, tag or commit on the Hub. Default: the newest."""


def import_(arguments: Sequence[str], context: Context) -> Result:
    """Take a published model (config.json, safetensors, tokenizer.json) into the workspace."""
    from slm.exchange.importing import ImportConfig, import_model

    asked = parse(Brought, import_, arguments)
    config = ImportConfig(source=asked.source, name=asked.name, revision=asked.revision)
    made = import_model(context.workspace, config, context.report, owner=context.owner)
    if made is None:
        return {}
    told = ("architecture", "parameters", "licence", "memory_bytes", "imported_from")
    return {"model": made.id, "name": made.name, **{key: made.details[key] for key in told}}
