"""What is kept of a model while it learns, so that other chapters can look back.

At log-spaced steps: a half-precision copy of the weights and what fixed probes find
(`probes.npz`; what stands in it, and how it is read, says `attention/timeline.py`); now and
then: a text that the model writes (`samples.jsonl`).

Shapes: N texts, T tokens, L layers, H heads, M measures.
"""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from slm import files
from slm.attention.heads import head_scores
from slm.attention.timeline import PROBES
from slm.data.batches import TokenFile
from slm.lab.health import BaselineObserver, HealthObserver
from slm.model import checkpoint
from slm.model.config import ModelConfig, parameter_counts
from slm.model.inference import inference
from slm.model.lora_settings import adapter_parameters
from slm.model.loss import token_nats
from slm.model.transformer import Transformer
from slm.sampling.filters import SamplingConfig
from slm.sampling.generate import generate
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.padded import fitted
from slm.tokenizer.protocol import TextTokenizer
from slm.training.config import TrainConfig, snapshot_steps
from slm.training.observers import Observer
from slm.training.runs import SAMPLES, RunSettings, tokens_folder

BUDGET_BYTES = 1_000_000_000
BUDGET_SHARE = 0.1  # of the free disk
_TEXTS = 4
_TEXT_TOKENS = 128
_REPEATED_TOKENS = 32
_SAMPLE_TOKENS = 48
_SMALLEST_CONTEXT = 4  # head scores need two different tokens, twice
_logger = logging.getLogger(__name__)

Probes = dict[str, NDArray[Any]]


def observers_for(run_folder: Path, tokens: Path | None = None) -> list[Observer]:
    """The observers that a run's settings ask for; `tokens` as in `train`."""
    settings = RunSettings.read(run_folder)
    tokenizer = fitted(load_tokenizer(run_folder / "tokenizer"), settings.model.vocab_size)
    folder = tokens or tokens_folder(run_folder, settings)
    text_ids_NT = probe_texts(folder, settings.model)
    prompt_ids = prompt_of(next(iter(settings.train.sample_prompts), ""), tokenizer)
    found: list[Observer] = [
        SnapshotObserver(run_folder, settings, text_ids_NT, prompt_ids, tokenizer.eos_id),
        SampleObserver(run_folder, settings.train, tokenizer),
        HealthObserver(settings.train, text_ids_NT),
        BaselineObserver(folder, settings.model.vocab_size, tokenizer),
    ]
    return found


class SnapshotObserver:
    """Commits `snapshots/<step>/` at log-spaced steps, as many as the disk budget allows."""

    def __init__(
        self,
        run_folder: Path,
        settings: RunSettings,
        text_ids_NT: NDArray[np.int64],
        prompt_ids: Sequence[int],
        eos_id: int | None,
    ) -> None:
        self.folder = run_folder / "snapshots"
        self._model, self._config = settings.model, settings.train
        self.steps = self._affordable()
        self._text_ids_NT, self._prompt_ids, self._eos_id = text_ids_NT, prompt_ids, eos_id

    def on_change(self, config: TrainConfig) -> None:
        """A run that got longer or shorter is looked at at other steps."""
        if config.steps != self._config.steps:
            self._config = config
            self.steps = self._affordable()

    def _affordable(self) -> frozenset[int]:
        free = shutil.disk_usage(self.folder.parent).free
        return affordable_steps(self._config, self._model, free)

    def on_evaluation(self, step: int, model: Transformer) -> Probes:
        """At a snapshot's step, keep the model and what the probes find.

        Gives `induction`: the best head's score on repeated random tokens.
        """
        if step not in self.steps:
            return {}
        found = run_probes(model, self._text_ids_NT, self._prompt_ids, self._eos_id)
        if not (self.folder / str(step)).exists():
            details = checkpoint.checkpoint_details(model, step)
            manifest = {"schema": checkpoint.SCHEMA, "details": details}
            with files.commit_folder(self.folder / str(step), manifest) as staging:
                checkpoint.write_weights(model, staging, torch.float16)
                files.reach("snapshot.probes")
                np.savez_compressed(staging / PROBES, allow_pickle=False, **found)
        measures = list(found["measures"])
        if "induction" in measures:
            best = found["head_scores_LHM"][..., measures.index("induction")].max()
            return {"induction": best}
        return {}


class SampleObserver:
    """Appends what the model writes after each prompt to `samples.jsonl`."""

    def __init__(self, run_folder: Path, config: TrainConfig, tokenizer: TextTokenizer) -> None:
        self.path = run_folder / SAMPLES
        self._config, self._tokenizer = config, tokenizer

    def on_change(self, config: TrainConfig) -> None:
        """Take over prompts, lengths and steps."""
        self._config = config

    def on_evaluation(self, step: int, model: Transformer) -> Probes:
        """At a sample's step, write one text a prompt: `text` is what follows the `prompt`."""
        config = self._config
        if config.sample_every == 0 or (step % config.sample_every and step != config.steps):
            return {}
        for prompt in config.sample_prompts:
            ids = write_on(
                model,
                prompt_of(prompt, self._tokenizer),
                config.sample_tokens,
                self._tokenizer.eos_id,
            )
            text = self._tokenizer.decode(i for i in ids if i != self._tokenizer.eos_id)
            files.append_record(self.path, {"step": step, "prompt": prompt, "text": text})
        return {}


def affordable_steps(config: TrainConfig, model: ModelConfig, free_bytes: int) -> frozenset[int]:
    """The run's snapshot steps, thinned evenly until they fit the disk budget; the last stays."""
    wanted = snapshot_steps(config.steps, config.snapshots)
    n_numbers, width = sum(parameter_counts(model).values()), 2
    if config.lora is not None:  # the adapter alone, in float32
        n_numbers, width = adapter_parameters(model, config.lora), 4
    each = width * n_numbers + 65_536
    allowed = int(min(BUDGET_BYTES, BUDGET_SHARE * free_bytes)) // each
    if allowed < len(wanted):
        _logger.warning("the disk budget allows %s of %s snapshots", allowed, len(wanted))
        places = np.linspace(len(wanted) - 1, 0, allowed).round().astype(int)
        wanted = tuple(wanted[place] for place in places)
    return frozenset(wanted)


def run_probes(
    model: Transformer,
    text_ids_NT: NDArray[np.int64],
    prompt_ids: Sequence[int],
    eos_id: int | None,
) -> Probes:
    """Everything that `probes.npz` holds, for this model.

    Raises: DivergedError when the model's numbers are not finite.
    """
    repeat_ids_T = repeated_tokens(model.config, eos_id)
    shape = (model.config.n_layers, model.config.n_heads, 0)
    scores_LHM, measures = np.zeros(shape, dtype=np.float32), np.zeros(0, dtype=np.str_)
    if model.config.context_length >= _SMALLEST_CONTEXT and text_ids_NT.shape[1] > 1:
        scores = head_scores(model, text_ids_NT[0], eos_id=eos_id)
        scores_LHM, measures = scores.values_LHM, np.array(scores.measures)
    return {
        "text_ids_NT": text_ids_NT,
        "text_nats_NT": _nats(model, text_ids_NT),
        "repeat_ids_T": repeat_ids_T,
        "repeat_nats_T": _nats(model, repeat_ids_T[None])[0],
        "sample_ids": np.array(write_on(model, prompt_ids, _SAMPLE_TOKENS, eos_id), dtype=np.int64),
        "head_scores_LHM": scores_LHM,
        "measures": measures,
    }


def probe_texts(folder: Path, config: ModelConfig) -> NDArray[np.int64]:
    """A few windows spread over the held-out tokens (the training tokens where none are held out).

    Nothing of them is chosen by the run, so runs on the same tokens are comparable.
    """
    held_out = folder / "val.bin"
    tokens = TokenFile(held_out if held_out.exists() else folder / "train.bin")
    if len(tokens) < 2:
        tokens = TokenFile(folder / "train.bin")
    length = min(_TEXT_TOKENS, config.context_length, len(tokens))
    starts = np.linspace(0, len(tokens) - length, _TEXTS).astype(int)
    return np.stack([tokens.ids(int(start), int(start) + length) for start in starts])


def repeated_tokens(config: ModelConfig, eos_id: int | None, seed: int = 0) -> NDArray[np.int64]:
    """Random tokens, all different, that come twice: nothing but looking back predicts them."""
    vocabulary = np.array([i for i in range(config.vocab_size) if i != eos_id])
    half = max(1, min(_REPEATED_TOKENS, config.context_length // 2, vocabulary.size))
    chosen = np.random.default_rng(seed).choice(vocabulary, half, replace=False)
    return np.concatenate([chosen, chosen])[: config.context_length]


def write_on(
    model: Transformer, prompt_ids: Sequence[int], n_tokens: int, eos_id: int | None
) -> list[int]:
    """What the model writes after the prompt; the same draws at every step of a run."""
    settings = SamplingConfig(temperature=0.8, seed=0)
    return [step.id for step in generate(model, prompt_ids, settings, n_tokens, eos_id=eos_id)]


def prompt_of(prompt: str, tokenizer: TextTokenizer) -> list[int]:
    """The prompt's ids. An empty one begins a new text: after the end-of-text token, or id 0."""
    ids = tokenizer.encode(prompt)
    return ids or [tokenizer.eos_id if tokenizer.eos_id is not None else 0]


def _nats(model: Transformer, ids_NT: NDArray[np.int64]) -> NDArray[np.float32]:
    """Nats of every token after the first, (N, T - 1)."""
    ids_BT = torch.from_numpy(ids_NT).to(model.device)
    with inference(model):
        nats_BT = token_nats(model(ids_BT[:, :-1]), ids_BT[:, 1:]) if ids_BT.shape[1] > 1 else None
    if nats_BT is None:
        return np.zeros((ids_NT.shape[0], 0), dtype=np.float32)
    found: NDArray[np.float32] = nats_BT.float().cpu().numpy()
    return found
