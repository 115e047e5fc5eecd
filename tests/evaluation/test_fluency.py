"""Words that stand in the corpus, names that stay."""

import pytest

from slm.data.embedded import tales, tales_words
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


def test_two_people_who_stay_themselves_are_no_slip():
    tale = "Mia had a kite. Mia lost it. Ben found the kite. Ben gave it to Mia's dog."
    assert name_consistency(tale, NAMES) == 1.0


def test_a_third_name_is_a_slip():
    """Mia, Ben, Mia and then Tom, who is nobody here: three of four."""
    tale = "Mia had a kite. Ben saw it fly. Then Mia fell and Tom cried."
    assert name_consistency(tale, NAMES) == pytest.approx(3 / 4)


def test_a_tale_with_one_person_has_a_cast_of_one():
    tale = "Mia had a kite. Then Mia fell and Tom cried."
    assert name_consistency(tale, NAMES, cast_size=1) == pytest.approx(2 / 3)


def test_true_tales_keep_their_names_and_tales_that_change_heroes_do_not():
    told = [tales.generate(seed) for seed in range(50)]
    names = {name for name, _ in tales_words.NAMES}
    assert all(name_consistency(tale.text, names) == 1.0 for tale in told)
    for tale in told:
        changed = "".join(
            part if at % 2 else part.replace(tale.facts.who, "Zacharias")
            for at, part in enumerate(tale.text.split("."))
        )
        if changed.count("Zacharias") and changed.count(tale.facts.who):
            assert name_consistency(changed, names | {"Zacharias"}) < 1.0


def test_a_tale_that_names_nobody_has_no_slip():
    assert name_consistency("The cat sat.", NAMES) == 1.0
