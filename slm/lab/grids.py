"""One prompt written side by side: under two settings, by several models, at several steps.

The same random numbers in every cell: its first text is drawn with the seed, its second with the
next, and so on, so that only what the axes name differs. Here runs, tokenizers and the engine
meet; what is measured lives in `slm/sampling/diversity.py`.
"""

import math
from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, NamedTuple

from pydantic import Field

from slm.config import Config
from slm.errors import DataError
from slm.lab.reports import OpenedRun
from slm.sampling.config import SamplingConfig
from slm.sampling.diversity import Variety, variety
from slm.sampling.engine import Ticket, engine_for
from slm.sampling.generate import fit_prompt
from slm.sampling.steps import Step

SETTINGS = ("temperature", "top_k", "top_p", "min_p", "typical_p", "repetition_penalty")
SOURCES = ("step", "model")
MOST_TEXTS = 200
_AT_ONCE = 16  # texts asked for ahead of the one that is waited for; others write too


class GridConfig(Config):
    """How many texts each cell holds, and how long they are."""

    samples: int = Field(
        3,
        ge=1,
        le=16,
        description="Texts in each cell, each with a seed of its own, the same in all cells.",
    )
    max_new_tokens: int = Field(
        60, ge=1, le=500, description="Tokens of each text at most; it may end before."
    )


class Axis(NamedTuple):
    """What differs along one side: a setting, "step" or "model"; and its values, as written."""

    name: str
    values: tuple[str, ...]


ALONE = Axis("", ("",))
"""A side along which nothing differs."""


@dataclass(frozen=True)
class Sample:
    """One text. shared: characters at its beginning that the grid's first cell has too.

    logprob (nats) is the model's own for the whole text; ended: the model ended it.
    """

    seed: int
    text: str
    n_tokens: int
    logprob: float
    ended: bool
    shared: int


@dataclass(frozen=True)
class Cell:
    """The texts at one place of the grid, and what is measured of them together.

    surprise: nats a token, the model's own and before any filter. n_tokens: mean length.
    """

    row: int
    column: int
    config: SamplingConfig
    run: str
    step: int
    samples: tuple[Sample, ...]
    variety: Variety
    surprise: float
    n_tokens: float


@dataclass(frozen=True)
class Grid:
    """All cells, row by row, and what was said of the prompt."""

    rows: Axis
    columns: Axis
    cells: tuple[Cell, ...]
    notes: tuple[str, ...]

    def at(self, row: int, column: int) -> Cell:
        """The cell at this place."""
        return self.cells[row * len(self.columns.values) + column]

    def only_column(self, value: str) -> "Grid":
        """The cells of one column alone."""
        column = self.columns.values.index(value)
        cells = (replace(cell, column=0) for cell in self.cells if cell.column == column)
        return replace(self, columns=Axis(self.columns.name, (value,)), cells=tuple(cells))


def read_axis(text: str) -> Axis:
    """An axis as it is typed, its values in their order and each once; nothing is no axis.

    >>> read_axis("temperature=0.2,0.8")
    Axis(name='temperature', values=('0.2', '0.8'))

    Raises: DataError for a name that is no setting, no values, or ones that are no numbers.
    """
    if not text.strip():
        return ALONE
    name, _, listed = text.partition("=")
    name = name.strip().replace("-", "_")
    values = tuple(dict.fromkeys(filter(None, (part.strip() for part in listed.split(",")))))
    if name not in (*SETTINGS, *SOURCES):
        raise DataError(
            f"{name!r} is no side of a grid; these are: {', '.join((*SETTINGS, *SOURCES))}."
        )
    if not values:
        raise DataError(f"No values stand behind {name!r}. Write some, as in temperature=0.5,1.")
    axis = Axis(name, values)
    for value in values if name in SETTINGS else ():
        _with(SamplingConfig(), name, value)
    return axis


def require_size(rows: Axis, columns: Axis, config: GridConfig) -> int:
    """How many texts the grid has.

    Raises: DataError for the same name on both sides, or too many texts.
    """
    if rows.name and rows.name == columns.name:
        raise DataError(f"Both sides are {rows.name!r}. Choose another for one of them.")
    n_texts = len(rows.values) * len(columns.values) * config.samples
    if n_texts > MOST_TEXTS:
        raise DataError(
            f"This grid would hold {n_texts:,} texts, and {MOST_TEXTS} are the most. Take fewer "
            "values, or fewer texts in each cell."
        )
    return n_texts


def write_grid(
    open_: Callable[[str, str], OpenedRun],
    prompt: str,
    base: SamplingConfig,
    rows: Axis,
    columns: Axis,
    config: GridConfig,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[tuple[float, Grid | None], None, None]:
    """Write all cells, telling which share is done; the last item has the grid.

    open_(model, step) gives the run that a cell writes with; "" where no side names it. Leaving
    the loop, or should_stop, ends the work; the texts that were asked for are then let go.

    Raises: DataError as `require_size` and `fit_prompt`; what open_ raises.
    """
    n_texts = require_size(rows, columns, config)
    places = [
        (row, column) for row in range(len(rows.values)) for column in range(len(columns.values))
    ]
    asked = _asked(open_, prompt, base, rows, columns, config, places)
    waiting: deque[_Asked] = deque()
    found: list[tuple[_Asked, list[Step]]] = []
    notes: dict[str, None] = {}
    try:
        while len(found) < n_texts:
            while len(waiting) < _AT_ONCE and (one := next(asked, None)) is not None:
                waiting.append(one)
                notes |= dict.fromkeys(one.notes)
            one = waiting[0]
            steps: list[Step] = []
            for step in one.ticket.steps(should_stop):
                steps.append(step)
                if len(steps) % 8 == 0:
                    part = min(1.0, len(steps) / config.max_new_tokens)
                    yield (len(found) + part) / n_texts, None
            if should_stop():
                return
            waiting.popleft()
            found.append((one, steps))
            yield len(found) / n_texts, None
    finally:
        for one in waiting:
            one.ticket.cancel()
    yield 1.0, Grid(rows, columns, _cells(found, places, config), tuple(notes))


def grid_report(grid: Grid) -> dict[str, Any]:
    """The grid as JSON."""
    return {
        "rows": {"name": grid.rows.name, "values": list(grid.rows.values)},
        "columns": {"name": grid.columns.name, "values": list(grid.columns.values)},
        "notes": list(grid.notes),
        "cells": [
            {
                "row": grid.rows.values[cell.row],
                "column": grid.columns.values[cell.column],
                "run": cell.run,
                "step": cell.step,
                "surprise_nats": cell.surprise,
                "tokens": cell.n_tokens,
                **asdict(cell.variety),
                "samples": [asdict(sample) for sample in cell.samples],
            }
            for cell in grid.cells
        ],
    }


@dataclass(frozen=True)
class _Asked:
    """A text that is being written, and for which cell."""

    place: int
    seed: int
    config: SamplingConfig
    opened: OpenedRun
    prompt_ids: tuple[int, ...]
    notes: tuple[str, ...]
    ticket: Ticket


def _asked(
    open_: Callable[[str, str], OpenedRun],
    prompt: str,
    base: SamplingConfig,
    rows: Axis,
    columns: Axis,
    config: GridConfig,
    places: Sequence[tuple[int, int]],
) -> Iterator[_Asked]:
    """Ask for the texts one by one, cell by cell."""
    for place, (row, column) in enumerate(places):
        chosen = {rows.name: rows.values[row], columns.name: columns.values[column]}
        opened = open_(chosen.get("model", ""), chosen.get("step", ""))
        settings = _settings(base, chosen)
        cut, shape = opened.tokenizer, opened.model.config
        fitted = fit_prompt(cut.encode(prompt), shape.vocab_size, shape.context_length, cut.eos_id)
        engine = engine_for(opened.model)
        for number in range(config.samples):
            seed = (base.seed + number) % 2**31
            with_seed = settings.replace(seed=seed)
            ticket = engine.submit(
                fitted.ids, with_seed, config.max_new_tokens, eos_id=cut.eos_id, n_top=0
            )
            yield _Asked(place, seed, settings, opened, fitted.ids, fitted.notes, ticket)


def _settings(base: SamplingConfig, chosen: Mapping[str, str]) -> SamplingConfig:
    for name, value in chosen.items():
        if name in SETTINGS:
            base = _with(base, name, value)
    return base


def _with(config: SamplingConfig, name: str, value: str) -> SamplingConfig:
    """Raises: DataError for what is no number; ConfigError for one out of bounds."""
    try:
        number = int(value) if name == "top_k" else float(value)
    except ValueError:
        raise DataError(f"{name} is {value!r}; it must be a number.") from None
    return config.replace(**{name: number})


def _cells(
    found: Sequence[tuple[_Asked, list[Step]]],
    places: Sequence[tuple[int, int]],
    config: GridConfig,
) -> tuple[Cell, ...]:
    first: list[str] = []
    cells = []
    for begin in range(0, len(found), config.samples):
        part = found[begin : begin + config.samples]
        texts = [_text(asked, steps) for asked, steps in part]
        first = first or texts
        samples = tuple(
            Sample(
                asked.seed,
                text,
                len(steps),
                math.fsum(step.logprob for step in steps),
                bool(steps) and steps[-1].ends,
                _n_shared(text, first[number]),
            )
            for number, ((asked, steps), text) in enumerate(zip(part, texts, strict=True))
        )
        one = part[0][0]
        n_tokens = sum(sample.n_tokens for sample in samples)
        cells.append(
            Cell(
                *places[one.place],
                one.config,
                one.opened.id,
                one.opened.step,
                samples,
                variety(texts),
                -math.fsum(sample.logprob for sample in samples) / max(1, n_tokens),
                n_tokens / len(samples),
            )
        )
    return tuple(cells)


def _text(asked: _Asked, steps: Sequence[Step]) -> str:
    decoder = asked.opened.tokenizer.decoder(asked.prompt_ids)
    pieces = [decoder.push(step.id) for step in steps if not step.ends]
    return "".join(pieces) + decoder.flush()


def _n_shared(text: str, other: str) -> int:
    """Characters at the beginning of both."""
    pairs = enumerate(zip(text, other, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(text), len(other)))
