"""Bytes into text, and text into documents."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.data import text_files
from slm.data.text_files import choose_rule, decode_upload, read_text_file, split_text
from slm.errors import DataError

LETTER = "Dear Zoë, the café “Größe” is open again; come and have a naïve crêpe with me!\n"


@pytest.mark.parametrize(
    ("data", "encoding"),
    [
        (LETTER.encode(), "utf-8"),
        (codecs.BOM_UTF8 + LETTER.encode(), "utf-8-sig"),
        (LETTER.encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + LETTER.encode("utf-16-be"), "utf-16"),
        (LETTER.encode("cp1252"), "cp1252"),
    ],
)
def test_a_text_is_the_same_in_every_encoding(data, encoding):
    assert decode_upload(data, "letter.txt") == (LETTER, encoding, 0)


def test_damaged_utf8_stays_utf8_and_the_damage_is_counted():
    data = LETTER.encode() + b"\xc3(" + LETTER.encode()
    decoded = decode_upload(data, "letter.txt")
    assert decoded.encoding == "utf-8"
    assert decoded.replaced == 1
    assert decoded.text == LETTER + "\ufffd(" + LETTER


def test_marks_that_stood_in_the_file_are_not_counted_as_damage():
    assert decode_upload((LETTER + "\ufffd").encode(), "letter.txt").replaced == 0


def test_line_ends_of_all_systems_become_newlines():
    text = "one line of some length\r\nanother line of some length\rand a third\n"
    assert "\r" not in decode_upload(text.encode(), "a.txt").text
    assert decode_upload(text.encode(), "a.txt").text.count("\n") == 3


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", r"a\.txt is empty\. Choose"),
        (b" \n\t " * 50, r"only blanks: 200 bytes"),
        (b"x", r"holds 1 characters; a corpus needs at least 40"),
        (b"some text" + b"\0" + b"more" * 20, r"not text: NUL at byte 9\."),
        (bytes(range(1, 32)) * 9, r"not text: \d+ of its"),
    ],
)
def test_what_is_no_text_is_refused_with_the_reason(data, message):
    with pytest.raises(DataError, match=message):
        decode_upload(data, "a.txt")


@settings(deadline=None)
@given(st.binary(max_size=2_000))
def test_any_bytes_are_decoded_or_refused_in_words(data):
    try:
        decoded = decode_upload(data, "x.txt")
    except DataError as error:
        assert str(error).startswith("x.txt ")
    else:
        decoded.text.encode()
        assert decoded.replaced >= 0


def test_a_separator_line_ends_a_document():
    text = "One.\nStill one.\n<|endoftext|>\n\nTwo.\n<|endoftext|>\n<|endoftext|>\nThree."
    assert list(split_text(text).documents) == ["One.\nStill one.", "Two.", "Three."]


def test_long_lines_without_gaps_are_a_document_each():
    lines = ["a" * 250, "b" * 250, "short", "c" * 250]
    assert choose_rule("\n".join(lines) + "\n") == "lines"
    assert list(split_text("\n".join(lines)).documents) == lines


def test_two_blank_lines_end_a_document_where_there_are_many():
    sections = [f"Title {i}\n\nA paragraph of section {i}." for i in range(12)]
    text = "\n\n \n".join(sections)
    assert choose_rule(text) == "sections"
    assert list(split_text(text).documents) == sections


def test_a_plain_text_is_gathered_from_whole_paragraphs():
    paragraphs = [f"Paragraph {i:03d}: " + "word " * 100 for i in range(20)]
    documents = list(split_text("\n\n".join(paragraphs)).documents)
    assert all(len(document) <= text_files.CHUNK_CHARACTERS for document in documents)
    assert "\n\n".join(documents) == "\n\n".join(paragraphs)
    assert len(documents) == 7  # three paragraphs of 516 characters each, and the last two


def test_one_endless_line_is_cut_after_sentences():
    text = "This is a sentence. " * 500
    documents = list(split_text(text).documents)
    assert all(len(document) <= text_files.CHUNK_CHARACTERS for document in documents)
    assert all(document.rstrip().endswith(".") for document in documents)
    assert "".join(documents).split() == text.split()


def test_a_line_without_blanks_is_cut_anyway():
    documents = list(split_text("x" * 5_000).documents)
    assert [len(document) for document in documents] == [2_000, 2_000, 1_000]


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet="ab .\n", max_size=400), st.sampled_from(sorted(text_files.HOW_SPLIT)))
def test_splitting_loses_no_character_but_blanks(text, rule):
    documents = list(split_text(text, rule).documents)
    assert "".join("".join(documents).split()) == "".join(text.split())
    assert all(document.strip() for document in documents)


def test_a_large_file_is_read_by_lines_to_the_same_documents(tmp_path, monkeypatch):
    path = tmp_path / "large.txt"
    stories = [f"Story {i}. " + "Zoë walked on. " * 20 for i in range(200)]
    path.write_text("\n<|endoftext|>\n".join(stories), encoding="utf-8", newline="\r\n")
    whole = list(read_text_file(path).documents)
    monkeypatch.setattr(text_files, "_READ_WHOLE_BYTES", 0)
    monkeypatch.setattr(text_files, "_PROBE_BYTES", 10_000)
    assert list(read_text_file(path).documents) == whole == stories
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(DataError, match="NUL in line 399"):
        list(read_text_file(path).documents)
