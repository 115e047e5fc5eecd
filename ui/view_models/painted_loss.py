"""A text painted token by token with surprise, or with the difference of two models.

Knows scores and bytes; neither models nor Streamlit.
"""

from collections.abc import Callable
from dataclasses import dataclass

from slm.evaluation.text_score import TextScore, TokenScore, compare_scores
from slm.tokenizer.protocol import well_formed
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.chips import Chip, Scale, chip, labeller, visible
from ui.view_models.code import open_lines

SURPRISE = Scale("surprise", 0.0, 8.0, "nats")
APART = Scale(tr("more surprised than the other model"), -4.0, 4.0, "nats", diverging=True)


def surprise_chips(
    score: TextScore, text: str, token_bytes: Callable[[int], bytes], vocab_size: int
) -> tuple[Chip, ...]:
    """The text's tokens; colour is surprise, hover says what the model expected instead."""
    utf8 = well_formed(text).encode()
    return tuple(
        chip(
            token.id,
            utf8[slice(*token.byte_span)],
            value=None if token.nats is None else SURPRISE.place(token.nats),
            notes=_score_notes(token, token_bytes, vocab_size),
        )
        for token in score.tokens
    )


def apart_chips(one: TextScore, other: TextScore, text: str) -> tuple[Chip, ...]:
    """The text in pieces that both models' tokens share; colour says who was more surprised."""
    utf8 = well_formed(text).encode()
    return tuple(
        chip(
            one.tokens[piece.tokens[0]].id,
            utf8[slice(*piece.byte_span)],
            value=None if piece.more is None else APART.place(piece.more),
            notes=_apart_notes(piece.nats, piece.other_nats, piece.tokens, piece.other_tokens),
        )
        for piece in compare_scores(one, other)
    )


def _apart_notes(
    nats: float | None, other: float | None, tokens: range, others: range
) -> list[str]:
    if nats is None or other is None:
        return [tr("nothing comes before it, so nothing predicts it")]
    notes = [
        tr("this model {nats:.2f} nats, the other {other:.2f}: {difference:+.2f}").format(
            nats=nats, other=other, difference=nats - other
        )
    ]
    if (len(tokens), len(others)) != (1, 1):
        notes.append(
            tr("{n_tokens} tokens here, {n_others} there").format(
                n_tokens=len(tokens), n_others=len(others)
            )
        )
    return notes


def apart_in_words(one: TextScore, other: TextScore, name: str) -> str:
    """The difference over the whole text in a sentence; holds the other model's name."""
    mine, theirs = one.total.bits_per_byte, other.total.bits_per_byte
    if mine is None or theirs is None:
        return ""
    if abs(mine - theirs) < 5e-4:
        return tr("Both are equally surprised: {mine:.3f} bits a byte.").format(mine=mine)
    word = tr("less") if mine < theirs else tr("more")
    return tr(
        "This model is {mine:.3f} bits a byte {word} surprised than "
        "{name} ({own:.3f} against {theirs:.3f})."
    ).format(mine=abs(mine - theirs), word=word, name=name, own=mine, theirs=theirs)


@dataclass(frozen=True)
class Surprise:
    """One token that caught the model out."""

    place: int
    token: str
    nats: float
    expected: str


def most_surprising(
    score: TextScore,
    text: str,
    token_bytes: Callable[[int], bytes],
    vocab_size: int,
    count: int = 5,
) -> tuple[Surprise, ...]:
    """The tokens of the highest loss, highest first."""
    utf8 = well_formed(text).encode()
    known = [(t.nats, n, t) for n, t in enumerate(score.tokens) if t.nats is not None]
    return tuple(
        Surprise(
            n,
            visible(utf8[slice(*token.byte_span)]),
            nats,
            labeller(token_bytes, vocab_size)(token.expected[0].id) if token.expected else "",
        )
        for nats, n, token in sorted(known, key=lambda row: -row[0])[:count]
    )


def painted_code(run: Artefact, text: str, other_id: str | None = None) -> str:
    """The lines that score the same text without a browser; with the other model, if any."""
    if other_id is not None:
        return f"""{open_lines(run)}
from slm.evaluation.text_score import compare_scores, score_text

other = open_run(workspace.get_model({other_id!r}))
text = {text!r}
one, two = (score_text(each.model, each.tokenizer, text) for each in (opened, other))
for piece in compare_scores(one, two):
    print(text.encode()[slice(*piece.byte_span)], piece.nats, piece.other_nats, piece.more)
"""
    return f"""{open_lines(run)}
from slm.evaluation.text_score import score_text

score = score_text(opened.model, opened.tokenizer, {text!r})
for token in score.tokens:
    print(repr(token.text), token.nats, token.rank, token.expected[:2])
print(score.total)
"""


def _score_notes(
    token: TokenScore, token_bytes: Callable[[int], bytes], vocab_size: int
) -> list[str]:
    if token.nats is None or token.probability is None:
        return [tr("nothing comes before it, so nothing predicts it")]
    notes = [
        tr("surprise {nats:.2f} nats: the model gave it {probability}").format(
            nats=token.nats, probability=_share(token.probability)
        )
    ]
    label = labeller(token_bytes, vocab_size)
    others = [f"{label(e.id)} {_share(e.probability)}" for e in token.expected if e.id != token.id][
        :4
    ]
    if token.rank == 1:
        notes.append(tr("the model's first guess"))
        return notes + ([tr("next: {others}").format(others=", ".join(others))] if others else [])
    notes.append(tr("rank {rank:,}").format(rank=token.rank))
    return notes + (
        [tr("expected instead: {others}").format(others=", ".join(others))] if others else []
    )


def _share(probability: float) -> str:
    return f"{probability:.1%}" if probability >= 0.001 else f"{probability:.1g}"
