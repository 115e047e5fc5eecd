"""ONNX as a way out: a graph with weights for ONNX Runtime and others, and its tokenizer beside it.

The proof runs the graph in a process of its own (`onnx_child.py`) and compares logits, the
likeliest continuation, and the ids of texts in many scripts.
"""

import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from slm import files
from slm.exchange.outgoing import Finding, Format, Outgoing, Proof
from slm.jobs import Reporter
from slm.model.config import ModelConfig

_INSTALL = "pip install onnxruntime"
_README = """# {name}

`model.onnx` gives, for the ids of any number of texts of equal length (`input_ids`, int64), the
logits of the token that follows each (`logits`, float32). A text may have {context:,} tokens.
`tokenizer.json` turns text into ids.

To let it write, with `pip install onnxruntime tokenizers`, in this folder:

```python
{lines}```

The graph holds no cache: every token reads the whole text again. It runs the model; other forms
are faster at writing.
"""
_LINES = """import numpy as np
import onnxruntime
import tokenizers

tokenizer = tokenizers.Tokenizer.from_file("tokenizer.json")
session = onnxruntime.InferenceSession("model.onnx")
ids = tokenizer.encode("Once upon a time").ids
while len(ids) < {length}:
    logits = session.run(None, {{"input_ids": np.array([ids])}})[0][0, -1]
    ids.append(int(logits.argmax()))
print(tokenizer.decode(ids))
"""
_MOST_TOKENS = 64


def _write(
    outgoing: Outgoing, folder: Path, number_format: str, report: Reporter
) -> Mapping[str, Any]:
    from slm.exchange.belonging import require_belongs
    from slm.exchange.card_markdown import plain
    from slm.exchange.onnx_graph import FILE, require_packages, write_onnx

    del number_format
    require_packages()
    model, tokenizer = outgoing.model, outgoing.tokenizer
    require_belongs(model.config, tokenizer.vocab_size)
    report(0.0, "Following the model through the exporter")
    write_onnx(model, folder / FILE)
    report(0.9, "Writing the tokenizer")
    tokenizer.save(folder)
    context = model.config.context_length
    lines = _LINES.format(length=min(_MOST_TOKENS, context))
    readme = _README.format(name=plain(outgoing.name), context=context, lines=lines)
    files.write_bytes(folder / "README.md", readme.encode())
    return {"opset": _opset(folder / FILE)}


def _opset(path: Path) -> int:
    """The version of ONNX's operators that the graph asks for."""
    import onnx

    graph = onnx.load(path, load_external_data=False)
    return max(int(each.version) for each in graph.opset_import if not each.domain)


def _prove(outgoing: Outgoing, folder: Path, number_format: str, report: Reporter) -> Proof:
    from slm.data.embedded.languages import PARALLEL
    from slm.exchange import agreement
    from slm.exchange.agreement import Said
    from slm.exchange.onnx_graph import in_float32
    from slm.exchange.proof import TEXTS
    from slm.exchange.reloading import reloaded

    del number_format
    if find_spec("onnxruntime") is None:
        missing = f"ONNX Runtime is not installed here, so the graph was not run: {_INSTALL}"
        return Proof("ONNX Runtime", missing=missing)
    model, tokenizer = in_float32(outgoing.model), outgoing.tokenizer
    texts = [*TEXTS, *(telling.text for telling in PARALLEL)]
    said = Said.by(model, tokenizer, TEXTS)
    with tempfile.TemporaryDirectory(prefix="slm-proof-") as held:
        task = Path(held)
        files.write_json(task / "task.json", {"texts": texts, "eos_id": said.eos_id, **said.task()})
        report(0.2, "Running the graph in ONNX Runtime")
        answer = reloaded(folder, task, report.should_stop, "slm.exchange.onnx_child")
        if "error" in answer:
            return Proof("ONNX Runtime", (Finding("Run", str(answer["error"]), False),))
        report(0.8, "Comparing")
        findings = [agreement.of_logits(said, task)]
    findings.append(agreement.of_continuations(said, answer["written"]))
    findings += agreement.of_ids(tokenizer, texts, answer)
    return Proof(str(answer["program"]), tuple(findings))


def _require(config: ModelConfig) -> None:
    """Any settings will do; what is asked is whether the packages are there."""
    from slm.exchange.onnx_graph import require_packages

    del config
    require_packages()


ONNX = Format(
    key="onnx",
    label="ONNX graph",
    about="For ONNX Runtime, in many languages and in browsers: the computation itself, "
    "with no PyTorch. Any settings can leave this way.",
    write=_write,
    number_formats=("float32",),
    prove=_prove,
    require=_require,
)
