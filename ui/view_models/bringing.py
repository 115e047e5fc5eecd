"""What a model that is brought in is and needs, in words."""

from dataclasses import dataclass

from slm.errors import NoMemoryError
from slm.exchange.arriving import Arrival, InMemory, fitting, require_memory
from ui.texts import N_, tr
from ui.view_models.jobs import count, size

HUB, FOLDER, ZIP = N_("The Hub"), N_("A folder on this machine"), N_("A zip of such a folder")
DTYPES: tuple[InMemory, ...] = ("float32", "bfloat16")
INTRODUCTION = tr(
    "A published model in the form of Hugging Face: `config.json`, `model.safetensors` and "
    "`tokenizer.json` (or a SentencePiece `tokenizer.model`). Families that are read: GPT-2, "
    "Llama, Qwen2.5, Qwen3, Phi-3."
)
ELSEWHERE = tr("""
Checkpoints of other programs come by their export to the form of Hugging Face.

**nanoGPT** writes `ckpt.pt`, a pickle. In nanoGPT's folder, with `transformers` installed, put its
weights into a `GPT2LMHeadModel` of the same sizes and save that: `model.save_pretrained(folder)`,
and `GPT2TokenizerFast.from_pretrained("gpt2").save_pretrained(folder)` beside it. Its linear
layers are stored the other way round: transpose `attn.c_attn`, `attn.c_proj`, `mlp.c_fc` and
`mlp.c_proj`, as nanoGPT's own `from_pretrained` does. Trained without biases, they are zeros.

**litgpt** converts by itself: `litgpt convert_from_litgpt CHECKPOINT FOLDER` writes `model.pth`.
Load that with `torch.load(..., weights_only=True)` into the model of `transformers` that has the
checkpoint's `config.json`, save it by `save_pretrained(folder)`, and copy the tokenizer's files.

**A pickle** (`.bin`, `.pt`, `.pth`, `.ckpt`) can run any program when it is opened, so none is
opened here. Where you trust it, open it with the program that wrote it and save it as
safetensors; `save_pretrained` does so.
""")


def ways(own_computer: bool) -> list[str]:
    """Where a model may come from: a path of this machine is for whoever it belongs to.

    >>> FOLDER in ways(True), FOLDER in ways(False)
    (True, False)
    """
    return [HUB, FOLDER, ZIP] if own_computer else [HUB, ZIP]


@dataclass(frozen=True)
class Asked:
    """What is to be brought in. `revision` is the commit that was looked at on the Hub."""

    source: str
    revision: str | None
    dtype: InMemory
    name: str


def what(arrival: Arrival) -> str:
    """Family, size, and room on the disk, before anything is copied. May hold foreign text."""
    config = arrival.config
    told = tr(
        "{architecture}: {parameters} parameters, {n_layers} layers of "
        "{n_heads} heads, context of {context_length:,} tokens. It takes "
        "{file_bytes} on the disk. Licence: {licence}."
    ).format(
        architecture=arrival.architecture,
        parameters=count(arrival.parameters),
        n_layers=config.n_layers,
        n_heads=config.n_heads,
        context_length=config.context_length,
        file_bytes=size(arrival.file_bytes),
        licence=arrival.licence or tr("not told"),
    )
    if arrival.revision is not None:
        fetched = (
            tr("here already")
            if arrival.is_here
            else tr("{file_bytes} to fetch").format(file_bytes=size(arrival.file_bytes))
        )
        told += tr(" Commit {revision}, {fetched}.").format(
            revision=arrival.revision[:8], fetched=fetched
        )
    if arrival.has_code:
        told += tr(" Programs lie beside it; they are neither fetched nor run.")
    return told


def usual_dtype(arrival: Arrival) -> InMemory:
    """The number format that is proposed: the exact one where it fits."""
    return fitting(arrival)


def dtype_label(arrival: Arrival, dtype: InMemory) -> str:
    """A number format with the memory that it takes."""
    return f"{dtype}: {size(arrival.memory_bytes(dtype))}"


def problem(arrival: Arrival, dtype: InMemory) -> str | None:
    """Why the model cannot come in this number format, if so."""
    try:
        require_memory(arrival, dtype)
    except NoMemoryError as error:
        return str(error)
    return None


def arguments(asked: Asked, name: str) -> list[str]:
    """The words behind the verb `import`."""
    words = [asked.source, f"--name={name}"]
    words += [f"--revision={asked.revision}"] if asked.revision else []
    return words + ([f"--dtype={asked.dtype}"] if asked.dtype != "float32" else [])


def code_lines(root: str, asked: Asked | None = None) -> str:
    """Lines that bring a model in, to be run from the app's folder."""
    settings = "source='models/gpt2', name='GPT-2'"
    if asked is not None:
        settings = f"source={asked.source!r}, name={asked.name!r}"
        settings += f", revision={asked.revision!r}" if asked.revision else ""
        settings += f", dtype={asked.dtype!r}" if asked.dtype != "float32" else ""
    return (
        "from pathlib import Path\n\n"
        "from slm.exchange.importing import ImportConfig, import_model\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({root!r}))\n"
        f"config = ImportConfig({settings})  # a folder, a zip, owner/name\n"
        "made = import_model(workspace, config)\n"
    )
