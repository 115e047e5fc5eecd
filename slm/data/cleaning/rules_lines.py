"""Rules about lines: join those that were broken to fit a page, drop those of the frame.

Knows lines within a document and, for boilerplate, which lines many documents share.
"""

import re
from collections.abc import Iterable
from hashlib import blake2b

_MIN_WIDTH, _MAX_WIDTH = 50, 130  # characters of a full line of wrapped prose
_ALONE = re.compile(r"\s*(?:[>#|]|```|~~~)")  # quotations, headings, tables, fences
_BEGINS = re.compile(r"\s|[*+•·–-]\s|\d{1,3}[.)]\s|[a-zA-Z][.)]\s")  # indents and list items
_CODE_END = re.compile(r"[{};\\=|]\s*$")
_FENCE = re.compile(r"(?:```|~~~)")
_SENTENCE_END = re.compile(r"[.!?:;…][\"'”’)\]]*$")
_BROKEN_WORD = re.compile(r"([^\W\d_]+)([-\u00ad\u2010])$")
_WORD_START = re.compile(r"[^\W\d_]+")
_NO_SPACE = re.compile(r"[\u3000-\u30ff\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]")


def unwrap_lines(text: str) -> str:
    """Paragraphs whose lines were broken at a page's width as one line each.

    A paragraph was wrapped when its lines are so full that the first word of the next never
    fitted. Verse, lists, quotations, tables and code are left as they are: their lines are
    short, indented, marked, or begin with capitals in mid-sentence. A word broken by a hyphen
    is joined; the hyphen stays where the document writes the word so elsewhere.
    """
    if "\n" not in text:
        return text
    lines = text.split("\n")
    joined: list[str] = []
    block: list[str] = []
    in_fence = False
    words = _Words(text)
    for line in lines:
        in_fence ^= bool(_FENCE.match(line))
        alone = in_fence or not line.strip() or _ALONE.match(line)
        if alone or _BEGINS.match(line):
            joined += _joined(block, words)
            block = []
        if alone:
            joined.append(line)
        else:
            block.append(line)
    joined += _joined(block, words)
    return text if len(joined) == len(lines) else "\n".join(joined)


class _Words:
    """Which words a text holds, found out when first asked."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._held: set[str] | None = None

    def __contains__(self, word: str) -> bool:
        if self._held is None:
            self._held = set(re.findall(r"[^\W\d_]+(?:-[^\W\d_]+)*", self._text.lower()))
        return word.lower() in self._held


def _joined(block: list[str], words: _Words) -> list[str]:
    """The lines of a block as one, where it was wrapped; else as they are."""
    begin = 0  # behind the lines that say who speaks, or what follows
    while len(block) - begin > 2 and _announces(block[begin]):
        begin += 1
    ahead, block = block[:begin], block[begin:]
    if len(block) < 2 or not _was_wrapped(block):
        return [*ahead, *block]
    paragraph = [block[0].rstrip()]
    for line in map(str.strip, block[1:]):
        before = paragraph[-1]
        broken, start = _BROKEN_WORD.search(before), _WORD_START.match(line)
        if broken and start and (start[0].islower() or broken[2] == "\u00ad"):
            whole, hyphened = broken[1] + start[0], f"{broken[1]}-{start[0]}"
            stays = broken[2] != "\u00ad" and hyphened in words and whole not in words
            paragraph[-1] = before[: broken.end(1)] + ("-" if stays else "")
        elif not (_NO_SPACE.match(line) and _NO_SPACE.match(before[-1:])):
            paragraph.append(" ")
        paragraph.append(line)
    return [*ahead, "".join(paragraph)]


def _announces(line: str) -> bool:
    return len(line) < _MIN_WIDTH and line.rstrip().endswith(":")


def _was_wrapped(block: list[str]) -> bool:
    lengths = [len(line.rstrip()) for line in block]
    width = max(lengths)
    if not _MIN_WIDTH <= width <= _MAX_WIDTH:
        return False
    breaks = list(zip(block, lengths, block[1:], strict=False))
    full = sum(size + 1 + len(after.split(maxsplit=1)[0]) > width for _, size, after in breaks)
    if full < 0.8 * len(breaks) or any(_CODE_END.search(line) for line in block):
        return False
    in_sentence = [after for before, _, after in breaks if not _SENTENCE_END.search(before)]
    capitals = sum(after[:1].isupper() for after in in_sentence)
    if len(block) == 2 and (not in_sentence or capitals):  # one break proves little
        return False
    return capitals <= 0.5 * len(in_sentence)


_MAX_LINE = 200  # a longer line is a paragraph, not a frame
_MIN_DOCUMENTS = 5
_MOST_LINES = 200_000  # remembered lines, by their hashes
_DIGITS = re.compile(r"\d+")
_LETTER_OR_DIGIT = re.compile(r"[^\W_]")
_PHRASES = re.compile(
    r"(?:skip|jump) to (?:main |the )?(?:content|navigation|search)\W*"
    r"|(?:we|this (?:web)?site|our (?:web)?sites?) uses? cookies\b.*"
    r"|(?:accept|reject|manage|allow) (?:all )?cookies\W*|cookie (?:settings|policy|preferences)\W*"
    r"|(?:©|\(c\)|copyright\b).{0,100}\ball rights reserved\W*|all rights reserved\W*"
    r"|(?:privacy policy|terms (?:of (?:use|service)|and conditions))(?:\W{1,3}.{0,60})?"
    r"|(?:share|follow us|like us|tweet|pin it)(?: this)?(?: \w+)? on (?:facebook|twitter|x|"
    r"instagram|linkedin|pinterest|whatsapp)\W*"
    r"|(?:subscribe|sign up) (?:to|for) (?:our|the) (?:\w+ )?newsletter\b.{0,60}"
    r"|(?:log|sign) ?in\W{0,3}(?:(?:sign up|register|create (?:an )?account)\W*)?"
    r"|back to (?:the )?top\W*|read more\W*|advertisement\W*|related (?:articles|posts)\W*"
    r"|page \d{1,4} (?:of|/) \d{1,4}\W*|\[?edit\]?"
    r"|\*\*\* ?(?:start|end) of (?:the|this) project gutenberg ebook\b.*",
    re.IGNORECASE,
)


class Boilerplate:
    """Drops the lines that a frame repeats around the text of many documents.

    A line goes when it is a known phrase (cookie notices, "Skip to content"), or when it
    stands in more than `percent` of the documents so far and in at least 5. Numbers count as
    equal, so that "Page 3" and "Page 4" are one line; a document counts a line once.

    `learn` gives it documents ahead of the pass. Later documents are judged by what came
    before them, so a line that begins to recur late is seen a few times first. Of each line a
    hash and a count are kept, of at most 200,000 lines: the rarest are forgotten then, which
    spares lines and never drops more.
    """

    def __init__(self, percent: float) -> None:
        self._share = percent / 100
        self._counts: dict[bytes, int] = {}
        self._documents = 0
        self._learned = 0

    def learn(self, texts: Iterable[str]) -> None:
        """Count the lines of documents that will come."""
        for text in texts:
            self._count(self._keys(text.split("\n")))
            self._learned += 1

    def __call__(self, text: str) -> str:
        """The text without its frame."""
        lines = text.split("\n")
        keys = self._keys(lines)
        if self._learned:
            self._learned -= 1
        else:
            self._count(keys)
        most = max(_MIN_DOCUMENTS, self._share * self._documents)
        kept = [
            line for line, key in zip(lines, keys, strict=True) if not self._goes(line, key, most)
        ]
        return text if len(kept) == len(lines) else "\n".join(kept)

    def _goes(self, line: str, key: bytes | None, most: float) -> bool:
        if key is None:
            return False
        return self._counts.get(key, 0) >= most or _PHRASES.fullmatch(line.strip()) is not None

    def _keys(self, lines: list[str]) -> list[bytes | None]:
        """A hash for each line that may be boilerplate."""
        keys: list[bytes | None] = []
        for line in lines:
            bare = line.strip()
            if len(bare) > _MAX_LINE or not _LETTER_OR_DIGIT.search(bare):
                keys.append(None)
                continue
            same = _DIGITS.sub("0", bare).casefold().encode(errors="replace")
            keys.append(blake2b(same, digest_size=8).digest())
        return keys

    def _count(self, keys: list[bytes | None]) -> None:
        self._documents += 1
        for key in set(keys):
            if key is not None:
                self._counts[key] = self._counts.get(key, 0) + 1
        while len(self._counts) > _MOST_LINES:
            self._counts = {key: count - 1 for key, count in self._counts.items() if count > 1}
