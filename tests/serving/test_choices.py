"""One text as it comes, with what is known of its tokens."""

import pytest

from slm.sampling.steps import Step
from slm.serving.choices import ChoiceText, Token, chat_logprobs, completion_logprobs
from slm.tokenizer.fast import Tokenizer


@pytest.fixture(scope="module")
def letters() -> Tokenizer:
    """Ids 0 to 255 are bytes, 256 ends a text."""
    return Tokenizer.train(["aa"], vocab_size=257, special_tokens=("<end>",))


def step(token: int, *, ends: bool = False) -> Step:
    return Step(token, -0.5, 0.6, 1, ((token, 0.6), (120, 0.25)), ends=ends)


def taken(text: ChoiceText, data: bytes):
    return text.take([step(byte) for byte in data])


def test_a_character_of_two_bytes_is_shown_whole_and_its_tokens_come_with_it(letters):
    text = ChoiceText(letters)
    first, second = taken(text, b"caf\xc3"), taken(text, b"\xa9!")
    assert (first.text, [token.id for token in first.tokens]) == ("caf", list(b"caf"))
    assert (second.text, [token.id for token in second.tokens]) == ("é!", [0xC3, 0xA9, ord("!")])
    assert [token.offset for token in second.tokens] == [3, 3, 4]


def test_the_beginning_of_a_stop_string_waits_and_is_cut_off_with_its_tokens(letters):
    text = ChoiceText(letters, stop=("\n\n",))
    one, two = taken(text, b"Hi\n"), taken(text, b"\nno")
    assert (one.text, len(one.tokens)) == ("Hi", 2)
    assert (two.text, two.tokens) == ("", ())
    last = text.end()
    assert (last.text, last.tokens, last.finish) == ("", (), "stop")


def test_a_held_beginning_is_shown_when_no_stop_string_came_of_it(letters):
    text = ChoiceText(letters, stop=("\n\n",))
    taken(text, b"Hi\n")
    last = text.end()
    assert (last.text, [token.id for token in last.tokens], last.finish) == ("\n", [10], "length")


def test_the_token_that_ends_a_text_is_counted_and_not_shown(letters):
    text = ChoiceText(letters)
    piece = text.take([step(ord("a")), step(256, ends=True)])
    assert (piece.text, text.n_steps, text.end().finish) == ("a", 2, "stop")


def test_a_character_that_was_never_finished_ends_as_the_sign_for_that(letters):
    text = ChoiceText(letters)
    taken(text, b"a\xc3")
    last = text.end()
    assert (last.text, [token.id for token in last.tokens]) == ("�", [0xC3])


def test_offsets_of_an_answer_go_on_behind_the_echoed_prompt(letters):
    text = ChoiceText(letters, after=list(b"Say: "), before=5)
    assert [token.offset for token in taken(text, b"ok").tokens] == [5, 6]


def test_completions_tell_tokens_side_by_side_and_bytes_by_their_numbers(letters):
    tokens = [Token(ord("a"), 0, None, None), Token(0xC3, 1, -0.5, ((120, -0.1), (121, -3.0)))]
    assert completion_logprobs(tokens, 1, letters) == {
        "tokens": ["a", "bytes:\\xc3"],
        "token_logprobs": [None, -0.5],
        "top_logprobs": [None, {"x": -0.1, "bytes:\\xc3": -0.5}],
        "text_offset": [0, 1],
    }


def test_chats_tell_each_token_with_its_bytes_and_its_rivals(letters):
    (entry,) = chat_logprobs([Token(0xC3, 0, -0.5, ((120, -0.1),))], 1, letters)["content"]
    rival = {"token": "x", "logprob": -0.1, "bytes": [120]}
    assert entry == {
        "token": "�",
        "logprob": -0.5,
        "bytes": [0xC3],
        "top_logprobs": [rival],
    }
