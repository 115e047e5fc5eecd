"""The stages from source text to a talking model, as cards of a picture. Knows no jobs."""

from dataclasses import dataclass
from typing import Literal

StageState = Literal["waiting", "running", "done", "failed"]


@dataclass(frozen=True)
class StageCard:
    """One stage: ``name`` identifies it, ``fact`` is one short line about what it made.

    ``fraction`` in [0, 1] is how far a running stage is, or None where nobody can say.
    """

    name: str
    title: str
    state: StageState
    fact: str = ""
    fraction: float | None = None
