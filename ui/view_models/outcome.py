"""What a change inside a model comes to, in words, chips and bars.

Knows two readings of one text and how a token looks; no Streamlit.

T position, P positions that are looked at, V vocabulary.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp

import numpy as np

from slm.attention.maps import Floats
from slm.attention.readings import Reading
from ui.texts import tr
from ui.view_models.chips import Chip, Scale, chip
from ui.view_models.grid import shortened
from ui.view_models.lens import TokenBar, WordOf, signed

UNTOUCHED, CHANGED = "untouched", "changed"
NOTHING_YET = tr("Nothing is changed yet, so the model reads as it learned to.")
_BARS = 8
_LEAST_SCALE = 0.5  # nats; a change smaller than this shall look small
_SAME = 5e-4  # nats; less is rounding


@dataclass(frozen=True)
class Following:
    """What follows one position, before and after: where that is, in words, and as bars."""

    title: str
    sentence: str
    bars: tuple[TokenBar, ...]


@dataclass(frozen=True)
class Written:
    """A continuation: what both have in common, then where it goes its own way."""

    together: str
    alone: str


def verdict(before: Reading, after: Reading) -> str:
    """How much harder the whole text became.

    >>> import numpy as np
    >>> none = np.zeros((1, 1), np.float32)
    >>> one = Reading(np.array([1.0, 2.0], np.float32), (2,), none)
    >>> verdict(one, Reading(np.array([1.0, 3.0], np.float32), (2,), none))
    'The text becomes harder: 2.00 nats per token instead of 1.50 (+0.50), perplexity 7.4 \
instead of 4.5.'
    """
    if not len(before.nats_T):
        return tr("One token alone: nothing is foreseen, only what follows it can change.")
    was, now = before.mean_nats, after.mean_nats
    if abs(now - was) < _SAME:
        return tr("The text is as easy as before: {was:.2f} nats per token.").format(was=was)
    how = tr("harder") if now > was else tr("easier")
    return tr(
        "The text becomes {how}: {now:.2f} nats per token instead of "
        "{was:.2f} ({change}), perplexity {perplexity} instead of {perplexity_before}."
    ).format(
        how=how,
        now=now,
        was=was,
        change=signed(now - was),
        perplexity=_perplexity(now),
        perplexity_before=_perplexity(was),
    )


def change_chips(
    ids_T: Sequence[int], bytes_of: Callable[[int], bytes], before: Reading, after: Reading
) -> tuple[tuple[Chip, ...], Scale]:
    """The text's tokens, coloured by how much more surprising each is now.

    Nothing foresees the first token, so it has no colour.
    """
    change_T = after.nats_T - before.nats_T
    most = float(max(np.abs(change_T).max(initial=0.0), _LEAST_SCALE))
    scale = Scale(tr("change of surprise"), -most, most, "nats", diverging=True)
    chips = [
        chip(ids_T[0], bytes_of(ids_T[0]), notes=(tr("the first token: nothing foresees it"),))
    ]
    for token, was, now in zip(ids_T[1:], before.nats_T, after.nats_T, strict=True):
        chips.append(
            chip(
                token,
                bytes_of(token),
                value=scale.place(float(now - was)),
                notes=(
                    tr("surprise {was:.2f} → {now:.2f} nats ({change})").format(
                        was=was, now=now, change=signed(float(now - was))
                    ),
                    tr("probability {was} → {now}").format(
                        was=_share(exp(-was)), now=_share(exp(-now))
                    ),
                ),
            )
        )
    return tuple(chips), scale


def following(
    before: Reading, after: Reading, row: int, tokens_T: Sequence[str], word_of: WordOf
) -> Following:
    """What follows the position of `row`, before and after."""
    position = before.positions[row]
    shares = {UNTOUCHED: np.exp(before.logs_PV[row]), CHANGED: np.exp(after.logs_PV[row])}
    far = float(before.divergence_P(after)[row])
    highest_V = np.maximum(*shares.values())
    order = np.argsort(-highest_V, kind="stable")[:_BARS]
    bars = tuple(
        TokenBar(shortened(word_of(int(token))), float(share_V[token]), series)
        for token in order
        for series, share_V in shares.items()
    )
    last = position == len(tokens_T) - 1
    where = tr("After token {position}, “{tokens_t}”").format(
        position=position, tokens_t=shortened(tokens_T[position])
    )
    title = tr("What follows the text") if last else where
    return Following(title, _says(shares[UNTOUCHED], shares[CHANGED], far, word_of), bars)


def parted(untouched: str, changed: str) -> tuple[Written, Written]:
    """Two continuations in one line each: what both begin with, and what is its own.

    >>> parted("a cat sat", "a cow sat")
    (Written(together='a c', alone='at sat'), Written(together='a c', alone='ow sat'))
    """
    untouched, changed = (text.replace("\n", "⏎ ") for text in (untouched, changed))
    pairs = zip(untouched, changed, strict=False)
    n_same = next(
        (i for i, (a, b) in enumerate(pairs) if a != b), min(len(untouched), len(changed))
    )
    return (
        Written(untouched[:n_same], untouched[n_same:]),
        Written(changed[:n_same], changed[n_same:]),
    )


def place_of(kept: str | None, n_tokens: int) -> int | None:
    """A token that was clicked, as the address keeps it; None for none that there is.

    >>> place_of("3", 5), place_of("5", 5), place_of("x", 5), place_of(None, 5)
    (3, None, None, None)
    """
    if kept is None or not (kept.isascii() and kept.isdigit() and len(kept) < 7):
        return None
    return int(kept) if int(kept) < n_tokens else None


def foreseen_at(chip_index: int) -> int:
    """The position that foresees a clicked token; of the first token, itself.

    >>> foreseen_at(5), foreseen_at(0)
    (4, 0)
    """
    return max(0, chip_index - 1)


def _says(was_V: Floats, now_V: Floats, far: float, word_of: WordOf) -> str:
    best, now = int(was_V.argmax()), int(now_V.argmax())
    words = shortened(word_of(best)), shortened(word_of(now))
    if far < _SAME:
        return tr("As before: “{words}” is likeliest, {was_v}.").format(
            words=words[0], was_v=_share(float(was_V[best]))
        )
    moved = tr("It moved by {far:.2f} nats (KL).").format(far=far)
    if best == now:
        return tr("“{words}” stays likeliest, {was_v} before and {now_v} now. {moved}").format(
            words=words[0],
            was_v=_share(float(was_V[best])),
            now_v=_share(float(now_V[best])),
            moved=moved,
        )
    return tr(
        "“{words}” takes the place of “{before}”: {was_v} → {now_v}, "
        "and {was_before} → {now_before}. {moved}"
    ).format(
        words=words[1],
        before=words[0],
        was_v=_share(float(was_V[now])),
        now_v=_share(float(now_V[now])),
        was_before=_share(float(was_V[best])),
        now_before=_share(float(now_V[best])),
        moved=moved,
    )


def _perplexity(nats: float) -> str:
    return f"{exp(nats):,.1f}" if nats < 20 else tr("over a hundred million")


def _share(share: float) -> str:
    return f"{share:.1%}" if share >= 0.0005 or share == 0 else tr("below 0.1%")
