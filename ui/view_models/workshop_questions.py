"""Predict, then reveal, in words: a question with its options, and what the room has answered."""

from collections.abc import Sequence
from dataclasses import dataclass

from slm.workshop.questions import Asked
from slm.workspace import Artefact
from ui.texts import plural, tr
from ui.view_models.chips import visible
from ui.view_models.code import open_lines

INTRODUCTION = tr(
    "First everybody says what they expect, then the model shows what is so. An answer can be "
    "changed until it is revealed."
)
WAITING_ROOM = tr("The presenter has asked nothing yet. The question will appear here by itself.")
ASK_FIRST = tr("Choose a question and ask it.")
TEXT_HELP = tr(
    "The prompt for the questions on the next token; for the other two the text itself, of at "
    "least 64 tokens. Left empty: a prompt that is ready, and held-out text of the model's corpus."
)
EXAMPLE_PROMPT = "Once upon a time there was a"
"""In the language that the model reads, whatever the interface speaks."""
REVEAL_FIRST = tr(
    "A question is still open. Reveal its answer first, or ask the next one in its place; its "
    "answers are then not shown."
)
BESIDE = tr("Bars: at the temperature that is asked for. Orange lines: at temperature 1.")
SHARES = tr("The percentages are what the model gives each of the tokens.")


@dataclass(frozen=True)
class Choice:
    """An option as a button shows it; `label` may be foreign text."""

    place: int
    label: str
    chosen: bool


@dataclass(frozen=True)
class AnswerBar:
    """An option with how many chose it; the right one has a tick. `told` stands at its end."""

    label: str
    people: int
    right: bool
    told: str


@dataclass(frozen=True)
class ShownBar:
    """A token of the distribution that the question is about; `beside` is its share in the one
    to compare with."""

    label: str
    share: float
    beside: float | None = None


@dataclass(frozen=True)
class QuestionView:
    """A question as one person sees it. `prompt`, labels and `model` are foreign text."""

    title: str
    prompt: str
    model: str
    choices: tuple[Choice, ...]
    shown: tuple[ShownBar, ...]
    answers: tuple[AnswerBar, ...]
    status: str
    told: str
    right: bool | None


def question_view(asked: Asked, n_people: int) -> QuestionView:
    """The question, and once it is revealed the bars and the answer.

    n_people: who may answer, the presenter not counted; 0 on one's own computer.
    """
    question = asked.question
    labels = _labels(question.options, tokens=question.tokens)
    choices = tuple(Choice(place, label, place == asked.own) for place, label in enumerate(labels))
    answers: tuple[AnswerBar, ...] = ()
    if asked.revealed:
        answers = tuple(
            AnswerBar(
                _answer_label(asked, place, label),
                people,
                place in question.right,
                _told(asked, place, people),
            )
            for place, (label, people) in enumerate(zip(labels, asked.counts, strict=True))
        )
    return QuestionView(
        question.title,
        question.prompt,
        question.model,
        choices,
        _shown(asked),
        answers,
        _status(asked, n_people),
        question.told if asked.revealed else "",
        (asked.own in question.right) if asked.revealed and asked.own is not None else None,
    )


def verdict(view: QuestionView) -> str:
    """What one's own answer was worth, before the answer in words."""
    if view.right is None:
        return view.told
    return tr("{right} {told}").format(
        right=tr("You were right.") if view.right else tr("You expected something else."),
        told=view.told,
    )


def code_lines(run: Artefact, kind: str, text: str) -> str:
    """The lines of slm that compute a question's answer."""
    return (
        f"{open_lines(run)}\n"
        "from slm.workshop.asking import Basis, compute\n\n"
        f"basis = Basis(workspace, run, opened.model, opened.tokenizer, {text!r})\n"
        f"question = compute({kind!r}, basis)\n"
        "print(question.title, question.options, question.right, question.told)"
    )


def _labels(options: Sequence[str], *, tokens: bool) -> list[str]:
    """Options to read; alike ones, as of two tokens of half a character, are told apart."""
    shown = [visible(option.encode("utf-8", "replace")) if tokens else option for option in options]
    return [
        label if shown.count(label) == 1 else f"{label} ({place})"
        for place, label in enumerate(shown, 1)
    ]


def _status(asked: Asked, n_people: int) -> str:
    if asked.revealed:
        counted = (
            tr("{n_right} of {answered} were right. ").format(
                n_right=asked.n_right, answered=asked.answered
            )
            if asked.answered
            else ""
        )
        return counted + (SHARES if asked.question.shares else "")
    if n_people < 1:
        return (
            tr("Choose, then reveal the answer.")
            if asked.own is None
            else tr("Now reveal the answer.")
        )
    answered = asked.answered - asked.by_presenter
    return plural(
        "{answered} of {n_people} has answered.",
        "{answered} of {n_people} have answered.",
        answered,
    ).format(answered=answered, n_people=max(n_people, answered))


def _shown(asked: Asked) -> tuple[ShownBar, ...]:
    shown, beside = asked.question.shown, asked.question.beside
    others = beside if len(beside) == len(shown) else (None,) * len(shown)
    return tuple(
        ShownBar(visible(label.encode("utf-8", "replace")), share, other)
        for (label, share), other in zip(shown, others, strict=True)
    )


def _answer_label(asked: Asked, place: int, label: str) -> str:
    shares = asked.question.shares
    tick = "✓ " if place in asked.question.right else ""
    return f"{tick}{label} {shares[place]:.1%}" if place < len(shares) else f"{tick}{label}"


def _told(asked: Asked, place: int, people: int) -> str:
    own = tr("you") if place == asked.own else ""
    return " · ".join(part for part in (str(people) if people else "", own) if part)
