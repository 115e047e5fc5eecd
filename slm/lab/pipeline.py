"""The first model: from raw text to a model that speaks, as one piece of work of eight stages.

    source → clean → tokens → model → training → evaluation → attention → sampling

Each stage leaves an artefact of the workspace and its id in `made`, so that work
that was interrupted goes on with the stage it was in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import islice
from statistics import fmean
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field

from slm import files
from slm.config import Config
from slm.data.catalogue import EMBEDDED
from slm.data.corpus import Corpus, PrepareConfig, open_corpus, prepare_corpus
from slm.data.embedded.tales_words import NAMES
from slm.evaluation.fluency import known_word_share, name_consistency, vocabulary_of
from slm.jobs import Reporter, StageOf, silent
from slm.lab import reports
from slm.lab.evaluation import EvaluateConfig, evaluate_run
from slm.lab.shipping import slim
from slm.model.config import ModelConfig
from slm.sampling.filters import SamplingConfig
from slm.tokenizer.encoding import TokenizeConfig, tokens_for, train_tokenizer
from slm.training.config import TrainConfig
from slm.training.runs import REPORT, create_run
from slm.workspace import LOCAL_OWNER, Artefact, Workspace

STAGES: Mapping[str, float] = MappingProxyType(
    {
        "source": 0.02,
        "clean": 0.02,
        "tokens": 0.05,
        "model": 0.01,
        "training": 0.82,
        "evaluation": 0.04,
        "attention": 0.02,
        "sampling": 0.02,
    }
)


@dataclass(frozen=True)
class Recipe:
    """Every setting of the pipeline, chapter by chapter."""

    documents: int
    vocab_size: int
    model: ModelConfig
    train: TrainConfig


RECIPES: Mapping[str, Recipe] = MappingProxyType(
    {
        "first": Recipe(
            documents=8_000,
            vocab_size=1_024,
            model=ModelConfig(
                vocab_size=1_024, context_length=192, n_layers=3, n_heads=4, d_model=128, d_ff=256
            ),
            train=TrainConfig(steps=720, batch_size=12, snapshots=12, sample_every=90),
        ),
        "demo": Recipe(
            documents=60_000,
            vocab_size=1_024,
            model=ModelConfig(
                vocab_size=1_024,
                context_length=192,
                n_layers=2,
                n_heads=4,
                d_model=128,
                d_ff=256,
                copy_start=0.5,
            ),
            train=TrainConfig(
                steps=3_600,
                batch_size=16,
                weight_decay=0.2,
                snapshots=12,
                evaluate_every=125,
                sample_every=500,
                log_every=10,
                dtype="float32",
            ),
        ),
    }
)
"""`first` fits two minutes on two CPU cores; `demo` is what ships with the app."""


_OPENING_WORDS = 3
_WRITTEN_TEXTS, _SHOWN_TEXTS = 10, 3


class BuildConfig(Config):
    """What the whole pipeline is asked to make."""

    name: str = Field("My first model", description="Name of the run that comes out.")
    source: Literal["tales", "tales-with-echoes", "python-docs", "python-code"] = Field(
        "tales", description="Embedded corpus to learn from."
    )
    recipe: Literal["first", "demo"] = Field(
        "first", description="Settings of all the stages: a first model, or the shipped demo."
    )
    documents: int | None = Field(
        None, ge=2, le=1_000_000, description="Documents to learn from. None: the recipe's."
    )
    steps: int | None = Field(
        None, ge=1, le=1_000_000, description="Training steps. None: the recipe's."
    )
    seed: int = Field(1, ge=0, le=2**31 - 1, description="Seed of everything.")
    threads: int | None = Field(
        None, ge=1, le=1_024, description="CPU threads for training. None: all cores."
    )


def build_model(
    workspace: Workspace,
    config: BuildConfig,
    report: Reporter = silent,
    *,
    made: dict[str, Any] | None = None,
    owner: str = LOCAL_OWNER,
) -> dict[str, Any]:
    """Run the pipeline; gives the ids of all that it made and the report's figures.

    `made` names what an earlier try has finished; those stages are skipped.
    Asked to stop, it returns after the stage in hand has saved what is sound.

    Raises: SlmError of the stage that cannot go on.
    """
    made = {} if made is None else made
    recipe = RECIPES[config.recipe]
    report.plan(STAGES)
    corpus = _corpus(workspace, config, recipe, report, made, owner)
    if corpus is None or report.should_stop():
        return made
    encoded = _tokens(workspace, config, recipe, corpus, report, made, owner)
    if encoded is None or report.should_stop():
        return made
    run = _run(workspace, config, recipe, (corpus, *encoded), report, made, owner)
    _train(run, report, made)
    if report.should_stop():
        return made
    told = _tell(workspace, run, corpus, config.source.startswith("tales"), report, made)
    if config.recipe == "demo":
        slim(workspace, run, config.source, config.seed, owner)
    return {**made, **told}


def _corpus(
    workspace: Workspace,
    config: BuildConfig,
    recipe: Recipe,
    report: Reporter,
    made: dict[str, Any],
    owner: str,
) -> Artefact | None:
    source = EMBEDDED[config.source]
    report(0.0, source.title, stage="source")
    settings = PrepareConfig(
        source=config.source,
        name=f"{source.title} for {config.name}"[:80],
        documents=config.documents or recipe.documents,
        seed=config.seed,
    )
    if "corpus" not in made:
        prepared = prepare_corpus(workspace, settings, StageOf(report, "source"), owner=owner)
        if prepared is None:
            return None
        made["corpus"] = prepared.artefact.id
    corpus = workspace.corpora.get(made["corpus"])
    opened = open_corpus(corpus)
    _finish(report, made, "source", f"{opened.count:,} documents")
    rules = opened.rule_reports()
    touched = sum(rule.documents_touched for rule in rules)
    _finish(report, made, "clean", f"{len(rules)} rules touched {touched:,}")
    return corpus


def _tokens(
    workspace: Workspace,
    config: BuildConfig,
    recipe: Recipe,
    corpus: Artefact,
    report: Reporter,
    made: dict[str, Any],
    owner: str,
) -> tuple[Artefact, Artefact] | None:
    inner = StageOf(report, "tokens")
    inner(0.0, "counting pairs")
    if "tokenizer" not in made:
        settings = TokenizeConfig(
            corpus=corpus.id,
            name=f"BPE for {config.name}"[:80],
            vocab_size=recipe.vocab_size,
        )
        trained = train_tokenizer(workspace, settings, inner, owner=owner)
        if trained is None:
            return None
        made["tokenizer"] = trained.id
    tokenizer = workspace.tokenizers.get(made["tokenizer"])
    tokens = tokens_for(workspace, corpus, tokenizer, inner, owner=owner)
    if tokens is None:
        return None
    made["tokens"] = tokens.id
    _finish(report, made, "tokens", f"vocabulary of {recipe.vocab_size:,}")
    return tokenizer, tokens


def _run(
    workspace: Workspace,
    config: BuildConfig,
    recipe: Recipe,
    parents: tuple[Artefact, Artefact, Artefact],
    report: Reporter,
    made: dict[str, Any],
    owner: str,
) -> Artefact:
    from slm.model.config import parameter_counts

    if "run" not in made:
        train = recipe.train.replace(
            seed=config.seed, threads=config.threads, steps=config.steps or recipe.train.steps
        )
        run = create_run(workspace, recipe.model, train, *parents, name=config.name, owner=owner)
        made["run"] = run.id
    n_parameters = sum(parameter_counts(recipe.model).values())
    _finish(report, made, "model", f"{n_parameters / 1e6:.2f} M parameters")
    return workspace.runs.get(made["run"])


def _train(run: Artefact, report: Reporter, made: dict[str, Any]) -> None:
    from slm.lab.snapshots import observers_for
    from slm.training.trainer import train

    inner = StageOf(report, "training")
    inner(0.0, "starting")
    outcome = train(run.folder, observers=observers_for(run.folder), report=inner)
    _finish(report, made, "training", f"{outcome.step:,} steps")


def _tell(
    workspace: Workspace,
    run: Artefact,
    corpus: Artefact,
    tells_tales: bool,
    report: Reporter,
    made: dict[str, Any],
) -> dict[str, Any]:
    """Evaluate, look at the heads, let it write; keep all of it as the run's report."""
    opened = reports.open_run(run)
    report(0.0, "held-out text", stage="evaluation")
    evaluation = evaluate_run(
        workspace, run, EvaluateConfig(documents=10), report=StageOf(report, "evaluation")
    )
    _finish(report, made, "evaluation", f"perplexity {evaluation['model']['perplexity']:.1f}")
    report(0.0, "scoring every head", stage="attention")
    learned = open_corpus(corpus)
    text = next(learned.texts("val"))
    ids = opened.tokenizer.encode(text)[: opened.model.config.context_length]
    heads = reports.head_labels(opened, ids)
    named = sum(label not in {"mixed", "broad"} for row in heads for label in row)
    _finish(report, made, "attention", f"{named} heads with a habit")
    texts = _write(opened, learned, StageOf(report, "sampling"))
    vocabulary = vocabulary_of(learned.texts("train"))
    known = fmean(known_word_share(text, vocabulary, cut_off=True) for text in texts)
    told = {
        "evaluation": evaluation,
        "heads": heads,
        "samples": texts[:_SHOWN_TEXTS],
        "known_word_share": known,
    }
    message = f"{known:.0%} real words"
    if tells_tales:
        names = {name for name, _ in NAMES}
        told["name_consistency"] = fmean(name_consistency(text, names) for text in texts)
        message += f", {told['name_consistency']:.0%} names kept"
    _finish(report, made, "sampling", message)
    told["stages"] = made["stages"]
    files.write_json(run.folder / REPORT, told)
    return told


def _write(opened: reports.OpenedRun, corpus: Corpus, report: Reporter) -> list[str]:
    """Texts that go on where held-out documents have just begun."""
    texts = []
    for seed, opening in enumerate(_openings(corpus)):
        report(seed / _WRITTEN_TEXTS, f"writing text {seed + 1} of {_WRITTEN_TEXTS}")
        config = SamplingConfig(temperature=0.7, top_k=40, seed=seed)
        texts.append(reports.write_text(opened, config, opening))
    return texts


def _openings(corpus: Corpus) -> list[str]:
    """How held-out documents begin; echo games are exercises, not something to read."""
    read = (doc.text for doc in corpus.documents("val") if not doc.source.startswith("echo"))
    texts = list(islice(read, _WRITTEN_TEXTS)) or list(islice(corpus.texts("val"), _WRITTEN_TEXTS))
    return [" ".join(text.split()[:_OPENING_WORDS]) for text in texts]


def _finish(report: Reporter, made: dict[str, Any], stage: str, message: str) -> None:
    """Report a stage as done, and keep its one line for the picture of the pipeline."""
    made.setdefault("stages", {})[stage] = message
    report(1.0, message, stage=stage)
