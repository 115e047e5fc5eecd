"""A model as one GGUF file, which llama.cpp, Ollama and LM Studio run.

The header (settings, tokenizer, list of tensors) comes from the `gguf` package. Tensors are
written behind it some rows at a time, so that no second copy of the weights is ever in memory.

What numbers can be: float32; float16 and bfloat16; q8_0, which holds 32 numbers of a row as whole
numbers from -127 to 127 and one common factor. Vectors (norms, biases) stay float32, and a matrix
whose rows do not divide into 32 becomes float16 where q8_0 is asked for, as llama.cpp's own
converter has it.

Source: the ggml repository, docs/gguf.md.
"""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from gguf import GGMLQuantizationType as Stored
from numpy.typing import NDArray
from torch import Tensor

from slm import files
from slm.errors import CheckpointError
from slm.exchange import gguf_model
from slm.exchange.belonging import require_belongs
from slm.exchange.gguf_model import ROPE_FACTORS, GgufTensor
from slm.exchange.gguf_vocabulary import Vocabulary, vocabulary
from slm.jobs import Reporter, silent
from slm.model.transformer import Transformer
from slm.tokenizer.protocol import TextTokenizer

logging.getLogger("gguf").setLevel(logging.WARNING)  # it tells of every file that it opens
FILE = "model.gguf"
NUMBER_FORMATS = {
    "float32": Stored.F32,
    "float16": Stored.F16,
    "bfloat16": Stored.BF16,
    "q8_0": Stored.Q8_0,
}
_FILE_TYPES = {
    Stored.F32: gguf.LlamaFileType.ALL_F32,
    Stored.F16: gguf.LlamaFileType.MOSTLY_F16,
    Stored.BF16: gguf.LlamaFileType.MOSTLY_BF16,
    Stored.Q8_0: gguf.LlamaFileType.MOSTLY_Q8_0,
}
_NUMBERS_AT_ONCE = 2**22
_FINE = "position_embd.weight"  # added, not multiplied: llama.cpp reads it in float32


def write_gguf(
    model: Transformer,
    tokenizer: TextTokenizer,
    path: Path,
    *,
    number_format: str = "float32",
    name: str = "model",
    licence: str | None = None,
    template: str | None = None,
    writing: Mapping[str, Any] | None = None,
    report: Reporter = silent,
) -> list[str]:
    """Write the file, in a folder that is being staged. Gives notes for who runs it.

    `template` lays out conversations (Jinja). `writing`: how the model should write, by the names
    of `generation_config.json`; llama.cpp takes it up where it is not told otherwise.

    Raises: ConfigError for settings that llama.cpp cannot follow, TokenizerError for such a
        tokenizer; CheckpointError for a tokenizer of another model, or numbers that the format
        cannot hold; WorkspaceError when the disk is full or refuses.
    """
    require_belongs(model.config, tokenizer.vocab_size)
    planned = gguf_model.tensors(model.config)
    words = vocabulary(tokenizer, model.config.vocab_size)
    asked = NUMBER_FORMATS[number_format]
    formats = {one.name: stored_as(one, asked) for one in planned}
    total = sum(_n_bytes(one.shape, formats[one.name]) for one in planned)
    files.require_space(path.parent, total, "The export")
    factors = gguf_model.rope_factors(model.config)
    with files.disk_errors(path):
        writer = gguf.GGUFWriter(path, gguf_model.architecture_of(model.config))
        _say_settings(writer, model, asked, name, licence)
        _say_writing(writer, writing or {})
        _say_vocabulary(writer, words)
        if template is not None:
            writer.add_chat_template(template)
        if factors is not None:
            _announce(writer, ROPE_FACTORS, tuple(factors.shape), Stored.F32)
        for one in planned:
            _announce(writer, one.name, one.shape, formats[one.name])
        try:
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_ti_data_to_file()
        finally:
            writer.close()
        with path.open("ab") as stream:
            if factors is not None:
                _append(stream, factors, Stored.F32)
            weights = model.state_dict()
            for done, one in enumerate(planned):
                report(done / len(planned), f"Writing {one.name}")
                _append(stream, one.join(weights), formats[one.name], one.name)
            _pad(stream)
    return [*_notes(model, formats, asked), *words.notes]


def stored_as(one: GgufTensor, asked: Stored) -> Stored:
    """The number format of a tensor in a file for which `asked` is asked."""
    if len(one.shape) < 2 or one.name == _FINE:
        return Stored.F32
    block = gguf.GGML_QUANT_SIZES[asked][0]
    return Stored.F16 if one.shape[-1] % block else asked


def _notes(model: Transformer, formats: Mapping[str, Stored], asked: Stored) -> list[str]:
    notes = []
    readable = gguf_model.readable_context(model.config)
    if readable < model.config.context_length:
        notes.append(
            f"llama.cpp knows no window for this architecture, so the file gives {readable:,} "
            "tokens as its context: up to there both compute the same."
        )
    if asked is Stored.Q8_0 and Stored.F16 in formats.values():
        notes.append(
            "Rows that do not divide into 32 numbers cannot be q8_0; they are stored as float16."
        )
    return notes


def _say_settings(
    writer: gguf.GGUFWriter, model: Transformer, asked: Stored, name: str, licence: str | None
) -> None:
    writer.add_type("model")
    writer.add_name(name)
    if licence:
        writer.add_license(licence)
    writer.add_file_type(_FILE_TYPES[asked])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for key, value in gguf_model.settings(model.config).items():
        full = f"{writer.arch}.{key}"
        if isinstance(value, str):
            writer.add_string(full, value)
        elif isinstance(value, float):
            writer.add_float32(full, value)
        else:
            writer.add_uint32(full, value)


def _say_writing(writer: gguf.GGUFWriter, writing: Mapping[str, Any]) -> None:
    says: dict[str, Callable[[Any], None]] = {
        "temperature": writer.add_sampling_temp,
        "top_k": writer.add_sampling_top_k,
        "top_p": writer.add_sampling_top_p,
        "min_p": writer.add_sampling_min_p,
        "repetition_penalty": writer.add_sampling_penalty_repeat,
    }
    if writing.get("do_sample") is False:
        writer.add_sampling_temp(0.0)  # the likeliest token; beams are not known there
        return
    for name, say in says.items():
        if writing.get(name) is not None:
            say(writing[name])


def _say_vocabulary(writer: gguf.GGUFWriter, words: Vocabulary) -> None:
    writer.add_tokenizer_model(words.model)
    writer.add_tokenizer_pre(words.pre)
    writer.add_token_list(words.tokens)
    writer.add_token_types([int(kind) for kind in words.types])
    if words.scores:
        writer.add_token_scores(words.scores)
    if words.model == "gpt2":
        # Without a single merge the list must still be there; an empty one is not written.
        writer.add_token_merges(words.merges or _NO_MERGE)
    writer.add_bos_token_id(words.bos_id)
    writer.add_eos_token_id(words.eos_id)
    if words.unknown_id is not None:
        writer.add_unk_token_id(words.unknown_id)
    writer.add_add_bos_token(words.begins)
    writer.add_add_eos_token(False)
    writer.add_add_space_prefix(words.blank_in_front)


_NO_MERGE = ("\ue000 \ue000",)  # of a letter that stands for no byte: it never comes up


def _announce(writer: gguf.GGUFWriter, name: str, shape: tuple[int, ...], stored: Stored) -> None:
    # With a format of its own named, the numbers' type only says that the shape is in numbers.
    writer.add_tensor_info(name, shape, np.dtype(np.float32), _n_bytes(shape, stored), stored)


def _n_bytes(shape: tuple[int, ...], stored: Stored) -> int:
    block, n_bytes = gguf.GGML_QUANT_SIZES[stored]
    return int(np.prod(shape)) // block * n_bytes


def _append(stream: Any, tensor: Tensor, stored: Stored, name: str = "") -> None:
    """The tensor in its format behind what is there, from the next aligned place on."""
    _pad(stream)
    at_once = max(1, _NUMBERS_AT_ONCE // max(1, tensor[0].numel()))
    for rows in torch.split(tensor.detach(), at_once):
        stream.write(numbers_of(rows, stored, name).data)


def numbers_of(tensor: Tensor, stored: Stored, name: str) -> NDArray[Any]:
    """The tensor's numbers as the file has them.

    Raises: CheckpointError for one that float16 cannot hold.
    """
    plain = tensor.detach().to(device="cpu", dtype=torch.float32).contiguous().numpy()
    if stored is Stored.F16 and np.abs(plain).max(initial=0) > np.finfo(np.float16).max:
        raise CheckpointError(
            f"{name} has numbers that float16 cannot hold (beyond 65,504). Choose float32 or "
            "bfloat16."
        )
    return np.ascontiguousarray(gguf.quants.quantize(plain, stored))


def _pad(stream: Any) -> None:
    stream.write(bytes(-stream.tell() % gguf.GGUF_DEFAULT_ALIGNMENT))
