"""Proof that a GGUF file is the model: llama.cpp runs it, and both are compared.

The bytes in the file are compared in any case. Where `llama-cpp-python` is installed, logits,
the likeliest continuation and the ids of texts in many scripts are too, in a process of its own
(`gguf_child.py`).
"""

import tempfile
from importlib.util import find_spec
from pathlib import Path

from slm import files
from slm.data.embedded.languages import PARALLEL
from slm.errors import SlmError
from slm.exchange import agreement, gguf_model
from slm.exchange.agreement import Said
from slm.exchange.gguf import FILE
from slm.exchange.gguf_reading import of_weights, read_model
from slm.exchange.gguf_vocabulary import vocabulary
from slm.exchange.outgoing import Finding, Outgoing, Proof
from slm.exchange.proof import TEXTS
from slm.exchange.reloading import reloaded
from slm.jobs import Reporter, silent
from slm.machine import available_memory
from slm.tokenizer.protocol import TextTokenizer

INSTALL = "pip install llama-cpp-python"
LIMITS = {"float32": 1e-4, "float16": 2e-2, "bfloat16": 2e-1, "q8_0": 5e-1}
"""How far logits up to 10 may be apart from those of the rounded model: llama.cpp rounds what is
multiplied with a matrix to that matrix's number format."""
GELU_LIMIT = 2e-3
"""The same for GPT-2: llama.cpp looks GELU up in a table of float16."""
_ROOM = 1.3
_UNKNOWN = "\N{REPLACEMENT CHARACTER}"


def prove(outgoing: Outgoing, folder: Path, number_format: str, report: Reporter = silent) -> Proof:
    """What the file holds, and what llama.cpp says, beside what the model says itself."""
    model, tokenizer, path = outgoing.model, outgoing.tokenizer, folder / FILE
    report(0.1, "Reading the file")
    weights = of_weights(model, path, number_format)
    missing = _why_not(2 * _ROOM * path.stat().st_size)
    if missing is not None:
        return Proof("the file read back", (weights,), missing=missing)
    if not weights.passed:
        return Proof("the file read back", (weights,))
    try:
        written = model if number_format == "float32" else read_model(path, model.config)
    except SlmError as error:
        return Proof("the file read back", (weights, Finding("Read back", str(error), False)))
    texts = _readable([*TEXTS, *(telling.text for telling in PARALLEL)], tokenizer)
    context = gguf_model.readable_context(model.config)
    said = Said.by(written, tokenizer, _readable(TEXTS, tokenizer), context)
    limit = LIMITS[number_format]
    if gguf_model.architecture_of(model.config) == "gpt2":
        limit = max(limit, GELU_LIMIT)
    with tempfile.TemporaryDirectory(prefix="slm-proof-") as held:
        task = Path(held)
        files.write_json(task / "task.json", {"texts": texts, "eos_id": said.eos_id, **said.task()})
        report(0.2, "Running the file in llama.cpp")
        answer = reloaded(path, task, report.should_stop, "slm.exchange.gguf_child")
        if "error" in answer:
            return Proof(
                "llama.cpp", (weights, Finding("Run by llama.cpp", str(answer["error"]), False))
            )
        report(0.8, "Comparing")
        findings = [
            Finding("Run as", str(answer["architecture"]), True),
            weights,
            agreement.of_logits(said, task, limit),
        ]
    findings.append(agreement.of_continuations(said, answer["written"], limit))
    findings += agreement.of_ids(tokenizer, texts, answer)
    if written is not model:
        findings.append(agreement.rounding(model, said, number_format))
    notes = vocabulary(tokenizer, model.config.vocab_size).notes
    findings += [Finding(agreement.TO_KNOW, note) for note in notes]
    return Proof(str(answer["program"]), tuple(findings))


def _readable(texts: list[str] | tuple[str, ...], tokenizer: TextTokenizer) -> list[str]:
    """The texts; for one token a character without those it has none for, which are noted."""
    if tokenizer.kind != "characters":
        return list(texts)
    known = [tokenizer.decode(tokenizer.encode(text)).replace(_UNKNOWN, "") for text in texts]
    return [text for text in known if text] or ["\n"]


def _why_not(needed: float) -> str | None:
    """What stands in the way of running the file, and the remedy; None where nothing does."""
    if find_spec("llama_cpp") is None:
        return (
            "The numbers in the file were read back; llama.cpp is not installed here, so it was "
            f"not run. To have the whole proof: {INSTALL}"
        )
    free = available_memory()
    if needed > free:
        return (
            f"The proof opens the model a second time, which takes {needed / 1e9:.1f} GB, and "
            f"{free / 1e9:.1f} GB are free. Close other programs and try again."
        )
    return None
