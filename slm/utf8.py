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
