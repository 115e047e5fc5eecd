"""Token files: the header, the order of windows, and what a damaged file is told."""

import hashlib
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.data import id_rows
from slm.data.batches import TokenFile
from slm.errors import DataError


def counting_file(folder: Path, n_tokens: int) -> TokenFile:
    """Ids 0, 1, 2, …, so that an id names its own position."""
    return TokenFile.write(folder / "train.bin", [np.arange(n_tokens)], vocab_size=n_tokens)


def test_arrays_come_back_as_one_row(tmp_path):
    arrays = [np.array([1, 2, 3]), np.array([], dtype=np.int64), np.array([4], dtype=np.uint16)]
    tokens = TokenFile.write(tmp_path / "train.bin", arrays, vocab_size=5)
    assert len(tokens) == 4
    assert tokens.vocab_size == 5
    assert tokens.ids(1, 3).tolist() == [2, 3]
    assert tokens.ids().tolist() == [1, 2, 3, 4]


def test_the_header_is_sixteen_bytes_that_say_everything(tmp_path):
    TokenFile.write(tmp_path / "train.bin", [np.array([7, 8])], vocab_size=1024)
    data = (tmp_path / "train.bin").read_bytes()
    assert data[:16] == b"SLMT" + bytes([1, 2, 0, 4, 0, 0, 2, 0, 0, 0, 0, 0])
    assert data[16:] == bytes([7, 0, 8, 0])


def test_vocabularies_beyond_65536_take_four_bytes_an_id(tmp_path):
    small = TokenFile.write(tmp_path / "small.bin", [np.array([65535])], vocab_size=65536)
    large = TokenFile.write(tmp_path / "large.bin", [np.array([65536])], vocab_size=65537)
    assert small.path.stat().st_size == 16 + 2
    assert large.path.stat().st_size == 16 + 4
    assert large.ids().tolist() == [65536]


def test_targets_are_the_ids_that_follow(tmp_path):
    ids_BT, targets_BT = counting_file(tmp_path, 100).batch(
        seed=1, step=0, batch_size=6, context_length=8
    )
    assert ids_BT.shape == targets_BT.shape == (6, 8)
    assert ids_BT.dtype == targets_BT.dtype == torch.int64
    assert torch.equal(targets_BT, ids_BT + 1)


def test_the_same_seed_and_step_give_the_same_batch_in_any_order(tmp_path):
    tokens = counting_file(tmp_path, 500)
    forwards = [tokens.batch(3, step, 4, 16)[0] for step in range(40)]
    reopened = TokenFile(tokens.path)
    for step in reversed(range(40)):
        assert torch.equal(reopened.batch(3, step, 4, 16)[0], forwards[step])
    assert not torch.equal(tokens.batch(4, 0, 4, 16)[0], forwards[0])


@settings(deadline=None, max_examples=60)
@given(n_tokens=st.integers(3, 200), context_length=st.integers(1, 40), seed=st.integers(0, 10**9))
def test_every_token_but_the_first_is_a_target_in_every_epoch(
    tmp_path_factory, n_tokens, context_length, seed
):
    context_length = min(context_length, n_tokens - 1)
    tokens = counting_file(tmp_path_factory.mktemp("tokens"), n_tokens)
    n_windows = tokens.windows_per_epoch(context_length)
    for epoch in range(3):
        steps = range(epoch * n_windows, (epoch + 1) * n_windows)
        seen = Counter(
            target
            for step in steps
            for target in tokens.batch(seed, step, 1, context_length)[1].flatten().tolist()
        )
        assert set(seen) == set(range(1, n_tokens))
        middle = range(1 + context_length, n_tokens - context_length)
        assert all(seen[target] == 1 for target in middle)


def test_a_global_batch_holds_the_rows_that_smaller_batches_would(tmp_path):
    tokens = counting_file(tmp_path, 300)
    whole = tokens.batch(5, 2, 8, 10)[0]
    rows = torch.cat([tokens.batch(5, step, 2, 10)[0] for step in range(8, 12)])
    assert torch.equal(whole, rows)


def test_a_batch_may_be_larger_than_an_epoch(tmp_path):
    ids_BT, _ = counting_file(tmp_path, 9).batch(seed=0, step=3, batch_size=50, context_length=8)
    assert ids_BT.tolist() == [list(range(8))] * 50


def test_epochs_shift_their_windows(tmp_path):
    tokens = counting_file(tmp_path, 1000)
    n_windows = tokens.windows_per_epoch(50)
    phases = {
        int(tokens.batch(0, epoch * n_windows + step, 1, 50)[0][0, 0]) % 50
        for epoch in range(8)
        for step in range(2)
    }
    assert len(phases) > 4


def test_evaluation_windows_make_each_token_a_target_once(tmp_path):
    tokens = counting_file(tmp_path, 12)
    batches = list(tokens.windows(context_length=4, batch_size=2))
    assert [ids.shape for ids, _ in batches] == [(2, 4), (1, 4)]
    assert batches[0][0].tolist() == [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert batches[1][0].tolist() == [[8, 9, 10, 0]]
    assert batches[1][1].tolist() == [[9, 10, 11, -1]]
    padded = list(tokens.windows(context_length=4, batch_size=3))
    assert [ids.shape for ids, _ in padded] == [(3, 4)]
    assert padded[0][1].flatten().tolist() == [*range(1, 12), -1]


def test_windows_begin_where_documents_end_as_far_as_that_covers_all(tmp_path):
    end = 0
    documents = [[1, 2, 3, end], [4, end], [5, 6, end], [7, 8, 9, 10, end]]
    tokens = TokenFile.write(tmp_path / "train.bin", map(np.array, documents), vocab_size=11)
    aligned = TokenFile(tokens.path, document_end=end)
    assert aligned.windows_per_epoch(6) == 3
    seen = set()
    for step in range(20):
        ids_BT, targets_BT = aligned.batch(seed=1, step=step, batch_size=3, context_length=6)
        seen |= {tuple(row) for row in ids_BT.tolist()}
        assert set(targets_BT.flatten().tolist()) == set(range(11)) - {1}
    assert seen == {
        (1, 2, 3, 0, 4, 0),
        (0, 5, 6, 0, 7, 8),  # from the second end, the last but the outermost that it saw
        (5, 6, 0, 7, 8, 9),  # or right behind it
        (6, 0, 7, 8, 9, 10),  # from the third end, pushed back inside the file
    }


@pytest.mark.parametrize(
    ("document_end", "windows", "digest"),
    [
        (0, "documents", "e320e7cd641f7ea8"),
        (None, "packed", "fc5e0dc62577e14a"),
        (None, "documents", "fc5e0dc62577e14a"),
    ],
)
def test_batches_are_those_that_earlier_runs_were_trained_on(
    tmp_path, document_end, windows, digest
):
    """A run goes on exactly only while the same seed and step give the same tokens."""
    ids = np.arange(5_000) * 7_919 % 61
    TokenFile.write(tmp_path / "train.bin", [ids], vocab_size=64)
    tokens = TokenFile(tmp_path / "train.bin", document_end, windows)
    found = hashlib.sha256()
    for step in range(40):
        for tensor in tokens.batch(5, step, 12, 16):
            found.update(tensor.numpy().tobytes())
    assert found.hexdigest()[:16] == digest


def test_a_document_a_window_is_padded_and_the_padding_is_no_target(tmp_path):
    end = 0
    documents = [[1, 2, end], [3, end], [4, 5, 6, 7, end]]
    TokenFile.write(tmp_path / "train.bin", map(np.array, documents), vocab_size=8)
    tokens = TokenFile(tmp_path / "train.bin", end, "one_document")
    assert tokens.windows_per_epoch(4) == 1 + 1 + 2
    seen = set()
    for step in range(40):
        ids_BT, targets_BT = tokens.batch(seed=1, step=step, batch_size=4, context_length=4)
        assert ids_BT.shape == targets_BT.shape == (4, 4)
        assert ids_BT.dtype == targets_BT.dtype == torch.int64
        rows = zip(ids_BT.tolist(), targets_BT.tolist(), strict=True)
        seen |= {(*ids, *targets) for ids, targets in rows}
    assert seen == {
        (1, 2, 0, 0, 2, 0, -1, -1),
        (0, 3, 0, 0, 3, 0, -1, -1),  # from the end before,
        (3, 0, 0, 0, 0, -1, -1, -1),  # or right behind it
        (0, 4, 5, 6, 4, 5, 6, 7),
        (7, 0, 0, 0, 0, -1, -1, -1),  # the rest, side by side
        (6, 7, 0, 0, 7, 0, -1, -1),  # or with something to read before
        (5, 6, 7, 0, 6, 7, 0, -1),
        (4, 5, 6, 7, 5, 6, 7, 0),
    }


def test_padded_batches_too_depend_on_seed_and_step_alone(tmp_path):
    ids = np.arange(900) * 7_919 % 61
    TokenFile.write(tmp_path / "train.bin", [ids], vocab_size=64)
    whole = TokenFile(tmp_path / "train.bin", 0, "one_document")
    again = TokenFile(tmp_path / "train.bin", 0, "one_document")
    steps = [again.batch(5, step, 2, 10) for step in reversed(range(8, 12))][::-1]
    for one, parts in zip(whole.batch(5, 2, 8, 10), zip(*steps, strict=True), strict=True):
        assert torch.equal(one, torch.cat(parts))


def test_documents_cannot_be_kept_apart_where_no_token_ends_them(tmp_path):
    path = counting_file(tmp_path, 50).path
    with pytest.raises(DataError, match="Choose the separator end_of_text"):
        TokenFile(path, None, "one_document")


def test_a_file_shorter_than_one_window_says_what_is_needed(tmp_path):
    tokens = counting_file(tmp_path, 8)
    expected = r"train\.bin holds 8 tokens; a context of 8 needs at least 9\. Add text or shorten"
    with pytest.raises(DataError, match=expected):
        tokens.batch(seed=0, step=0, batch_size=1, context_length=8)
    with pytest.raises(DataError, match=expected):
        next(tokens.windows(8))


def test_ids_outside_the_vocabulary_are_refused_and_leave_nothing(tmp_path):
    with pytest.raises(DataError, match="id 9 at position 3 is outside the vocabulary of 9"):
        TokenFile.write(tmp_path / "t.bin", [np.array([1, 2]), np.array([3, 9])], vocab_size=9)
    with pytest.raises(DataError, match="id -1 at position 0"):
        TokenFile.write(tmp_path / "t.bin", [np.array([-1])], vocab_size=9)
    assert list(tmp_path.iterdir()) == []


def test_damaged_files_are_named(tmp_path):
    path = counting_file(tmp_path, 50).path
    whole = path.read_bytes()
    for damaged, message in [
        (whole[:-3], "should hold 50 tokens"),
        (whole[:9], "not a token file"),
        (b"NOPE" + whole[4:], "not a token file"),
        (whole[:4] + b"\x09" + whole[5:], "version 9"),
    ]:
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=message):
            TokenFile(path)
    with pytest.raises(DataError, match=r"no token file gone\.bin"):
        TokenFile(tmp_path / "gone.bin")


@pytest.mark.parametrize("read_whole_bytes", [0, 2**20], ids=["on the disk", "in memory"])
def test_ids_are_the_same_wherever_they_are_held(tmp_path, monkeypatch, read_whole_bytes):
    monkeypatch.setattr(id_rows, "READ_WHOLE_BYTES", read_whole_bytes)
    tokens = TokenFile.write(tmp_path / "train.bin", [np.arange(100)], vocab_size=100)
    assert tokens.ids(3, 6).tolist() == [3, 4, 5]
    assert tokens.ids(95).tolist() == [95, 96, 97, 98, 99]
    assert tokens.ids(98, 200).tolist() == [98, 99]
    beyond = tokens._ids.windows(np.array([0, 98, 100]), 4)
    assert beyond.tolist() == [[0, 1, 2, 3], [98, 99, 99, 99], [99, 99, 99, 99]]
    ids_BT, targets_BT = tokens.batch(seed=0, step=0, batch_size=4, context_length=8)
    assert torch.equal(targets_BT, ids_BT + 1)


def test_a_file_that_is_cut_short_while_it_is_read_is_told(tmp_path, monkeypatch):
    """A mapped file would end the process with a bus error here."""
    monkeypatch.setattr(id_rows, "READ_WHOLE_BYTES", 0)
    tokens = TokenFile.write(tmp_path / "train.bin", [np.arange(5_000)], vocab_size=5_000)
    os.truncate(tokens.path, 4_016)
    assert tokens.ids(0, 2_000).tolist() == list(range(2_000))
    with pytest.raises(DataError, match=r"train\.bin was cut short while it was read"):
        tokens.ids(1_990, 2_010)
