"""Single documents out of a corpus, and parts of it at random, without reading the rest.

Reads only the groups of rows that hold what is asked for.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from slm.data.corpus import Corpus
from slm.data.documents import StoredDocument
from slm.data.stored import DOCUMENTS
from slm.errors import DataError

_STRETCHES = 40
_STRETCH_CHARACTERS = 100_000


class Group(NamedTuple):
    """A group of rows of a corpus: `rows` documents, of which `first` is the first one's id."""

    path: Path
    number: int
    first: int
    rows: int

    def read(self, *columns: str) -> Any:
        """Those columns as an Arrow table.

        Raises: DataError when the file is damaged.
        """
        try:
            with pq.ParquetFile(self.path) as part:
                return part.read_row_group(self.number, columns=list(columns))
        except (pa.ArrowException, OSError) as error:
            raise _damaged(self.path, error) from error


def groups(corpus: Corpus) -> list[Group]:
    """Every group of rows of a corpus, in order.

    Raises: DataError when the files are missing or damaged.
    """
    paths = sorted((corpus.folder / DOCUMENTS).glob("*.parquet"))
    if not paths:
        raise DataError("The corpus has lost its documents. Prepare it again.")
    found: list[Group] = []
    first = 0
    for path in paths:
        try:
            kept = pq.read_metadata(path)
        except (pa.ArrowException, OSError) as error:
            raise _damaged(path, error) from error
        for number in range(kept.num_row_groups):
            rows = kept.row_group(number).num_rows
            found.append(Group(path, number, first, rows))
            first += rows
    return found


def find_documents(corpus: Corpus, ids: Sequence[int]) -> list[StoredDocument]:
    """The documents with these ids, in the order asked for; ids that are not there are left out.

    Raises: DataError when the corpus is damaged.
    """
    wanted = sorted({int(each) for each in ids})
    found: dict[int, StoredDocument] = {}
    for group in groups(corpus):
        here = [each - group.first for each in wanted if 0 <= each - group.first < group.rows]
        if here:
            rows = group.read(*StoredDocument._fields).take(pa.array(here)).to_pylist()
            found.update((row["id"], StoredDocument(**row)) for row in rows)
    return [found[int(each)] for each in ids if int(each) in found]


def split_ids(corpus: Corpus, split: str) -> NDArray[np.int64]:
    """The ids of the documents of one split, in order.

    Raises: DataError when the corpus is damaged.
    """
    splits = [group.read("split")["split"].to_pylist() for group in groups(corpus)]
    return np.flatnonzero(np.array([name == split for part in splits for name in part], np.bool_))


def random_documents(corpus: Corpus, seed: int = 0) -> Iterator[tuple[int, str]]:
    """Ids and texts of documents from places all over the corpus, none twice.

    Short stretches of neighbours: at least 40 of them, and at least one from each group of
    rows, the groups in random order.

    Raises: DataError when the corpus is damaged.
    """
    chance = random.Random(seed)
    order = groups(corpus)
    chance.shuffle(order)
    for group in order:
        texts = group.read("text")["text"]
        given: set[int] = set()
        for _ in range(-(-_STRETCHES // len(order))):
            row, held = chance.randrange(group.rows), 0
            while row < group.rows and row not in given and held < _STRETCH_CHARACTERS:
                text = str(texts[row].as_py())
                yield group.first + row, text
                given.add(row)
                row, held = row + 1, held + len(text)


def _damaged(path: Path, error: Exception) -> DataError:
    return DataError(f"The corpus is damaged in {path.name} ({error}). Prepare it again.")
