"""The guided tour in words: how far one is, and where the room is.

Knows steps and progress, not how a step is checked.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from slm.workshop.progress import Progress, StepCount
from slm.workshop.tour import STEPS, Step, find_step
from ui.texts import tr

INTRODUCTION = tr(
    "Fifteen things to do, from a corpus to a model that babbles. Each is checked: the tour looks "
    "at what you made, or works your answer out with the model that you look at. Any order will do."
)
ALL_DONE = tr("all done")
BEGIN_AGAIN_HELP = tr("Forgets which steps you have done. What you made stays.")
_MOST_NAMES = 3
_ICONS = {True: ":material/check_circle:", False: ":material/radio_button_unchecked:"}


@dataclass(frozen=True)
class StepMark:
    """A step in the list of all."""

    id: str
    title: str
    icon: str
    current: bool


@dataclass(frozen=True)
class ChapterMarks:
    """The steps of a chapter."""

    title: str
    steps: tuple[StepMark, ...]


@dataclass(frozen=True)
class StepCard:
    """The step that somebody is at. `fraction` is the share of all steps that are done."""

    step: Step
    done: bool
    fraction: float
    told: str
    first: bool
    last: bool


@dataclass(frozen=True)
class RoomRow:
    """How many of the room have done a step; `looking` holds names, foreign text."""

    chapter: str
    step: str
    done: int
    looking: str


def step_card(step: Step, progress: Progress) -> StepCard:
    """The step as a card shows it."""
    number = STEPS.index(step) + 1
    n_done = sum(progress.has_done(each.id) for each in STEPS)
    told = ALL_DONE if n_done == len(STEPS) else tr("{n_done} done").format(n_done=n_done)
    return StepCard(
        step,
        progress.has_done(step.id),
        n_done / len(STEPS),
        tr("{chapter} · step {number} of {n_steps} · {told}").format(
            chapter=tr(step.chapter.capitalize()), number=number, n_steps=len(STEPS), told=told
        ),
        number == 1,
        number == len(STEPS),
    )


def chapter_marks(progress: Progress, current: Step) -> tuple[ChapterMarks, ...]:
    """All steps, chapter by chapter."""
    chapters = dict.fromkeys(step.chapter for step in STEPS)
    return tuple(
        ChapterMarks(
            tr(chapter.capitalize()),
            tuple(
                StepMark(
                    step.id, tr(step.title), _ICONS[progress.has_done(step.id)], step == current
                )
                for step in STEPS
                if step.chapter == chapter
            ),
        )
        for chapter in chapters
    )


def room_rows(counts: Sequence[StepCount]) -> tuple[RoomRow, ...]:
    """Where the room is, step by step."""
    found = []
    for count in counts:
        step = find_step(count.step)
        if step is not None:
            found.append(
                RoomRow(
                    tr(step.chapter.capitalize()), tr(step.title), len(count.done), named(count.now)
                )
            )
    return tuple(found)


def named(names: Sequence[str], most: int = _MOST_NAMES) -> str:
    """Some names and how many more there are; foreign text.

    >>> named(["Ada", "Ben"]), named(["Ada", "Ben", "Cy", "Di", "Ed"])
    ('Ada, Ben', 'Ada, Ben, Cy and 2 more')
    """
    listed = ", ".join(names[:most])
    return (
        tr("{listed} and {n_names} more").format(listed=listed, n_names=len(names) - most)
        if len(names) > most
        else listed
    )


def code_lines(root: str) -> str:
    """The lines of slm that tell how far the tour is."""
    return (
        "from pathlib import Path\n\n"
        "from slm.workshop.made import check_made\n"
        "from slm.workshop.progress import count_room, read_progress\n"
        "from slm.workshop.tour import STEP_IDS, STEPS\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({root!r}))\n"
        "for step in STEPS:\n"
        '    if step.evidence == "made":\n'
        "        print(step.title, check_made(step, workspace))\n"
        "print(read_progress(workspace).done)\n"
        "print(count_room(workspace, STEP_IDS))"
    )
