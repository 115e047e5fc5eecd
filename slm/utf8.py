"""Text as UTF-8 can hold it. Knows code points only."""


def well_formed(text: str) -> str:
    """`text` as it can be written in UTF-8: lone surrogates become U+FFFD, pairs are joined.

    >>> well_formed("a\\ud800b"), well_formed("\\ud83e\\udd8a")
    ('a\\ufffdb', '🦊')
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def without_controls(text: str) -> str:
    """`text` as a terminal shows it without obeying it: control characters as their pictures.

    >>> without_controls("\\x1b[31mred\\x07, \\x9b2J\\n")
    '␛[31mred␇, �2J\\n'
    """
    return text.translate(_PICTURES)


_PICTURES = {
    **{code: 0x2400 + code for code in range(32) if chr(code) not in "\n\t\r"},
    **dict.fromkeys(range(0x80, 0xA0), 0xFFFD),
    0x7F: 0x2421,
}
