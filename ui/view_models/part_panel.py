"""One part of a model beside its drawing: figures, axes, and whose numbers they are, in words.

Pure; pictures come from `slm.model.pictures`, token texts are foreign.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Literal

from slm.model.config import ModelConfig
from slm.model.parts import Part, heads_of, parts_of, shape_of, weights_of
from slm.model.pictures import Cell, Picture
from ui.texts import plural, tr
from ui.view_models.model import summary
from ui.view_models.part_words import title_of

MOST_TOKENS = 24
_WHOLE_LINES, _CODE_PIXELS = 16, 420
ASPECTS = {
    "values": tr("Numbers"),
    "weights": tr("Weights"),
    "shapes": tr("Shapes"),
    "code": tr("Code"),
}
DRAWN = {"model": tr("current model"), "design": tr("my design")}
NOTHING_LEARNED = tr("Nothing is learned here: this part only computes.")
_CELL_NAMES: dict[Cell, str] = {"largest": tr("largest number"), "mean": tr("mean")}
CELLS: dict[Cell, str] = {"largest": tr("the largest number"), "mean": tr("the mean")}
_COLUMN: dict[str, str] = {
    "D": tr("dimension of the stream"),
    "K": tr("dimension of the head"),
    "F": tr("inner dimension"),
    "V": tr("token id"),
    "S": tr("key"),
}


@dataclass(frozen=True)
class HeatMap:
    """A picture with its words. Names are empty where rows or columns are numbered."""

    picture: Picture
    label: str
    row_title: str
    column_title: str
    axis: str
    row_names: tuple[str, ...]
    column_names: tuple[str, ...]
    cell: str
    shares: bool
    height: int


def values_heat(shown: Picture, part: Part, tokens: Sequence[str], cell: Cell) -> HeatMap:
    """What leaves a part, a row for each token."""
    letter = part.letters[-1]
    return HeatMap(
        picture=shown,
        label=tr("What leaves {name} for {n_tokens} tokens").format(
            name=part.name, n_tokens=len(tokens)
        ),
        row_title=tr("token"),
        column_title=_COLUMN[letter],
        axis=_COLUMN[letter],
        row_names=tuple(tokens),
        column_names=tuple(tokens) if letter == "S" else (),
        cell=_CELL_NAMES[cell],
        shares=part.name == "weights",
        height=440 if letter == "S" else 400,
    )


def weights_heat(shown: Picture, name: str, cell: Cell) -> HeatMap:
    """A learned tensor: rows are what comes out, columns what goes in."""
    table = "embedding" in name and name.endswith("weight")
    return HeatMap(
        picture=shown,
        label=tr("The weights {name}").format(name=name),
        row_title=(tr("position") if name.startswith("position") else tr("token id"))
        if table
        else tr("row"),
        column_title=tr("dimension of the stream") if table else tr("column"),
        axis=tr("rows: tokens or positions; columns: dimensions of the stream")
        if table
        else tr("rows: numbers that come out; columns: numbers that go in"),
        row_names=(),
        column_names=(),
        cell=_CELL_NAMES[cell],
        shares=False,
        height=260,
    )


def figures_of(shown: Picture) -> str:
    """Smallest, largest, mean and spread of all the numbers, and what the colours leave out.

    >>> import numpy as np
    >>> from slm.model.pictures import picture
    >>> figures_of(picture(np.array([[1.0, -1.0]]), cell="mean"))
    '1 × 2 numbers: smallest −1, largest 1, mean 0, standard deviation 1.'
    """
    told = tr(
        "{rows:,} × {columns:,} numbers: smallest {minimum}, largest "
        "{maximum}, mean {mean}, standard deviation {std}."
    ).format(
        rows=shown.rows,
        columns=shown.columns,
        minimum=_number(shown.minimum),
        maximum=_number(shown.maximum),
        mean=_number(shown.mean),
        std=_number(shown.std),
    )
    if shown.beyond:
        told += plural(
            " {beyond:,} lies beyond the colours' ends (±{limit}).",
            " {beyond:,} lie beyond the colours' ends (±{limit}).",
            shown.beyond,
        ).format(beyond=shown.beyond, limit=_number(shown.limit))
    if shown.missing:
        told += tr(" {missing:,} are hidden: no position looks ahead.").format(
            missing=shown.missing
        )
    return told


def heads_to_choose(config: ModelConfig, part: Part) -> int:
    """How many heads there are to choose from for a part's numbers or weights; 1 for none."""
    if part.name == "attention_output":
        return config.n_heads
    return heads_of(config, part)


def shape_rows(config: ModelConfig, part: Part, layer: int, n_tokens: int) -> dict[str, list[str]]:
    """What goes out and what was learned, as columns of a table."""
    rows = [(tr("what leaves it"), part.letters, _times(shape_of(config, part, n_tokens)), "")]
    rows += [
        (name, tr("weights"), _times(shape), f"{prod(shape):,}")
        for name, shape in weights_of(config, part, layer).items()
    ]
    titles = (tr("Tensor"), tr("Kind"), tr("Shape"), tr("Parameters"))
    return {title: [row[i] for row in rows] for i, title in enumerate(titles)}


@dataclass(frozen=True)
class Likely:
    """A token that could come next. `text` is foreign."""

    text: str
    probability: float


def likely_in_words(likely: Sequence[Likely]) -> str:
    """The likeliest next tokens with their probabilities.

    >>> likely_in_words([Likely("·fox", 0.5), Likely("·bear", 0.031)])
    'After the last token: ·fox 50%, ·bear 3.1%.'
    """
    told = ", ".join(f"{each.text} {_percent(each.probability)}" for each in likely)
    return tr("After the last token: {told}.").format(told=told)


def _percent(share: float) -> str:
    return f"{share:.0%}" if share >= 0.1 else f"{share:.1%}"


def letters_in_words(config: ModelConfig, n_tokens: int) -> str:
    """What the letters of shapes stand for.

    >>> letters_in_words(ModelConfig(), 5)[:46]
    'T = S = 5 tokens · D = 128 width · H = 4 heads'
    """
    return tr(
        "T = S = {n_tokens} tokens · D = {d_model:,} width · H = {n_heads} heads · "
        "G = {kv_heads} key-value heads · K = {head_width} head width · "
        "F = {d_ff:,} inner width · V = {vocab_size:,} vocabulary"
    ).format(
        n_tokens=n_tokens,
        d_model=config.d_model,
        n_heads=config.n_heads,
        kv_heads=config.kv_heads,
        head_width=config.head_width,
        d_ff=config.d_ff,
        vocab_size=config.vocab_size,
    )


def whose_numbers(name: str, step: int, model: ModelConfig, drawn: ModelConfig, place: str) -> str:
    """Which model the numbers are of; says so plainly where the drawing is of another shape.

    `name` is foreign text and is passed on as it is; `place` is from `place_in_words`.
    """
    told = tr("Numbers of {name}, step {step:,}").format(name=name, step=step)
    if model == drawn:
        return f"{told}{place}."
    return tr(
        "{told}{place}. It has another shape than the drawing ({model}); "
        "your design has no numbers before it is trained."
    ).format(told=told, place=place, model=summary(model))


def place_in_words(config: ModelConfig, part: Part, layer: int, head: int) -> str:
    """Which block and head of the model with numbers is shown.

    >>> from slm.model.parts import PARTS
    >>> place_in_words(ModelConfig(), PARTS["query"], 1, 3)
    ', block 1, head 3'
    """
    told = tr(", block {layer}").format(layer=layer) if part.in_block else ""
    return (
        tr("{told}, head {head}").format(told=told, head=head)
        if heads_to_choose(config, part) > 1
        else told
    )


def missing_there(part: Part, config: ModelConfig, drawn: ModelConfig) -> str | None:
    """Why the model with numbers, of shape `config`, has none for a part; None where it has."""
    if part in parts_of(config):
        return None
    return tr(
        "{drawn} is a part of your design. The current model has no such "
        "part, so there are no numbers to show."
    ).format(drawn=title_of(drawn, part.name))


def place_there(config: ModelConfig, part: Part, layer: int, head: int) -> tuple[int, int]:
    """Block and head in the model that has numbers; the drawing may have more of them.

    >>> from slm.model.parts import PARTS
    >>> place_there(ModelConfig(n_layers=2, n_heads=4, n_kv_heads=2), PARTS["key"], 5, 3)
    (1, 1)
    """
    return min(layer, config.n_layers - 1), min(head, heads_to_choose(config, part) - 1)


def head_note(config: ModelConfig, part: Part, head: int) -> str:
    """Which slice of a matrix is drawn, where heads share one."""
    if heads_to_choose(config, part) < 2 or part.name not in {"query", "key", "value"}:
        return (
            tr(", columns of head {head}").format(head=head)
            if part.name == "attention_output"
            else ""
        )
    return tr(", rows of head {head}").format(head=head)


def code_lines(run: str | None, part: Part, layer: int, head: int, text: str) -> str:
    """The `slm` lines that give the numbers shown; `run` and `text` are foreign."""
    if run is None:
        return (
            "from slm.model.config import PRESETS\n"
            "from slm.model.parts import PARTS, shape_of, weights_of\n\n"
            f'config, part = PRESETS["nano"], PARTS[{part.name!r}]\n'
            f"print(shape_of(config, part, n_tokens=12), weights_of(config, part, {layer}))"
        )
    return (
        "from slm.lab.reports import open_run\n"
        "from slm.model.anatomy import values_of, weight_matrix\n"
        "from slm.model.parts import PARTS, weights_of\n"
        "from slm.model.pictures import picture\n"
        "from slm.verbs.common import Common\n\n"
        f"run = open_run(Common().open().runs.get({run!r}))\n"
        f"ids, part = run.tokenizer.encode({text!r}), PARTS[{part.name!r}]\n"
        f"values = values_of(run.model, ids[:{MOST_TOKENS}], part, layer={layer}, head={head})\n"
        'print(values.shape, picture(values.numpy(), cell="largest"))\n'
        f"for name in weights_of(run.model.config, part, {layer}):\n"
        "    print(name, weight_matrix(run.model, name, part).std())"
    )


def cut_note(n_tokens: int, most: int) -> str | None:
    """That only the beginning of a long text is read."""
    if n_tokens <= most:
        return None
    return tr("The text has {n_tokens:,} tokens; the first {most} are shown.").format(
        n_tokens=n_tokens, most=most
    )


def code_height(source: str) -> int | Literal["content"]:
    """Pixels for a function's source: short ones whole, long ones to be scrolled."""
    return "content" if source.count("\n") <= _WHOLE_LINES else _CODE_PIXELS


def _times(shape: Sequence[int]) -> str:
    return " × ".join(f"{size:,}" for size in shape)


def _number(value: float) -> str:
    text = f"{value:.3g}"
    return text.replace("-", "−")
