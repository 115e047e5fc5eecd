"""A grid of texts, ready to draw: headings, one measure's colours, words under each text.

Knows grids, neither models nor Streamlit.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from slm.lab.grids import SETTINGS, Axis, Cell, Grid, GridConfig
from slm.sampling.config import SamplingConfig
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.code import open_lines
from ui.view_models.sampling import percent

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "temperature": tr("Temperature"),
        "top_k": tr("Top-k"),
        "top_p": tr("Top-p"),
        "min_p": tr("Min-p"),
        "typical_p": tr("Typical p"),
        "repetition_penalty": tr("Repetition penalty"),
        "step": tr("Training step"),
        "model": tr("Model"),
    }
)
USUAL: Mapping[str, str] = MappingProxyType(
    {
        "temperature": "0.2, 0.7, 1, 1.4",
        "top_k": "1, 10, 0",
        "top_p": "0.5, 0.9, 1",
        "min_p": "0, 0.05, 0.2",
        "typical_p": "0.5, 0.9, 1",
        "repetition_penalty": "1, 1.2, 1.5",
    }
)


@dataclass(frozen=True)
class Measure:
    """One of a cell's figures. meaning ends the help; least and most are its bounds, if it has."""

    title: str
    meaning: str
    read: Callable[[Cell], float | None]
    tell: Callable[[float], str]
    most: float | None = None


def _share(value: float) -> str:
    return percent(value)


def _words(value: float) -> str:
    return tr("{value:.1f} words").format(value=value)


MEASURES: Mapping[str, Measure] = MappingProxyType(
    {
        "distinct_2": Measure(
            tr("Distinct pairs"),
            tr("different pairs of words among all pairs of a cell's texts (distinct-2)"),
            lambda cell: cell.variety.distinct_2,
            _share,
            1.0,
        ),
        "distinct_1": Measure(
            tr("Distinct words"),
            tr("different words among all words of a cell's texts (distinct-1)"),
            lambda cell: cell.variety.distinct_1,
            _share,
            1.0,
        ),
        "self_bleu": Measure(
            tr("Self-BLEU"),
            tr(
                "how alike a cell's texts are: 1 when all say the same, near 0 when none shares "
                "words"
            ),
            lambda cell: cell.variety.self_bleu,
            lambda value: f"{value:.2f}",
            1.0,
        ),
        "repeated_4": Measure(
            tr("Repeated 4-grams"),
            tr("runs of four words that stood in the same text before"),
            lambda cell: cell.variety.repeated_4,
            _share,
            1.0,
        ),
        "longest_repeat": Measure(
            tr("Longest repeat"),
            tr("the longest passage that stands in a text twice, averaged over the texts"),
            lambda cell: cell.variety.longest_repeat,
            _words,
        ),
        "n_words": Measure(
            tr("Length"),
            tr("words of a text, on average"),
            lambda cell: cell.variety.n_words,
            _words,
        ),
        "surprise": Measure(
            tr("Surprise"),
            tr("nats a token that the model itself sees in its text, before any filter"),
            lambda cell: cell.surprise,
            lambda value: tr("{value:.2f} nats").format(value=value),
        ),
    }
)


@dataclass(frozen=True)
class SampleView:
    """A text in two parts: what the first cell's begins with too, and the rest."""

    shared: str
    rest: str
    told: str


@dataclass(frozen=True)
class CellView:
    """A cell; place is that of its measure on the colour scale, None where it has none."""

    value: str
    place: float | None
    samples: tuple[SampleView, ...]


@dataclass(frozen=True)
class GridView:
    """What is drawn. low and high are the scale's ends in words; empty without a scale."""

    corner: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    cells: tuple[CellView, ...]
    n_samples: int
    seeds: tuple[str, ...]
    measure: str
    low: str
    high: str


def grid_view(grid: Grid, measure: str, labels: Mapping[str, str]) -> GridView:
    """The grid with one measure's colours. labels: names of models, by their ids."""
    asked = MEASURES.get(measure, MEASURES["distinct_2"])
    values = [asked.read(cell) for cell in grid.cells]
    known = [value for value in values if value is not None]
    top = asked.most if asked.most is not None else max(known, default=0.0)
    corner = " · ".join(
        f"{NAMES[axis.name]} {arrow}"
        for axis, arrow in ((grid.rows, "↓"), (grid.columns, "→"))
        if axis.name
    )
    return GridView(
        corner,
        tuple(_heading(grid.rows, value, labels) for value in grid.rows.values),
        tuple(_heading(grid.columns, value, labels) for value in grid.columns.values),
        tuple(
            CellView(
                tr("too short to tell") if value is None else asked.tell(value),
                None if value is None else value / top if top else 0.0,
                _samples(cell, plain=cell is grid.cells[0]),
            )
            for cell, value in zip(grid.cells, values, strict=True)
        ),
        len(grid.cells[0].samples),
        tuple(tr("seed {seed}").format(seed=sample.seed) for sample in grid.cells[0].samples),
        asked.title,
        asked.tell(0.0) if known else "",
        asked.tell(top) if known else "",
    )


def curve_points(grid: Grid, measure: str, labels: Mapping[str, str]) -> list[dict[str, object]]:
    """The measure of each cell for a chart: x along the columns, a series for each row."""
    asked = MEASURES.get(measure, MEASURES["distinct_2"])
    return [
        {
            "x": _heading(grid.columns, grid.columns.values[cell.column], labels),
            "series": _heading(grid.rows, grid.rows.values[cell.row], labels),
            "value": asked.read(cell),
        }
        for cell in grid.cells
    ]


def spaced(steps: tuple[int, ...], count: int = 4) -> tuple[int, ...]:
    """So many of the steps at even distances in the list, the first and the last among them.

    >>> spaced((0, 1, 2, 4, 8, 16, 32), 3)
    (0, 4, 32)
    """
    if len(steps) <= count:
        return steps
    last = len(steps) - 1
    return tuple(steps[round(place * last / (count - 1))] for place in range(count))


def grid_lines(
    run: Artefact,
    prompt: str,
    base: SamplingConfig,
    axes: tuple[Axis, Axis],
    config: GridConfig,
) -> str:
    """The command that writes the same grid without a browser."""
    rows, columns = (f"{axis.name}={','.join(axis.values)}" if axis.name else "" for axis in axes)
    changed = {
        field: getattr(base, field)
        for field in (*SETTINGS, "seed")
        if getattr(base, field) != SamplingConfig.model_fields[field].default
    }
    settings = "".join(f", {field}={value!r}" for field, value in changed.items()).lstrip(", ")
    return f"""{open_lines(run)}
from slm.lab.grids import GridConfig, grid_report, read_axis, write_grid
from slm.lab.reports import open_run
from slm.sampling.config import SamplingConfig


def opened_at(model, step):
    return open_run(workspace.get_model(model or {run.id!r}), int(step) if step else None)


*_, (_, grid) = write_grid(
    opened_at,
    {prompt!r},
    SamplingConfig({settings}),
    read_axis({rows!r}),
    read_axis({columns!r}),
    GridConfig(samples={config.samples}, max_new_tokens={config.max_new_tokens}),
)
for cell in grid_report(grid)["cells"]:
    print(cell["row"], cell["column"], cell["distinct_2"], cell["samples"][0]["text"])
"""


def _heading(axis: Axis, value: str, labels: Mapping[str, str]) -> str:
    """A row's or column's name, so that it can be read alone."""
    if axis.name == "model":
        return labels.get(value, value)
    if axis.name == "step":
        return tr("step {int:,}").format(int=int(value))
    if not axis.name:
        return tr("Texts")
    off = axis.name == "top_k" and value == "0"
    return tr("{names} {off}").format(names=NAMES[axis.name], off=tr("off") if off else value)


def _samples(cell: Cell, *, plain: bool) -> tuple[SampleView, ...]:
    """plain: the cell that the others are compared with, in which nothing is faint."""
    return tuple(
        SampleView(
            "" if plain else sample.text[: sample.shared],
            (sample.text if plain else sample.text[sample.shared :])
            or ("" if sample.text else tr("(no text)")),
            tr("{n_tokens:,} tokens · {ended}").format(
                n_tokens=sample.n_tokens,
                ended=tr("the model ended it") if sample.ended else tr("cut off"),
            ),
        )
        for sample in cell.samples
    )
