"""Safetensors files are read as the library writes them; anything odd is refused."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from slm.errors import CheckpointError
from slm.model.tensors import (
    is_finite,
    read_header,
    read_in_turn,
    require_shapes,
    stored_tensors,
    write_tensors,
)

TENSORS = {
    "matrix": torch.arange(6.0).view(2, 3),
    "half": torch.tensor([1.5, -2.0], dtype=torch.bfloat16),
    "scalar": torch.tensor(7),
    "empty": torch.zeros(0, 4),
}


def raw(header: Any, data: bytes = b"", length: int | None = None) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return (len(text) if length is None else length).to_bytes(8, "little") + text + data


def test_reads_what_the_library_wrote(tmp_path: Path) -> None:
    save_file(TENSORS, tmp_path / "model.safetensors", metadata={"format": "pt"})
    stored = stored_tensors(tmp_path)
    assert set(stored) == set(TENSORS)
    for name, tensor in TENSORS.items():
        assert stored[name].shape == tensor.shape
        torch.testing.assert_close(stored[name].read(), tensor, atol=0, rtol=0)


def test_the_library_reads_what_is_written_in_shards(tmp_path: Path) -> None:
    """24 + 4 bytes, then 8 + 0: shards of at most 30 bytes are two."""
    write_tensors(tmp_path, TENSORS, shard_bytes=30)
    shards = sorted(path.name for path in tmp_path.glob("*.safetensors"))
    assert shards == ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
    found = {name: t for shard in shards for name, t in load_file(tmp_path / shard).items()}
    assert all(torch.equal(found[name], tensor) for name, tensor in TENSORS.items())
    stored = stored_tensors(tmp_path)
    assert all(torch.equal(stored[name].read(), tensor) for name, tensor in TENSORS.items())
    index = json.loads((tmp_path / "model.safetensors.index.json").read_text())
    assert index["metadata"]["total_size"] == 36


def test_memory_that_was_read_does_not_change_with_the_file(tmp_path: Path) -> None:
    write_tensors(tmp_path, {"w": torch.ones(1000)})
    stored = stored_tensors(tmp_path)["w"]
    tensor = stored.read()
    with (tmp_path / "model.safetensors").open("rb+") as stream:
        stream.truncate(100)
    assert tensor.sum() == 1000
    with pytest.raises(CheckpointError, match="cut short"):
        stored.read()


ENTRY = {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}
HOSTILE = {
    "nothing at all": b"",
    "half a length": b"\x01\x00",
    "a header longer than the file": raw({}, length=2**63),
    "a header over a megabyte": raw(b" " * 1_000_001),
    "no JSON": raw(b"\xff{]"),
    "JSON nested a hundred thousand deep": raw(b"[" * 100_000),
    "a list": raw([1, 2]),
    "a number of five thousand digits": raw(b'{"a": ' + b"9" * 5000 + b"}"),
    "a name twice": raw(b'{"a": %s, "a": %s}' % ((json.dumps(ENTRY).encode(),) * 2), b"1234"),
    "an unknown number format": raw({"a": {**ENTRY, "dtype": "F99"}}, b"1234"),
    "a format that is no string": raw({"a": {**ENTRY, "dtype": ["F32"]}}, b"1234"),
    "a negative size": raw({"a": {**ENTRY, "shape": [-1]}}, b"1234"),
    "a size of True": raw({"a": {**ENTRY, "shape": [True]}}, b"1234"),
    "sizes beyond memory": raw({"a": {**ENTRY, "shape": [2**40, 2**40]}}, b"1234"),
    "a shape that its bytes do not give": raw({"a": {**ENTRY, "shape": [2]}}, b"1234"),
    "a place behind the end": raw({"a": {**ENTRY, "data_offsets": [4, 8]}}, b"1234"),
    "bytes that nobody claims": raw({"a": ENTRY}, b"12345678"),
    "bytes that two claim": raw({"a": ENTRY, "b": ENTRY}, b"1234"),
    "a missing key": raw({"a": {"dtype": "F32", "shape": [1]}}, b"1234"),
    "one key too many": raw({"a": {**ENTRY, "code": "x"}}, b"1234"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_in_words(tmp_path: Path, what: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(HOSTILE[what])
    with pytest.raises(CheckpointError, match=r"model\.safetensors is no sound safetensors file"):
        read_header(path)


@pytest.mark.parametrize("shard", ["../secret.safetensors", "/etc/passwd", "x.bin", 3])
def test_an_index_cannot_point_elsewhere(tmp_path: Path, shard: object) -> None:
    index = {"weight_map": {"w": shard}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="which is no safetensors file here"):
        stored_tensors(tmp_path)


def test_an_index_with_a_lost_shard_or_tensor_is_refused(tmp_path: Path) -> None:
    write_tensors(tmp_path, TENSORS, shard_bytes=30)
    index = tmp_path / "model.safetensors.index.json"
    values = json.loads(index.read_text())
    values["weight_map"]["ghost"] = "model-00001-of-00002.safetensors"
    index.write_text(json.dumps(values))
    with pytest.raises(CheckpointError, match="lists tensors that are not there: ghost"):
        stored_tensors(tmp_path)
    (tmp_path / "model-00002-of-00002.safetensors").unlink()
    with pytest.raises(CheckpointError, match=r"model-00002-of-00002\.safetensors is missing"):
        stored_tensors(tmp_path)


def test_a_pickle_is_refused_with_reason_and_remedy(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(b"whatever")
    with pytest.raises(CheckpointError, match=r"is a pickle.*Save the model as safetensors"):
        stored_tensors(tmp_path)


def test_what_does_not_fit_is_listed_together(tmp_path: Path) -> None:
    write_tensors(tmp_path, TENSORS)
    expected = {"matrix": (3, 2), "half": (2,), "scalar": (), "empty": (0, 4), "more": (1,)}
    del expected["empty"]
    with pytest.raises(CheckpointError) as caught:
        require_shapes(stored_tensors(tmp_path), expected, "It")
    assert str(caught.value) == (
        "It does not fit its settings. missing: more; not part of this model: empty; "
        "of another shape: matrix [2, 3] for [3, 2]; not floating-point: scalar."
    )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("bad", [torch.nan, -torch.nan, torch.inf, -torch.inf])
def test_a_number_that_is_none_is_found_in_every_format(dtype: torch.dtype, bad: float) -> None:
    largest = torch.finfo(dtype).max
    numbers = torch.tensor([0.0, -0.0, largest, -largest, torch.finfo(dtype).tiny], dtype=dtype)
    numbers = numbers.repeat(60_000)  # more than are looked at together
    assert is_finite(numbers)
    for place in (0, 150_000, -1):
        broken = numbers.clone()
        broken[place] = bad
        assert not is_finite(broken)
    assert is_finite(torch.ones(0, dtype=dtype)) and is_finite(numbers.view(5, -1).T)


def test_tensors_come_in_their_order_while_others_are_being_read(tmp_path: Path) -> None:
    write_tensors(tmp_path, {str(i): torch.full((1000,), float(i)) for i in range(20)})
    stored = stored_tensors(tmp_path)
    read = read_in_turn(stored[str(i)] for i in range(20))
    assert [float(tensor[0]) for tensor in read] == list(range(20))
    (tmp_path / "model.safetensors").write_bytes(b"cut")
    with pytest.raises(CheckpointError, match="cut short"):
        list(read_in_turn(stored.values()))
