"""Damaged, odd and hostile files: each is refused in a sentence with a place, or kept and counted.

Most run through the reading process's own functions in this process; what only a
process can promise (limits, crashes, an end with its parent) is in `test_ingest`.
"""

import io
import json
import re
import time
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from slm.data.reading import frames, ingest, ingest_worker
from slm.data.reading.content import Tally
from slm.errors import DataError
from tests.data.reading import hostile_files as made
from tests.data.reading.hostile_files import STORY, stories, zipped

SECONDS = 15.0  # for one file, on a busy machine


@dataclass
class Read:
    """What came of a file."""

    texts: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    tally: Tally = field(default_factory=Tally)
    how_split: str = ""


def read(path: Path, **how: Any) -> Read:
    """Read a file as the reading process does, frames and all."""
    request = ingest._request(path, ingest.HowToRead(), ingest.UPLOAD)
    written, tally = io.BytesIO(), Tally()
    voice = ingest_worker._Voice(written, None)
    ingest_worker._documents({**request, **how}, tally, voice)
    written.seek(0)
    found = Read(tally=tally)
    while (frame := frames.read_frame(written)) is not None:
        head, body = frame
        found.how_split = head.get("opened", {}).get("how_split", found.how_split)
        if "runs" in head:
            found.texts += frames.unpack(body)
            found.sources += [source for source, n in head["runs"] for _ in range(n)]
    return found


def bytes_of(data: bytes | str) -> bytes:
    return data if isinstance(data, bytes) else data.encode()


ROWS = "\n".join(json.dumps({"id": i, "text": f"{i}: {STORY}"}) for i in range(20))
TABLE = "id,text\n" + "\n".join(f'{i},"{i}: {STORY}"' for i in range(20))
DEEP = "[" * 100_000 + "]" * 100_000

REFUSED: dict[str, tuple[str, bytes | str, str]] = {
    # text
    "empty": ("a.txt", b"", r"^a\.txt is empty\. Choose"),
    "one character": ("a.txt", b"x", "holds 1 characters; a corpus needs at least 40"),
    "blanks": ("a.txt", b" \n\t " * 50, "only blanks: 200 bytes"),
    "a mark and nothing else": ("a.txt", b"\xef\xbb\xbf", "only blanks"),
    "separators alone": ("a.txt", "<|endoftext|>\n" * 50, "only blanks"),
    "NUL": ("a.txt", b"some text\0" + b"more" * 20, r"not text: NUL at byte 9\."),
    "NUL far behind": ("a.txt", b"word " * 500_000 + b"\0", r"NUL at byte 2,500,000\."),
    "a picture": ("a.txt", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" * 30, "not text: NUL at byte 8"),
    "packed text": ("a.txt", made.packed_as_text(), "not text: NUL at byte"),
    "controls": ("a.txt", bytes(range(1, 32)) * 9, r"not text: \d+ of its 27\d characters"),
    "a program": ("a.md", b"\x7fELF\x02\x01\x01\0" * 20, "NUL at byte 7"),
    # endings
    "a sheet": ("a.xlsx", b"PK", r"ending '\.xlsx'.*Save the sheet as \.csv"),
    "an old document": ("a.doc", b"x", r"ending '\.doc'.*Save it as \.docx"),
    "plain JSON": ("a.json", b"{}", r"ending '\.json'.*one object a line"),
    "no ending": ("README", STORY, "ending 'of no kind'"),
    # tables
    "an empty table": ("a.csv", b"", "is empty"),
    "a header alone": ("a.csv", "id,text\n", "no column of text. Its columns are: 'id', 'text'"),
    "numbers alone": ("a.csv", "a,b\n1,2\n3,4\n", "no column of text. Its columns are: 'a', 'b'"),
    "commas alone": ("a.csv", ",,,\n,,,\n", "no column of text"),
    "NUL in a cell": ("a.csv", TABLE + "\n21,a\0b", "NUL at byte"),
    "commas without quotation marks": (
        "a.csv",
        "id,text\n1,so, it began\n2,so, it went on\n",
        "no row that can be read; row 1: 3 cells for 2 columns.*quotation marks",
    ),
    "blank lines alone": ("a.csv", "\n\n\n", "holds no rows"),
    "numbers in columns with tabs": ("a.tsv", "1\t2\n3\t4\n", "no column of text"),
    # JSON Lines
    "no JSON at all": ("a.jsonl", stories(3), r"line 1: no JSON .*Each line must be an object"),
    "lists": ("a.jsonl", "[1]\n[2]\n", "line 1: a list, not an object"),
    "only deep lists": ("a.jsonl", DEEP, "line 1: lists or objects are nested too deep"),
    "null": ("a.ndjson", "null\n", "line 1: a NoneType, not an object"),
    "no text in it": ("a.jsonl", '{"n": 1}\n{"n": 2}\n', "no column of text.*'n'"),
    "blank texts": ("a.jsonl", '{"n": 1, "text": " "}\n', "no row with text in column 'text'"),
    # Parquet
    "no Parquet": ("a.parquet", STORY, "damaged Parquet file"),
    "an empty Parquet": ("a.parquet", b"", "is empty"),
    "a Parquet with a name twice": (
        "a.parquet",
        made.parquet_of(["text", "text"], [[STORY], [STORY]]),
        "several columns named 'text'",
    ),
    "half a Parquet": ("a.parquet", made.parquet({"text": [STORY] * 9})[:300], "damaged Parquet"),
    "Parquet magic": ("a.parquet", b"PAR1\xff\xff\xff\x7fPAR1", "damaged Parquet"),
    "Parquet of numbers": ("a.parquet", made.parquet({"n": [1, 2]}), "no column of text.*'n'"),
    "Parquet without rows": (
        "a.parquet",
        made.parquet({"text": made.pa.array([], made.pa.string())}),
        "no row with text",
    ),
    "Parquet of nothing": (
        "a.parquet",
        made.parquet({"text": made.pa.array([None] * 9, made.pa.string())}),
        "no row with text in column 'text'",
    ),
    "a Parquet bomb": ("a.parquet", made.parquet_bomb(), "more than 50 MB of text"),
    # pages
    "no PDF": ("a.pdf", STORY, "a damaged PDF"),
    "an empty PDF": ("a.pdf", b"", "is empty"),
    "half a PDF": ("a.pdf", made.pdf(STORY)[:60], "a damaged PDF"),
    "a scan": ("a.pdf", made.pdf("", ""), r"no text on its 2 pages.*OCR"),
    "a locked PDF": ("a.pdf", made.pdf(STORY, encrypted=True), "locked with a password"),
    # Word
    "no Word document": ("a.docx", STORY, "damaged or locked Word document"),
    "an empty Word document": ("a.docx", b"", "is empty|damaged or locked"),
    "a locked Word document": ("a.docx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" * 99, "locked Word"),
    "another zip": ("a.docx", zipped({"a.txt": STORY}), "damaged or locked Word document"),
    "no XML in it": ("a.docx", made.word_with(b"<<<"), "damaged or locked Word document"),
    "no words in it": ("a.docx", made.word(""), "only blanks"),
    "a Word bomb": (
        "a.docx",
        made.with_size(made.word(STORY), 700_000_000),
        r"unpacks to 70\d MB; 500 MB",
    ),
    "entities that laugh": ("a.docx", made.word_with_entity(made.laughs()), "Word document|holds"),
    # HTML
    "scripts alone": ("a.html", "<script>alert(1)</script>" * 20, "only blanks"),
    "NUL in a page": ("a.html", "<p>a\0b</p>", "NUL at byte 4"),
    "tags alone": ("a.htm", "<div>" * 5_000, "only blanks"),
    # archives
    "no archive": ("a.zip", STORY, "a damaged zip archive"),
    "an empty archive": ("a.zip", zipped({}), "no file that can be read"),
    "half an archive": ("a.zip", zipped({"a.txt": stories(99)})[:200], "a damaged zip archive"),
    "pictures alone": ("a.zip", zipped({"b.png": b"x"}), r"b\.png: the ending '\.png' is not read"),
    "an archive in an archive": (
        "a.zip",
        zipped({"b.zip": zipped({"c.txt": STORY})}),
        r"b\.zip: an archive in an archive",
    ),
    "a locked member": (
        "a.zip",
        made.with_flag(zipped({"b.txt": STORY}), 1),
        r"b\.txt: locked with a password",
    ),
    "a bomb": ("a.zip", made.zip_bomb(60), r"unpacks to 63 MB; an upload may hold 50 MB"),
    "a bomb by its word": (
        "a.zip",
        made.with_size(zipped({"b.txt": STORY}), 4_000_000_000),
        r"unpacks to 4,000 MB",
    ),
    "too many members": (
        "a.zip",
        zipped({f"{i}.txt": b"" for i in range(20_001)}, zipfile.ZIP_STORED),
        "holds 20,001 files; at most 20,000",
    ),
    "a name that leads out": ("a.zip", zipped({"../b.txt": STORY}), "leads out of the archive"),
    "a name from the root": ("a.zip", zipped({"/etc/b.txt": STORY}), "leads out of the archive"),
    "a name with a drive": ("a.zip", zipped({"C:\\b.txt": STORY}), "leads out of the archive"),
    "a name that climbs": ("a.zip", zipped({"x\\..\\..\\b.txt": STORY}), "leads out"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_read_is_refused_with_place_and_remedy(tmp_path, case):
    name, data, said = REFUSED[case]
    path = tmp_path / name
    path.write_bytes(bytes_of(data))
    started = time.monotonic()
    with pytest.raises(DataError) as refused:
        read(path)
    assert re.search(said, str(refused.value)), str(refused.value)
    assert name in str(refused.value) or "not read" in str(refused.value)
    assert str(refused.value).endswith((".", ")."))
    assert time.monotonic() - started < SECONDS


LONG = "x" * 3_000_000
KEPT: dict[str, tuple[str, bytes | str, int, dict[str, int], str]] = {
    # text: (name, bytes, documents, counts, first problem)
    "damage in UTF-8": ("a.txt", ("Zoë " * 50).encode() + b"\xc3(", 1, {"replaced": 1}, ""),
    "a character cut at the end": (
        "a.txt",
        ("Zoë " * 50 + "é").encode()[:-1],
        1,
        {"replaced": 1},
        "",
    ),
    "halves of surrogate pairs": (
        "a.txt",
        ("Zoë " * 50).encode() + b"\xed\xa0\x80",
        1,
        {"replaced": 3},
        "",
    ),
    "a slash written too long": (
        "a.txt",
        ("Zoë " * 50).encode() + b"\xc0\xaf",
        1,
        {"replaced": 2},
        "",
    ),
    "Windows-1252": ("a.txt", ("Zoë’s café. " * 9).encode("cp1252"), 1, {}, ""),
    "UTF-16": ("a.txt", STORY.encode("utf-16"), 1, {}, ""),
    "UTF-16 without a mark": ("a.txt", STORY.encode("utf-16-be"), 1, {}, ""),
    "UTF-32": ("a.txt", STORY.encode("utf-32"), 1, {}, ""),
    "half a UTF-16 character": ("a.txt", STORY.encode("utf-16") + b"x", 1, {"replaced": 1}, ""),
    "a line without blanks": ("a.txt", LONG, 1_500, {"lines_cut": 1}, ""),
    "a very long line": ("a.txt", "A long tale. " * 250_000, 1_634, {}, ""),
    "only line ends before it": ("a.txt", "\n" * 200_000 + STORY, 1, {}, ""),
    "old line ends": ("a.txt", f"{STORY}\r\r{STORY}", 1, {}, ""),
    "bidi, joiners, emoji": ("a.txt", f"{STORY} \u202eevil\u202c \u200d \u2028 👩‍🚀", 1, {}, ""),
    "escape codes": ("a.txt", f"{STORY} {STORY} \x1b[31mred\x1b[0m", 1, {}, ""),
    # tables
    "a cell of 200 KB": (
        "a.csv",
        f'id,text\n1,"{"word " * 40_000}"\n2,{STORY}',
        2,
        {"kept": 2},
        "",
    ),
    "a cell of 9 MB": (
        "a.csv",
        f"text,id\n{STORY},1\n{'x' * 9_000_000},2\n{STORY},3\n",
        2,
        {"skipped": 1},
        "^row 2: field larger than field limit",
    ),
    "rows too long": ("a.csv", f"{TABLE}\n21,x,y", 20, {"skipped": 1}, "row 21: 3 cells for 2 col"),
    "rows too short": ("a.csv", f"{TABLE}\n21", 20, {"skipped": 1}, "row 21: no text in column"),
    "a quote never closed": ("a.csv", f'{TABLE}\n21,"{STORY}\n22,x', 21, {"kept": 21}, ""),
    "commas at the end": ("a.csv", f"text,id\n{STORY},1,,\n{STORY},2,,\n", 2, {"kept": 2}, ""),
    "names twice": ("a.csv", f"text,text\n{STORY},x\n{STORY},y\n", 2, {"kept": 2}, ""),
    "no names": ("a.csv", f"1,{STORY}\n2,{STORY}\n", 2, {"kept": 2}, ""),
    "thousands of columns": ("a.csv", "c," * 5_000 + f"text\n{',' * 5_000}{STORY}\n", 1, {}, ""),
    "from a sheet": ("a.csv", b"\xef\xbb\xbf" + f"id;text\r\n1;{STORY}\r\n".encode(), 1, {}, ""),
    "formulas": ("a.csv", f"id,text\n1,=cmd|' /C calc'!A0 {STORY}\n", 1, {}, ""),
    "line ends in cells": ("a.csv", f'id,text\n1,"{STORY}\r\n\r\n{STORY}"\n', 1, {}, ""),
    # JSON Lines
    "a bad line": ("a.jsonl", f"{ROWS}\n{{oops", 20, {"skipped": 1}, "line 21: no JSON"),
    "a torn text": ("a.jsonl", f'{ROWS}\n{{"text": "a', 20, {"skipped": 1}, "starting at char"),
    "a deep line": ("a.jsonl", f"{ROWS}\n{DEEP}", 20, {"skipped": 1}, "line 21: .* too deep"),
    "NaN for text": ("a.jsonl", f'{ROWS}\n{{"text": NaN}}', 20, {"skipped": 1}, "line 21: no text"),
    "NaN beside text": ("a.jsonl", f'{{"x": NaN, "text": "{STORY}"}}', 1, {"kept": 1}, ""),
    "a huge number": ("a.jsonl", f'{{"x": {"9" * 9_000}, "text": "{STORY}"}}', 1, {"kept": 1}, ""),
    "half a pair": ("a.jsonl", f'{{"text": "\\ud800 {STORY}"}}', 1, {"replaced": 1}, ""),
    "a key twice": ("a.jsonl", f'{{"text": "x", "text": "{STORY}"}}', 1, {"kept": 1}, ""),
    "plain strings": ("a.jsonl", f'"{STORY}"\n"{STORY}"', 2, {"kept": 2}, ""),
    "other objects": ("a.jsonl", f'{ROWS}\n{{"a": 1}}', 20, {"skipped": 1}, "line 21: no text"),
    "a list for text": ("a.jsonl", f'{ROWS}\n{{"text": ["a"]}}', 20, {"skipped": 1}, "line 21"),
    "JSON in UTF-16": ("a.jsonl", ROWS.encode("utf-16"), 20, {"kept": 20}, ""),
    "a torn last line": ("a.jsonl", ROWS[:-20], 19, {"skipped": 1}, "line 20: no JSON"),
    "a text of 9 MB": ("a.jsonl", json.dumps({"text": "word " * 1_800_000}), 0, {}, ""),
    # Parquet
    "text in bytes": ("a.parquet", made.parquet({"n": [1], "body": [STORY.encode()]}), 1, {}, ""),
    "rows without text": (
        "a.parquet",
        made.parquet({"text": [STORY, None, "", STORY]}),
        2,
        {"skipped": 2},
        "row 2: no text in column 'text'",
    ),
    # pages
    "a PDF": ("a.pdf", made.pdf(STORY, STORY), 1, {}, ""),
    "a page without text": ("a.pdf", made.pdf(STORY, ""), 1, {"without_text": 1}, ""),
    "an outer entity": (
        "a.docx",
        made.word_with_entity('<!ENTITY e SYSTEM "file:///etc/passwd">'),
        1,
        {},
        "",
    ),
    "100,000 nested elements": ("a.html", "<div>" * 100_000 + STORY, 1, {}, ""),
    "nested tables": ("a.html", "<table><tr><td>" * 20_000 + STORY, 1, {}, ""),
    "tags never closed": ("a.html", f"<p>{STORY}<b><i><p><a href='{STORY}", 1, {}, ""),
    "a lie about letters": ("a.html", f'<meta charset="no-such">{STORY} Zoë', 1, {}, ""),
    "a long attribute": ("a.html", f'<p title="{"x" * 2_000_000}">{STORY}</p>', 1, {}, ""),
    # archives
    "a link": ("a.zip", made.symlink("/etc/passwd"), 1, {"files_skipped": 1}, "link.txt: a link"),
    "damage in one file": (
        "a.zip",
        zipped({"good.txt": STORY, "bad.txt": b"\0" * 99}),
        1,
        {"files_skipped": 1},
        r"^bad\.txt is not text: NUL at byte 0",
    ),
    "a bad row in one file": (
        "a.zip",
        zipped({"t/rows.jsonl": f"{ROWS}\n{{"}),
        20,
        {"skipped": 1},
        r"^t/rows\.jsonl, line 21: no JSON",
    ),
    "twins by name": ("a.zip", zipped({"é.txt": STORY, "e\u0301.txt": STORY}), 2, {}, ""),
    "a name of 300 letters": ("a.zip", zipped({"n" * 300 + ".txt": STORY}), 1, {}, ""),
    "a name of a device": ("a.zip", zipped({"CON.txt": STORY}), 1, {}, ""),
    "markup in a name": ("a.zip", zipped({"<img src=x>.txt": STORY}), 1, {}, ""),
    "what a Mac hides": ("a.zip", zipped({"__MACOSX/._a.txt": b"\0", "a.txt": STORY}), 1, {}, ""),
    "a wrong sum": (
        "a.zip",
        zipped({"a.txt": STORY, "b.txt": "B" * 99}, zipfile.ZIP_STORED).replace(
            b"B" * 99, b"C" * 99
        ),
        1,
        {"files_skipped": 1},
        r"^b\.txt in a\.zip cannot be unpacked \(Bad CRC",
    ),
    "a size too small": (
        "a.zip",
        made.with_size(zipped({"a.txt": stories(9), "b.txt": STORY}), 50),
        1,
        {"files_skipped": 1},
        r"^a\.txt in a\.zip cannot be unpacked",
    ),
    "an unknown method": (
        "a.zip",
        made.with_method(zipped({"a.txt": STORY, "b.txt": STORY}), 77),
        1,
        {"files_skipped": 1},
        r"^a\.txt in a\.zip cannot be unpacked",
    ),
}
_NAMES = {
    "replaced": "replaced_characters",
    "kept": "rows_kept",
    "skipped": "rows_skipped",
    "without_text": "pages_without_text",
}


@pytest.mark.parametrize("case", KEPT)
def test_what_can_be_read_is_kept_and_the_rest_is_counted(tmp_path, case):
    name, data, documents, counts, problem = KEPT[case]
    path = tmp_path / name
    path.write_bytes(bytes_of(data))
    started = time.monotonic()
    found = read(path)
    assert time.monotonic() - started < SECONDS
    assert len(found.texts) == documents or not documents
    assert found.texts
    facts = dict(found.tally.facts())
    told = {_NAMES.get(key, key): value for key, value in counts.items()}
    assert {key: facts.get(key) for key in told} == told
    assert re.search(problem, str(facts.get("first_problem", "")))
    if not problem:
        assert "first_problem" not in facts


def test_a_file_that_another_names_is_never_opened(tmp_path):
    path = tmp_path / "a.docx"
    (tmp_path / "secret").write_text("the secret")
    entity = f'<!ENTITY e SYSTEM "file://{tmp_path}/secret">'
    path.write_bytes(made.word_with_entity(entity))
    assert "the secret" not in read(path).texts[0] and STORY in read(path).texts[0]


def test_hidden_signs_come_through_unchanged(tmp_path):
    text = f"{STORY} \u202eevil\u202c a\u200db \u2028 \u0085 👩‍🚀"
    (tmp_path / "a.txt").write_text(text, encoding="utf-8")
    assert read(tmp_path / "a.txt").texts == [text]


@pytest.mark.parametrize("seed", range(30))
@pytest.mark.parametrize("kind", ["parquet", "zip", "docx", "pdf"])
def test_damaged_bytes_never_cost_more_than_a_sentence(tmp_path, kind, seed):
    whole = {
        "parquet": lambda: made.parquet({"text": [f"{i} {STORY}" for i in range(50)]}),
        "zip": lambda: zipped({"a.txt": stories(20), "b.jsonl": ROWS}),
        "docx": lambda: made.word(STORY, STORY),
        "pdf": lambda: made.pdf(STORY, STORY),
    }[kind]()
    path = tmp_path / f"a.{kind}"
    path.write_bytes(made.flipped(whole, seed))
    try:
        found = read(path)
    except DataError as refused:
        assert "a." in str(refused)
    else:
        assert found.texts or found.tally.problems
