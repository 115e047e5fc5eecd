"""Which text a model's certainty is held against, and what comes of it as JSON and arrays.

What was measured on a split is kept, so that a page finds it again:

    <workspace>/calibrations/<key>.json    the key says model, step, split, corpus and bins

Derived: deleting the folder loses nothing but time.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from slm import files
from slm.config import Config
from slm.data.batches import TokenFile
from slm.data.corpus import open_corpus
from slm.data.splitting import Split
from slm.errors import DataError, WorkspaceError
from slm.evaluation.binning import Bin, Reliability
from slm.evaluation.calibration import (
    N_BINS,
    Calibration,
    EntropyBin,
    calibrate,
    judgements,
)
from slm.evaluation.tempering import AtTemperature, Tempering
from slm.jobs import Reporter, silent
from slm.lab.reports import open_run, run_tokens
from slm.tokenizer.beginning import frame
from slm.tokenizer.protocol import TextTokenizer
from slm.workspace import Artefact, Workspace

FOLDER = "calibrations"

_SCHEMA = 1
_DOCUMENTS_AT_ONCE = 64


class CalibrationConfig(Config):
    """What the model's certainty is held against."""

    split: str = Field(
        "val", pattern="^(val|train)$", description="Part of the corpus: val (held out) or train."
    )
    corpus: str = Field(
        "", description="Another corpus, encoded as the model reads it. Default: the run's own."
    )
    text_file: Path | None = Field(
        None, description="Measure on this text file (UTF-8) instead of a corpus."
    )
    max_tokens: int = Field(
        200_000, ge=2, le=1_000_000_000, description="Measure at most the first so many tokens."
    )
    bins: int = Field(N_BINS, ge=2, le=100, description="Bins of the reliability diagram.")
    out: Path | None = Field(
        None,
        description="Where to put nats, entropy, the ten guesses and hits of each token (NPZ).",
    )


def calibration_report(
    workspace: Workspace,
    run: Artefact,
    config: CalibrationConfig,
    *,
    step: int | None = None,
    report: Reporter = silent,
) -> dict[str, Any]:
    """What the model's certainty is worth, in JSON values.

    Raises: DataError for a model trained elsewhere with no text named, token files that are
    gone, or too little text; WorkspaceError when there is no such corpus.
    """
    opened = open_run(run, step)
    tokenizer = opened.tokenizer
    if config.text_file is not None:
        text = config.text_file.read_text(encoding="utf-8")
        framed = frame(tokenizer)
        row = [*framed.before, *framed.plain.encode(text)]
        ids: NDArray[np.int64] = np.array(row, dtype=np.int64)
        ids = ids[: config.max_tokens]
    else:
        split: Split = "train" if config.split == "train" else "val"
        ids = ids_to_judge(
            workspace, run, tokenizer, split, config.max_tokens, corpus=config.corpus
        )
    found = calibrate(opened.model, ids, n_bins=config.bins, report=report)
    if config.text_file is None:
        _keep(workspace, run, opened.step, config, found)
    if config.out is not None:
        _save(config.out, list(judgements(opened.model, ids)))
    return {
        "run": run.id,
        "step": opened.step,
        "split": str(config.text_file or config.split),
        "corpus": config.corpus,
        **as_json(found),
        "out": str(config.out) if config.out is not None else None,
    }


def ids_to_judge(
    workspace: Workspace,
    run: Artefact,
    tokenizer: TextTokenizer,
    split: Split = "val",
    max_tokens: int = 200_000,
    *,
    corpus: str = "",
) -> NDArray[np.int64]:
    """The first ids of a split: of the run's token files, or of a corpus encoded for the model.

    Raises: as `calibration_report`.
    """
    if not corpus:
        tokens = run_tokens(workspace, run)
        return TokenFile(tokens.folder / f"{split}.bin").ids(0, max_tokens)
    opened = open_corpus(workspace.corpora.get(corpus))
    framed = frame(tokenizer)
    ids = list(framed.before)
    texts = opened.texts(split)
    while len(ids) < max_tokens and (some := list(islice(texts, _DOCUMENTS_AT_ONCE))):
        for row in framed.plain.encode_batch(some):
            ids += [*row, *framed.between]
    if len(ids) < 2:
        raise DataError(f"{opened.artefact.name!r} has no text in this split. Choose another.")
    return np.array(ids[:max_tokens], dtype=np.int64)


def as_json(found: Calibration) -> dict[str, Any]:
    """A calibration in JSON values, its summed-up numbers beside the bins."""
    told = asdict(found)
    for name in ("width", "mass", "guesses"):
        reliability = getattr(found, name)
        told[name] |= {"ece": reliability.ece, "by_chance": reliability.by_chance}
    for row, at in zip(told["tempered"]["at"], found.tempered.at, strict=True):
        row["width"]["ece"] = at.width.ece
    return told


def from_json(told: Mapping[str, Any]) -> Calibration:
    """What `as_json` wrote. Raises: KeyError, TypeError or ValueError for anything else."""
    tempered = told["tempered"]
    return Calibration(
        tokens=int(told["tokens"]),
        nats_per_token=float(told["nats_per_token"]),
        entropy=float(told["entropy"]),
        top={int(k): float(share) for k, share in told["top"].items()},
        confidence=float(told["confidence"]),
        width=_reliability(told["width"]),
        mass=_reliability(told["mass"]),
        guesses=_reliability(told["guesses"]),
        by_entropy=tuple(EntropyBin(**each) for each in told["by_entropy"]),
        tempered=Tempering(
            tokens=int(tempered["tokens"]),
            at=tuple(
                AtTemperature(
                    float(each["temperature"]),
                    float(each["nats_per_token"]),
                    _reliability(each["width"]),
                )
                for each in tempered["at"]
            ),
            best=float(tempered["best"]),
            at_an_end=bool(tempered["at_an_end"]),
            best_nats=float(tempered["best_nats"]),
        ),
    )


def saved_calibration(
    workspace: Workspace, run: Artefact, step: int, config: CalibrationConfig
) -> Calibration | None:
    """What was measured last with these settings, on however many tokens; None if nothing was."""
    try:
        return from_json(files.read_json(_place(workspace, run, step, config)))
    except (WorkspaceError, KeyError, TypeError, ValueError, AttributeError):
        return None


def _keep(
    workspace: Workspace, run: Artefact, step: int, config: CalibrationConfig, found: Calibration
) -> None:
    """Keep what was measured, unless more tokens were measured before."""
    before = saved_calibration(workspace, run, step, config)
    if before is None or before.tokens < found.tokens:
        place = _place(workspace, run, step, config)
        files.make_folder(place.parent)
        files.write_json(place, as_json(found), checked=True)


def _place(workspace: Workspace, run: Artefact, step: int, config: CalibrationConfig) -> Path:
    corpus = workspace.corpora.get(config.corpus).manifest.digest if config.corpus else ""
    made_of = [_SCHEMA, run.id, step, config.split, corpus, config.bins]
    key = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]
    return workspace.root / FOLDER / f"{key}.json"


def _reliability(told: Mapping[str, Any]) -> Reliability:
    return Reliability(tuple(Bin(**each) for each in told["bins"]))


def _save(path: Path, parts: list[Any]) -> None:
    np.savez_compressed(
        path,
        nats=np.concatenate([part.nats_N for part in parts]),
        entropy=np.concatenate([part.entropy_N for part in parts]),
        guesses=np.concatenate([part.guesses_NK for part in parts]),
        hits=np.concatenate([part.hits_NK for part in parts]),
    )
