"""Files that are damaged, odd or out to harm, each built in a few lines."""

import codecs
import gzip
import io
import random
import stat
import struct
import zipfile
from collections.abc import Mapping

import docx
import pyarrow as pa
import pyarrow.parquet as pq

STORY = "The fox ran home through the snow and slept until noon beside the stove."


def stories(number: int) -> str:
    return "\n".join(f"Story {i}: {STORY}" for i in range(number))


def zipped(members: Mapping[str, bytes | str], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", method) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return held.getvalue()


def zipped_entries(*entries: tuple[zipfile.ZipInfo, bytes | str]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for info, data in entries:
            archive.writestr(info, data)
    return held.getvalue()


def zip_bomb(megabytes: int) -> bytes:
    """A member of blanks that unpacks to a thousand times its size."""
    held = io.BytesIO()
    with (
        zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("bomb.txt", "w") as member,
    ):
        for _ in range(megabytes):
            member.write(b" " * 2**20)
    return held.getvalue()


def with_size(archive: bytes, declared: int) -> bytes:
    """The archive, its list saying that the first member has another size."""
    place = archive.index(b"PK\x01\x02")
    return archive[: place + 24] + struct.pack("<I", declared) + archive[place + 28 :]


def with_flag(archive: bytes, flag: int) -> bytes:
    """The archive, the first member marked in its list (1 is encrypted)."""
    place = archive.index(b"PK\x01\x02")
    return archive[: place + 8] + struct.pack("<H", flag) + archive[place + 10 :]


def with_method(archive: bytes, method: int) -> bytes:
    """The archive, the first member packed by a method that nobody knows."""
    data = bytearray(archive)
    place = archive.index(b"PK\x01\x02")
    data[place + 10 : place + 12] = data[8:10] = struct.pack("<H", method)
    return bytes(data)


def flipped(data: bytes, seed: int, times: int = 12) -> bytes:
    """The same bytes, some of them changed."""
    dice, changed = random.Random(seed), bytearray(data)
    for _ in range(times):
        changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    return bytes(changed)


def symlink(target: str) -> bytes:
    info = zipfile.ZipInfo("link.txt")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    return zipped_entries((info, target), (zipfile.ZipInfo("good.txt"), STORY))


def parquet(columns: Mapping[str, object], **settings: object) -> bytes:
    held = io.BytesIO()
    pq.write_table(pa.table(dict(columns)), held, **settings)
    return held.getvalue()


def parquet_of(names: list[str], columns: list[list[str]]) -> bytes:
    """A table whose names may repeat."""
    held = io.BytesIO()
    pq.write_table(pa.table([pa.array(cells) for cells in columns], names=names), held)
    return held.getvalue()


def parquet_bomb(rows: int = 1_000_000, characters: int = 20_000) -> bytes:
    """A few hundred bytes that mean rows × characters: one text, said a million times."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * rows, pa.int32()), ["x" * characters])
    return parquet({"text": text}, compression="zstd")


def pdf(*pages: str, encrypted: bool = False) -> bytes:
    """A PDF in which each page shows one line; blank for a page without text."""
    objects = ["<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(pages)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>")
    objects.append("<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>")
    for i, line in enumerate(pages):
        escaped = line.replace("(", r"\(").replace(")", r"\)")
        drawing = f"BT /F1 12 Tf 20 700 Td ({escaped}) Tj ET" if line else ""
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 2000 800] /Resources << /Font << /F1 3 0 R"
            f" >> >> /Contents {5 + 2 * i} 0 R >>"
        )
        objects.append(f"<< /Length {len(drawing)} >>\nstream\n{drawing}\nendstream")
    locked = ""
    if encrypted:
        key = "<" + "ab" * 32 + ">"
        objects.append(f"<< /Filter /Standard /V 1 /R 2 /O {key} /U {key} /P -4 >>")
        locked = f" /Encrypt {len(objects)} 0 R /ID [<00> <00>]"
    out, places = io.BytesIO(b"%PDF-1.4\n"), []
    out.seek(0, io.SEEK_END)
    for number, body in enumerate(objects, start=1):
        places.append(out.tell())
        out.write(f"{number} 0 obj\n{body}\nendobj\n".encode())
    start = out.tell()
    out.write(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n".encode())
    out.writelines(f"{place:010d} 00000 n \n".encode() for place in places)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R{locked} >>\nstartxref\n{start}\n"
    out.write(trailer.encode() + b"%%EOF\n")
    return out.getvalue()


def word(*paragraphs: str) -> bytes:
    held = io.BytesIO()
    document = docx.Document()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.save(held)
    return held.getvalue()


def word_with(xml: bytes) -> bytes:
    """A Word document whose main part is this XML."""
    held = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(word("x"))) as old, zipfile.ZipFile(held, "w") as new:
        for info in old.infolist():
            is_main = info.filename == "word/document.xml"
            new.writestr(info.filename, xml if is_main else old.read(info))
    return held.getvalue()


_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def word_with_entity(declaration: str) -> bytes:
    """A Word document that declares entities and uses one beside a story."""
    return word_with(
        f'<?xml version="1.0"?><!DOCTYPE x [{declaration}]>'
        f'<w:document xmlns:w="{_W}"><w:body><w:p><w:r><w:t>{STORY} &e;</w:t></w:r></w:p>'
        "</w:body></w:document>".encode()
    )


def laughs(depth: int = 9) -> str:
    """Entities that each name the one before ten times."""
    entities = ['<!ENTITY a0 "ha">']
    entities += [f'<!ENTITY a{i} "{f"&a{i - 1};" * 10}">' for i in range(1, depth)]
    return "".join(entities) + f'<!ENTITY e "&a{depth - 1};">'


def packed_as_text() -> bytes:
    return gzip.compress(stories(200).encode(), mtime=0)


BOM_16 = codecs.BOM_UTF16_LE
