"""The sections of an evaluation report: what each measures, in words, figures and JSON values.

A section is a function of `Material`. What a model cannot be asked raises a DataError, which
says why; the report puts that in the section's place.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from slm import files
from slm.config import Config
from slm.errors import DataError
from slm.evaluation.calibration import calibrate
from slm.jobs import Reporter, StoppedError, silent
from slm.lab.calibration import as_json, ids_to_judge
from slm.lab.copying import CopyingConfig, copying_report
from slm.lab.evaluation import EvaluateConfig, evaluate_run
from slm.lab.report_page import Section
from slm.lab.reports import OpenedRun, write_text
from slm.lab.svg import Bar, Line, bars, lines
from slm.lab.task_reports import TasksConfig, score_tasks, taught_by_corpus
from slm.model.config import parameter_counts
from slm.sampling.filters import SamplingConfig
from slm.tokenizer.beginning import frame
from slm.training.runs import METRICS
from slm.workspace import Artefact, Workspace

RIVALS = ("uniform", "unigram", "bigram", "trigram", "model")
_FREQUENCY = {"training": "the training text", "this text": "this text"}
_COPY_TOKENS = 20_000_000


class ReportConfig(Config):
    """How thorough a report is."""

    max_tokens: int = Field(
        50_000, ge=2, le=1_000_000_000, description="Held-out tokens to measure on at most."
    )
    corpus: str = Field(
        "",
        description="Another corpus of the workspace to measure on, by name or id; a model that "
        "was trained elsewhere needs one, or a text file.",
    )
    text_file: Path | None = Field(
        None, description="Measure on this text file (UTF-8) instead of the held-out text."
    )
    questions: int = Field(100, ge=10, le=5_000, description="Questions of each small task.")
    samples: int = Field(3, ge=0, le=20, description="Texts that the model writes.")
    sample_tokens: int = Field(150, ge=1, le=2_000, description="Tokens of each at most.")
    copying: bool = Field(
        True, description="Look for copies of the training text, which builds its index once."
    )


@dataclass(frozen=True)
class Material:
    """What the sections are made from. `measured`: what several of them tell of."""

    workspace: Workspace
    run: Artefact
    opened: OpenedRun
    config: ReportConfig
    step: int | None = None
    report: Reporter = silent
    measured: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def ids(self) -> NDArray[np.int64]:
        """Held-out ids, or those of the text file.

        Raises: DataError for a model with no held-out text here.
        """
        tokenizer = self.opened.tokenizer
        if self.config.text_file is not None:
            text = self.config.text_file.read_text(encoding="utf-8")
            framed = frame(tokenizer)
            ids = np.array([*framed.before, *framed.plain.encode(text)], dtype=np.int64)
            return ids[: self.config.max_tokens]
        most, corpus = self.config.max_tokens, self.config.corpus
        return ids_to_judge(self.workspace, self.run, tokenizer, "val", most, corpus=corpus)

    @property
    def evaluation(self) -> dict[str, Any]:
        """Losses on the text in every slice, measured once. Raises: DataError, as `ids`."""
        if "evaluation" not in self.measured:
            config = EvaluateConfig(
                corpus=self.config.corpus,
                text_file=self.config.text_file,
                max_tokens=self.config.max_tokens,
                documents=5,
            )
            self.measured["evaluation"] = evaluate_run(
                self.workspace, self.run, config, step=self.step, report=self.report
            )
        found: dict[str, Any] = self.measured["evaluation"]
        return found


def model(m: Material) -> Section:
    shape = m.opened.model.config
    parameters = sum(parameter_counts(shape).values())
    rows = [
        ("", ""),
        ("Parameters", f"{parameters:,}"),
        ("Layers × heads", f"{shape.n_layers} × {shape.n_heads}"),
        ("Width", f"{shape.d_model:,}"),
        ("Context", f"{shape.context_length:,} tokens"),
        ("Vocabulary", f"{shape.vocab_size:,} tokens"),
    ]
    learned = m.run.details.get("learned_from")
    told = [f"It learned from {learned}."] if isinstance(learned, str) else []
    if m.run.imported:
        told = ["It was trained elsewhere; nothing of its training text is here."]
    data = {"parameters": parameters, "shape": shape.to_json()}
    return Section("model", "The model", told, data, rows)


def perplexity(m: Material) -> Section:
    """The model beside what counting gives, with intervals over documents."""
    found = m.evaluation
    everyone = {name: found[name] for name in RIVALS if name in found}
    own = found["model"]
    interval = own["intervals"]["perplexity"]
    told = [
        f"Perplexity {own['perplexity']:,.2f}: as unsure as between that many equally likely "
        f"tokens{_between(interval)}, on {own['tokens']:,} tokens.",
        f"{_bits(own)} bits per byte{_between(own['intervals']['bits_per_byte'])}.",
    ]
    if interval:
        told.append("The 95% intervals say what other text of this kind might give.")
    rows = [
        ("", "perplexity", "bits per byte", "95% interval"),
        *(
            (
                name,
                f"{each['perplexity']:,.2f}",
                _bits(each),
                _between(each["intervals"]["bits_per_byte"]).strip(" ()"),
            )
            for name, each in everyone.items()
        ),
    ]
    chart = bars(
        [
            Bar(
                name,
                each["bits_per_byte"] or 0.0,
                _bits(each),
                low=(each["intervals"]["bits_per_byte"] or {}).get("low"),
                high=(each["intervals"]["bits_per_byte"] or {}).get("high"),
                series=0 if name == "model" else 1,
            )
            for name, each in everyone.items()
        ],
        "bits per byte (lower is better)",
    )
    return Section("perplexity", "How well it predicts", told, everyone, rows, [chart])


def slices(m: Material) -> Section:
    """Where the loss is: by place in the context, by frequency, by document."""
    found = m.evaluation
    by_place, by_frequency = found["slices"]["by_place"], found["slices"]["by_frequency"]
    charts = [
        bars(
            [
                Bar(each["label"], each["nats_per_token"], f"{each['nats_per_token']:.2f}")
                for each in rows
            ],
            f"nats per token, by {what}",
        )
        for what, rows in (
            ("tokens seen before", by_place),
            (
                f"how often the token stands in {_FREQUENCY[found['slices']['frequency_in']]}",
                by_frequency,
            ),
        )
        if rows
    ]
    rows = [
        ("document", "bits per byte", "begins"),
        *(
            (f"{each['document']:,}", f"{each['bits_per_byte']:.2f}", each["begins"])
            for each in found["documents"]
        ),
    ]
    told = ["The most and the least surprising documents stand below, worst first."]
    data = {"slices": found["slices"], "documents": found["documents"]}
    return Section("slices", "Where it is caught out", told, data, rows, charts)


def _between(interval: Mapping[str, Any] | None) -> str:
    if interval is None or interval["low"] is None or interval["high"] is None:
        return ""
    return f" ({interval['low']:,.3g} to {interval['high']:,.3g})"


def _bits(figures: Mapping[str, Any]) -> str:
    known = figures["bits_per_byte"]
    return "unknown" if known is None else f"{known:.3f}"


def calibration(m: Material) -> Section:
    found = calibrate(m.opened.model, m.ids, report=m.report)
    kept = [each for each in found.width.bins if each.count]
    chart = lines(
        [
            Line("as it was", [b.confidence for b in kept], [b.accuracy for b in kept]),
            Line("if calibrated", [0.0, 1.0], [0.0, 1.0], dashed=True),
        ],
        "how sure it was",
        "how often it was right",
        x_range=(0.0, 1.0),
        y_range=(0.0, 1.0),
        legend_above=False,
    )
    told = [
        f"Its first guess is right {found.top[1]:.1%} of the time, and it is "
        f"{found.confidence:.1%} sure of it on average.",
        f"Expected calibration error {found.width.ece:.3f}; a calibrated model would show about "
        f"{found.width.by_chance:.3f} by chance.",
    ]
    rows = [
        ("the token is among", "share"),
        *((f"the first {k}", f"{share:.1%}") for k, share in sorted(found.top.items())),
    ]
    return Section("calibration", "How sure it may be", told, as_json(found), rows, [chart])


def copying(m: Material) -> Section:
    if not m.config.copying:
        raise DataError("it was not asked for.")
    config = CopyingConfig(
        corpus=m.config.corpus if m.run.imported else "",
        max_new_tokens=m.config.sample_tokens,
        max_tokens=_COPY_TOKENS,
    )
    found = copying_report(
        m.workspace, m.run, config, SamplingConfig(), step=m.step, report=m.report
    )
    if not found:
        raise StoppedError
    held_out = found["held_out"]["copied_share"]
    told = [
        f"Of a text of {found['tokens']:,} tokens that it wrote, {found['copied_share']:.0%} stand "
        f"in stretches of {found['min_length']} tokens or more that the training text has word "
        f"for word; the longest has {found['longest_match']:,} tokens."
    ]
    if held_out is not None:
        told.append(f"Of held-out text of the same length it is {held_out:.0%}.")
    return Section("copying", "Is it only copying?", told, found, texts=[found["text"]])


def tasks(m: Material) -> Section:
    config = TasksConfig(questions=m.config.questions)
    scores = score_tasks(m.opened.model, m.opened.tokenizer, config, report=m.report)
    if scores is None:
        raise StoppedError
    taught = taught_by_corpus(m.workspace, m.run, m.opened.tokenizer)
    words = {True: "yes", False: "no", None: "not known"}
    chart = bars(
        [
            Bar(
                key,
                score["accuracy"],
                f"{score['accuracy']:.0%}",
                low=score["low"],
                high=score["high"],
                mark=score["chance"],
            )
            for key, score in scores.items()
        ],
        "share of right answers; the upright line is what guessing gives",
        most=1.0,
    )
    rows = [
        ("task", "right", "95% interval", "by guessing", "in its corpus"),
        *(
            (
                key,
                f"{score['right']:.0f} of {score['asked']:.0f}",
                f"{score['low']:.0%} to {score['high']:.0%}",
                f"{score['chance']:.0%}",
                words[taught[key]],
            )
            for key, score in scores.items()
        ),
    ]
    better = [key for key, score in scores.items() if score["low"] > score["chance"]]
    told = [
        f"Better than guessing at {len(better)} of {len(scores)}: {', '.join(better) or 'none'}."
    ]
    return Section(
        "tasks", "Small tasks", told, {"scores": scores, "taught": taught}, rows, [chart]
    )


def samples(m: Material) -> Section:
    texts = []
    for number in range(m.config.samples):
        m.report(number / m.config.samples, f"text {number + 1}")
        sampling = SamplingConfig(seed=number)
        texts.append(write_text(m.opened, sampling, max_new_tokens=m.config.sample_tokens))
    told = [
        "Written from nothing, with the default settings and seeds "
        f"0 to {max(0, m.config.samples - 1)}; none was chosen."
    ]
    return Section("samples", "What it writes", told, {"texts": texts}, texts=texts)


def curves(m: Material) -> Section:
    path = m.run.folder / METRICS
    if m.run.imported or not path.exists():
        raise DataError("how it was trained is not known here.")
    records = files.read_records(path).records
    known = {
        name: [
            (max(1.0, float(record["step"])), float(record[name]))
            for record in records
            if record.get(name) is not None
        ]
        for name in ("val_nats", "train_nats")
    }
    chart = lines(
        [
            Line(
                "validation loss" if name == "val_nats" else "training loss",
                [step for step, _ in points],
                [nats for _, nats in points],
            )
            for name, points in known.items()
        ],
        "step of training (logarithmic)",
        "loss in nats per token",
        log_x=True,
    )
    last = known["val_nats"][-1] if known["val_nats"] else None
    told = [f"Validation loss {last[1]:.3f} nats at step {last[0]:,.0f}."] if last else []
    data = {name: [list(point) for point in points] for name, points in known.items()}
    return Section("curves", "How it learned", told, data, charts=[chart])
