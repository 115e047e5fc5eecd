"""One prompt under a grid: the same numbers in every cell, and only what is named differs."""

import pytest

from slm.errors import ConfigError, DataError
from slm.lab.grids import ALONE, Axis, Grid, GridConfig, grid_report, read_axis, write_grid
from slm.lab.reports import OpenedRun, open_run
from slm.sampling.config import SamplingConfig
from slm.sampling.generate import generate
from slm.workspace import Workspace

SHORT = GridConfig(samples=2, max_new_tokens=8)


@pytest.fixture(scope="module")
def opened(tiny_workspace: Workspace) -> OpenedRun:
    return open_run(tiny_workspace.runs.get("tiny"))


def written(opened: OpenedRun, rows: str, columns: str = "", base=SamplingConfig(seed=5)) -> Grid:  # noqa: B008
    *_, (share, grid) = write_grid(
        lambda model, step: opened, "Ben saw", base, read_axis(rows), read_axis(columns), SHORT
    )
    assert share == 1.0 and grid is not None
    return grid


def test_each_cell_holds_what_generate_writes_with_its_settings(opened: OpenedRun):
    grid = written(opened, "temperature=0.5,1.5", "top_k=5,0")
    for row, temperature in enumerate((0.5, 1.5)):
        for column, top_k in enumerate((5, 0)):
            for number, sample in enumerate(grid.at(row, column).samples):
                config = SamplingConfig(temperature=temperature, top_k=top_k, seed=5 + number)
                steps = list(
                    generate(
                        opened.model,
                        opened.tokenizer.encode("Ben saw"),
                        config,
                        8,
                        eos_id=opened.tokenizer.eos_id,
                    )
                )
                assert sample.seed == 5 + number and sample.n_tokens == len(steps)
                assert sample.logprob == pytest.approx(sum(s.logprob for s in steps), abs=1e-3)


def test_the_same_settings_give_the_same_text_to_the_last_letter(opened: OpenedRun):
    """Among one token there is nothing to choose, whatever the temperature."""
    grid = written(opened, "temperature=0.5,2", "top_k=1")
    first, second = grid.cells
    assert [s.text for s in first.samples] == [s.text for s in second.samples]
    assert all(sample.shared == len(sample.text) for sample in second.samples)
    assert first.variety.self_bleu == pytest.approx(1.0)


def test_one_column_can_be_shown_alone(opened: OpenedRun):
    alone = written(opened, "temperature=0.5,1", "top_k=1,5").only_column("5")
    assert alone.columns.values == ("5",) and [cell.config.top_k for cell in alone.cells] == [5, 5]


def test_models_and_steps_are_opened_by_what_the_axes_say(opened: OpenedRun):
    asked = []

    def open_(model: str, step: str) -> OpenedRun:
        asked.append((model, step))
        return opened

    axes = Axis("model", ("a", "b")), Axis("step", ("0", "7"))
    list(write_grid(open_, "Ben", SamplingConfig(), *axes, GridConfig(samples=1, max_new_tokens=2)))
    assert asked == [("a", "0"), ("a", "7"), ("b", "0"), ("b", "7")]


def test_who_leaves_ends_the_work(opened: OpenedRun):
    axis = read_axis("temperature=0.5,1")
    told = write_grid(lambda m, s: opened, "Ben", SamplingConfig(), axis, ALONE, SHORT)
    next(told)
    told.close()
    stopped = write_grid(
        lambda m, s: opened, "Ben", SamplingConfig(), axis, ALONE, SHORT, should_stop=lambda: True
    )
    assert all(grid is None for _, grid in stopped)


def test_the_report_names_rows_and_columns(opened: OpenedRun):
    cells = grid_report(written(opened, "temperature=0.5,1"))["cells"]
    assert [(cell["row"], cell["column"]) for cell in cells] == [("0.5", ""), ("1", "")]


@pytest.mark.parametrize(
    "text", ["heat=1", "temperature=", "temperature=hot", "top_k=1.5", "<b>=1", "temperature"]
)
def test_an_axis_that_cannot_be_is_refused(text: str):
    with pytest.raises(DataError):
        read_axis(text)


def test_values_out_of_bounds_and_too_many_texts_are_refused(opened: OpenedRun):
    with pytest.raises(ConfigError, match="temperature is -1"):
        read_axis("temperature=-1")
    with pytest.raises(DataError, match="texts"):
        written(opened, "top_k=" + ",".join(map(str, range(60))), "top_p=0.1,0.5")
    with pytest.raises(DataError, match="Both sides"):
        written(opened, "top_k=1", "top_k=2")


def test_values_come_once_and_in_their_order():
    assert read_axis("top-k = 10, 1,10").values == ("10", "1")
    assert read_axis("  ") == ALONE
