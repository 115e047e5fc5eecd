"""Bytes per token, by hand."""

from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.statistics import Compression, compression, token_frequencies


def test_compression_counts_bytes_and_tokens_by_hand():
    """ "abab" is two tokens "ab"; "€" is three bytes and three tokens."""
    tokenizer = Tokenizer.train(["ab"], 258)
    found = compression(tokenizer, iter(["abab", "€", ""]))
    assert found == Compression(bytes=7, tokens=5)
    assert found.bytes_per_token == 1.4
    assert compression(tokenizer, []).bytes_per_token == 0


def test_frequencies_are_by_id():
    tokenizer = Tokenizer.train(["ab"], 258)
    counts = token_frequencies(tokenizer, ["abab", "b", ""])
    assert counts.size == 258
    assert {i: int(n) for i, n in enumerate(counts) if n} == {256: 2, ord("b"): 1}
