"""What a change comes to, in words, chips and bars."""

from math import exp, log

import numpy as np
import pytest

from slm.attention.readings import Reading
from ui.view_models.outcome import change_chips, following, parted, verdict

WORDS = ("a", "b", "c")


def read(nats: list[float], *shares: tuple[float, ...], positions: tuple[int, ...] = (2,)):
    logs = np.log(np.array(shares or [(1 / 3,) * 3], dtype=np.float32))
    return Reading(np.array(nats, dtype=np.float32), positions, logs)


def test_the_verdict_weighs_all_tokens_alike():
    """Means 1 and 2 nats: perplexities e = 2.7 and e² = 7.4."""
    assert verdict(read([0.5, 1.5]), read([1.5, 2.5])) == (
        "The text becomes harder: 2.00 nats per token instead of 1.00 (+1.00), perplexity 7.4 "
        "instead of 2.7."
    )
    assert "easier" in verdict(read([2.0]), read([1.0]))


def test_no_change_is_said_to_be_none():
    assert (
        verdict(read([1.0]), read([1.0])) == "The text is as easy as before: 1.00 nats per token."
    )


def test_a_perplexity_beyond_all_words_is_no_error():
    assert "over a hundred million" in verdict(read([1.0]), read([800.0]))


def test_one_token_has_nothing_to_be_judged_by():
    assert verdict(read([]), read([])).startswith("One token alone")


def test_chips_are_coloured_by_the_largest_change():
    """Changes of +2 and −1 nats: the scale ends at 2, so they lie at 1 and −1/2."""
    chips, scale = change_chips((0, 1, 2), lambda t: b"abc"[t : t + 1], read([1, 3]), read([3, 2]))
    assert [chip.value for chip in chips] == [None, pytest.approx(1), pytest.approx(-0.5)]
    assert (scale.low, scale.high, scale.diverging) == (-2, 2, True)
    assert chips[1].notes[0] == "surprise 1.00 → 3.00 nats (+2.00)"


def test_a_tiny_change_keeps_a_pale_colour():
    chips, scale = change_chips((0, 1), lambda t: b"ab"[t : t + 1], read([1.0]), read([1.05]))
    assert scale.high == 0.5
    assert chips[1].value == pytest.approx(0.1, rel=1e-3)


def test_what_follows_names_who_took_the_place_and_how_far_it_is():
    """From 3/4 and 1/4 to 1/4 and 3/4: KL is 3/4 ln 3 − 1/4 ln 3, half of ln 3, 0.55 nats."""
    tiny = exp(-30)
    before, after = (read([1.0], shares) for shares in ((0.75, 0.25, tiny), (0.25, 0.75, tiny)))
    found = following(before, after, 0, ("x", "y", "z"), WORDS.__getitem__)
    assert found.title == "What follows the text"
    assert found.sentence == (
        f"“b” takes the place of “a”: 25.0% → 75.0%, and 75.0% → 25.0%. It moved by "
        f"{log(3) / 2:.2f} nats (KL)."
    )
    assert [(bar.token, bar.series) for bar in found.bars[:2]] == [
        ("a", "untouched"),
        ("a", "changed"),
    ]


def test_what_follows_a_token_within_the_text_names_it():
    same = read([1.0, 1.0], (0.5, 0.25, 0.25), positions=(1,))
    found = following(same, same, 0, ("x", "y", "z"), WORDS.__getitem__)
    assert found.title == "After token 1, “y”"
    assert found.sentence == "As before: “a” is likeliest, 50.0%."


def test_continuations_part_where_their_first_letter_differs():
    both = parted("the cat\nsat", "the cow")
    assert [(each.together, each.alone) for each in both] == [
        ("the c", "at⏎ sat"),
        ("the c", "ow"),
    ]
    assert [each.alone for each in parted("same", "same")] == ["", ""]
