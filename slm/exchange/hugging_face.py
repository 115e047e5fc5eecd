"""The form of Hugging Face as a way out: a folder that `transformers` opens, with a model card."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from slm import files
from slm.exchange.chat_template import keep_chat_template
from slm.exchange.exporting import write_pretrained
from slm.exchange.model_card import model_card
from slm.exchange.outgoing import Format, Outgoing
from slm.exchange.proof import prove
from slm.jobs import Reporter
from slm.model.config import ModelConfig
from slm.model.families import family_of_config
from slm.sampling.presets import to_generation_json

_DTYPES = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
_OURS_ALONE = frozenset({"seed", "order"})
"""Settings that transformers has no name for."""


def _write(
    outgoing: Outgoing, folder: Path, number_format: str, report: Reporter
) -> Mapping[str, Any]:
    source = outgoing.source
    family = write_pretrained(
        outgoing.model,
        outgoing.tokenizer,
        folder,
        dtype=_DTYPES[number_format],
        architecture=source.details.get("architecture") if source is not None else None,
        generation=_generation(outgoing),
        report=report,
    )
    if source is not None:
        keep_chat_template(source.folder / "tokenizer", folder)
    card = model_card(outgoing, family.architecture, number_format)
    files.write_bytes(folder / "README.md", card.encode())
    return {"architecture": family.architecture}


def _generation(outgoing: Outgoing) -> dict[str, Any]:
    """How the model should write, by the names of `generation_config.json`."""
    if outgoing.writing is None:
        return {}
    told = to_generation_json(outgoing.writing)
    half = max(1, outgoing.model.config.context_length // 2)  # there, a text ends with the context
    told["max_new_tokens"] = min(told["max_new_tokens"], half)
    return {name: value for name, value in told.items() if name not in _OURS_ALONE}


def _require(config: ModelConfig) -> None:
    family_of_config(config)


HUGGING_FACE = Format(
    key="hugging-face",
    label="Hugging Face folder",
    about="For Python: transformers opens it in three lines, and most other tools read it.",
    write=_write,
    number_formats=tuple(_DTYPES),
    prove=prove,
    require=_require,
    takes_writing=True,
)
