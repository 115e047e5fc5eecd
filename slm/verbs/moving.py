"""The verbs that bring models in."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from slm.owners import LOCAL_OWNER
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
    dtype: Literal["float32", "bfloat16"] = "float32"
    """Numbers in memory: bfloat16 takes half of it, and rounds to about 3 digits."""


def import_(arguments: Sequence[str], context: Context) -> Result:
    """Take a published model (config.json, safetensors, tokenizer.json) into the workspace."""
    from slm.data.reading import uploads
    from slm.exchange.importing import ImportConfig, import_model

    asked = parse(Brought, import_, arguments)
    if context.owner != LOCAL_OWNER and Path(asked.source).exists():
        uploads.require_upload(Path(asked.source), context.workspace)
    config = ImportConfig(
        source=asked.source, name=asked.name, revision=asked.revision, dtype=asked.dtype
    )
    made = import_model(context.workspace, config, context.report, owner=context.owner)
    if made is None:
        return {}
    told = ("architecture", "parameters", "licence", "memory_bytes", "imported_from", "revision")
    return {"model": made.id, "name": made.name, **{key: made.details[key] for key in told}}
