"""How big? One number, the parameters that are wanted, becomes a sensible shape. No torch.

The rule, in the order in which it decides:

- blocks: L = 12 · (D / 768)^0.7, so that deeper models are also wider. We laid the curve
  through GPT-2 (12 blocks of width 768), TinyLlama (22 of 2,048) and Phi-3 Mini (32 of
  3,072). How much depth a width can use grows slowly with it (Levine et al. 2020), and near
  the curve the loss is flat: shapes that differ by a factor of two or three differ by a few
  percent (Kaplan et al. 2020, figure 5).
- heads: 32 numbers wide in models narrower than 256, 64 below 2,048, else 128, as published
  models have them; query heads share key-value heads by twos, by fours from 16 on
  (Ainslie et al. 2023).
- feed-forward: about 8/3 of the width, which gives SwiGLU the parameters of a plain part
  of 4 widths (Shazeer 2020, section 3). It takes up what the coarser steps leave over.
- vocabulary, where none is given: a power of two near 3,500 · (N / 1M)^0.45. Parameters of
  the vocabulary are best grown as N^0.83 (Tao et al. 2024); over a width that grows about as
  N^0.38, that is N^0.45 tokens. A shape whose vocabulary takes more than four fifths of all
  parameters is left out: it would be a table of words with hardly a model behind it.

Widths are multiples of 8, from 256 on of 32, from 512 on of 64, which matrix units like.
"""

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from math import ceil, floor, log, log2, sqrt

from slm.errors import ConfigError
from slm.model.config import PRESETS, ModelConfig, parameter_counts

SMALLEST, LARGEST = 100_000, 3_000_000_000
"""What the dial asks for at its ends, in parameters."""

_WIDTHS = (*range(16, 256, 8), *range(256, 512, 32), *range(512, 4097, 64))
_LEAST_FF, _MOST_FF = 1.5, 4.0  # feed-forward widths over the model's
_USUAL_FF = 8 / 3
_FEWEST_TOKENS, _MOST_TOKENS = 512, 65_536
_TOKENS_AT_1M, _TOKENS_GROW = 3500, 0.45
_MOST_VOCABULARY = 0.8  # of all parameters
_CONTEXTS = ((0, 256), (5_000_000, 512), (60_000_000, 1024), (500_000_000, 2048))
_UNITS = {"": 1, "k": 1e3, "m": 1e6, "b": 1e9, "g": 1e9}


@dataclass(frozen=True)
class _Rung:
    """One depth and width, and the model sizes for which they are taken."""

    n_layers: int
    d_model: int
    low: float
    high: float


def shape_for(
    parameters: int, *, vocab_size: int | None = None, context_length: int | None = None
) -> ModelConfig:
    """The shape that comes nearest to so many parameters; more wanted never gives fewer.

    >>> shape = shape_for(10_000_000)
    >>> shape.n_layers, shape.d_model, shape.d_ff, shape.vocab_size
    (7, 320, 840, 8192)

    Raises: ConfigError where the vocabulary alone is larger, or outside SMALLEST to LARGEST.
    """
    if not SMALLEST <= parameters <= LARGEST:
        raise ConfigError(
            f"{parameters:,} parameters were asked for; choose from {SMALLEST:,} to {LARGEST:,}."
        )
    tokens = vocab_size or _vocabulary(parameters)
    low, high = (0.0, float("inf")) if vocab_size else _band(tokens)
    context = context_length or _context(parameters)
    found = min(
        (
            (abs(size - parameters), size, shape)
            for size, shape in _candidates(parameters, tokens, context)
            if low <= size < high
        ),
        key=lambda each: each[:2],
        default=None,
    )
    smallest = smallest_size(tokens)
    if found is None or parameters < 0.95 * smallest:
        raise ConfigError(
            f"With a vocabulary of {tokens:,} tokens the smallest shape has {smallest:,} "
            f"parameters; {parameters:,} were asked for. Ask for more, or use a tokenizer with "
            "fewer tokens."
        )
    return found[2]


def smallest_size(vocab_size: int) -> int:
    """The fewest parameters that a shape of this rule has with that vocabulary."""
    first = _ladder(vocab_size)[0]
    narrow = _shape(first.n_layers, first.d_model, 8 * ceil(_LEAST_FF * first.d_model / 8))
    return _size(narrow.replace(vocab_size=vocab_size))


def nearest_preset(parameters: int) -> str:
    """The preset of about that size: whose recipe suits it.

    >>> nearest_preset(10_000_000), nearest_preset(2_000_000_000)
    ('mini', 'tinyllama-1.1b')
    """
    return min(PRESETS, key=lambda name: abs(log(_size(PRESETS[name]) / parameters)))


def parse_size(text: str) -> int:
    """A number of parameters as a person writes it.

    >>> parse_size("10M"), parse_size("1.1b"), parse_size("250 k"), parse_size("300,000")
    (10000000, 1100000000, 250000, 300000)

    Raises: ConfigError for anything else.
    """
    plain = text.strip().replace(",", "").replace("_", "").lower()
    number, unit = (plain[:-1], plain[-1]) if plain[-1:].isalpha() else (plain, "")
    try:
        return round(float(number) * _UNITS[unit])
    except (ValueError, KeyError, OverflowError):
        raise ConfigError(
            f"{text[:40]!r} is no size; write parameters as 300k, 10M or 1.1B."
        ) from None


def sizes(count: int = 90, *, vocab_size: int | None = None) -> tuple[int, ...]:
    """Places for a dial: round numbers that grow evenly, from the smallest shape to LARGEST."""
    least = SMALLEST if vocab_size is None else max(SMALLEST, smallest_size(vocab_size))
    factor = (LARGEST / least) ** (1 / (count - 1))
    told = {_two_digits(least * factor**place) for place in range(count)}
    return tuple(sorted(size for size in {*told, least} if least <= size <= LARGEST))


def _two_digits(number: float) -> int:
    unit = int(10 ** (len(str(round(number))) - 2))
    return round(number / unit) * unit


def _vocabulary(parameters: float) -> int:
    wanted: float = _TOKENS_AT_1M * (parameters / 1e6) ** _TOKENS_GROW
    return int(min(_MOST_TOKENS, max(_FEWEST_TOKENS, 2 ** round(log2(wanted)))))


def _band(tokens: int) -> tuple[float, float]:
    """The sizes for which `_vocabulary` gives so many tokens."""

    def edge(between: float) -> float:
        return 1e6 * float((between / _TOKENS_AT_1M) ** (1 / _TOKENS_GROW))

    low = 0.0 if tokens == _FEWEST_TOKENS else edge(tokens / sqrt(2))
    return low, float("inf") if tokens == _MOST_TOKENS else edge(tokens * sqrt(2))


def _context(parameters: float) -> int:
    return _CONTEXTS[bisect_right([least for least, _ in _CONTEXTS], parameters) - 1][1]


def _candidates(
    parameters: int, vocab_size: int, context_length: int
) -> Iterator[tuple[int, ModelConfig]]:
    """The shapes on either side of the wanted size, on its rung and on the neighbours."""
    ladder = _ladder(vocab_size)
    here = bisect_right([rung.low for rung in ladder], parameters) - 1
    for rung in ladder[max(0, here - 1) : here + 2]:
        width = rung.d_model
        step = 64 if width >= 2048 else 8
        narrow = _shape(rung.n_layers, width, step).replace(
            vocab_size=vocab_size, context_length=context_length
        )
        least = _size(narrow)
        per_step = 3 * rung.n_layers * width * step
        wanted = 1 + (parameters - least) / per_step
        inside = (1 + (rung.low - least) / per_step, 1 + (rung.high - least) / per_step)
        first = max(ceil(_LEAST_FF * width / step), ceil(inside[0]))
        last = min(floor(_MOST_FF * width / step), ceil(inside[1]) - 1)
        for steps in {floor(wanted), ceil(wanted), first, last}:
            if first <= steps <= last:
                shape = narrow.replace(d_ff=steps * step)
                yield least + (steps - 1) * per_step, shape


@cache
def _ladder(vocab_size: int) -> tuple[_Rung, ...]:
    """Depths and widths by size. Each serves up to halfway (in ratio) to the next."""
    steps = list(_depths_and_widths(vocab_size))
    usual = [_usual_size(layers, width, vocab_size) for layers, width in steps]
    middles = [sqrt(small * large) for small, large in pairwise(usual)]
    edges = [0.0, *middles, float("inf")]
    return tuple(
        _Rung(layers, width, low, high)
        for (layers, width), low, high in zip(steps, edges[:-1], edges[1:], strict=True)
    )


def _depths_and_widths(vocab_size: int) -> Iterator[tuple[int, int]]:
    """Neither ever falls, and what they come to always grows."""
    depth, largest = 2, 0
    for width in _WIDTHS:
        wanted = max(2, round(12 * (width / 768) ** 0.7))
        for layers in range(depth, wanted + 1):
            size = _usual_size(layers, width, vocab_size)
            vocabulary = vocab_size * width
            if size > largest and vocabulary <= _MOST_VOCABULARY * size:
                largest = size
                yield layers, width
        depth = wanted


def _shape(n_layers: int, d_model: int, d_ff: int) -> ModelConfig:
    """Heads for that width."""
    head = 32 if d_model < 256 else 64 if d_model < 2048 else 128
    group = 1 if d_model < 4 * head else 2 if d_model < 16 * head else 4
    n_heads = max(1, group * round(d_model / head / group))
    even = d_model == n_heads * head
    return ModelConfig(
        n_layers=n_layers,
        d_model=d_model,
        n_heads=n_heads,
        n_kv_heads=None if group == 1 else n_heads // group,
        d_head=None if even else head,
        d_ff=d_ff,
    )


def _usual_size(n_layers: int, d_model: int, vocab_size: int) -> int:
    shape = _shape(n_layers, d_model, round(_USUAL_FF * d_model))
    return _size(shape.replace(vocab_size=vocab_size))


def _size(config: ModelConfig) -> int:
    """All parameters; blocks are alike, so one is counted."""
    one, none = (sum(parameter_counts(config.replace(n_layers=n)).values()) for n in (2, 1))
    return none + (config.n_layers - 1) * (one - none)
