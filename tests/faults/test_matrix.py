"""Every row of the table in README.md names tests, and they are there."""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
ROW = re.compile(r"^\| (\d+) \|.*\| (`[^|]+) \|$", re.MULTILINE)
ROWS = {*range(20, 28), *range(32, 67)}


def test_each_row_of_the_matrix_names_tests_that_there_are():
    found = dict(ROW.findall((TESTS / "faults" / "README.md").read_text("utf-8")))
    assert {int(row) for row in found} == ROWS
    for row, cell in found.items():
        for named in re.findall(r"`([^`]+)`", cell):
            name, _, test = named.partition("::")
            assert (TESTS / name).is_file(), f"row {row}: {named}"
            told = (TESTS / name).read_text("utf-8")
            assert not test or f"def {test}(" in told, f"row {row}: {named}"
