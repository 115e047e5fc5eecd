"""Tokenizers and models as others publish them, damaged or out to harm."""

import json
import math
import struct
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from shutil import copytree
from typing import Any

from safetensors.numpy import load_file, save_file

from tests.data.reading import hostile_files as made
from tests.faults.hostile_files import NO_JSON, Hostile, odd_places, written
from tests.model.test_tensors import HOSTILE as HEADERS

TOKENIZER, CONFIG, WEIGHTS = "tokenizer.json", "config.json", "model.safetensors"
Values = dict[str, Any]


def _with_json(name: str, change: Callable[[Values], object], folder: Path) -> None:
    values = json.loads((folder / name).read_text("utf-8"))
    change(values)
    (folder / name).write_text(json.dumps(values), "utf-8")


def _copied(change: Callable[[Path], object], sound: Path, folder: Path) -> Path:
    there = Path(copytree(sound, folder / "published"))
    change(there)
    return there


def _split_by(pattern: str) -> Values:
    regex = {"Regex": pattern}
    return {"type": "Split", "pattern": regex, "behavior": "Isolated", "invert": False}


def _replace_by(pattern: str, content: str = "") -> Values:
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": content}


def _nested(kind: str, inside: str, depth: int) -> Values:
    values: Values = {"type": "Sequence", inside: []}
    for _ in range(depth):
        values = {"type": "Sequence", inside: [values]}
    return {kind: values}


def _added(**values: object) -> Values:
    usual = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False}
    return {"id": 5, "content": "x", "special": True, **usual, **values}


_TOKENIZERS: dict[str, Callable[[Values], object]] = {
    "no model": lambda v: v.pop("model"),
    "a model of text": lambda v: v.update(model="BPE"),
    "a model that there is not": lambda v: v.update(model={"type": "Magic"}),
    "no vocabulary": lambda v: v["model"].pop("vocab"),
    "a vocabulary of nothing": lambda v: v["model"].update(vocab={}, merges=[]),
    "a vocabulary that is a list": lambda v: v["model"].update(vocab=["a", "b"]),
    "ids below zero": lambda v: v["model"]["vocab"].update(zz=-1),
    "ids without end": lambda v: v["model"]["vocab"].update(zz=2**40),
    "ids at the edge of 32 bits": lambda v: v["model"]["vocab"].update(zz=2**32 - 1),
    "an id that is a fraction": lambda v: v["model"]["vocab"].update(zz=1.5),
    "one id twice": lambda v: v["model"]["vocab"].update(zz=1),
    "merges of unknown pieces": lambda v: v["model"].update(merges=[["zz", "yy"]]),
    "merges of numbers": lambda v: v["model"].update(merges=[[1, 2]]),
    "merges of three": lambda v: v["model"].update(merges=[["a", "b", "c"]]),
    "merges that are a text": lambda v: v["model"].update(merges="a b"),
    "half a sign for a piece": lambda v: v["model"]["vocab"].update({"\ud800": 7}),
    "added tokens of numbers": lambda v: v.update(added_tokens=[1, 2]),
    "an added token without text": lambda v: v.update(added_tokens=[_added(content="")]),
    "an added token of a megabyte": lambda v: v.update(added_tokens=[_added(content="x" * 10**6)]),
    "an added token with a high id": lambda v: v.update(added_tokens=[_added(id=2**31)]),
    "a pattern that never ends": lambda v: v.update(pre_tokenizer=_split_by("(a+)+$")),
    "a pattern that repeats a choice": lambda v: v.update(pre_tokenizer=_split_by("(?:a|a)*$")),
    "a pattern that calls back": lambda v: v.update(pre_tokenizer=_split_by(r"(a*)*\1$")),
    "a pattern that is none": lambda v: v.update(pre_tokenizer=_split_by("((")),
    "a pattern of a megabyte": lambda v: v.update(pre_tokenizer=_split_by("a?" * 500_000)),
    "a rewriting that never ends": lambda v: v.update(normalizer=_replace_by("(.*)*x")),
    "a rewriting that grows": lambda v: v.update(normalizer=_replace_by("", "x" * 100_000)),
    "sums that are none": lambda v: v.update(
        normalizer={"type": "Precompiled", "precompiled_charsmap": "/////w=="}
    ),
    "steps in steps": lambda v: v.update(_nested("pre_tokenizer", "pretokenizers", 90)),
    "an unknown way back": lambda v: v.update(decoder={"type": "Magic"}),
    "a frame of unknown tokens": lambda v: v.update(
        post_processor={
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "[NO]", "type_id": 0}}],
            "pair": [],
            "special_tokens": {"[NO]": {"id": "[NO]", "ids": [2**31], "tokens": ["[NO]"]}},
        }
    ),
    "a length that pads without end": lambda v: v.update(
        padding={
            "strategy": {"Fixed": 2**33},
            "direction": "Right",
            "pad_to_multiple_of": None,
            "pad_id": 0,
            "pad_type_id": 0,
            "pad_token": "x",
        }
    ),
    "a length that cuts all": lambda v: v.update(
        truncation={
            "direction": "Right",
            "max_length": 0,
            "strategy": "LongestFirst",
            "stride": 3,
        }
    ),
    "chances that are no numbers": lambda v: v.update(
        model={"type": "Unigram", "unk_id": 9, "vocab": [["a", -1.0], ["b", 1e999]]}
    ),
    "pieces of words without end": lambda v: v.update(
        model={
            "type": "WordPiece",
            "vocab": {"[UNK]": 0, "a": 1},
            "unk_token": "[NONE]",
            "continuing_subword_prefix": "",
            "max_input_chars_per_word": 2**62,
        }
    ),
    "a model of a later version": lambda v: v.update(version="99.0"),
    "everything a list": lambda v: [v.update({key: []}) for key in list(v)],
}
_SETTINGS: dict[str, bytes | str] = {
    "settings beside it nested without end": '{"a": ' * 100_000,
    "settings beside it torn": "{",
    "an end that is a number": '{"eos_token": 7}',
    "an end that is a list": '{"eos_token": [1, {"content": []}]}',
    "an end that nobody knows": '{"eos_token": "<|nowhere|>"}',
    "a template that is a program": json.dumps(
        {"chat_template": "{{ ''.__class__.__mro__[1].__subclasses__() }}"}
    ),
}
_PIECES: dict[str, bytes] = {
    "nothing": b"",
    "a pickle": b"\x80\x04\x95" + b"x" * 99,
    "no message": b"\xff" * 100,
    "a text": "日本".encode() * 40,
    "a length beyond its end": b"\x0a\xff\xff\xff\xff\x07abc",
    "a number of eleven bytes": b"\x0a" + b"\xff" * 11,
    "a piece of a megabyte": b"\x0a\xc4\x84\x3d\x0a\xc0\x84\x3d" + b"x" * 1_000_000,
    "a piece twice": (bytes([0x0A, 3, 0x0A, 1]) + b"a") * 2,
    "a score that is no number": b"\x0a\x08\x0a\x01a\x15" + struct.pack("<f", math.nan),
    "thousands of empty pieces": b"\x0a\x00" * 200_000,
    "groups that never end": b"\x0b" * 10_000,
}  # fmt: skip


def tokenizers() -> Iterator[Hostile]:
    """A tokenizer.json or tokenizer.model with what lies beside it. `sound` is a folder."""
    yield from written("tokenizer", TOKENIZER, NO_JSON)
    yield from odd_places("tokenizer", TOKENIZER)
    for what, change in _TOKENIZERS.items():
        harm = partial(_copied, partial(_with_json, TOKENIZER, change))
        yield Hostile("tokenizer", what, harm, what in _FOLLOWED)
    for what, text in _SETTINGS.items():
        beside = partial(_beside, "tokenizer_config.json", bytes_of(text))
        yield Hostile("tokenizer", what, partial(_copied, beside), what in _FOLLOWED)
    for what, data in _PIECES.items():
        name = f"pieces: {what}"
        alone = partial(_alone, "tokenizer.model", data)
        yield Hostile("tokenizer", name, partial(_copied, alone))


_FOLLOWED = {
    *("an end that is a number", "an end that is a list", "an end that nobody knows"),
    *("a template that is a program", "a model of a later version", "steps in steps"),
    *("an added token of a megabyte", "ids below zero", "one id twice"),
    *("a length that pads without end", "a length that cuts all"),
    *("an added token without text", "an added token with a high id"),
    *("a frame of unknown tokens", "pieces of words without end", "half a sign for a piece"),
}
"""What does no harm is read; what it does then, tests/tokenizer tells."""


def bytes_of(data: bytes | str) -> bytes:
    return data if isinstance(data, bytes) else data.encode()


def _beside(name: str, data: bytes, folder: Path) -> None:
    (folder / name).write_bytes(data)


def _alone(name: str, data: bytes, folder: Path) -> None:
    (folder / TOKENIZER).unlink()
    (folder / name).write_bytes(data)


_CONFIGS: dict[str, Callable[[Values], object]] = {
    "no architecture": lambda v: [v.pop("architectures"), v.pop("model_type")],
    "an architecture of numbers": lambda v: v.update(architectures=[7]),
    "an architecture that is not followed": lambda v: v.update(
        architectures=["MambaForCausalLM"], model_type="mamba"
    ),
    "code of its own": lambda v: v.update(
        auto_map={"AutoModelForCausalLM": "evil.py"}, architectures=["EvilForCausalLM"]
    ),
    "a width of zero": lambda v: v.update(hidden_size=0),
    "a width below zero": lambda v: v.update(hidden_size=-64),
    "a width beyond memory": lambda v: v.update(hidden_size=10**15),
    "a width that is a text": lambda v: v.update(hidden_size="64"),
    "a width that is no number": lambda v: v.update(hidden_size=float("nan")),
    "a million layers": lambda v: v.update(num_hidden_layers=10**6),
    "more groups than heads": lambda v: v.update(num_key_value_heads=3_000),
    "a vocabulary beyond memory": lambda v: v.update(vocab_size=2**62),
    "a window below zero": lambda v: v.update(max_position_embeddings=-1),
    "an angle that is none": lambda v: v["rope_parameters"].update(rope_theta=float("inf")),
    "an angle of nothing": lambda v: v["rope_parameters"].update(rope_theta=0),
    "scaling by nothing": lambda v: v.update(rope_parameters={"rope_type": "llama3", "factor": 0}),
    "scaling that is a list": lambda v: v.update(rope_parameters=[1, 2]),
    "scaling that nobody knows": lambda v: v.update(rope_parameters={"rope_type": "magic"}),
    "a norm that is a text": lambda v: v.update(rms_norm_eps="tiny"),
    "a sign for the gate": lambda v: v.update(hidden_act="exec"),
}


def _weights(change: Callable[[dict[str, Any]], object], folder: Path) -> None:
    tensors = load_file(folder / WEIGHTS)
    change(tensors)
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})


def _spoiled(value: float, tensors: dict[str, Any]) -> None:
    name = sorted(tensors)[0]
    tensors[name] = tensors[name].copy()
    tensors[name].flat[0] = value


_WEIGHTS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a weight that is no number": partial(_spoiled, float("nan")),
    "a weight without end": partial(_spoiled, float("inf")),
    "no weights": lambda tensors: tensors.clear(),
    "a tensor missing": lambda tensors: tensors.pop(sorted(tensors)[0]),
    "a tensor too many": lambda tensors: tensors.update(evil=next(iter(tensors.values()))[:1]),
    "a tensor turned": lambda tensors: tensors.update(
        {n: t[:, :-1].copy() for n, t in list(tensors.items())[:1] if t.ndim == 2}
    ),
    "whole numbers": lambda tensors: tensors.update(
        {n: t.astype("int64") for n, t in list(tensors.items())[:1]}
    ),
}  # fmt: skip


def _many_tensors(folder: Path) -> None:
    entry = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header = json.dumps({f"t{i}": entry for i in range(12_000)}).encode()
    (folder / WEIGHTS).write_bytes(struct.pack("<Q", len(header)) + header)


def _pickled(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "pytorch_model.bin")


def _indexed(shard: object, folder: Path) -> None:
    (folder / WEIGHTS).unlink()
    told = json.dumps({"weight_map": {"w": shard}})
    (folder / f"{WEIGHTS}.index.json").write_text(told)


def _cut(folder: Path) -> None:
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _zipped(harm: Callable[[bytes], bytes], sound: Path, folder: Path) -> Path:
    members = {path.name: path.read_bytes() for path in sorted(sound.iterdir())}
    path = folder / "model.zip"
    path.write_bytes(harm(made.zipped(members)))
    return path


def _two_models(_: bytes) -> bytes:
    return made.zipped({"a/config.json": "{}", "b/config.json": "{}"})


def _linked(_: bytes) -> bytes:
    link = zipfile.ZipInfo("config.json")
    link.external_attr = 0o120777 << 16
    return made.zipped_entries((link, "/etc/passwd"))


_ZIPS: dict[str, Callable[[bytes], bytes]] = {
    "no zip": lambda _: b"no zip at all",
    "an empty zip": lambda _: made.zipped({}),
    "half a zip": lambda data: data[: len(data) // 2],
    "a zip of two models": _two_models,
    "a zip of links": _linked,
    "a zip with a password": lambda data: made.with_flag(data, 1),
    "a zip in an unknown way": lambda data: made.with_method(data, 77),
    "a zip that lies about sizes": lambda data: made.with_size(data, 4_000_000_000),
    "a zip of pictures": lambda _: made.zipped({"a.png": b"x"}),
    "a zip with settings of a gigabyte": lambda _: made.with_size(
        made.zipped({"config.json": "{}", WEIGHTS: b"x"}), 2**30
    ),
    **{f"a zip with flipped bits {n}": partial(made.flipped, seed=n) for n in range(4)},
}


def models() -> Iterator[Hostile]:
    """A folder in the form of Hugging Face, or a zip of one. `sound` is a folder."""
    for what, data in NO_JSON.items():
        beside = partial(_beside, CONFIG, bytes_of(data))
        yield Hostile("model", f"settings: {what}", partial(_copied, beside))
    for what, change in _CONFIGS.items():
        yield Hostile("model", what, partial(_copied, partial(_with_json, CONFIG, change)))
    for what, data in HEADERS.items():
        yield Hostile(
            "model", f"weights: {what}", partial(_copied, partial(_beside, WEIGHTS, data))
        )
    for what, harm in _WEIGHTS.items():
        yield Hostile("model", what, partial(_copied, partial(_weights, harm)))
    folders = {"thousands of empty tensors": _many_tensors, "a pickle": _pickled, "cut": _cut}
    for what, harm_folder in folders.items():
        yield Hostile("model", what, partial(_copied, harm_folder))
    for shard in ("../secret.safetensors", "/etc/passwd", "x.bin", 3, None, ["a"]):
        place = partial(_copied, partial(_indexed, shard))
        yield Hostile("model", f"weights in {shard!r}", place)
    for what, pack in _ZIPS.items():
        yield Hostile("model", what, partial(_zipped, pack), what.startswith("a zip with flipped"))
    yield from written("model", "model.gguf", {"a GGUF file": b"GGUF\x03\0\0\0" + b"\xff" * 64})
    yield from odd_places("model", "model.zip")
