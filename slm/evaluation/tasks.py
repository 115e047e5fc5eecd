"""What can a small model do? Tasks with one right answer, each beside what guessing gives.

Every task asks independent questions, made from a seed, with a fixed number of choices:
so chance is known, and an interval around the share of right answers means what it says.
Questions are answered by `cloze.ask`. Knows a tokenizer by its protocol, and no model.

    induction   a row of random tokens comes a second time: what follows this one?
    number      was or were, also across a noun of the other number
    pronoun     he or she, by a name
    quotes      is a quotation open at the end of the sentence?
    brackets    which of three kinds of brackets closes next?
    arithmetic  sums and differences of small numbers, after three examples
    tales       a name or a place of a new tale comes back: which?
"""

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from slm.data.embedded import tales
from slm.data.embedded.tales_words import HER_NAMES, HIS_NAMES
from slm.errors import DataError
from slm.evaluation.cloze import Question, TokenQuestion
from slm.tokenizer.protocol import TextTokenizer

NEW_TALES = 2**60
"""Tales from this seed on stand in no corpus."""
LONGEST_ROW = 24
_SHORTEST_ROW = 4
_SENTENCES = ("saw a red kite", "found an old boat", "went to the river", "had a small cake")
_KINDS = ("fox", "cat", "child", "bear", "mouse", "dog")
_PAIRS = {"(": ")", "[": "]", "{": "}"}
_VARIABLES = ("a", "b", "x", "y", "n", "items", "name", "value")
_KNOWN = {"who": "who", "friend": "friend", "place": "place"}  # questions with facts to answer
_FURTHER = 1_000_003
_PER = 100_000  # characters


@dataclass(frozen=True)
class Asked:
    """A plain question: prompt and choice are read as one text."""

    prompt: str
    answer: str
    choices: tuple[str, ...]
    about: str


@dataclass(frozen=True)
class Room:
    """What questions must fit: a tokenizer, and a context of so many tokens."""

    tokenizer: TextTokenizer
    context_length: int


Maker = Callable[[random.Random, int, Room], Question]


@dataclass(frozen=True)
class Task:
    """One thing to be able to do.

    make: the question number n, drawn from a generator. chance: by guessing.
    signs: what must stand in a corpus that teaches it, each so often in 100,000
    characters; none for what any text teaches.
    """

    key: str
    make: Maker
    chance: float
    signs: Mapping[str, int]

    def questions(self, room: Room, count: int, seed: int = 0) -> list[Question]:
        """The same for the same seed, whatever else is asked.

        Raises: DataError where the vocabulary or the context is too small for the task.
        """
        return [self.make(random.Random(f"{self.key}-{seed}-{n}"), n, room) for n in range(count)]

    def taught_by(self, text: str) -> bool:
        """Whether a sample of a corpus holds what the task is about.

        >>> TASKS["arithmetic"].taught_by("two and two"), TASKS["induction"].taught_by("")
        (False, True)
        """
        enough = max(1.0, len(text) / _PER)
        return all(
            sum(1 for _ in re.finditer(sign, text)) >= often * enough
            for sign, often in self.signs.items()
        )


def _induction(rng: random.Random, n: int, room: Room) -> Question:
    tokenizer = room.tokenizer
    special = set(tokenizer.special_tokens.values()) | {tokenizer.eos_id}
    length = min(LONGEST_ROW, (room.context_length - 2) // 2)
    if length < _SHORTEST_ROW:
        raise DataError(
            f"A context of {room.context_length} tokens is too short for a row to come back; "
            f"the induction task needs {2 * _SHORTEST_ROW + 2}."
        )
    row: list[int] = []
    names: set[str] = set()
    for token in rng.sample(range(tokenizer.vocab_size), tokenizer.vocab_size):
        shown = _shown(tokenizer, token)
        if token not in special and shown not in names:
            row.append(token)
            names.add(shown)
        if len(row) == length:
            break
    if len(row) < _SHORTEST_ROW:
        raise DataError("The vocabulary is too small for rows of different random tokens.")
    known = rng.randrange(1, len(row))  # tokens of the second row that are given
    choices = [row[known], *rng.sample([token for token in row if token != row[known]], 3)]
    rng.shuffle(choices)
    prompt = [*row, *row[:known]]
    return TokenQuestion(
        prompt="".join(_shown(tokenizer, token) for token in prompt),
        answer=_shown(tokenizer, row[known]),
        choices=tuple(_shown(tokenizer, token) for token in choices),
        about="induction",
        ids=tuple((*prompt, token) for token in choices),
    )


def _shown(tokenizer: TextTokenizer, token: int) -> str:
    return tokenizer.token_bytes(token).decode("utf-8", errors="backslashreplace")


def _number(rng: random.Random, n: int, room: Room) -> Question:
    """Every other subject is plural, and every other one ends on a noun of the other number."""
    one, two, three = rng.sample((*HER_NAMES[:12], *HIS_NAMES[:12]), 3)
    subjects = (
        one,
        f"{one} and {two}",
        f"the friend of {one} and {two}",
        f"{one} and the friends of {two}",
    )
    lead = rng.choice(("One day ", "Then ", "At last "))
    subject = subjects[n % 4]
    story = f"{three} {rng.choice(_SENTENCES)}. {lead}{subject}"
    return Asked(story, (" was", " were")[n % 2], (" was", " were"), "number")


def _pronoun(rng: random.Random, n: int, room: Room) -> Question:
    """Every other name is hers."""
    name = rng.choice((HER_NAMES if n % 2 else HIS_NAMES)[:20])
    prompt = f"{name} the {rng.choice(_KINDS)} {rng.choice(_SENTENCES)}. Then"
    return Asked(prompt, " she" if n % 2 else " he", (" he", " she"), "pronoun")


def _quotes(rng: random.Random, n: int, room: Room) -> Question:
    """Every other sentence is said by somebody."""
    one, two = rng.sample((*HER_NAMES[:12], *HIS_NAMES[:12]), 2)
    said = f"{one} {rng.choice(_SENTENCES)}"
    spoken = n % 2 == 1
    prompt = f'"Look, {two}. {said}' if spoken else f'"Look, {two}." {said}'
    choices = (f". {two} was", f'." {two} was')
    return Asked(prompt, choices[spoken], choices, "quotes")


def _brackets(rng: random.Random, n: int, room: Room) -> Question:
    """One to three open brackets, and at times a pair that is closed already."""
    open_ = [rng.choice("([{") for _ in range(1 + n % 3)]
    text = rng.choice(_VARIABLES)
    for bracket in open_:
        text += f"{bracket}{rng.choice(_VARIABLES)}"
    if rng.random() < 0.5:
        pair = rng.choice("([{")
        text += f"{pair}{rng.choice(_VARIABLES)}{_PAIRS[pair]}"
    return Asked(text, _PAIRS[open_[-1]], tuple(_PAIRS.values()), "brackets")


def _arithmetic(rng: random.Random, n: int, room: Room) -> Question:
    def exercise() -> tuple[str, int]:
        first, second = rng.randint(0, 9), rng.randint(0, 9)
        if n % 2:
            first, second = max(first, second), min(first, second)
            return f"{first} - {second} =", first - second
        return f"{first} + {second} =", first + second

    examples = "".join(f"{text} {result}\n" for text, result in (exercise() for _ in range(3)))
    text, result = exercise()
    near = [other for other in range(result - 4, result + 5) if other >= 0 and other != result]
    choices = [f" {number}\n" for number in (result, *rng.sample(near, 3))]
    answer = choices[0]
    rng.shuffle(choices)
    return Asked(examples + text, answer, tuple(choices), "arithmetic")


def _tales(rng: random.Random, n: int, room: Room) -> Question:
    """One question a tale: several would stand or fall together.

    The wrong choices are what other tales answer to the same question, and a question whose
    choices collide is given up as a whole. So all four are drawn alike, and preferring the
    commonest or shortest name gains nothing. Where the tale has two characters to mix up,
    one of the wrong choices is the other one.
    """
    seed = NEW_TALES + n
    while True:
        tale = tales.generate(seed)
        asked = [question for question in tale.cloze if question.about in _KNOWN]
        if asked:
            question = rng.choice(asked)
            choices = _drawn_alike(rng, question, tale)
            if choices is not None:
                return Asked(question.prompt, question.answer, choices, "tales")
        seed += _FURTHER


def _drawn_alike(
    rng: random.Random, question: tales.Cloze, tale: tales.Tale
) -> tuple[str, ...] | None:
    """The answer among wrong ones of three other tales; None where they collide."""
    wrong = [
        getattr(tales.generate(NEW_TALES + _FURTHER + rng.randrange(_FURTHER)).facts, fact)
        for fact in [_KNOWN[question.about]] * (len(question.choices) - 1)
    ]
    if question.contrast:
        hero, friend = tale.facts.who, tale.facts.friend
        wrong[0] = friend if question.answer == hero else hero
    strangers = wrong[1:] if question.contrast else wrong
    choices = [question.answer, *wrong]
    if len(set(choices)) < len(choices) or any(name in tale.text for name in strangers):
        return None
    rng.shuffle(choices)
    return tuple(choices)


_EITHER_NAME = rf"\b(?:{'|'.join((*HER_NAMES, *HIS_NAMES))})\b"

TASKS: Mapping[str, Task] = MappingProxyType(
    {
        task.key: task
        for task in (
            Task("induction", _induction, 1 / 4, {}),
            Task("number", _number, 1 / 2, {r"\bwas\b": 5, r"\bwere\b": 5}),
            Task("pronoun", _pronoun, 1 / 2, {r"\bhe\b": 5, r"\bshe\b": 5}),
            Task("quotes", _quotes, 1 / 2, {r'"[^"\n]{2,200}"': 20}),
            Task("brackets", _brackets, 1 / 3, {r"\(": 20, r"\[": 20, r"\{": 20}),
            Task("arithmetic", _arithmetic, 1 / 4, {r"\d ?[+\-−] ?\d+ ?= ?\d": 20}),
            Task("tales", _tales, 1 / 4, {_EITHER_NAME: 300}),
        )
    }
)
"""Every task by its key, in the order in which small models tend to learn them."""


def chosen_tasks(keys: Sequence[str]) -> tuple[Task, ...]:
    """The named tasks, in the order of `TASKS`; all where none is named.

    Raises: DataError for a task that there is not.
    """
    unknown = [key for key in keys if key not in TASKS]
    if unknown:
        raise DataError(f"There is no task {unknown[0]!r}; there are: {', '.join(TASKS)}.")
    return tuple(task for key, task in TASKS.items() if not keys or key in keys)
