"""Counting chunks of large texts: the same as counting them plainly, in bounded memory."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import TokenizerError
from slm.tokenizer import counting
from slm.tokenizer.counting import ChunkCounts, count_text
from slm.tokenizer.patterns import PATTERNS, count_chunks

ROOT = Path(__file__).parents[2]
TEXTS = ["hug pug\ud800", "it's 1234!\n\n hug", "", "日本 🦊 hug pug"] * 5


@pytest.mark.parametrize("pattern", PATTERNS)
@given(texts=st.lists(st.text(), max_size=6))
def test_nothing_is_lost_within_the_budget(pattern, texts):
    found = count_text(texts, pattern)
    assert (found.counts, found.forgotten_bytes) == (count_chunks(texts, pattern), 0)
    assert found.bytes == sum(len(text.encode()) for text in texts)


def test_processes_count_what_one_counts(monkeypatch):
    """Blocks of one text each: one is counted here, the rest by two others."""
    monkeypatch.setattr(counting, "_BLOCK_CHARACTERS", 1)
    monkeypatch.setattr(counting, "_ALONE_BLOCKS", 1)
    assert count_text(TEXTS, "gpt4", processes=2).counts == count_chunks(TEXTS, "gpt4")


def test_a_process_that_ends_before_its_time_is_told(monkeypatch):
    """There is no such pattern, so the other process crashes at its first block."""
    monkeypatch.setattr(counting, "_BLOCK_CHARACTERS", 1)
    monkeypatch.setattr(counting, "_ALONE_BLOCKS", 1)
    monkeypatch.setattr(counting.ChunkCounts, "count", lambda self, texts: None)
    with pytest.raises(TokenizerError, match="ended with status 1; most often memory was short"):
        count_text(TEXTS, "no such pattern", processes=1 + 1)


@pytest.mark.parametrize("given", [b'["hug pug"]\n', b'["hug pug"]\n["hu'])
def test_a_process_whose_parent_is_gone_ends_without_a_word(given):
    """Nobody reads its answer, or the last line was not finished."""
    counter = subprocess.Popen(
        [sys.executable, "-m", "slm.tokenizer.counting", "gpt2"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    counter.stdout.close()
    counter.stdin.write(given)
    counter.stdin.close()
    with counter.stderr:
        assert counter.stderr.read() == b""
    assert counter.wait() == 1


def test_the_processes_inherit_no_secret(monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    with counting._counters("gpt2", 1) as (counter,):
        assert "AWS_SECRET_ACCESS_KEY" not in psutil.Process(counter.pid).environ()


def test_a_full_budget_forgets_the_rarest_and_of_those_the_longest():
    """16 characters fit. Of " aa" ×3, "aa" ×1, "bbbb" ×2, "cccccc" ×2 and " d" ×1 half stay:
    " aa" (3 characters) and "bbbb" (4). "cccccc" would be the 13th: gone, like all after it."""
    found = ChunkCounts("gpt2", budget=16)
    found.count(["aa aa aa aa d", "bbbb", "bbbb", "cccccc", "cccccc"])
    assert found.counts == {" aa": 3, "bbbb": 2}
    assert found.forgotten_bytes == 2 + 2 + 12


def test_a_chunk_without_end_is_counted_in_pieces(monkeypatch):
    monkeypatch.setattr(counting, "LONGEST_CHUNK", 4)
    assert count_text(["abcdefghi jk"], "gpt2").counts == {"abcd": 1, "efgh": 1, "i": 1, " jk": 1}
