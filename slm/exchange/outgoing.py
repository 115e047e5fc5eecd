"""What a way out is: the model that leaves, the format it takes, and what a check found.

Each format is a `Format` in a module of its own; `formats.py` lists them. `taking_out.py` gives
a format an empty folder, and commits that folder whole or not at all. Knows no format itself.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol, Self

from slm.jobs import Reporter
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.sampling.methods import WritingConfig
from slm.tokenizer.protocol import TextTokenizer
from slm.workspace import Artefact, Workspace


@dataclass(frozen=True)
class Outgoing:
    """A model on its way out. Its weights are read when `model` is first asked for.

    `source` is the run or imported model of `workspace` that it is, at `step`; both are None
    for a model that stands by itself. `weights_mark` names just these weights. `writing`: how it
    should write, where somebody said so. `evaluation`: what was measured of it, as
    `lab.evaluation` reports it.
    """

    opener: Callable[[], tuple[Transformer, TextTokenizer]]
    name: str = "model"
    step: int = 0
    weights_mark: str | None = None
    source: Artefact | None = None
    workspace: Workspace | None = None
    writing: WritingConfig | None = None
    evaluation: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, model: Transformer, tokenizer: TextTokenizer, **known: Any) -> Self:
        """That of a model which is open already."""
        return cls(lambda: (model, tokenizer), **known)

    @property
    def model(self) -> Transformer:
        """The model, ready to evaluate."""
        return self._opened[0]

    @property
    def tokenizer(self) -> TextTokenizer:
        """Its tokenizer."""
        return self._opened[1]

    @cached_property
    def _opened(self) -> tuple[Transformer, TextTokenizer]:
        return self.opener()


@dataclass(frozen=True)
class Finding:
    """One thing that a check compared. `passed` None: told, and not judged."""

    what: str
    value: str
    passed: bool | None = None


@dataclass(frozen=True)
class Proof:
    """What came of running what was written, elsewhere. `missing` says why nothing was run."""

    opened_with: str
    findings: tuple[Finding, ...] = ()
    missing: str | None = None

    @property
    def passed(self) -> bool:
        """Whether it was run, and all that is judged was as it should be."""
        judged = [each.passed for each in self.findings if each.passed is not None]
        return self.missing is None and bool(judged) and all(judged)

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `from_json` reads."""
        return {"schema": 1, "passed": self.passed, **asdict(self)}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """Raises: KeyError, TypeError for what `to_json` did not write."""
        findings = tuple(Finding(**each) for each in values["findings"])
        return cls(values["opened_with"], findings, values["missing"])


class Write(Protocol):
    """Fills an empty folder. What it gives is told as the result, and stands in the manifest."""

    def __call__(
        self, outgoing: Outgoing, folder: Path, number_format: str, report: Reporter
    ) -> Mapping[str, Any]:
        """Raises: SlmError for a model that the format cannot hold, or a package not there."""


class Prove(Protocol):
    """Opens what was written with the program that it is for, and compares it with the model."""

    def __call__(
        self, outgoing: Outgoing, folder: Path, number_format: str, report: Reporter
    ) -> Proof:
        """A failure is a Proof that did not pass, not an error."""


@dataclass(frozen=True)
class Format:
    """One form in which a model can leave.

    `about` says in a sentence what it is for; `number_formats` are what its numbers can be, the
    usual one first, and empty where it holds no weights. `require` refuses, before any weight is
    read, a model that the form cannot hold (ConfigError). `takes_writing`: it can say how the
    model should write.
    """

    key: str
    label: str
    about: str
    write: Write
    number_formats: tuple[str, ...] = ()
    prove: Prove | None = None
    require: Callable[[ModelConfig], None] | None = None
    takes_writing: bool = False
