"""How good is a model? All figures of one measurement, beside baselines and other models.

Perplexity and bits per byte with intervals, and where the loss is: by document, place in the
context, frequency and source. Here run folders, texts and the measures of `slm.evaluation` meet.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from slm.data.sources import Document
from slm.evaluation.baselines import Baseline, Uniform, baseline_losses, fit_baselines
from slm.evaluation.intervals import FEWEST, Interval, Resamples, bits, perplexity_of
from slm.evaluation.perplexity import Losses, Perplexity, losses
from slm.evaluation.slices import Counts, LossSums, by_frequency, by_place, by_source
from slm.jobs import Reporter, silent
from slm.lab.judged_text import (
    JudgedText,
    TextConfig,
    byte_widths,
    counting_row,
    encode_text,
    open_text,
)
from slm.lab.reports import open_run
from slm.model.transformer import Transformer
from slm.tokenizer.protocol import TextTokenizer
from slm.workspace import Artefact, Workspace

_BEGINNING = 90  # characters of a document that are told
_SUMMED_AT_ONCE = 4_096


class EvaluateConfig(TextConfig):
    """What to measure on, how, and beside what."""

    context_length: int | None = Field(
        None, ge=1, description="Tokens the model may look back at; all it can without it."
    )
    stride: int | None = Field(
        None,
        ge=1,
        description="Tokens from one window's start to the next. A whole window without it: fast, "
        "and the first tokens of each see little. Half a window: each sees at least half.",
    )
    against: tuple[str, ...] = Field(
        (), description="Other models to measure on the same documents, by name or id."
    )
    baselines: bool = Field(True, description="Measure what counting the training text gives.")
    counted_tokens: int = Field(
        2**22, ge=16, le=2**27, description="The baselines count at most so many training tokens."
    )
    resamples: int = Field(
        1_000, ge=0, le=100_000, description="Resamples for the 95% intervals; 0 leaves them out."
    )
    documents: int = Field(
        100,
        ge=0,
        le=10_000,
        description="List the so many most surprising documents, and as many least surprising.",
    )


@dataclass(frozen=True)
class Counted:
    """What counting the training text gives: baselines, and how often each token was seen.

    Of `of_tokens` training tokens, `tokens` were counted.
    """

    baselines: Mapping[str, Baseline]
    counts_V: Counts
    tokens: int
    of_tokens: int


@dataclass(frozen=True)
class Contender:
    """A model to be measured."""

    id: str
    name: str
    step: int
    model: Transformer
    tokenizer: TextTokenizer


@dataclass(frozen=True)
class _Part:
    """Passes on how far the whole is when one of its parts is so far."""

    whole: Reporter
    low: float
    high: float
    label: str = ""

    def __call__(
        self, fraction: float | None, message: str = "", *, stage: str | None = None, **facts: Any
    ) -> None:
        """See `Reporter`."""
        told = ", ".join(filter(None, (self.label, message)))
        self.whole(self.low + (self.high - self.low) * (fraction or 0.0), told)

    def plan(self, stages: Mapping[str, float]) -> None:
        """A part has no stages."""

    def should_stop(self) -> bool:
        """See `Reporter`."""
        return self.whole.should_stop()


def evaluate_run(
    workspace: Workspace,
    run: Artefact,
    config: EvaluateConfig,
    *,
    step: int | None = None,
    report: Reporter = silent,
) -> dict[str, Any]:
    """Everything about how well a run, or an imported model, predicts a text, in JSON values.

    A model that was trained elsewhere has no corpus here: name a text or another corpus.
    When `report` asks to stop, the figures cover the tokens measured so far.

    Raises: DataError, HubError, WorkspaceError as `open_text`; CheckpointError as `open_run`.
    """
    opened = open_run(run, step)
    me = Contender(run.id, run.name, opened.step, opened.model, opened.tokenizer)
    text = open_text(workspace, run, opened.tokenizer, config, report)
    counted = None
    if config.baselines:
        counted = count_training(workspace, run, opened.tokenizer, opened.model, config)
    rivals = [workspace.get_model(name) for name in config.against]
    others = (_contender(each) for each in rivals)
    return measure(me, text, config, counted, others, len(rivals), report)


def count_training(
    workspace: Workspace,
    run: Artefact,
    tokenizer: TextTokenizer,
    model: Transformer,
    config: EvaluateConfig,
) -> Counted | None:
    """The baselines, fitted on the run's training text; None where that is not here."""
    row = counting_row(workspace, run, tokenizer, config, config.counted_tokens)
    if row is None:
        return None
    ids, of_tokens = row
    vocab_size = model.config.vocab_size
    fitted = fit_baselines(ids, vocab_size, longest=3)
    counts_V = np.bincount(ids.astype(np.int64), minlength=vocab_size)
    return Counted(fitted, counts_V, len(ids), of_tokens)


def measure(
    me: Contender,
    text: JudgedText,
    config: EvaluateConfig,
    counted: Counted | None = None,
    others: Iterable[Contender] = (),
    n_others: int = 0,
    report: Reporter = silent,
) -> dict[str, Any]:
    """A model, its baselines and other models on one text. See `evaluate_run`."""
    share = 0.9 / (1 + n_others)
    own = _judge(me, text, config, _Part(report, 0.0, share, me.name if n_others else ""))
    tokens = int(own.by_document.tokens.sum())
    complete = tokens == len(text.ids) - 1
    rows = _Rows(text, own, complete)
    told: dict[str, Any] = {
        "run": me.id,
        "name": me.name,
        "step": me.step,
        "split": _split_name(config),
        "text": {
            "title": text.title,
            "documents": int((own.by_document.tokens > 0).sum()),
            "tokens": tokens,
            "of_tokens": text.of_tokens,
            "partial": text.partial or not complete,
            "intervals_over": "stretches" if own.stretches else "documents",
        },
        "context_length": config.context_length or me.model.config.context_length,
        "stride": config.stride,
    }
    fitted: Mapping[str, Baseline] = {}
    if config.baselines:
        uniform = {"uniform": Uniform(me.model.config.vocab_size)}
        fitted = counted.baselines if counted is not None else uniform
    ids = text.ids if complete else text.ids[: tokens + 1]
    for name, baseline in fitted.items():
        rows.add(name, _judge_baseline(baseline, text, ids, own), text)
    compared: list[tuple[Contender, JudgedText]] = []
    if complete:
        for number, other in enumerate(others, start=1):
            report(number * share, f"{other.name}: reading")
            theirs = _in_tokens_of(other, me, text)
            part = _Part(report, number * share, (number + 1) * share, other.name)
            found = _judge(other, theirs, config, part)
            if report.should_stop():
                break
            rows.add(f"other {number}", found, theirs)
            compared.append((other, theirs))
    report(0.92, "intervals")
    figures = rows.figures(config.resamples)
    told["model"] = figures["model"]
    told |= {name: figures[name] for name in fitted}
    told["others"] = [
        {
            "run": other.id,
            "name": other.name,
            "step": other.step,
            "same_tokens": theirs is text,
            **figures[f"other {number}"],
        }
        for number, (other, theirs) in enumerate(compared, start=1)
    ]
    if counted is not None:
        told["counted"] = {"tokens": counted.tokens, "of_tokens": counted.of_tokens}
    report(0.97, "slices")
    told["slices"] = _slices(own, text, counted)
    told["documents"] = _documents(own, text, config.documents)
    return told


class _Rows:
    """Nats, tokens and bytes of every contender by document (or stretch), for paired intervals."""

    def __init__(self, text: JudgedText, own: LossSums, complete: bool) -> None:
        self._complete = complete
        self._sums: dict[str, tuple[NDArray[Any], NDArray[Any], NDArray[Any]]] = {}
        self.add("model", own, text)

    def add(self, name: str, sums: LossSums, text: JudgedText) -> None:
        """Take the sums of a contender. Bytes are those of the text where documents are whole."""
        unit = sums.by_unit
        n_bytes = unit.n_bytes
        if self._complete and not sums.stretches:
            n_bytes = text.bytes_D.astype(np.float64)
        elif self._complete and n_bytes.sum():
            n_bytes = n_bytes * (text.n_bytes / n_bytes.sum())
        self._sums[name] = (unit.nats, unit.tokens, n_bytes)

    def figures(self, resamples: int) -> dict[str, dict[str, Any]]:
        """By name: perplexity and so on, intervals, and the difference from the model in bits a
        byte (above 0: the model is better)."""
        longest = max(len(nats) for nats, _, _ in self._sums.values())
        rows = [
            np.pad(row, (0, longest - len(row))) for sums in self._sums.values() for row in sums
        ]
        drawn = Resamples(rows, resamples=resamples) if resamples else None
        own = self._sums["model"]
        found = {}
        for number, (name, (nats, tokens, n_bytes)) in enumerate(self._sums.items()):
            whole = Perplexity.of(
                nats=float(nats.sum()),
                tokens=int(tokens.sum()),
                n_bytes=round(float(n_bytes.sum())),
            )
            figures = {
                key: value if value is None or isfinite(value) else None
                for key, value in asdict(whole).items()
            }
            per_token = drawn.ratio(3 * number, 3 * number + 1) if drawn else None
            per_byte = bits(drawn.ratio(3 * number, 3 * number + 2)) if drawn else None
            figures["intervals"] = {
                "nats_per_token": _told(per_token),
                "perplexity": _told(perplexity_of(per_token)),
                "bits_per_byte": _told(per_byte),
            }
            if name != "model" and n_bytes.sum():
                apart = drawn.difference((3 * number, 3 * number + 2), (0, 2)) if drawn else None
                more = nats.sum() / n_bytes.sum() - own[0].sum() / own[2].sum()
                figures["worse_by"] = {
                    "bits_per_byte": float(more / np.log(2)),
                    "interval": _told(bits(apart)),
                }
            found[name] = figures
        return found


def _judge(
    contender: Contender, text: JudgedText, config: EvaluateConfig, report: Reporter
) -> LossSums:
    """A model's losses on the text, summed in every way; fewer when asked to stop."""
    model = contender.model
    width = min(config.context_length or model.config.context_length, model.config.context_length)
    stride = None if config.stride is None else min(config.stride, width)
    widths_V = byte_widths(contender.tokenizer, model.config.vocab_size)
    sums = LossSums(text.starts_D, widths_V, width, FEWEST)
    to_count, counted = len(text.ids) - 1, 0
    held: list[Losses] = []  # summed a few thousand at a time: summing costs by the run
    for part in losses(model, text.ids, context_length=width, stride=stride):
        held.append(part)
        counted += len(part.nats_N)
        if counted - held[0].first + 1 >= _SUMMED_AT_ONCE or counted == to_count:
            _add(sums, text, held)
            held = []
        report(counted / to_count, f"{counted:,} of {to_count:,} tokens scored")
        if report.should_stop():
            break
    if held:
        _add(sums, text, held)
    return sums


def _add(sums: LossSums, text: JudgedText, parts: Sequence[Losses]) -> None:
    nats_N = np.concatenate([part.nats_N for part in parts])
    seen_N = np.concatenate([part.seen_N for part in parts])
    first = parts[0].first
    sums.add(first, text.ids[first : first + len(nats_N)], nats_N, seen_N)


def _judge_baseline(baseline: Baseline, text: JudgedText, ids: Any, like: LossSums) -> LossSums:
    sums = like.empty()
    for first, nats_N in baseline_losses(baseline, ids):
        sums.add(first, np.asarray(ids[first : first + len(nats_N)]), nats_N)
    return sums


def _in_tokens_of(other: Contender, me: Contender, text: JudgedText) -> JudgedText:
    """The same documents as the other model reads them: as they are, where it cuts text alike."""
    if other.tokenizer is me.tokenizer or _cut_alike(other, me, text):
        return text
    documents = (Document(each, "") for each in text.texts())
    return encode_text(text.title, documents, other.tokenizer, keep_empty=True)


def _cut_alike(other: Contender, me: Contender, text: JudgedText) -> bool:
    """Whether two tokenizers have the same tokens, so that the ids mean the same."""
    one, two = me.tokenizer, other.tokenizer
    if (one.kind, one.vocab_size, one.eos_id) != (two.kind, two.vocab_size, two.eos_id):
        return False
    if me.model.config.vocab_size != other.model.config.vocab_size:
        return False
    same = all(one.token_bytes(i) == two.token_bytes(i) for i in range(one.vocab_size))
    return same and one.encode(text.text(0)) == two.encode(text.text(0))


def _slices(own: LossSums, text: JudgedText, counted: Counted | None) -> dict[str, Any]:
    """Where the loss is. Frequencies are those of the training text, else of this text."""
    own_counts_V = own.by_token.tokens.astype(np.int64)
    counts_V = counted.counts_V if counted is not None else own_counts_V
    found = {
        "by_place": by_place(own),
        "by_frequency": by_frequency(own, counts_V),
        "by_source": by_source(own, text.sources_D) if text.sources_D else (),
    }
    told: dict[str, Any] = {
        name: [each.to_json() for each in slices] for name, slices in found.items()
    }
    told["frequency_in"] = "training" if counted is not None else "this text"
    return told


def _documents(own: LossSums, text: JudgedText, most: int) -> list[dict[str, Any]]:
    """The most surprising documents and the least, by bits a byte, worst first."""
    sums = own.by_document
    known = np.flatnonzero((sums.tokens > 0) & (sums.n_bytes > 0))
    order = known[np.argsort(-sums.nats[known] / sums.n_bytes[known], kind="stable")]
    chosen = order if len(order) <= 2 * most else np.concatenate([order[:most], order[-most:]])
    told = []
    for document in chosen.tolist():
        each = sums.slice("", slice(document, document + 1))
        told.append(
            {
                "document": document + 1,
                "tokens": each.tokens,
                "nats_per_token": each.nats_per_token,
                "perplexity": each.perplexity if isfinite(each.perplexity) else None,
                "bits_per_byte": each.bits_per_byte,
                "source": text.sources_D[document] if text.sources_D else "",
                "begins": " ".join(text.text(document)[: 2 * _BEGINNING].split())[:_BEGINNING],
            }
        )
    return told


def _contender(run: Artefact) -> Contender:
    opened = open_run(run)
    return Contender(run.id, run.name, opened.step, opened.model, opened.tokenizer)


def _split_name(config: TextConfig) -> str:
    if config.own:
        return config.split
    named = config.corpus or config.source or config.text_file
    return str(named) if named else "text"


def _told(interval: Interval | None) -> dict[str, Any] | None:
    return None if interval is None else interval.to_json()
