"""Proof that an exported folder is the model: transformers opens it, and both are compared.

It runs in a process of its own, offline, with none of our code for models in it
(`reload_child.py`). Compared are the weights in the file, the logits at every position of some
texts, the likeliest continuation, and the ids of texts in many scripts (`agreement.py`). What is
found is told as it is, also when it is wrong.
"""

import tempfile
from importlib.util import find_spec
from pathlib import Path

import torch

from slm import files
from slm.data.embedded.languages import PARALLEL
from slm.errors import SlmError
from slm.exchange import agreement
from slm.exchange.agreement import Said
from slm.exchange.outgoing import Finding, Outgoing, Proof
from slm.exchange.pretrained import load_model
from slm.exchange.reloading import reloaded
from slm.jobs import Reporter, silent
from slm.machine import available_memory

PACKAGE = "transformers"
INSTALL = "pip install transformers"
_BYTES_LOADED = 4
_ROOM = 1.3  # of the weights: what else a process takes with a model in it
TEXTS = (
    'Once upon a time there was a small red fox. "Who is there?" asked the fox.\n\nNobody knew.',
    "def mean(values):\n    return sum(values) / len(values)  # 3.14159\n",
    "1, 2, 3 … 1,000,000 — 50% of   spaces\tand\ttabs",
    "🙂 naïve café, Ελληνικά, 汉字, עברית\n",
)
"""Read for their logits; their ids are compared, and those of a story in many languages."""


def prove(outgoing: Outgoing, folder: Path, number_format: str, report: Reporter = silent) -> Proof:
    """What transformers finds in `folder`, beside what the model says itself.

    A folder that cannot be opened there is a proof that failed. Where transformers is not
    installed, or the memory does not suffice for both, nothing is run and `missing` says so.
    """
    model, tokenizer = outgoing.model, outgoing.tokenizer
    dtypes = {weight.dtype for weight in model.state_dict().values()}
    as_it_is = number_format == "float32" and dtypes == {torch.float32}
    numbers = sum(weight.numel() for weight in model.state_dict().values())
    missing = _why_not(numbers * _BYTES_LOADED * (_ROOM if as_it_is else 1 + _ROOM))
    if missing is not None:
        return Proof(PACKAGE, missing=missing)
    report(0.1, "Reading the file")
    try:
        weights = agreement.of_weights(model, folder, number_format)
        written = model if as_it_is else load_model(folder)  # in float32, as it is read there
    except SlmError as error:
        return Proof(PACKAGE, (Finding("Weights in the file", str(error), False),))
    texts = [*TEXTS, *(telling.text for telling in PARALLEL)]
    said = Said.by(written, tokenizer, TEXTS)
    with tempfile.TemporaryDirectory(prefix="slm-proof-") as held:
        task = Path(held)
        files.write_json(task / "task.json", {"texts": texts, **said.task()})
        report(0.2, "Opening the folder with transformers")
        answer = reloaded(folder, task, report.should_stop)
        if "error" in answer:
            failed = Finding("Opened by transformers", str(answer["error"]), False)
            return Proof(PACKAGE, (weights, failed))
        report(0.8, "Comparing")
        findings = [agreement.of_opening(answer), weights, agreement.of_logits(said, task)]
    findings.append(agreement.of_continuations(said, answer["written"]))
    findings += agreement.of_ids(tokenizer, texts, answer)
    if written is not model and dtypes == {torch.float32}:
        findings.append(agreement.rounding(model, said, number_format))
    return Proof(f"transformers {answer['transformers']}, torch {answer['torch']}", tuple(findings))


def _why_not(needed: float) -> str | None:
    """What stands in the way of a proof, and the remedy; None where nothing does."""
    if find_spec(PACKAGE) is None:
        return (
            "transformers is not installed here, so nothing could be compared. To have the proof: "
            f"{INSTALL}"
        )
    free = available_memory()
    if needed > free:
        return (
            f"The proof opens the model again, which takes {needed / 1e9:.1f} GB, and "
            f"{free / 1e9:.1f} GB are free. Close other programs and try again."
        )
    return None
