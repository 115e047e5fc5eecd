"""`merges.jsonl`: what was learned, in order, with counts, which `tokenizer.json` cannot hold.

A line a merge: pair, count and bytes, each byte as the character of that number (Latin-1).
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from slm import files
from slm.tokenizer.bpe import Merge

MERGES_FILE = "merges.jsonl"


def write_merges(folder: Path, merges: Iterable[Merge]) -> None:
    """Write the merges into the folder."""
    lines = [
        json.dumps(
            {
                "pair": [piece.decode("latin-1") for piece in merge.pair],
                "count": merge.count,
                "bytes": merge.bytes.decode("latin-1"),
            }
        )
        for merge in merges
    ]
    files.write_bytes(folder / MERGES_FILE, "".join(f"{line}\n" for line in lines).encode())


def read_counts(folder: Path, pairs: Sequence[tuple[bytes, bytes]]) -> list[int | None] | None:
    """The counts in the folder's file, or None where it is missing or is not about these pairs."""
    path = folder / MERGES_FILE
    if not path.exists():
        return None
    try:
        lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        told = [tuple(piece.encode("latin-1") for piece in line["pair"]) for line in lines]
        return [line["count"] for line in lines] if told == list(pairs) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
