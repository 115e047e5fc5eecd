"""A grid ready to draw: headings, colours of a measure, where texts part."""

from slm.lab.grids import Axis, Cell, Grid, Sample
from slm.sampling.config import SamplingConfig
from slm.sampling.diversity import variety
from ui.figures.grids import curves
from ui.view_models.grids import MEASURES, curve_points, grid_view


def cell(column: int, texts: tuple[str, ...], shared: int) -> Cell:
    samples = tuple(Sample(n, text, 4, -2.0, True, shared) for n, text in enumerate(texts))
    return Cell(0, column, SamplingConfig(), "run", 0, samples, variety(texts), 0.5, 4.0)


GRID = Grid(
    Axis("", ("",)),
    Axis("model", ("r1", "r2")),
    (cell(0, ("a b a b", "a b a b"), 7), cell(1, ("a b c d", "<b> e f g"), 3)),
    (),
)
LABELS = {"r1": "Demo", "r2": "<b>mine</b>"}


def test_cells_have_a_value_and_its_place_on_the_scale():
    """Pairs of the first cell: ab, ba, ab, twice: two of six are different."""
    view = grid_view(GRID, "distinct_2", LABELS)
    assert view.columns == ("Demo", "<b>mine</b>") and view.rows == ("Texts",)
    assert view.cells[0].value == "33%" and round(view.cells[0].place or 0, 2) == 0.33
    assert (view.low, view.high) == ("0%", "100%")


def test_what_the_first_cell_says_too_is_told_apart():
    view = grid_view(GRID, "n_words", LABELS)
    assert view.cells[0].samples[0].shared == ""
    assert (view.cells[1].samples[0].shared, view.cells[1].samples[0].rest) == ("a b", " c d")


def test_a_measure_that_needs_longer_texts_says_so():
    short = Grid(GRID.rows, Axis("top_k", ("0",)), (cell(0, ("a",), 0),), ())
    view = grid_view(short, "self_bleu", {})
    assert view.cells[0].value == "too short to tell" and view.cells[0].place is None
    assert view.low == "" and view.columns == ("Top-k off",)


def test_every_measure_is_drawn_with_names_that_are_no_markup():
    for name, measure in MEASURES.items():
        figure = curves(curve_points(GRID, name, LABELS), measure.title)
        assert list(figure.data[0].x) == ["Demo", "&lt;b&gt;mine&lt;/b&gt;"]
