"""What a model was made of, and how: the facts, no words about them, nothing read.

    sources → corpora → tokenizer → tokens → run (→ a fork of it → …)

`lineage_reading.py` finds them in manifests. What is not here any more is told as a `Gap`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from slm.data.corpus import PrepareConfig
from slm.tokenizer.config import TokenizeConfig
from slm.tokenizer.separators import DEFAULT, Separator
from slm.training.config import TrainConfig
from slm.training.events import Event
from slm.training.runs import RunSettings


@dataclass(frozen=True)
class Given:
    """A file that somebody gave. `path`: where it lies now; None when it is not here any more."""

    name: str
    sha256: str
    path: Path | None


@dataclass(frozen=True)
class CorpusMade:
    """A corpus: its settings, the files it was read from, and how many documents came out.

    `files` of a folder (`from_folder`) are those that were in it. `cleaned_anew` is the id of
    the corpus whose texts it was made of.
    """

    id: str
    config: PrepareConfig
    files: tuple[Given, ...] = ()
    from_folder: bool = False
    cleaned_anew: str | None = None
    train_documents: int | None = None


@dataclass(frozen=True)
class TokenizerMade:
    """A tokenizer: learned from `corpus`, or a published one in `folder`."""

    id: str
    name: str
    sha256: str | None
    config: TokenizeConfig | None = None
    corpus: str | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Losses:
    """The last losses of a record, in nats a token, and the steps they are of."""

    train: tuple[int, float] | None
    val: tuple[int, float] | None


@dataclass(frozen=True)
class RunMade:
    """A run: all that decides it. `changes` came in mid-run, each in force from its step on.

    end         the step to which it is told: its newest checkpoint, or its end
    complete    whether that is the end of the plan
    begins_at   for a fork: the step it began at, in run `forked_from`
    from_copy   it began with a snapshot's half-precision weights
    surroundings  torch, threads, device, processes, as they were when it was last saved
    shipped     it comes with the app
    """

    id: str
    name: str
    settings: RunSettings
    end: int
    complete: bool
    changes: tuple[Event, ...]
    losses: Losses
    surroundings: Mapping[str, Any]
    forked_from: str | None = None
    begins_at: int = 0
    from_copy: bool = False
    shipped: bool = False
    seconds: float | None = None

    @property
    def train(self) -> TrainConfig:
        """Its settings at the start."""
        return self.settings.train


@dataclass(frozen=True)
class Base:
    """The model that a fine-tuned run began with: a run's `step`, or an imported model."""

    kind: str
    id: str
    name: str
    step: int
    root: Path


Kind = Literal["file", "hub", "machine", "python", "version", "gone", "parent", "unfinished"]


@dataclass(frozen=True)
class Gap:
    """Something that cannot be had again, or perhaps not as it was. `stops`: no repeat then."""

    kind: Kind
    what: str
    detail: str = ""
    stops: bool = False


@dataclass(frozen=True)
class Lineage:
    """Everything that a run was made of, in the order in which it has to be made again.

    With a `base` there is no tokenizer of its own: text is cut by that of the base.
    """

    corpora: tuple[CorpusMade, ...] = ()
    base: Base | None = None
    tokenizer: TokenizerMade | None = None
    tokens_corpus: str = ""
    separator: Separator = DEFAULT
    runs: tuple[RunMade, ...] = ()
    gaps: tuple[Gap, ...] = ()

    @property
    def repeatable(self) -> bool:
        """Whether the training can be done again from what is known."""
        return bool(self.runs) and not any(gap.stops for gap in self.gaps)

    def run(self, run_id: str) -> RunMade:
        """One of `runs`."""
        return next(run for run in self.runs if run.id == run_id)
