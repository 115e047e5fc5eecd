"""Tables: their delimiter, their header, the column that holds the text."""

import pytest

from slm.data.reading.content import Content, Tally
from slm.data.reading.csv_tables import open_csv
from slm.data.reading.json_lines import open_json_lines
from slm.data.reading.parquet_tables import open_parquet
from slm.data.reading.tables import Column, choose_text_column, texts_of
from slm.errors import DataError
from tests.data.reading.hostile_files import STORY, parquet


def csv_of(text: str, name: str = "a.csv", tally: Tally | None = None):
    return open_csv(Content.of_bytes(text.encode(), name), tally or Tally())


def names(table) -> list[str]:
    return [column.name for column in table.columns]


@pytest.mark.parametrize(
    ("sign", "name"), [(",", "comma"), ("\t", "tab"), (";", "semicolon"), ("|", "bar")]
)
def test_the_sign_between_cells_is_found(sign, name):
    rows = [["id", "tale"], ["1", f'"One{sign} two."'], ["2", "Three"]]
    table = csv_of("\n".join(sign.join(row) for row in rows))
    assert table.delimiter == sign
    assert [row["tale"] for row in table.first_rows] == [f"One{sign} two.", "Three"]


def test_commas_in_prose_do_not_win_over_the_tabs_of_a_tsv():
    table = csv_of("id\ttext\n1\tOne, two, three.\n2\tFour, five.\n", "a.tsv")
    assert names(table) == ["id", "text"]


def test_a_single_column_is_a_table_too():
    tally = Tally()
    table = csv_of("text\nA tale.\nAnother tale.\n", tally=tally)
    assert list(texts_of(table, "text", tally)) == ["A tale.", "Another tale."]


@pytest.mark.parametrize("first", ["1,Once upon a time", f"{STORY * 2},x", ",", "2024,3.5"])
def test_a_first_row_that_is_no_header_is_a_row(first):
    table = csv_of(f"{first}\n2,Another tale\n")
    assert names(table) == ["column 1", "column 2"]
    assert len(table.first_rows) == 2


def test_columns_are_named_once_each():
    assert names(csv_of("text,,text\na,b,c\n")) == ["text", "column 2", "text (column 3)"]


def test_kinds_are_those_of_most_cells():
    table = csv_of('n,words,none\n1,one,\n2.5,two,\n"1,000",3,\n')
    assert [column.kind for column in table.columns] == ["number", "text", "empty"]


@pytest.mark.parametrize(
    ("columns", "wanted", "chosen"),
    [
        ([("summary", 900.0), ("text", 20.0)], None, "text"),
        ([("summary", 900.0), ("TEXT ", 20.0)], None, "TEXT "),
        ([("title", 20.0), ("Sentence", 10.0)], None, "Sentence"),
        ([("title", 20.0), ("tale", 300.0)], None, "tale"),
        ([("title", 20.0), ("tale", 300.0)], "title", "title"),
    ],
)
def test_the_text_is_in_a_usual_column_or_in_the_longest(columns, wanted, chosen):
    known = [Column(name, "text", length) for name, length in columns]
    assert choose_text_column(known, wanted, "a.csv") == chosen


def test_a_wrong_column_is_told_with_those_that_there_are():
    known = [Column(f"c{i}", "number") for i in range(30)]
    with pytest.raises(DataError, match=r"no column 'x'\. Its columns are: 'c0', .* and 10 more"):
        choose_text_column(known, "x", "a.csv")
    with pytest.raises(DataError, match="no column of text"):
        choose_text_column(known, None, "a.csv")


def test_rows_without_text_are_counted_with_their_places():
    tally = Tally()
    lines = f'{{"text": "{STORY}"}}\n{{"text": null}}\n\n{{"text": 3}}\n{{"text": "x"}}\n'
    table = open_json_lines(Content.of_bytes(lines.encode(), "a.jsonl"), tally)
    assert list(texts_of(table, "text", tally)) == [STORY, "x"]
    assert (tally.rows_kept, tally.rows_skipped) == (2, 2)
    assert tally.problems == [
        "line 2: no text in column 'text'",
        "line 4: no text in column 'text'",
    ]


def test_of_a_parquet_table_only_the_text_is_read():
    data = parquet({"id": [1, 2], "note": ["a", "b"], "tale": [STORY, STORY * 2]})
    table = open_parquet(Content.of_bytes(data, "a.parquet"), None)
    assert [set(row) for _, row in table.rows] == [{"tale"}, {"tale"}]
    assert table.n_rows == 2 and table.first_rows[0]["note"] == "a"


def test_halves_of_surrogate_pairs_in_names_can_be_shown():
    row = b'{"\\ud800": 1, "text": "Once upon a time"}'
    assert names(open_json_lines(Content.of_bytes(row, "a.jsonl"), Tally())) == ["?", "text"]


def test_many_problems_are_counted_and_few_are_kept():
    tally = Tally()
    lines = "\n".join(['{"text": "x"}', *["no JSON"] * 100])
    table = open_json_lines(Content.of_bytes(lines.encode(), "a.jsonl"), tally)
    assert list(texts_of(table, "text", tally)) == ["x"]
    assert tally.rows_skipped == 100 and len(tally.problems) == 20
    assert dict(tally.facts())["first_problem"].startswith("line 2: no JSON")
