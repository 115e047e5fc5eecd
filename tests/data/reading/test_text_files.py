"""Lines into documents, by every rule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.data.reading import text_files
from slm.data.reading.content import Tally
from slm.data.reading.text_files import Rule, choose_rule, how_split, split_lines


def documents_of(text: str, rule: Rule | None = None) -> list[str]:
    return list(split_lines(text.splitlines(keepends=True), rule or choose_rule(text)))


def test_a_separator_line_ends_a_document():
    text = "One.\nStill one.\n<|endoftext|>\n\nTwo.\n<|endoftext|>\n<|endoftext|>\nThree."
    assert documents_of(text) == ["One.\nStill one.", "Two.", "Three."]


def test_long_lines_without_gaps_are_a_document_each():
    lines = ["a" * 250, "b" * 250, "short", "c" * 250]
    assert choose_rule("\n".join(lines) + "\n") == "lines"
    assert documents_of("\n".join(lines)) == lines


def test_two_blank_lines_end_a_document_where_there_are_many():
    sections = [f"Title {i}\n\nA paragraph of section {i}." for i in range(12)]
    text = "\n\n \n".join(sections)
    assert choose_rule(text) == "sections"
    assert documents_of(text) == sections


def test_a_plain_text_is_gathered_from_whole_paragraphs():
    paragraphs = [f"Paragraph {i:03d}: " + "word " * 100 for i in range(20)]
    documents = documents_of("\n\n".join(paragraphs))
    assert all(len(document) <= text_files.CHUNK_CHARACTERS for document in documents)
    assert "\n\n".join(documents) == "\n\n".join(paragraphs)
    assert len(documents) == 7  # three paragraphs of 516 characters each, and the last two


def test_one_endless_line_is_cut_after_sentences():
    text = "This is a sentence. " * 500
    documents = documents_of(text)
    assert all(len(document) <= text_files.CHUNK_CHARACTERS for document in documents)
    assert all(document.rstrip().endswith(".") for document in documents)
    assert "".join(documents).split() == text.split()


def test_a_line_without_blanks_is_cut_anyway():
    documents = documents_of("x" * 5_000)
    assert [len(document) for document in documents] == [2_000, 2_000, 1_000]


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet="ab .\n", max_size=400), st.sampled_from(text_files.RULES))
def test_splitting_loses_no_character_but_blanks(text, rule):
    documents = documents_of(text, rule)
    assert "".join("".join(documents).split()) == "".join(text.split())
    assert all(document.strip() for document in documents)


def test_a_blank_line_ends_a_paragraph_where_that_is_asked():
    text = "One.\nStill one.\n\n\nTwo.\n \nThree.\n"
    assert documents_of(text, "paragraphs") == ["One.\nStill one.", "Two.", "Three."]


def test_a_whole_file_can_be_one_document():
    assert documents_of("\nOne.\n\n\nTwo.\n\n", "file") == ["One.\n\n\nTwo."]


def test_a_rule_that_was_asked_for_is_not_explained_by_the_text():
    assert how_split("chunks", asked=False).startswith("No document marks were found")
    assert how_split("chunks", asked=True).startswith("Paragraphs are gathered")


@pytest.mark.parametrize("rule", ["separator", "file", "sections", "paragraphs"])
def test_a_document_that_never_ends_is_cut_and_counted(monkeypatch, rule):
    monkeypatch.setattr(text_files, "MAX_DOCUMENT", 25)
    tally = Tally()
    documents = list(split_lines(["ten signs\n"] * 6, rule, tally))
    assert documents == ["ten signs\nten signs\nten signs"] * 2
    assert tally.documents_cut == 2


def test_lines_cut_in_mid_word_are_counted_once_each():
    tally = Tally()
    list(split_lines(["x" * 9_000 + "\n", "\n", "A sentence. " * 900], "chunks", tally))
    assert tally.lines_cut == 1
