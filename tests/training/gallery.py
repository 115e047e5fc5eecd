"""Real runs of a second or two, each broken on purpose, for the doctor to look at.

Every one is trained by the trainer on the made-up language of `small_runs`; nothing in their
records is written by hand.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from slm import files
from slm.data.batches import TokenFile
from slm.model.config import ModelConfig
from slm.model.probe import Recorder
from slm.model.transformer import Transformer
from slm.training.observers import Observer
from slm.training.runs import METRICS, RunSettings, create_run
from slm.training.trainer import train
from slm.workspace import Workspace
from tests.training.small_runs import SHORT, SMALL_MODEL, VOCAB, artefacts, chain

RECIPE = SHORT.replace(steps=100, evaluate_every=5)


class Patient(NamedTuple):
    """A run as the doctor sees it."""

    settings: RunSettings
    records: list[dict[str, Any]]


class Shares:
    """Records what attention and feed-forward add to the stream, against the stream."""

    def __init__(self) -> None:
        self.ids_BT = torch.from_numpy(chain(16, seed=3))[None]

    def on_evaluation(self, step: int, model: Transformer) -> dict[str, Any]:
        del step
        seen = Recorder(["resid_pre", "attn_out", "mlp_out"])
        with torch.no_grad():
            model(self.ids_BT, probe=seen)
        shares: dict[str, list[float]] = {"attention_share": [], "feed_forward_share": []}
        for layer in range(model.config.n_layers):
            stream, attended = seen["resid_pre", layer], seen["attn_out", layer]
            shares["attention_share"].append(_rms(attended) / _rms(stream))
            added = _rms(seen["mlp_out", layer])
            shares["feed_forward_share"].append(added / _rms(stream + attended))
        return {name: np.array(values) for name, values in shares.items()}


class Kills:
    """Sets the matrices of one block to zero before the first step: no gradient reaches them."""

    def __init__(self, layer: int) -> None:
        self.layer = layer

    def on_evaluation(self, step: int, model: Transformer) -> dict[str, Any]:
        if step == 0:
            with torch.no_grad():
                for parameter in model.blocks[self.layer].parameters():
                    if parameter.ndim == 2:
                        parameter.zero_()
        return {}


class Gallery:
    """The runs, each trained when it is first asked for."""

    def __init__(self, root: Path) -> None:
        self.workspace = Workspace(root)
        self.parts = artefacts(self.workspace)

    @cached_property
    def healthy(self) -> Patient:
        """The usual recipe."""
        return self.trained()

    @cached_property
    def creeping(self) -> Patient:
        """A fiftieth of the rates."""
        return self.trained(learning_rate=0.0002, muon_learning_rate=0.0003)

    @cached_property
    def thrown_off(self) -> Patient:
        """A hundred times the rates."""
        return self.trained(learning_rate=1.0, muon_learning_rate=1.0)

    @cached_property
    def learned_by_heart(self) -> Patient:
        """Two hundred tokens of text, read a hundred times."""
        with self.workspace.tokens.create("few") as tokens:
            TokenFile.write(tokens.folder / "train.bin", [chain(200, seed=1)], VOCAB)
            TokenFile.write(tokens.folder / "val.bin", [chain(500, seed=2)], VOCAB)
        few = {**self.parts, "tokens": self.workspace.tokens.get(tokens.id)}
        return self.trained(parts=few, steps=200)

    @cached_property
    def with_a_dead_layer(self) -> Patient:
        """Layer 1 adds nothing, and nothing reaches it."""
        model = SMALL_MODEL.replace(n_layers=3)
        return self.trained(model=model, observers=[Kills(layer=1), Shares()])

    def trained(
        self,
        model: ModelConfig = SMALL_MODEL,
        observers: Sequence[Observer] = (),
        parts: dict[str, Any] | None = None,
        **changes: Any,
    ) -> Patient:
        """A run of changed settings, trained to its end."""
        recipe = RECIPE.replace(**changes)
        run = create_run(self.workspace, model, recipe, name="run", **(parts or self.parts))
        train(run.folder, observers=observers or [Shares()])
        records = files.read_records(run.folder / METRICS).records
        return Patient(RunSettings.read(run.folder), records)


def _rms(values: Tensor) -> float:
    return float(values.pow(2).mean().sqrt())
