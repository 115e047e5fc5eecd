"""Bytes per token, by hand."""

from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.statistics import Compression, compression


def test_compression_counts_bytes_and_tokens_by_hand():
    """ "abab" is two tokens "ab"; "€" is three bytes and three tokens."""
    tokenizer = Tokenizer.train(["ab"], 258)
    found = compression(tokenizer, iter(["abab", "€", ""]))
    assert found == Compression(bytes=7, tokens=5)
    assert found.bytes_per_token == 1.4
    assert compression(tokenizer, []).bytes_per_token == 0
