"""Words that stand in the corpus, names that stay."""

import pytest

from slm.evaluation.fluency import known_word_share, name_consistency, vocabulary_of, words

NAMES = {"Mia", "Ben", "Tom"}


def test_words_are_letters_in_lower_case_with_their_apostrophes():
    assert words("“Don’t!” said Mia, 3 times; Zoë’s") == ["don't", "said", "mia", "times", "zoë's"]
    assert words("... 12 !") == []


def test_three_of_four_words_stand_in_the_corpus():
    vocabulary = vocabulary_of(["The cat sat.", "A dog sat, too."])
    assert vocabulary == {"the", "cat", "sat", "a", "dog", "too"}
    assert known_word_share("THE cat zorped a", vocabulary) == 0.75


def test_a_text_without_words_has_a_share_of_zero():
    assert known_word_share("?! 12", {"a"}) == 0.0
    assert known_word_share("", {"a"}) == 0.0


def test_a_word_cut_off_at_the_end_is_not_held_against_the_writer():
    assert known_word_share("the cat sa", {"the", "cat"}, cut_off=True) == 1.0
    assert known_word_share("the cat sa.", {"the", "cat"}, cut_off=True) == pytest.approx(2 / 3)


def test_a_name_met_in_the_opening_stays_itself_to_the_end():
    tale = "Mia had a kite. Mia lost the kite. Ben found the kite. Ben gave it to Mia's dog."
    assert name_consistency(tale, NAMES, opening=0.5) == 1.0


def test_a_name_that_comes_from_nowhere_is_a_slip():
    """Three mentions of Mia, one of Tom, who was never introduced."""
    tale = "Mia had a red kite. Mia ran with it up the hill. Then Mia fell and Tom cried."
    assert name_consistency(tale, NAMES, opening=0.5) == pytest.approx(3 / 4)


def test_a_tale_that_names_nobody_has_no_slip():
    assert name_consistency("The cat sat.", NAMES) == 1.0
