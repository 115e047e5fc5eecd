"""What was written, ready to show: chips, alternatives, how it ended, what a search pursues.

Knows steps and token bytes; neither models nor Streamlit.

Legend: V vocabulary.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slm.sampling.distribution import Distribution
from slm.sampling.search import Beam
from slm.sampling.steps import Step
from ui.texts import counted, plural, tr
from ui.view_models.chips import Chip, Scale, chip, labeller
from ui.view_models.sampling import TokenBytes, cut_by, likeliest, percent

PROBABILITY = Scale(tr("probability that the model gave"), 0.0, 1.0)
_RANK = Scale("rank", 1.0, 10.0)
_SURPRISE = Scale("surprise", 0.0, 8.0, "nats")
_ENTROPY = Scale(tr("entropy of the choice"), 0.0, 5.0, "nats")
_OTHERS_NOTED = 4
_SMALLEST = 1e-4
COLOURS = {
    "plain": tr("Plain text"),
    "probability": tr("Colour by probability"),
    "rank": tr("Colour by rank"),
    "surprise": tr("Colour by surprise"),
    "entropy": tr("Colour by entropy"),
}


def written_chips(
    steps: Sequence[Step], token_bytes: TokenBytes, vocab_size: int, by: str = "probability"
) -> tuple[tuple[Chip, ...], Scale]:
    """The written tokens, and what their colours mean: all are the model's own, unfiltered.

    `by`: probability, rank, surprise or entropy.
    """
    label = labeller(token_bytes, vocab_size)
    values, scale = colour_values(steps, by)
    chips = tuple(
        _written_chip(step, token_bytes, vocab_size, label, scale.place(value))
        for step, value in zip(steps, values, strict=True)
    )
    return chips, scale


def colour_values(steps: Sequence[Step], by: str) -> tuple[tuple[float, ...], Scale]:
    """A value for each step, and the scale that it is coloured by.

    >>> steps = [Step(5, math.log(0.5), 0.5, 3, ())]
    >>> colour_values(steps, "rank")[0], colour_values(steps, "probability")[0]
    ((3.0,), (0.5,))
    """
    if by == "rank":
        return tuple(float(step.rank) for step in steps), _RANK
    if by == "surprise":
        return tuple(-step.logprob for step in steps), _SURPRISE
    if by == "entropy":
        return tuple(step.entropy_nats for step in steps), _ENTROPY
    return tuple(math.exp(step.logprob) for step in steps), PROBABILITY


def legend(by: str) -> str:
    """What the colours mean, where many texts share them.

    >>> legend("entropy")
    'Dark blue is an entropy of the choice of 0 nats, yellow one of 5 nats or more.'
    """
    return {
        "probability": tr("Dark blue is a probability of 0, yellow one of 1."),
        "rank": tr("Dark blue is rank 1, the likeliest token; yellow is rank 10 or more."),
        "surprise": tr("Dark blue is a surprise of 0 nats, yellow one of 8 nats or more."),
        "entropy": tr(
            "Dark blue is an entropy of the choice of 0 nats, yellow one of 5 nats or more."
        ),
    }[by]


@dataclass(frozen=True)
class Alternative:
    """Another token that could have stood there. `fate` says what the filters did to it."""

    token: int
    label: str
    fate: str
    cut: bool = False


def alternatives(
    distribution: Distribution,
    token_bytes: TokenBytes,
    vocab_size: int,
    shown: int = 12,
    *,
    drawn: bool = True,
) -> tuple[Alternative, ...]:
    """The model's likeliest tokens at one place, with what the filters made of each.

    `drawn`: whether one was drawn there; a search draws none.
    """
    model_V, final_V = distribution.stages[0].probabilities_V, distribution.probabilities_V
    label = labeller(token_bytes, vocab_size)
    found = []
    for token in likeliest(distribution, shown):
        cut = cut_by(distribution, token)
        fate = (
            tr("{final_v} in the draw").format(final_v=percent(float(final_V[token])))
            if cut is None
            else tr("cut by {cut}").format(cut=cut)
        )
        share = float(model_V[token])
        name = f"{label(token)} {percent(share) if share >= _SMALLEST else '<0.01%'}"
        fate = fate if drawn else tr("a search draws nothing")
        found.append(Alternative(token, name, fate, cut is not None))
    return tuple(found)


@dataclass(frozen=True)
class Rival:
    """A text that a search pursues or found. The likeliest of its tokens are its end."""

    text: str
    logprob: str
    score: str
    state: str


def rivals_of(
    beams: Sequence[Beam], text_of: Callable[[Sequence[int]], str], length: int = 70
) -> tuple[Rival, ...]:
    """The texts of a beam search, best first; of each what is behind their common beginning."""
    found = [beam for beam in beams if beam.logprob > -1e8]  # places that no text has taken yet
    texts = [text_of(beam.ids) for beam in found]
    common = _common_beginning(texts)
    return tuple(
        Rival(
            _end_of(text, common, length),
            f"{beam.logprob:.2f}",
            f"{beam.score:.3f}",
            tr("whole") if beam.whole else tr("goes on"),
        )
        for beam, text in zip(found, texts, strict=True)
    )


def status_line(n_tokens: int, seconds: float, how: str) -> str:
    """How far a text is and how fast it comes.

    >>> status_line(84, 0.5, "Writing")
    'Writing · 84 tokens · 168 tokens/s'
    """
    parts = [
        how,
        plural("{n_tokens:,} token", "{n_tokens:,} tokens", n_tokens).format(n_tokens=n_tokens),
    ]
    if n_tokens > 1 and seconds > 0.05:
        parts.append(tr("{n_tokens:,.0f} tokens/s").format(n_tokens=n_tokens / seconds))
    return " · ".join(parts)


def shown_prompt(prompt: str, length: int = 300) -> str:
    """The end of a prompt, which is what the text goes on from.

    >>> shown_prompt("Once upon a time", 8)
    '… a time'
    """
    return prompt if len(prompt) <= length else "…" + prompt[1 - length :]


def ending(
    state: str,
    ended_by_itself: bool,
    ahead: int,
    stopped_by: str | None = None,
    has_form: bool | None = None,
) -> str:
    r"""What a text is doing, or why it ended. `has_form`: None where none was asked for.

    >>> ending("done", True, 0), ending("waiting", False, 1)
    ('Done: the model ended its text', 'Waiting: 1 text must end first')
    >>> ending("done", False, 0, "\n")
    'Done: the stop string “⏎” came'
    >>> ending("done", False, 0, has_form=True)
    'Done: the text has its form'
    """
    if state == "waiting":
        return plural(
            "Waiting: {ahead} text must end first", "Waiting: {ahead} texts must end first", ahead
        ).format(ahead=ahead)
    if state == "done":
        why = tr("the model ended its text") if ended_by_itself else tr("the length is reached")
        if has_form and not ended_by_itself:
            why = tr("the text has its form")
        elif has_form is False and stopped_by is None:
            why = tr("the length is reached before the text has its form")
        if stopped_by is not None:
            shown = stopped_by.replace("\n", "⏎")
            why = tr("the stop string “{shown}” came").format(shown=shown)
        return tr("Done: {why}").format(why=why)
    return {
        "writing": tr("Writing"),
        "stopped": tr("Stopped"),
        "left": tr("Stopped, because nobody was looking"),
    }.get(state, tr("Broken off"))


def _common_beginning(texts: Sequence[str]) -> int:
    """How many characters all begin with, up to a blank."""
    if len(texts) < 2:
        return 0
    shortest, longest = min(texts), max(texts)  # of sorted texts the ends differ most
    pairs = enumerate(zip(shortest, longest, strict=False))
    same = next((place for place, (a, b) in pairs if a != b), min(map(len, (shortest, longest))))
    return shortest.rfind(" ", 0, same) + 1


def _end_of(text: str, common: int, length: int) -> str:
    begin = max(common, len(text) - length)
    return ("…" if begin else "") + text[begin:].replace("\n", "⏎")


def _written_chip(
    step: Step,
    token_bytes: TokenBytes,
    vocab_size: int,
    label: Callable[[int], str],
    place: float | None,
) -> Chip:
    def listed(tokens: Sequence[tuple[int, float]]) -> str:
        return ", ".join(f"{label(token)} {percent(share)}" for token, share in tokens)

    others = [pair for pair in step.top if pair[0] != step.id][:_OTHERS_NOTED]
    left = [pair for pair in others if pair[0] not in step.removed]
    cut = [pair for pair in others if pair[0] in step.removed]
    notes = [
        tr("the model gave it {logprob} (rank {rank:,})").format(
            logprob=percent(math.exp(step.logprob)), rank=step.rank
        )
    ]
    if math.isfinite(step.entropy_nats):
        choices = math.exp(step.entropy_nats)
        notes.append(
            tr("entropy {entropy_nats:.2f} nats, as among {choices:,.1f} tokens").format(
                entropy_nats=step.entropy_nats, choices=choices
            )
        )
    if step.n_kept:
        among = counted("it alone was left", "{n:,} were left", step.n_kept)
        notes.append(
            tr("drawn with {probability} after the filters; {among}").format(
                probability=percent(step.probability), among=among
            )
        )
    if left:
        notes.append(tr("instead of {others}").format(others=listed(left)))
    if cut:
        notes.append(tr("cut by the filters: {others}").format(others=listed(cut)))
    if step.ends:
        notes.append(tr("the end-of-text token: the tale ends here"))
    known = step.id < vocab_size
    return chip(step.id, token_bytes(step.id) if known else b"", value=place, notes=notes)
