"""Reads what a run was made of from manifests, ledgers and logs alone.

What is gone is told with the name and the SHA-256 that it had. Nothing is opened but JSON: no
text, no weights.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from slm import files, locks
from slm.data.corpus import CORPUS_PREFIX, PrepareConfig
from slm.data.ledger import ORIGINAL, read_ledger
from slm.errors import ConfigError, WorkspaceError
from slm.exchange.lineage import (
    Base,
    CorpusMade,
    Gap,
    Given,
    Lineage,
    Losses,
    RunMade,
    TokenizerMade,
)
from slm.tokenizer.config import TokenizeConfig
from slm.tokenizer.definition import TOKENIZER_FILE
from slm.tokenizer.separators import DEFAULT, Separator
from slm.training.events import CHANGEABLE, SURROUNDINGS, Event, config_at, read_events
from slm.training.rates import MACHINE
from slm.training.runs import CONFIG, METRICS, RunSettings
from slm.workspace import Artefact, Workspace

FORKED = "fork"
_BEFORE_IT_WAS = {"copy_start": 0.0, "look_back_start": 0.0}
"""What runs did that are older than a setting, where its default is something else now."""
_SHIPPED = re.compile(r"the first ([\d,]+) documents of ([\w-]+)")
_DEEPEST = 20  # forks of forks


def lineage_of(workspace: Workspace, run: Artefact) -> Lineage:
    """What that run was made of.

    Raises: WorkspaceError, ConfigError when the run's own settings are missing or damaged.
    """
    return _Reading(workspace).of(run)


@dataclass
class _Reading:
    workspace: Workspace
    corpora: list[CorpusMade] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)

    def of(self, run: Artefact) -> Lineage:
        runs = tuple(reversed(list(self._with_ancestors(run))))
        first = runs[0]
        if first.shipped and len(runs) > 1:
            return Lineage(runs=runs, gaps=tuple(self.gaps))  # it is there to be forked
        shipped = _SHIPPED.search(str(run.details.get("learned_from", "")))
        whole = int(shipped[1].replace(",", "")) if shipped else None
        settings = first.settings
        corpus = self._corpus(settings.corpus, whole)
        begun_with = settings.finetuned_from
        base = self._base(begun_with) if begun_with else None
        tokenizer = None
        if not begun_with:
            tokenizer = self._tokenizer(settings.tokenizer, run, corpus if shipped else None)
        tokens = self.workspace.tokens.find(settings.tokens)
        told = tokens.details.get("separator") if tokens is not None else None
        learned = tokenizer.config if tokenizer is not None else None
        separator: Separator = told or (learned.separator if learned is not None else DEFAULT)
        return Lineage(
            tuple(self.corpora), base, tokenizer, corpus or "", separator, runs, tuple(self.gaps)
        )

    def _base(self, told: Mapping[str, Any]) -> Base | None:
        """The model that fine-tuning began with, where all of it is still here."""
        kind, name, step = str(told["kind"]), str(told["name"]), int(told["step"])
        shelf = self.workspace.models if kind == "models" else self.workspace.runs
        found = shelf.find(str(told["id"]))
        kept = found is not None and not found.problem
        if found is not None and kept and kind == "runs":
            places = (found.folder / place / str(step) for place in ("ckpt", "snapshots"))
            kept = any(place.is_dir() for place in places)
        if found is None or not kept:
            self.gaps.append(Gap("gone", "model", name, stops=True))
            return None
        self.gaps.append(Gap("parent", name))
        return Base(kind, found.id, name, step, found.folder.parents[1])

    def _with_ancestors(self, run: Artefact) -> Iterator[RunMade]:
        """The run, then the one that it was forked from, and so on; a shipped one is the last."""
        until: int | None = None
        for _ in range(_DEEPEST):
            made = self._run(run, until)
            yield made
            if made.forked_from is None or (made.shipped and until is not None):
                return
            parent = self.workspace.runs.find(made.forked_from)
            if parent is None or parent.problem:
                self.gaps.append(Gap("gone", "run", made.forked_from, stops=True))
                return
            run, until = parent, made.begins_at
        self.gaps.append(Gap("gone", "run", run.id, stops=True))

    def _run(self, run: Artefact, until: int | None) -> RunMade:
        """`until`: only its steps up to there matter, because a fork begins there."""
        raw = files.read_json(run.folder / CONFIG)
        settings = RunSettings.from_json(_as_it_was(raw))
        settings.require_known()
        forked = settings.forked_from or {}
        records = files.read_records(run.folder / METRICS).records
        sound = [record for record in records if not record.get("diverged")]
        saved, surroundings = _saved(run)
        logged = int(sound[-1]["step"]) if sound else 0
        reached = logged if saved is None else saved
        end = reached if until is None else until
        events = read_events(run.folder)
        steps = config_at(settings.train, events, max(0, end)).steps
        if until is None:
            self._tell_end(run, records, end, steps)
            self._tell_surroundings(events, surroundings)
        self._tell_age(raw, run)
        return RunMade(
            run.id,
            run.name,
            settings,
            end=end or steps,
            complete=not end or end >= steps,
            changes=tuple(_changes(events, before=end)),
            losses=_losses(sound, end),
            surroundings=surroundings,
            forked_from=str(forked["run"]) if forked else None,
            begins_at=int(forked.get("step", 0)),
            from_copy=any(event.note.startswith("from a snapshot") for event in events),
            shipped=run.read_only,
            seconds=float(sound[-1].get("elapsed_seconds") or 0) if sound else None,
        )

    def _tell_end(self, run: Artefact, records: list[dict[str, Any]], end: int, steps: int) -> None:
        if records and records[-1].get("diverged"):
            self.gaps.append(Gap("unfinished", "diverged", f"{records[-1]['step']:,}"))
        elif locks.is_held(run.folder / "run.lock"):
            self.gaps.append(Gap("unfinished", "training", f"{end:,}"))
        elif 0 < end < steps:
            self.gaps.append(Gap("unfinished", "stopped", f"{end:,} of {steps:,}"))

    def _tell_surroundings(self, events: list[Event], surroundings: Mapping[str, Any]) -> None:
        for event in events:
            if event.field in SURROUNDINGS:
                change = f"{event.field}: {event.old} → {event.new}, step {event.step:,}"
                self.gaps.append(Gap("machine", "changed", change))
        if surroundings.get("device", "cpu") != "cpu":
            self.gaps.append(Gap("machine", "device", str(surroundings["device"])))
        elif not surroundings:
            self.gaps.append(Gap("machine", "unknown"))

    def _tell_age(self, raw: Mapping[str, Any], run: Artefact) -> None:
        if any(name not in raw["model"] for name in _BEFORE_IT_WAS):
            self.gaps.append(Gap("version", run.name))

    def _corpus(self, corpus_id: str, whole: int | None = None) -> str | None:
        """Tell of the corpus, those that it was made of first; gives its id. `whole`: so many
        documents were learned from, of which only the first are here."""
        if any(known.id == corpus_id for known in self.corpora):
            return corpus_id
        artefact = self.workspace.corpora.find(corpus_id)
        if artefact is None or artefact.problem:
            self.gaps.append(Gap("gone", "corpus", corpus_id, stops=True))
            return None
        try:
            config = PrepareConfig.from_json(artefact.details.get("config", {}))
        except ConfigError as error:
            self.gaps.append(Gap("gone", "corpus", str(error), stops=True))
            return None
        counted = artefact.details.get("train", {}).get("documents")
        if whole is not None:
            config, counted = config.replace(documents=whole, keep_original=False), None
        parent = None
        if config.source.startswith(CORPUS_PREFIX):
            held = artefact.manifest.parents.get("corpus")
            named = held.id if held else config.source.removeprefix(CORPUS_PREFIX)
            parent = self._corpus(named)
        given, from_folder = self._files(artefact, config)
        revision = artefact.details.get("hub_revision")
        if revision:
            config = config.replace(hub_revision=str(revision))
            hub_name = str(artefact.details.get("hub_name", config.source))
            self.gaps.append(Gap("hub", hub_name, str(revision)))
        if config.source in {"python-docs", "python-code"} and not given:
            self.gaps.append(Gap("python", config.source))
        self.corpora.append(CorpusMade(corpus_id, config, given, from_folder, parent, counted))
        return corpus_id

    def _files(self, corpus: Artefact, config: PrepareConfig) -> tuple[tuple[Given, ...], bool]:
        """The files that the corpus was read from, each where it lies now."""
        source = next((one for one in read_ledger(corpus.folder) if one["kind"] == "source"), {})
        found = []
        at = Path(config.source).expanduser()
        originals = source.get("originals") or []
        from_folder = len(originals) > 1 or at.is_dir()
        for told in originals:
            name, sha256 = str(told["name"]), str(told["sha256"])
            kept = corpus.folder / ORIGINAL / (sha256 + Path(name).suffix.lower())
            place = at / name if from_folder else at
            path = kept if kept.is_file() else place if _is(place, sha256) else None
            if path is None:
                self.gaps.append(Gap("file", name, sha256))
            found.append(Given(name, sha256, path.absolute() if path else None))
        return tuple(found), from_folder

    def _tokenizer(self, tokenizer_id: str, run: Artefact, corpus: str | None) -> TokenizerMade:
        """`corpus`: what a shipped tokenizer was learned from, under the id that it has here."""
        copied = run.folder / "tokenizer"
        own = copied / TOKENIZER_FILE
        sha256 = files.sha256_of(own) if own.is_file() else None
        artefact = self.workspace.tokenizers.find(tokenizer_id)
        if artefact is None or artefact.problem:
            return TokenizerMade(tokenizer_id, run.name, sha256, folder=copied.absolute())
        parent = artefact.manifest.parents.get("corpus")
        try:
            config = TokenizeConfig.from_json(artefact.details.get("config", {}))
        except ConfigError:  # a published one has other settings
            config = None
        if config is None or (parent is None and corpus is None):
            return TokenizerMade(tokenizer_id, artefact.name, sha256, folder=copied.absolute())
        learned_from = corpus or (self._quietly(parent.id) if parent else None)
        if learned_from is None:
            return TokenizerMade(tokenizer_id, artefact.name, sha256, folder=copied.absolute())
        return TokenizerMade(tokenizer_id, artefact.name, sha256, config, learned_from)

    def _quietly(self, corpus_id: str) -> str | None:
        """As `_corpus`, for text that the run can do without."""
        before = len(self.gaps)
        found = self._corpus(corpus_id)
        if found is None:
            del self.gaps[before:]
        return found


def _changes(events: list[Event], before: int) -> Iterator[Event]:
    """Those that were granted in mid-run; what a fork began with stands in its settings."""
    for event in events:
        granted = event.field in CHANGEABLE and event.note != FORKED and event.old != event.new
        if granted and event.step < before:
            yield event


def _as_it_was(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The settings with what an older version did where it had no setting yet."""
    try:
        return {**raw, "model": {**_BEFORE_IT_WAS, **raw["model"]}}
    except (KeyError, TypeError) as error:
        raise WorkspaceError(f"{CONFIG} of the run is damaged: {error!r}.") from None


def _saved(run: Artefact) -> tuple[int | None, dict[str, Any]]:
    """The newest checkpoint's step and surroundings."""
    steps = [int(path.name) for path in (run.folder / "ckpt").glob("*") if path.name.isdecimal()]
    for step in sorted(steps, reverse=True):
        try:
            state = files.read_json(run.folder / "ckpt" / str(step) / "state.json")
        except WorkspaceError:
            continue
        told = state.get("surroundings")
        return step, dict(told) if isinstance(told, dict) else {}
    try:
        told = files.read_json(run.folder / MACHINE)
    except WorkspaceError:
        return None, {}
    return None, {name: told[name] for name in SURROUNDINGS if name in told}


def _losses(records: list[dict[str, Any]], end: int) -> Losses:
    upto = [record for record in records if record["step"] <= end]

    def last(name: str) -> tuple[int, float] | None:
        known = [(int(r["step"]), float(r[name])) for r in upto if r.get(name) is not None]
        return known[-1] if known else None

    return Losses(last("train_nats"), last("val_nats"))


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and files.sha256_of(path) == sha256
