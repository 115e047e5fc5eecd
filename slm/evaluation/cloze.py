"""Did it understand the tale? Questions with one right answer, put by stopping.

A question is a text that breaks off, and choices for how it goes on; the model's
choice is the one that it holds likeliest. Guessing is right once in as many times
as there are choices, so anything above that was read from the text.

Legend: B batch, T position, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import NamedTuple, Protocol

import numpy as np
import torch

from slm.errors import DataError
from slm.evaluation.perplexity import rows_at_once
from slm.jobs import Reporter, silent
from slm.model.inference import diverged, inference, require_known
from slm.model.loss import IGNORED, token_nats
from slm.model.transformer import Transformer
from slm.tokenizer.beginning import frame
from slm.tokenizer.protocol import TextTokenizer

_Z95 = 1.959964  # a normal variable stays within so many standard deviations 95 times in 100


class Question(Protocol):
    """What `slm.data.embedded.tales` asks. The text goes on with one of the choices."""

    @property
    def prompt(self) -> str: ...

    @property
    def answer(self) -> str: ...

    @property
    def choices(self) -> Sequence[str]: ...

    @property
    def about(self) -> str: ...


@dataclass(frozen=True)
class TokenQuestion:
    """A question put in ids, for tokens that no text would give. The words are for readers.

    ids: the prompt with each choice, in the order of the choices.
    """

    prompt: str
    answer: str
    choices: tuple[str, ...]
    about: str
    ids: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Answer:
    """What the model chose, and its surprise in nats at each choice."""

    question: Question
    chosen: str
    nats: tuple[float, ...]

    @property
    def right(self) -> bool:
        """Whether it chose the answer."""
        return self.chosen == self.question.answer


class Share(NamedTuple):
    """So many right of so many asked; by guessing, `chance` of them would be."""

    right: int
    asked: int
    chance: float

    @property
    def accuracy(self) -> float:
        """0 to 1."""
        return self.right / self.asked

    @property
    def interval(self) -> tuple[float, float]:
        """Where the accuracy lies with 95% confidence, if the questions are independent.

        >>> low, high = Share(8, 10, 0.5).interval
        >>> round(low, 3), round(high, 3)
        (0.49, 0.943)

        Source: Wilson 1927, score interval; Brown, Cai and DasGupta 2001 on why not ±1.96 s.
        """
        n, p, z = self.asked, self.accuracy, _Z95
        middle = (p + z * z / (2 * n)) / (1 + z * z / n)
        half = z / (1 + z * z / n) * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return max(0.0, middle - half), min(1.0, middle + half)


@dataclass(frozen=True)
class ClozeResult:
    """All answers, and how many were right."""

    answers: tuple[Answer, ...]

    @property
    def total(self) -> Share:
        """Over all questions."""
        return _share(self.answers)

    def by_subject(self) -> dict[str, Share]:
        """By what the questions ask about, in alphabetical order."""
        subjects = sorted({answer.question.about for answer in self.answers})
        return {
            subject: _share([a for a in self.answers if a.question.about == subject])
            for subject in subjects
        }


def ask(
    model: Transformer,
    tokenizer: TextTokenizer,
    questions: Sequence[Question],
    *,
    questions_at_once: int = 8,
    report: Reporter = silent,
) -> ClozeResult:
    """The model's choice for each question.

    Prompt and choice are read as one text, since a token may span both, and compared by
    the sum of their nats: the choice of the highest probability wins. A text longer
    than the context loses its beginning, and with it perhaps the answer.
    When `report` asks to stop, the result covers the questions asked so far.

    Raises: DataError for no questions, or ids that the model does not know.
    """
    if not questions:
        raise DataError("There are no questions to ask.")
    answers: list[Answer] = []
    for first in range(0, len(questions), questions_at_once):
        some = questions[first : first + questions_at_once]
        rows = [row for question in some for row in _rows(model, tokenizer, question)]
        nats = iter(_row_nats(model, rows))
        for question in some:
            own = tuple(next(nats) for _ in question.choices)
            chosen = question.choices[int(np.argmin(own))]
            answers.append(Answer(question, chosen, own))
        report(len(answers) / len(questions), f"{len(answers):,} of {len(questions):,} answered")
        if report.should_stop():
            break
    return ClozeResult(tuple(answers))


class _Row(NamedTuple):
    """One prompt with one choice; ids from `scored` on differ between the choices."""

    ids: list[int]
    scored: int


def _rows(model: Transformer, tokenizer: TextTokenizer, question: Question) -> Iterator[_Row]:
    framed = frame(tokenizer)
    lead, cut = framed.before, framed.plain
    if isinstance(question, TokenQuestion):
        texts = [[*lead, *ids] for ids in question.ids]
    else:
        texts = [[*lead, *cut.encode(question.prompt + each)] for each in question.choices]
    shortest = min(map(len, texts))
    same = next((n for n in range(shortest) if len({ids[n] for ids in texts}) > 1), shortest)
    start = max(0, max(map(len, texts)) - 1 - model.config.context_length)
    for ids in texts:
        yield _Row(ids[start:], max(1, same - start))


def _row_nats(model: Transformer, rows: Sequence[_Row]) -> list[float]:
    """The summed surprise at each row's scored tokens."""
    width = max(len(row.ids) for row in rows) - 1
    ids_BT = np.zeros((len(rows), width), dtype=np.int64)
    targets_BT = np.full((len(rows), width), IGNORED, dtype=np.int64)
    for b, row in enumerate(rows):
        ids_T = np.array(row.ids)
        require_known(ids_T, model.config.vocab_size)
        ids_BT[b, : len(ids_T) - 1] = ids_T[:-1]
        targets_BT[b, row.scored - 1 : len(ids_T) - 1] = ids_T[row.scored :]
    at_once = rows_at_once(model, width)
    sums: list[float] = []
    with inference(model):
        for first in range(0, len(rows), at_once):
            these = slice(first, first + at_once)
            logits_BTV = model(torch.from_numpy(ids_BT[these]).to(model.device))
            nats_BT = token_nats(logits_BTV, torch.from_numpy(targets_BT[these]).to(model.device))
            sums += nats_BT.sum(-1, dtype=torch.float64).tolist()
    if not np.isfinite(sums).all():
        raise diverged("its loss on these questions is")
    return sums


def _share(answers: Sequence[Answer]) -> Share:
    chance = sum(1 / len(answer.question.choices) for answer in answers) / len(answers)
    return Share(sum(answer.right for answer in answers), len(answers), chance)
