"""Sweeps and races: several runs that differ in what is to be compared. No torch here.

    experiments/<id>/manifest.json   kind, name, owner, parents
    experiments/<id>/plan.json       every lane's settings, final before anything is trained
    experiments/<id>/problems.json   why lanes failed, in the latest try
    experiments/<id>/record.json     the curves and texts, once all lanes are through

Each lane (`lanes.py`) is trained as an ordinary run in its own folder, whose manifest names the
experiment in `details["group"]`; so an experiment that was killed finds its runs again, and is
seen as far as they came.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from slm import files
from slm.errors import ConfigError, WorkspaceError
from slm.lab.lanes import Lane
from slm.training.runs import create_run
from slm.workspace import LOCAL_OWNER, MAX_NAME, Artefact, Shelf, Workspace

SCHEMA = 1
PLAN = "plan.json"
PROBLEMS = "problems.json"

Kind = Literal["sweep", "race"]
BudgetKind = Literal["tokens", "flops", "seconds"]
BUDGETS: tuple[BudgetKind, ...] = ("tokens", "flops", "seconds")


@dataclass(frozen=True)
class Budget:
    """What every lane of a race may use up. `seconds` are of training alone, per lane."""

    kind: BudgetKind
    amount: float

    @classmethod
    def parse(cls, text: str) -> Self:
        """The budget that a person writes.

        >>> Budget.parse("tokens=2e6")
        Budget(kind='tokens', amount=2000000.0)

        Raises: ConfigError for what is none.
        """
        kind, _, amount = text.partition("=")
        try:
            number = float(amount)
        except ValueError:
            number = 0.0
        if kind not in BUDGETS or not 0 < number < 1e30:
            raise ConfigError(
                f"The budget is {text[:60]!r}; write tokens=, flops= or seconds= and a number "
                "above 0, for example tokens=2e6."
            )
        return cls(kind, number)

    def __str__(self) -> str:
        return f"{self.kind}={self.amount:g}"


@dataclass(frozen=True)
class Plan:
    """What an experiment is: its lanes, on which text, and what is varied or shared.

    field    the setting that a sweep varies
    budget   what each lane of a race may use up
    """

    kind: Kind
    name: str
    corpus: str
    tokenizer: str
    tokens: str
    lanes: tuple[Lane, ...]
    field: str | None = None
    budget: Budget | None = None

    def to_json(self) -> dict[str, Any]:
        """The JSON object that `from_json` reads."""
        return {
            "schema": SCHEMA,
            "kind": self.kind,
            "name": self.name,
            "corpus": self.corpus,
            "tokenizer": self.tokenizer,
            "tokens": self.tokens,
            "lanes": [lane.to_json() for lane in self.lanes],
            "field": self.field,
            "budget": None if self.budget is None else str(self.budget),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The plan that `to_json` wrote.

        Raises: WorkspaceError when it is damaged, or of a later version; ConfigError when a
        setting is not allowed.
        """
        if values.get("schema", 0) > SCHEMA:
            raise WorkspaceError("The experiment was written by a later version; update this app.")
        try:
            return cls(
                kind=values["kind"],
                name=str(values["name"]),
                corpus=str(values["corpus"]),
                tokenizer=str(values["tokenizer"]),
                tokens=str(values["tokens"]),
                lanes=tuple(Lane.from_json(lane) for lane in values["lanes"]),
                field=values["field"],
                budget=None if values["budget"] is None else Budget.parse(values["budget"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise WorkspaceError(f"{PLAN} of the experiment is damaged: {error!r}.") from None


def shelf(workspace: Workspace) -> Shelf:
    """All experiments of the workspace; one that ships with the app included."""
    return workspace.extra_shelf("experiments")


def read_plan(experiment: Artefact) -> Plan:
    """What that experiment is.

    Raises: WorkspaceError, ConfigError when its file is damaged.
    """
    return Plan.from_json(files.read_json(experiment.folder / PLAN))


def create(
    workspace: Workspace, plan: Plan, *, owner: str = LOCAL_OWNER, job: str | None = None
) -> Artefact:
    """Keep a plan, before anything of it is trained. `job` is the job that works on it.

    Raises: WorkspaceError for an unusable name or a full disk.
    """
    parents = {
        "corpus": workspace.corpora.get(plan.corpus),
        "tokenizer": workspace.tokenizers.get(plan.tokenizer),
        "tokens": workspace.tokens.get(plan.tokens),
    }
    details = {"kind": plan.kind, "lanes": [lane.name for lane in plan.lanes], "job": job}
    return shelf(workspace).open_folder(
        plan.name, {PLAN: plan.to_json()}, owner=owner, parents=parents, details=details
    )


def of_job(workspace: Workspace, job: str | None) -> Artefact | None:
    """The experiment that this job made, also when it was killed before it could say so."""
    return next(
        (
            each
            for each in shelf(workspace).list()
            if job is not None and not each.problem and each.details.get("job") == job
        ),
        None,
    )


def runs_of(workspace: Workspace, experiment: str) -> dict[int, Artefact]:
    """The runs of an experiment, by the index of their lane."""
    found = {}
    for run in reversed(workspace.runs.list()):
        group = group_of(run)
        if group is not None and group["id"] == experiment and isinstance(group.get("index"), int):
            found[group["index"]] = run
    return found


def group_of(run: Artefact) -> Mapping[str, Any] | None:
    """The sweep or race that a run belongs to: id, kind, name, lane, value; None without one."""
    group = run.details.get("group")
    return group if isinstance(group, Mapping) and {"id", "name", "lane"} <= set(group) else None


def problems_of(experiment: Artefact) -> dict[str, str]:
    """Why lanes could not be trained in the latest try, by their names."""
    path = experiment.folder / PROBLEMS
    if not path.exists():
        return {}
    return {str(lane): str(text) for lane, text in files.read_json(path).items()}


def note_problems(experiment: Artefact, problems: Mapping[str, str]) -> None:
    """Write down why lanes could not be trained; none at the begin of a try."""
    if problems or (experiment.folder / PROBLEMS).exists():
        files.write_json(experiment.folder / PROBLEMS, problems, checked=True)


def ensure_run(
    workspace: Workspace, experiment: Artefact, plan: Plan, index: int, owner: str = LOCAL_OWNER
) -> Artefact:
    """The run of a lane: the one that an earlier try made, else a new one.

    Raises: as `create_run`; WorkspaceError when corpus, tokenizer or tokens are gone.
    """
    known = runs_of(workspace, experiment.id).get(index)
    if known is not None:
        return known
    lane = plan.lanes[index]
    group = {
        "id": experiment.id,
        "kind": plan.kind,
        "name": plan.name,
        "lane": lane.name,
        "value": lane.value,
        "index": index,
    }
    return create_run(
        workspace,
        lane.model,
        lane.train,
        workspace.corpora.get(plan.corpus),
        workspace.tokenizers.get(plan.tokenizer),
        workspace.tokens.get(plan.tokens),
        f"{plan.name}: {lane.name}"[:MAX_NAME],
        owner=owner,
        more_details={"group": group},
    )
