"""GGUF as a way out: one file for llama.cpp, Ollama and LM Studio, and how each opens it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from slm import files
from slm.exchange import gguf_model
from slm.exchange.chat_template import read_chat_template
from slm.exchange.outgoing import Format, Outgoing, Proof
from slm.jobs import Reporter
from slm.model.config import ModelConfig
from slm.sampling.presets import to_generation_json
from slm.workspace import Artefact

_FILE = "model.gguf"
_MODELFILE = """# ollama create mine -f Modelfile, then: ollama run mine "Once upon a time"
FROM ./{file}
PARAMETER num_ctx {context}
"""
_PLAIN_TEMPLATE = "TEMPLATE {{ .Prompt }}\n"
_OLLAMA = {
    "temperature": "temperature",
    "top_k": "top_k",
    "top_p": "top_p",
    "min_p": "min_p",
    "repetition_penalty": "repeat_penalty",
    "max_new_tokens": "num_predict",
}
"""How Ollama calls the settings that `generation_config.json` has too."""
_README = """# {name}

One GGUF file ({architecture}, {numbers}, context of {context:,} tokens). It continues a text; it
was not taught to answer questions unless whoever trained it did so.

llama.cpp:

    llama-completion -m {file} -no-cnv -n 100 -p "Once upon a time"

Ollama, in this folder:

    ollama create mine -f Modelfile
    ollama run mine "Once upon a time"

LM Studio: `lms import {file}`, or put the file into its models folder, two folders deep
(mine/first/{file}), and choose the model there.

Python, with llama-cpp-python:

    from llama_cpp import Llama
    print(Llama("{file}")("Once upon a time", max_tokens=100)["choices"][0]["text"])
{notes}"""


def _write(
    outgoing: Outgoing, folder: Path, number_format: str, report: Reporter
) -> Mapping[str, Any]:
    from slm.exchange.card_markdown import plain
    from slm.exchange.gguf import write_gguf

    config = outgoing.model.config
    source = outgoing.source
    licence = None if source is None else source.details.get("licence")
    template = _chat_template(source)
    writing = {} if outgoing.writing is None else to_generation_json(outgoing.writing)
    notes = write_gguf(
        outgoing.model,
        outgoing.tokenizer,
        folder / _FILE,
        number_format=number_format,
        name=outgoing.name,
        licence=licence if isinstance(licence, str) else None,
        template=template,
        writing=writing,
        report=report,
    )
    context = gguf_model.readable_context(config)
    architecture = gguf_model.architecture_of(config)
    modelfile = _modelfile(context, template, writing)
    readme = _README.format(
        name=plain(outgoing.name),
        architecture=architecture,
        numbers=number_format,
        context=context,
        file=_FILE,
        notes="".join(f"\n{note}\n" for note in notes),
    )
    files.write_bytes(folder / "Modelfile", modelfile.encode())
    files.write_bytes(folder / "README.md", readme.encode())
    return {"architecture": architecture, "notes": notes}


def _modelfile(context: int, template: str | None, writing: Mapping[str, Any]) -> str:
    """What Ollama makes a model of. Where the file lays out conversations itself, it may."""
    told = dict(writing)
    if told.get("do_sample") is False:
        told |= {"temperature": 0.0, "top_k": 1}
    if "max_new_tokens" in told:  # what it writes ends before its context does
        told["max_new_tokens"] = min(told["max_new_tokens"], max(1, context // 2))
    lines = [
        f"PARAMETER {theirs} {told[ours]}\n" for ours, theirs in _OLLAMA.items() if ours in told
    ]
    plain_text = _PLAIN_TEMPLATE if template is None else ""
    return _MODELFILE.format(file=_FILE, context=context) + plain_text + "".join(lines)


def _chat_template(source: Artefact | None) -> str | None:
    """How a published model lays out conversations; None for one that does not."""
    if source is None or not source.imported:
        return None
    return read_chat_template(source.folder / "tokenizer")


def _prove(outgoing: Outgoing, folder: Path, number_format: str, report: Reporter) -> Proof:
    from slm.exchange.gguf_check import prove

    return prove(outgoing, folder, number_format, report)


def _require(config: ModelConfig) -> None:
    gguf_model.architecture_of(config)


GGUF = Format(
    key="gguf",
    label="GGUF file",
    about="For llama.cpp, Ollama and LM Studio: one file with weights, settings and tokenizer.",
    write=_write,
    number_formats=("float32", "float16", "bfloat16", "q8_0"),
    prove=_prove,
    require=_require,
    takes_writing=True,
)
