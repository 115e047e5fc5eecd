"""The replay as the browser receives it."""

import numpy as np

from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.replay import replay_text, whole_at
from ui.components.merge_replay import replay_payload
from ui.components.payload import unpack
from ui.view_models import replay as module
from ui.view_models.replay import frequent_words, replay_view, shortened

HUGS = Tokenizer.train(["hug pug hugs bun"], vocab_size=261)


def test_stages_pairs_and_joins_by_hand():
    """ "hugs": merge 1 joins u and g at bytes 1 to 3, merge 2 h and ug; the others none."""
    view = replay_view(replay_text(HUGS, HUGS.merges, "hugs"), HUGS.merges)
    assert view.all_listed and view.numbers_K.tolist() == [1, 2, 3, 4]
    assert view.texts[256:] == ("ug", "hug", "·b", "·p")
    assert view.pairs_K2[:2].tolist() == [[ord("u"), ord("g")], [ord("h"), 256]]
    assert view.counts_K.tolist() == [3, 2, 1, 1]
    assert view.joins_J3.tolist() == [[1, 1, 3], [2, 0, 3]]
    assert view.middles_J.tolist() == [2, 1]
    assert view.chunks == (0,)


def test_of_a_huge_vocabulary_only_merges_that_touch_the_text_are_sent(monkeypatch):
    monkeypatch.setattr(module, "MOST_LISTED", 3)
    view = replay_view(replay_text(HUGS, HUGS.merges, "bun bun"), HUGS.merges)
    assert not view.all_listed and view.numbers_K.tolist() == [3]
    assert view.texts[256:] == ("·b",)
    assert view.joins_J3.tolist() == [[1, 3, 5]]


def test_frequent_words_stand_at_the_merge_that_made_them_whole():
    words = frequent_words({"hug": 2, " pug": 1, ".": 9, "ug": 3})
    assert words == [b"ug", b"hug", b" pug"]
    whole = whole_at(words, HUGS.merges)
    view = replay_view(replay_text(HUGS, HUGS.merges, "x"), HUGS.merges, whole)
    assert view.words == {1: ("ug",), 2: ("hug",)}


def test_the_payload_holds_all_rows_and_the_text():
    view = replay_view(replay_text(HUGS, HUGS.merges, "hugs</b>"), HUGS.merges)
    header, values = unpack(replay_payload(view, begin=2))
    assert (header["begin"], header["listed"], header["joins"], header["bytes"]) == (2, 4, 2, 8)
    numbers = np.frombuffer(values[: 4 * (4 + 8 + 4 + 6 + 2)], "<i4")
    assert numbers[:4].tolist() == [1, 2, 3, 4] and numbers[-2:].tolist() == [2, 1]
    assert values.endswith(b"hugs</b>")


def test_no_text_is_a_replay_too():
    view = replay_view(replay_text(HUGS, HUGS.merges, ""), HUGS.merges)
    header, _ = unpack(replay_payload(view))
    assert header["bytes"] == header["joins"] == 0


def test_a_long_text_is_shortened_and_says_so():
    text, note = shortened("a" * 2_500)
    assert len(text) == 2_000 and "2,000 of 2,500" in note
    assert shortened("short") == ("short", "")
