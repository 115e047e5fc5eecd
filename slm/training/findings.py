"""What a training doctor finds and what it would do, as values. No words for people, no rules."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal[
    "diverged",
    "diverging",
    "overfitting",
    "rate_high",
    "rate_low",
    "below_baseline",
    "plateau",
    "dead_layer",
    "spikes",
    "undertrained",
    "many_epochs",
    "no_validation",
    "few_evaluations",
]
Severity = Literal["info", "warning", "serious"]
Action = Literal["change", "fork", "new", "extend", "stop"]
SEVERITIES: tuple[Severity, ...] = ("serious", "warning", "info")


@dataclass(frozen=True)
class Remedy:
    """What would help.

    action     change: settings of this run, from its next step on
               fork: a new run from a checkpoint or snapshot at or before `at_step`
               new: a new run with these settings
               extend: this run, to `settings["steps"]` steps
               stop: end this run; what it was at `at_step` is its best
    settings   fields of TrainConfig with their new values
    """

    action: Action
    settings: Mapping[str, Any] = field(default_factory=dict)
    at_step: int | None = None


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong, or could be better, with the stretch of steps that shows it.

    `evidence` names the numbers that it rests on; losses are nats per token.
    """

    kind: Kind
    severity: Severity
    first_step: int
    last_step: int
    evidence: Mapping[str, Any]
    remedy: Remedy | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain values for a command line or a file."""
        remedy = self.remedy
        return {
            "kind": self.kind,
            "severity": self.severity,
            "first_step": self.first_step,
            "last_step": self.last_step,
            "evidence": dict(self.evidence),
            "remedy": None
            if remedy is None
            else {
                "action": remedy.action,
                "settings": dict(remedy.settings),
                "at_step": remedy.at_step,
            },
        }
