"""Predict, then reveal: a question to the class whose answer a model computes.

    workshop/questions/<id>.json            question and answer; whether it was revealed
    workshop/questions/<id>/<person>.json   one person's answer

What the right answer is leaves the server when the presenter reveals it, and no sooner.
No torch here: `asking` computes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from slm.errors import WorkspaceError
from slm.owners import LOCAL_OWNER
from slm.workshop import kept, room
from slm.workspace import Workspace

WHAT = "questions"


@dataclass(frozen=True)
class Question:
    """A question with its answer.

    options: what can be chosen; `tokens` says that these are tokens, foreign text. right: the
    places of the right ones. shares: what the model gives each option, 0 to 1, where it does.
    shown: what is drawn with the question, as (label, share); beside: the shares of the same
    labels that stand beside these, to compare with. told: the answer in words.
    prompt: the text that the question is about; foreign. model: who was asked; foreign.
    """

    kind: str
    title: str
    options: tuple[str, ...]
    right: tuple[int, ...]
    told: str
    prompt: str = ""
    model: str = ""
    tokens: bool = False
    shares: tuple[float, ...] = ()
    shown: tuple[tuple[str, float], ...] = ()
    beside: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `from_json` reads."""
        return {
            "kind": self.kind,
            "title": self.title,
            "options": list(self.options),
            "right": list(self.right),
            "told": self.told,
            "prompt": self.prompt,
            "model": self.model,
            "tokens": self.tokens,
            "shares": list(self.shares),
            "shown": [list(each) for each in self.shown],
            "beside": list(self.beside),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises: WorkspaceError when it is damaged."""
        try:
            return cls(
                str(values["kind"]),
                str(values["title"]),
                tuple(str(option) for option in values["options"]),
                tuple(int(place) for place in values["right"]),
                str(values["told"]),
                str(values["prompt"]),
                str(values["model"]),
                values["tokens"] is True,
                tuple(float(share) for share in values["shares"]),
                tuple((str(label), float(share)) for label, share in values["shown"]),
                tuple(float(share) for share in values.get("beside", ())),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WorkspaceError(f"The question is damaged: {error!r}. Ask another.") from None


@dataclass(frozen=True)
class Asked:
    """A question to the room as one person may see it: without its answer until it is revealed.

    counts: how many chose each option, known once revealed. own: what this person chose.
    by_presenter: whether the presenter is one of those who have answered.
    """

    id: str
    question: Question
    revealed: bool
    answered: int
    own: int | None
    counts: tuple[int, ...] = ()
    by_presenter: bool = False

    @property
    def n_right(self) -> int:
        """How many were right; 0 before the answer is revealed."""
        return sum(self.counts[place] for place in self.question.right) if self.counts else 0


def ask(workspace: Workspace, question: Question) -> str:
    """Ask the room; gives the question's id.

    Raises: RightsError for all but the presenter.
    """
    question_id = kept.new_id()
    told = {"question": question.to_json(), "revealed": False}
    kept.write(workspace, WHAT, question_id, told)
    return question_id


def newest_question(workspace: Workspace) -> Asked | None:
    """The question that was asked last; None before the first. Damaged ones are passed over."""
    for question_id in kept.ids(workspace, WHAT):
        try:
            return look(workspace, question_id)
        except WorkspaceError:
            continue
    return None


def look(workspace: Workspace, question_id: str) -> Asked:
    """The question as whoever works here may see it.

    Raises: WorkspaceError when there is none, or it is damaged.
    """
    values = kept.read(workspace, WHAT, question_id)
    held = values.get("question")
    question = Question.from_json(held if isinstance(held, dict) else {})
    revealed = values.get("revealed") is True
    given = kept.parts(workspace, WHAT, question_id)
    chosen = {person: _choice(part, question) for person, part in given.items()}
    choices = [choice for choice in chosen.values() if choice is not None]
    if not revealed:
        question = _hidden(question)
    counts = tuple(choices.count(place) for place in range(len(question.options)))
    return Asked(
        question_id,
        question,
        revealed,
        len(choices),
        chosen.get(workspace.actor),
        counts if revealed else (),
        chosen.get(LOCAL_OWNER) is not None,
    )


def answer(workspace: Workspace, question_id: str, choice: int) -> None:
    """The answer of whoever works here, in place of one they gave before.

    Raises: WorkspaceError once the answer is revealed, or for an option that there is not.
    """
    asked = look(workspace, question_id)
    if asked.revealed:
        raise WorkspaceError("The answer is on the screen already; it is too late to choose.")
    if not 0 <= choice < len(asked.question.options):
        raise WorkspaceError("There is no such answer; choose one of those shown.")
    kept.change_part(workspace, WHAT, question_id, lambda _: {"choice": choice})


def reveal(workspace: Workspace, question_id: str) -> None:
    """Show everybody the answer and who chose what.

    Raises: RightsError for all but the presenter.
    """
    room.require_presenter(workspace.actor)
    kept.change(workspace, WHAT, question_id, lambda before: {**before, "revealed": True})


def _choice(part: Mapping[str, Any], question: Question) -> int | None:
    choice = part.get("choice")
    return choice if isinstance(choice, int) and 0 <= choice < len(question.options) else None


def _hidden(question: Question) -> Question:
    told = {**question.to_json(), "right": [], "told": "", "shares": []}
    return Question.from_json(told)
