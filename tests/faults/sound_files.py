"""A sound file or folder for each reader, from which the hostile ones are made."""

import hashlib
import io
import json
import zipfile
from pathlib import Path

import torch

from slm import files
from slm.exchange.pretrained import export_pretrained
from slm.lab.branching import GrowConfig, grown
from slm.lab.reports import open_run
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.sampling.branch_files import to_json
from slm.sampling.config import SamplingConfig
from slm.tokenizer.fast import Tokenizer
from slm.verbs.common import DEMO
from slm.workshop.archive import INDEX, SCHEMA
from slm.workspace import Manifest, Parent, Workspace

TEXT = "the cat sat on the mat, the dog sat on the log "
CORPUS, RUN = "20260101-000000-aaaaaa", "20260101-000001-bbbbbb"
_WHEN = "2026-01-01T00:00:00.000+00:00"


def sound_files(place: Path) -> dict[str, Path]:
    """By the name of the reader; those that need nothing sound have the folder itself."""
    tokenizer = Tokenizer.train([TEXT * 9], vocab_size=270)
    tokenizer.save(place / "tokenizer")
    shape = ModelConfig(
        vocab_size=270, context_length=32, n_layers=2, n_heads=2, d_model=16, d_ff=32
    )
    torch.manual_seed(0)
    export_pretrained(Transformer(shape), tokenizer, place / "model")
    demo = Workspace(place / "workspace", read_only=[DEMO]).runs.list()[-1]
    planted, _ = grown(open_run(demo), "Once", GrowConfig(), SamplingConfig())
    (place / "tree.json").write_text(to_json(planted), "utf-8")
    (place / "work.zip").write_bytes(taken_home())
    made = {"tokenizer": "tokenizer", "model": "model", "tree": "tree.json", "archive": "work.zip"}
    return {name: place / made.get(name, "") for name in (*made, "text", "settings", "lanes")}


def taken_home() -> bytes:
    """A zip as `archive.pack_work` makes it, of a corpus and of a run from it; the same always."""
    held = io.BytesIO()
    corpus = _artefact("corpora", CORPUS, "tales", {"facts.json": b'{"n": 1}'})
    parent = Parent(CORPUS, hashlib.sha256(corpus[files.MANIFEST]).hexdigest())
    weights = {"model.safetensors": b"w" * 5_000}
    step = json.dumps({"step": 10, "files": _entries(weights)}).encode()
    run = _artefact("runs", RUN, "first", {"config.json": b"{}"}, {"corpus": parent})
    run |= {f"ckpt/10/{name}": data for name, data in {**weights, files.MANIFEST: step}.items()}
    index = [{"kind": "corpora", "id": CORPUS}, {"kind": "runs", "id": RUN}]
    members = {INDEX: json.dumps({"schema": SCHEMA, "artefacts": index}).encode()}
    members |= {f"corpora/{CORPUS}/{name}": data for name, data in corpus.items()}
    members |= {f"runs/{RUN}/{name}": data for name, data in run.items()}
    with zipfile.ZipFile(held, "w") as packed:
        for name, data in members.items():
            entry = zipfile.ZipInfo(name)
            entry.compress_type = zipfile.ZIP_DEFLATED
            packed.writestr(entry, data)
    return held.getvalue()


def _entries(contents: dict[str, bytes]) -> dict[str, dict[str, object]]:
    return {
        name: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in contents.items()
    }


def _artefact(
    kind: str,
    artefact_id: str,
    name: str,
    contents: dict[str, bytes],
    parents: dict[str, Parent] | None = None,
) -> dict[str, bytes]:
    """The files of an artefact, its manifest among them."""
    manifest = Manifest(
        id=artefact_id,
        name=name,
        kind=kind,
        created=_WHEN,
        parents=parents or {},
        files=_entries(contents),
    )
    return {**contents, files.MANIFEST: json.dumps(manifest.to_json()).encode()}
