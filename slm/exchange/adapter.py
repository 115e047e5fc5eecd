"""The adapters of a fine-tuned run as a way out: a folder that PEFT puts beside the base.

    adapter_config.json  adapter_model.safetensors  README.md
    base/   the model that they belong to, as a Hugging Face folder, where it is not on the Hub

PEFT is the usual library for adapters. Published matrices may hold several of ours, one below
the other (GPT-2's c_attn: queries, keys, values); their adapters then stand side by side in one
of so many times the rank, which computes the same.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from slm import files
from slm.errors import ConfigError
from slm.exchange.exporting import family_for, write_pretrained
from slm.exchange.outgoing import Finding, Format, Outgoing, Proof
from slm.jobs import Reporter
from slm.model import checkpoint
from slm.model.config import ModelConfig
from slm.model.families import Family, Published, family_of_config
from slm.model.lora_settings import LoraConfig, adapted_matrices
from slm.model.tensors import read_header, write_tensors
from slm.tokenizer.loading import load_tokenizer
from slm.training.finetune import source_folder
from slm.training.runs import RunSettings, base_of_run
from slm.workspace import Artefact

CONFIG, WEIGHTS, BASE = "adapter_config.json", "adapter_model", "base"
_PREFIX = "base_model.model."
_ALLOWED = 1e-5
"""Largest difference of a merged weight: sums in another order round differently."""


@dataclass(frozen=True)
class Thin:
    """The two matrices beside one published matrix; `times` of ours stand in them."""

    module: str
    a_RI: Tensor
    b_OR: Tensor
    times: int
    transposed: bool


def thin_matrices(
    config: ModelConfig, lora: LoraConfig, tensors: Mapping[str, Tensor], family: Family
) -> list[Thin]:
    """The adapter by the names that the published family has for the matrices."""
    adapted = adapted_matrices(config, lora)
    found = []
    for one in family.tensors(config):
        layers = [name.removesuffix(".weight") for name in one.ours if name.endswith(".weight")]
        if any(layer in adapted for layer in layers):
            found.append(_side_by_side(one, layers, config, lora, tensors))
    return found


def _side_by_side(
    one: Published,
    layers: list[str],
    config: ModelConfig,
    lora: LoraConfig,
    tensors: Mapping[str, Tensor],
) -> Thin:
    """A's one below the other, B's on the diagonal; rows of a part without adapter stay zero."""
    whole = adapted_matrices(config, LoraConfig(rank=1, parts="all"))
    with_adapter = [layer for layer in layers if f"{layer}.lora_a" in tensors]
    a_RI = torch.cat([tensors[f"{layer}.lora_a"] for layer in with_adapter])
    b_OR = torch.zeros(sum(whole[layer][0] for layer in layers), len(a_RI))
    row = 0
    for layer in layers:
        if layer in with_adapter:
            column = lora.rank * with_adapter.index(layer)
            b_OR[row : row + whole[layer][0], column : column + lora.rank] = tensors[
                f"{layer}.lora_b"
            ]
        row += whole[layer][0]
    module = one.name.removesuffix(".weight")
    return Thin(module, a_RI, b_OR, len(with_adapter), one.transposed)


def adapter_settings(thin: list[Thin], lora: LoraConfig, base: str) -> dict[str, Any]:
    """What stands in `adapter_config.json`, by PEFT's names."""
    wider = {re.escape(each.module): each.times for each in thin if each.times > 1}
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "inference_mode": True,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": [each.module for each in thin],
        "rank_pattern": {name: lora.rank * times for name, times in wider.items()},
        "alpha_pattern": {name: lora.alpha * times for name, times in wider.items()},
        "bias": "none",
        "fan_in_fan_out": any(each.transposed for each in thin),
        "modules_to_save": None,
    }


def _write(
    outgoing: Outgoing, folder: Path, number_format: str, report: Reporter
) -> Mapping[str, Any]:
    del number_format
    run, place, lora = _adapted(outgoing)
    config = checkpoint.load_config(place)
    tensors = checkpoint.read_adapter(place, config, lora)
    thin = thin_matrices(config, lora, tensors, _family(outgoing, run, config))
    base = _name_on_the_hub(outgoing, run)
    if base is None:
        report(0.1, "Writing the base")
        plain = checkpoint.load_checkpoint(base_of_run(run.folder))
        (folder / BASE).mkdir()
        write_pretrained(plain, load_tokenizer(run.folder / "tokenizer"), folder / BASE)
    report(0.9, "Writing the adapter")
    weights = {f"{_PREFIX}{each.module}.lora_A.weight": each.a_RI for each in thin}
    weights |= {f"{_PREFIX}{each.module}.lora_B.weight": each.b_OR for each in thin}
    write_tensors(folder, weights, WEIGHTS)
    files.write_json(folder / CONFIG, adapter_settings(thin, lora, base or BASE))
    files.write_bytes(folder / "README.md", _read_me(base, lora).encode())
    return {"rank": lora.rank, "base": base or BASE, "adapted": len(thin)}


def _adapted(outgoing: Outgoing) -> tuple[Artefact, Path, LoraConfig]:
    """The run, its checkpoint or snapshot, and its adapters' settings.

    Raises: ConfigError for a model without adapters.
    """
    run = outgoing.source
    if run is not None and not run.imported:
        place = source_folder(run, outgoing.step)
        lora = checkpoint.load_lora(place)
        if lora is not None:
            return run, place, lora
    raise ConfigError(
        f"{outgoing.name!r} has no adapters: all of its weights were trained. Take it out as a "
        "Hugging Face folder, or fine-tune it with adapters (--lora-rank 8) first."
    )


def _family(outgoing: Outgoing, run: Artefact, config: ModelConfig) -> Family:
    """As which the base is known: on the Hub as what it is there, else as what we write."""
    model = _imported(outgoing, run)
    of_hub = model is not None and _name_on_the_hub(outgoing, run) is not None
    architecture = model.details.get("architecture") if model is not None and of_hub else None
    return family_for(config, architecture)


def _imported(outgoing: Outgoing, run: Artefact) -> Artefact | None:
    """The imported model that the run began with, where it is still here."""
    told = RunSettings.read(run.folder).finetuned_from or {}
    if outgoing.workspace is None or told.get("kind") != "models":
        return None
    return outgoing.workspace.models.find(str(told.get("id")))


def _name_on_the_hub(outgoing: Outgoing, run: Artefact) -> str | None:
    """Where the base can be had, if it is an imported model that came from the Hub."""
    model = _imported(outgoing, run)
    source = str(model.details.get("imported_from", "")) if model is not None else ""
    return source if source.count("/") == 1 and not Path(source).is_absolute() else None


def _read_me(base: str | None, lora: LoraConfig) -> str:
    return (
        "# Adapters\n\n"
        f"Low-rank adapters of rank {lora.rank} (LoRA). `peft` puts them beside the model that "
        "they belong to:\n\n"
        "```python\n"
        "from peft import PeftModel\n"
        "from transformers import AutoModelForCausalLM\n\n"
        f'model = AutoModelForCausalLM.from_pretrained("{base or BASE}")\n'
        'model = PeftModel.from_pretrained(model, ".")\n'
        "```\n"
    )


def _prove(outgoing: Outgoing, folder: Path, number_format: str, report: Reporter) -> Proof:
    """Add what was written to the base by PEFT's rule, and compare with the merged model."""
    del number_format
    run, _, _ = _adapted(outgoing)
    told = files.read_json(folder / CONFIG)
    stored = read_header(folder / f"{WEIGHTS}.safetensors")
    base = checkpoint.load_checkpoint(base_of_run(run.folder)).state_dict()
    merged, config = outgoing.model.state_dict(), outgoing.model.config
    largest, changed = 0.0, 0
    published = _family(outgoing, run, config).tensors(config)
    for done, one in enumerate(published):
        report(done / len(published), f"Comparing {one.name}")
        name = one.name.removesuffix(".weight")
        mine = one.join(base).float()
        if name in told["target_modules"]:
            escaped = re.escape(name)
            rank = told["rank_pattern"].get(escaped, told["r"])
            alpha = told["alpha_pattern"].get(escaped, told["lora_alpha"])
            a_RI = stored[f"{_PREFIX}{name}.lora_A.weight"].read()
            b_OR = stored[f"{_PREFIX}{name}.lora_B.weight"].read()
            added = alpha / rank * (b_OR @ a_RI)
            mine = mine + (added.T if told["fan_in_fan_out"] else added)
            changed += 1
        largest = max(largest, (mine - one.join(merged).float()).abs().max().item())
    findings = (
        Finding("Matrices with an adapter", f"{changed:,}"),
        Finding(
            "Largest difference of a weight",
            f"{largest:.1e} once it is added to the base (allowed: {_ALLOWED:.0e})",
            largest <= _ALLOWED,
        ),
    )
    return Proof("PEFT's rule, computed anew", findings)


def _require(config: ModelConfig) -> None:
    family_of_config(config)


ADAPTER = Format(
    key="adapter",
    label="Adapters alone (PEFT)",
    about="For a run that was fine-tuned by adapters: a few megabytes that peft puts beside the "
    "model they belong to.",
    write=_write,
    prove=_prove,
    require=_require,
)
