"""What the copy detective says, on texts of a few tokens."""

from pathlib import Path

import numpy as np
import pytest

from slm.evaluation.memorization import Novelty, Span, find_copies
from slm.evaluation.suffix_array import SuffixArray
from slm.lab.copy_index import CopyIndex, Text
from slm.lab.copying import Examined, Source, examine
from slm.sampling.filters import SamplingConfig
from slm.workspace import Artefact, Manifest
from ui.view_models import copying as words

END = 0
ROW = [*range(1, 31), END, *range(40, 50), END]
LETTERS = [bytes([64 + token % 60]) for token in range(90)]


@pytest.fixture()
def index() -> CopyIndex:
    array = SuffixArray.build(np.array(ROW))
    starts, held_out = np.array([0, 31]), np.array([1, 2, 80, 81])
    return CopyIndex("key", array, starts, held_out, END, True, len(ROW), Path())


def artefact(name: str = "<b>tales</b>", kind: str = "runs", **details) -> Artefact:
    return Artefact(Path("workspace") / kind / "a", Manifest("a", name, kind, details=details))


def text(own: bool = True, **tokens) -> Text:
    held = artefact(kind="tokens", **tokens) if tokens else None
    return Text(artefact("run"), artefact(kind="corpora"), held, own)


def test_chips_of_long_matches_are_coloured_and_short_ones_and_the_prompt_are_plain(index):
    examined = examine(index, [*range(1, 21), 80, 41, 42])
    chips = words.copied_chips(examined, [7, 8], 10, LETTERS.__getitem__, 90)
    values = [chip.value for chip in chips]
    assert values == [None, None, *[20 / 50] * 20, None, None, None]
    assert chips[0].notes == ("the prompt, which is not examined",)
    assert chips[2].notes[0] == "in a match of 20 tokens: 1 to 20"
    assert chips[22].notes == ("this token is not in the training text",)
    assert chips[23].notes[0] == "in a match of 2 tokens: 22 to 23"


def test_a_token_beyond_the_tokenizers_vocabulary_is_named_by_its_id(index):
    (chip,) = words.plain_chips([95], LETTERS.__getitem__, 90)
    assert chip.text == "⟨id 95⟩"


def test_a_passage_shows_the_match_in_its_own_document_only(index):
    source = Source(1, None, None, start=33, first=31, stop=42)
    chips = words.passage_chips(index, source, 4, LETTERS.__getitem__, 90)
    assert [chip.id for chip in chips] == list(range(40, 50))
    assert [chip.value is not None for chip in chips] == [False] * 2 + [True] * 4 + [False] * 4


def test_a_source_is_named_as_far_as_it_is_known():
    known = Source(1, 6, "tale 7", 33, 31, 42)
    assert words.source_line(known, text()) == "<b>tales</b>: document 7, tale 7"
    gone = Source(1, None, None, 33, 31, 42)
    assert "training document 2; its corpus is gone" in words.source_line(gone, text())
    assert "not told apart" in words.source_line(Source(None, None, None, 3, 0, 42), text())


def verdict(ids: list[int], held_out: list[list[int]], min_length: int = 4) -> words.Verdict:
    array = SuffixArray.build(np.array(ROW))
    passages = tuple(find_copies(array, row, END) for row in held_out)
    copying = find_copies(array, ids, END)
    return words.verdict(Examined(tuple(ids), copying, passages), min_length)


NEW = [80, 81, 82, 83, 84, 85]


def test_a_text_is_judged_by_held_out_text():
    copied = verdict([1, 2, 3, 4, 5, 6], [NEW, [1, 2, 3, 80, 81, 82]])
    assert copied.copied and copied.headline.startswith("Copied")
    assert copied.longest == "Longest match: 6 tokens; in held-out passages 0 to 3, mostly about 2."
    assert copied.share.endswith("of held-out passages 0% to 0%, on average 0%.")
    assert not verdict(NEW, [NEW]).copied
    assert verdict(NEW, [NEW]).headline.startswith("No more copied")


def test_one_recited_stretch_and_much_that_is_patched_together_are_told_apart():
    patched = [1, 2, 3, 4, 40, 41, 42, 43]
    long_but_rare = [*range(1, 9), *[80] * 8]
    assert verdict(long_but_rare, [patched]).headline.startswith("One stretch is recited")
    assert verdict(patched, [long_but_rare]).headline.startswith("Much of it is put together")
    half = verdict([1, 2, 3, 4, 80, 81], [[1, 2, 3, 4, 5, 80], NEW])
    assert half.headline.startswith("It repeats the training text more than most")


def test_without_held_out_text_or_without_text_nothing_is_judged():
    assert not verdict([1, 2, 3, 4], []).copied
    assert "too little held-out text" in verdict([1, 2, 3, 4], []).headline
    assert verdict([], [NEW]).headline == "There is no text to examine."


def test_the_longest_match_is_chosen_until_a_token_is(index):
    examined = examine(index, [1, 2, 80, 40, 41, 42])
    assert words.chosen_span(examined, None) == Span(3, 3, 31)
    assert words.chosen_span(examined, 0) == Span(0, 2, 0)
    assert words.chosen_span(examined, 2) is None


def test_new_shares_leave_out_passages_that_are_too_short():
    told = words.new_shares(Novelty((1, 2), (0.0, None), ((0.5, 1.0), (0.1, None))))
    assert (told[0].lowest, told[0].mean, told[0].highest) == (0.1, pytest.approx(0.3), 0.5)
    assert (told[1].text, told[1].mean) == (None, 1.0)
    assert words.new_shares(Novelty((1,), (0.5,), ()))[0].mean is None


def test_an_offer_says_time_and_disk():
    asked = text(train={"tokens": 6_000_000})
    assert words.training_tokens(asked, None) == 6_000_000
    assert "about 12 s, and 36 MB" in words.index_offer(6_000_000)
    assert "about 2 min" in words.index_offer(60_000_000)


def test_a_part_that_is_indexed_is_not_called_all(index):
    assert words.indexed(index, text()) == "Held against all 42 tokens of the training text."
    part = CopyIndex("k", index.array, index.starts_D, index.held_out_N, END, True, 900, Path())
    assert "first 42 of about 900 tokens of the training split" in words.indexed(part, text(False))


@pytest.mark.parametrize("config", [None, SamplingConfig(temperature=0.5, seed=3)])
def test_the_code_is_python_and_quotes_what_was_typed(config):
    code = words.copying_code(artefact("run"), text(False), 'a "b"\n', config, 40, 16)
    compile(code, "code", "exec")
    assert ("SamplingConfig(temperature=0.5, seed=3)" in code) == (config is not None)
    assert "choose_text(workspace, run, 'a')" in code
