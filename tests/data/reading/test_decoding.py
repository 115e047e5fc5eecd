"""Bytes into text: encodings told apart, damage counted, what is no text refused."""

import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from slm.data.reading import decoding
from slm.data.reading.content import Content, Tally
from slm.data.reading.decoding import decode_bytes, decode_upload, detect_encoding, open_text
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


def test_two_files_that_are_read_in_turns_are_counted_each_for_itself():
    """A block is decoded when a line of it is wanted, with the other file's lines between."""
    line = LETTER.encode() * 200
    damaged, sound = Tally(), Tally()
    first = open_text(Content.of_bytes((line + b"\xff\n") * 8, "damaged.txt"), damaged)
    second = open_text(Content.of_bytes(line * 8 + b"\xff", "sound.txt"), sound)
    for _ in zip(first.lines, second.lines, strict=False):
        pass
    assert (damaged.replaced_characters, sound.replaced_characters) == (8, 1)


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
        assert decoded.replaced <= decoded.text.count("\ufffd")


LANGUAGES = {
    "cp1250": "Příliš žluťoučký kůň úpěl ďábelské ódy. Byl jednou jeden král a měl tři dcery. ",
    "cp1251": "Жил-был старик со своею старухой у самого синего моря. ",
    "cp1252": "L’été dernier, nous avons mangé des crêpes près de la forêt où naît la rivière. ",
    "cp1253": "Μια φορά κι έναν καιρό ήταν ένας βασιλιάς που είχε τρεις κόρες. ",
    "cp1254": "Bir varmış bir yokmuş, evvel zaman içinde kalbur saman içinde, güneş doğdu. ",
    "cp1255": "היה היה פעם מלך אחד שהיו לו שלוש בנות. ",
    "cp1256": "كان يا ما كان في قديم الزمان ملك له ثلاث بنات. ",
    "koi8_r": "Жил-был старик со своею старухой у самого синего моря. ",
    "iso8859_2": "Zażółć gęślą jaźń. Dziś wieczorem pójdziemy do lasu, żeby zobaczyć sowę. ",
    "shift_jis": "むかしむかし、あるところにおじいさんとおばあさんが住んでいました。",
    "euc_jp": "むかしむかし、あるところにおじいさんとおばあさんが住んでいました。",
    "gb18030": "从前有一个国王，他有三个女儿，住在大海边的城堡里。",
    "big5": "從前有一個國王，他有三個女兒，住在大海邊的城堡裡。",
    "euc_kr": "옛날 옛적에 세 딸을 둔 왕이 살고 있었습니다. ",
    "mac_roman": "L'été dernier, nous avons mangé des crêpes à la crème. ",
}


@pytest.mark.parametrize("encoding", LANGUAGES)
def test_old_encodings_are_told_apart_by_their_language(encoding):
    text = LANGUAGES[encoding] * 10
    assert decode_upload(text.encode(encoding), "a.txt") == (text, encoding, 0)


def test_one_foreign_letter_in_much_plain_text_is_found():
    text = "And more plain words follow. " * 9_000 + "One café. " + "Plain again. " * 9_000
    assert decode_upload(text.encode("cp1252"), "a.txt").text == text


def test_utf16_without_a_mark_shows_by_its_zeros():
    assert detect_encoding(LETTER.encode("utf-16-le")) == "utf-16-le"
    assert detect_encoding(LETTER.encode("utf-16-be")) == "utf-16-be"


def test_a_declared_encoding_is_used_only_when_it_fits():
    data = "Жил-был старик".encode("cp1251")
    assert decode_bytes(data, "a.html", Tally(), "windows-1251").text == "Жил-был старик"
    assert decode_bytes(b"caf\xe9", "a.html", Tally(), "ascii").text == "café"
    assert decode_bytes(b"plain", "a.html", Tally(), "no-such-thing").text == "plain"


def test_a_file_of_any_size_is_read_in_blocks_to_the_same_text(monkeypatch):
    """Blocks may end inside a character; the place of a NUL counts from the file's start."""
    text = "Zoë walked on. 中文\n" * 300
    whole = decode_upload(text.encode(), "a.txt")
    monkeypatch.setattr(decoding, "_BLOCK_BYTES", 7)
    assert decode_upload(text.encode(), "a.txt") == whole == (text, "utf-8", 0)
    with pytest.raises(DataError, match="NUL at byte 30"):
        decode_upload(b"a" * 30 + b"\0", "a.txt")


def test_a_line_is_never_longer_than_its_limit(monkeypatch):
    monkeypatch.setattr(decoding, "MAX_LINE", 10)
    lines, _ = open_text(Content.of_bytes(b"x" * 25 + b"\ny", "a.txt"), Tally())
    assert list(lines) == ["x" * 10, "x" * 10, "x" * 5 + "\n", "y"]
