"""The logit lens in words, colours and bars.

Knows what was read and how a token looks; no Streamlit.

N depths (0 is the embedding), T position, K likeliest tokens, V vocabulary, L layers, H heads.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import log
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from slm.attention.attribution import Attribution
from slm.attention.lens import Lens, LensConfig, most_entropy
from slm.workspace import Artefact
from ui.texts import N_, tr
from ui.view_models.attention import Window
from ui.view_models.code import open_lines
from ui.view_models.grid import Fact, Grid, GridScale, numbers_as_words, shortened, word_table

WordOf = Callable[[int], str]
SHOWN_CANDIDATES = 5
READ_CANDIDATES = 12
COLOURS: Mapping[str, str] = MappingProxyType(
    {
        "next": tr("Probability of the true next token"),
        "top": tr("Probability of the top token"),
        "rank": tr("Rank of the true next token"),
        "entropy": tr("Entropy"),
        "kl": tr("Distance to the output"),
    }
)
"""What cells may be coloured by."""
MEAN, PLAIN = N_("the mean of all tokens"), N_("nothing")


@dataclass(frozen=True)
class TokenBar:
    """One token of a distribution. `series` tells distributions apart that are drawn together."""

    token: str
    probability: float
    series: str = ""


@dataclass(frozen=True)
class LensCell:
    """One depth at one position: where it is, what it says, its likeliest tokens."""

    title: str
    sentence: str
    bars: tuple[TokenBar, ...]


def stop_name(stop: str) -> str:
    """What a depth is called on screen.

    >>> stop_name("block 3"), stop_name("attention 0"), stop_name("output")
    ('after layer 3', "layer 0's attention", 'output')
    """
    kind, _, number = stop.partition(" ")
    return {
        "block": tr("after layer {number}").format(number=number),
        "attention": tr("layer {number}'s attention").format(number=number),
        "embedding": tr("embedding"),
        "output": tr("output"),
    }.get(kind, stop)


def depth_of_row(row: int, n_depths: int) -> int:
    """Depths are drawn from the bottom up; the same rule leads back.

    >>> depth_of_row(0, 3), depth_of_row(depth_of_row(1, 3), 3)
    (2, 1)
    """
    return n_depths - 1 - row


def lens_grid(
    lens: Lens, tokens_T: Sequence[str], word_of: WordOf, colour: str, vocab_size: int
) -> Grid:
    """All depths, the output on top, and all positions; in each cell the likeliest next token."""
    up = np.s_[::-1]
    words, numbers_NTK = word_table(lens.top_ids_NTK[..., :SHOWN_CANDIDATES], word_of)
    place_NT, scale = _places(lens, colour, vocab_size)
    right_NT = lens.next_rank_NT == 1
    ranks_NT = np.where(lens.next_rank_NT > 0, lens.next_rank_NT, np.nan).astype(np.float32)
    return Grid(
        row_names=tuple(stop_name(stop) for stop in lens.stops[up]),
        column_names=tuple(shortened(token) for token in tokens_T),
        column_title=tr("at token"),
        words=words,
        word_RC=numbers_NTK[up, :, 0],
        place_RC=place_NT[up],
        scale=scale,
        label=tr("The likeliest next token, read at every depth of the model, at every position."),
        facts=(
            Fact(tr("true next token"), "share", lens.next_share_NT[up]),
            Fact(tr("its rank"), "rank", ranks_NT[up]),
            Fact(tr("entropy"), "nats", lens.entropy_NT[up]),
            Fact(tr("distance to the output"), "nats", lens.kl_NT[up]),
        ),
        candidates_RCK=numbers_NTK[up],
        shares_RCK=lens.top_shares_NTK[up, :, :SHOWN_CANDIDATES],
        marked_RC=right_NT[up],
        mark_means=tr("the token that does come next"),
        hint=tr("Point at a cell for its five likeliest tokens; click it to see who wrote them."),
    )


def opening_position(lens: Lens, tokens_T: Sequence[str]) -> int:
    """A position where the later layers find what comes next, best where the text told it before.

    Such are the places where a token stands a second time and a rare word follows as it did
    the first time. Without one: where most is gained between the middle depth and the output.
    """
    if lens.next_share_NT.shape[1] < 2:
        return 0
    gain_T = lens.next_share_NT[-1, :-1] - lens.next_share_NT[(len(lens.stops) - 1) // 2, :-1]
    ids = [int(token) for token in lens.ids_T]
    pairs = list(pairwise(ids))
    told = [
        float(gain) / ids.count(pair[1])
        if pair in pairs[:at] and tokens_T[at + 1].startswith("·")
        else 0.0
        for at, (gain, pair) in enumerate(zip(gain_T, pairs, strict=True))
    ]
    return int(np.argmax(told if max(told) > 0 else gain_T))


def lens_cell(
    lens: Lens, depth: int, position: int, tokens_T: Sequence[str], word_of: WordOf
) -> LensCell:
    """One cell in full."""
    ids_K, shares_K = lens.top_ids_NTK[depth, position], lens.top_shares_NTK[depth, position]
    bars = [
        TokenBar(shortened(word_of(int(token))), float(p))
        for token, p in zip(ids_K, shares_K, strict=True)
    ]
    rest = 1.0 - float(shares_K.sum(dtype=np.float64))
    if rest > 0.0005:
        bars.append(TokenBar(tr("all others"), rest))
    place = stop_name(lens.stops[depth])
    title = tr("{place}, at token {position} “{token}”").format(
        place=place[:1].upper() + place[1:],
        position=position,
        token=shortened(tokens_T[position]),
    )
    rank = int(lens.next_rank_NT[depth, position])
    sentence = tr("Entropy {entropy_nt:.2f} nats").format(
        entropy_nt=lens.entropy_NT[depth, position]
    )
    if depth < len(lens.stops) - 1:
        sentence += tr(", {kl_nt:.2f} nats from the output").format(
            kl_nt=lens.kl_NT[depth, position]
        )
    if rank:
        share = lens.next_share_NT[depth, position]
        follows = shortened(tokens_T[position + 1])
        sentence += tr(". What does come next, “{follows}”, has {share:.1%}: rank {rank:,}").format(
            follows=follows, share=share, rank=rank
        )
    return LensCell(title, sentence + ".", tuple(bars))


def token_choices(lens: Lens, depth: int, position: int, word_of: WordOf) -> dict[str, int]:
    """Tokens whose logit may be taken apart, by how they look: those of this depth, those of

    the output, and the one that does come next.
    """
    ids = [*lens.top_ids_NTK[depth, position, :10], *lens.top_ids_NTK[-1, position, :10]]
    if position + 1 < len(lens.ids_T):
        ids.append(lens.ids_T[position + 1])
    found: dict[str, int] = {}
    for token in ids:
        found.setdefault(shortened(word_of(int(token))), int(token))
    return found


def attribution_grid(parts: Attribution) -> Grid:
    """What each head and each feed-forward part adds: layers by heads, the last layer on top."""
    added_LC = np.concatenate([parts.heads_LH, parts.feed_forward_L[:, None]], axis=1)[::-1]
    limit = float(max(np.abs(added_LC).max(), abs(parts.embedding), 1e-6))
    words, numbers = numbers_as_words(added_LC, signed)
    n_layers, n_heads = parts.heads_LH.shape
    return Grid(
        row_names=tuple(
            tr("layer {layer}").format(layer=layer) for layer in reversed(range(n_layers))
        ),
        column_names=(
            *(tr("head {head}").format(head=head) for head in range(n_heads)),
            "feed-forward",
        ),
        column_title="",
        words=words,
        word_RC=numbers,
        place_RC=(added_LC / limit).astype(np.float32),
        scale=GridScale(tr("adds to the logit"), f"−{limit:.2g}", f"+{limit:.2g}", diverging=True),
        label=tr("What each head and each feed-forward part adds to the token's logit."),
        hint=tr("A click on a head opens it in the other views."),
        cell_width=62,
    )


def attribution_sentence(parts: Attribution, word: str, against: str) -> str:
    """The sum in words. `word` and `against` are shown as they are."""
    what = (
        tr("Logit of “{word}”: {total}.")
        if parts.against is None
        else tr("Lead of “{word}” over {against}: {total}.")
    )
    adds = (
        tr("The embedding adds {embedding}, all heads {heads}, feed-forward parts {others}.")
        if abs(parts.rest) < 0.005
        else tr(
            "The embedding adds {embedding}, all heads {heads}, feed-forward parts {others}, "
            "biases {rest}."
        )
    )
    told = what.format(word=shortened(word), against=against, total=signed(parts.total))
    return f"{told} " + adds.format(
        embedding=signed(parts.embedding),
        heads=signed(float(parts.heads_LH.sum())),
        others=signed(float(parts.feed_forward_L.sum())),
        rest=signed(parts.rest),
    )


def signed(value: float) -> str:
    """A figure with its sign, two digits behind the point.

    >>> signed(1.234), signed(-0.5), signed(0.001)
    ('+1.23', '−0.50', '0.00')
    """
    shown = f"{value:+.2f}"
    return shown[1:] if float(shown) == 0 else shown.replace("-", "−")


def lens_code(
    run: Artefact,
    step: int | None,
    text: str,
    window: Window,
    config: LensConfig,
    position: int,
    token: int,
) -> str:
    """The lines that compute what is shown."""
    opened = open_lines(run)
    if step is not None:
        opened = opened.replace("open_run(run)", f"open_run(run, step={step})")
    part = "" if window.note is None else f"[{window.start}:{window.stop}]"
    return f"""{opened}
from slm.attention.attribution import attribute_logit
from slm.attention.lens import LensConfig, logit_lens

text = {text!r}
ids = opened.tokenizer.encode(text){part}
lens = logit_lens(opened.model, ids, LensConfig(between={config.between}, normed={config.normed}))
for depth, stop in enumerate(lens.stops):
    print(stop, opened.tokenizer.decode([int(lens.top_ids_NTK[depth, {position}, 0])]))
parts = attribute_logit(opened.model, ids, position={position}, token={token}, against="mean")
print(parts.heads_LH.round(2), parts.feed_forward_L.round(2))
"""


def _places(lens: Lens, colour: str, vocab_size: int) -> tuple[NDArray[np.float32], GridScale]:
    """Where every cell lies on the scale that was chosen."""
    title = COLOURS[colour]
    if colour == "top":
        return lens.top_shares_NTK[..., 0], GridScale(title, "0%", "100%")
    if colour == "next":
        return lens.next_share_NT, GridScale(title, "0%", "100%")
    if colour == "rank":
        ranks_NT = np.where(lens.next_rank_NT > 0, lens.next_rank_NT, np.nan)
        place_NT = 1 - np.log(ranks_NT) / max(log(vocab_size), 1e-9)
        return place_NT.astype(np.float32), GridScale(title, f"{vocab_size:,}", "1")
    if colour == "entropy":
        most = most_entropy(vocab_size) or 1.0
        return lens.entropy_NT / most, GridScale(
            title, "0", tr("{most:.1f} nats (no idea)").format(most=most)
        )
    most = float(max(lens.kl_NT.max(), 1e-6))
    return lens.kl_NT / most, GridScale(title, "0", tr("{most:.1f} nats").format(most=most))
