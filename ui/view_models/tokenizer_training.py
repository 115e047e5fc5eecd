"""Training a tokenizer in words: the settings, the command line, and how far the work is.

Knows neither Streamlit nor files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from slm.jobs import JobStatus
from slm.tokenizer.bpe import END_OF_TEXT, N_BYTES
from slm.tokenizer.config import TokenizeConfig
from slm.tokenizer.following import TRAINING
from ui.texts import tr
from ui.view_models.chips import visible
from ui.view_models.jobs import size

KINDS: Mapping[str, str] = {
    "bpe": tr("Byte-level BPE"),
    "bytes": tr("Bytes"),
    "characters": tr("Characters"),
}
MARKS: Mapping[str, str] = {
    END_OF_TEXT: tr("stands between documents"),
    "<|system|>": tr("begins the rules of a conversation"),
    "<|user|>": tr("begins what a person says"),
    "<|assistant|>": tr("begins what the model answers"),
    "<|end|>": tr("ends what somebody says"),
    "<|pad|>": tr("fills rows up to one length"),
}
SEPARATORS: Mapping[str, str] = {
    "end_of_text": tr("The first special token"),
    "blank_line": tr("A blank line"),
    "none": tr("Nothing"),
}


def tokenize_argv(config: TokenizeConfig) -> list[str]:
    """The command line that trains this tokenizer; settings at their defaults are left out.

    >>> tokenize_argv(TokenizeConfig(corpus="tales", vocab_size=1024))
    ['tokenize', '--corpus=tales', '--vocab-size=1024']
    >>> tokenize_argv(TokenizeConfig(corpus="tales", special_tokens=("<s>", "</s>")))
    ['tokenize', '--corpus=tales', '--special-tokens', '<s>', '</s>']
    """
    plain = TokenizeConfig(corpus="").to_json()
    argv = ["tokenize"]
    for field, value in config.to_json().items():
        flag = f"--{field.replace('_', '-')}"
        if field != "corpus" and value == plain[field]:
            continue
        argv += [flag, *value] if isinstance(value, list) else [f"{flag}={value}"]
    return argv


def special_tokens_note(names: Sequence[str]) -> str:
    """What the chosen special tokens are for, as far as that is known.

    >>> special_tokens_note(["<s>", "<|user|>"])
    '<s> stands between documents; <|user|> begins what a person says.'
    """
    told = [f"{names[0]} {MARKS[END_OF_TEXT]}"] if names else []
    told += [f"{name} {MARKS[name]}" for name in names[1:] if name in MARKS]
    return "; ".join(told) + "." if told else tr("Give at least one: the first ends documents.")


def plan(config: TokenizeConfig, training_bytes: int) -> str:
    """What a press of the button will do.

    >>> plan(TokenizeConfig(corpus="tales", vocab_size=1257), 12_300_000)
    'Counts 12.3 MB of training text, joins 1,000 pairs, and writes the corpus as token files.'
    """
    n_merges = config.vocab_size - N_BYTES - len(config.special_tokens)
    first = {
        "bpe": tr("Counts {training_bytes} of training text, joins {n_merges:,} pairs").format(
            training_bytes=size(training_bytes), n_merges=n_merges
        ),
        "characters": tr("Collects the characters of {training_bytes} of training text").format(
            training_bytes=size(training_bytes)
        ),
        "bytes": tr("Needs no training text"),
    }[config.kind]
    return tr("{first}, and writes the corpus as token files.").format(first=first)


@dataclass(frozen=True)
class MergeRow:
    """A merge that was just learned. `count` is how often the pair stood side by side."""

    pair: str
    token: str
    count: str


@dataclass(frozen=True)
class TrainingView:
    """BPE training as it goes, ready to show. `curve` is (merges, bytes per token)."""

    story: str
    merges: str
    bytes_per_token: str
    chunks: str
    newest: tuple[MergeRow, ...]
    curve: tuple[tuple[int, float], ...]
    wanted: int


_STORIES = {
    "counting": tr(
        "The text is cut into chunks, and each different chunk is counted. Pairs are "
        "looked for in the different chunks alone, so this is most of the work."
    ),
    "joining": tr(
        "The pair that stands side by side most often becomes a token, again and again. "
        "Counts fall on the way: later tokens are rarer."
    ),
    "measuring": tr("Saved. Now held-out text is cut with it, to see how well it fits."),
}
_ENDED = tr("What it learned last, and what each merge saved on the training text.")


def training_view(status: JobStatus) -> TrainingView | None:
    """How far BPE training is; None where nothing is joined, or nothing was told yet."""
    facts = next((stage.facts for stage in status.stages if stage.name == TRAINING), {})
    if "curve" not in facts and not (status.alive and "wanted" in facts):
        return None
    wanted, merges = int(facts["wanted"]), int(facts.get("merges", 0))
    curve = tuple((int(n), float(ratio)) for n, ratio in facts.get("curve", [(0, 1.0)]))
    return TrainingView(
        story=_STORIES.get(str(facts.get("doing")), _ENDED) if status.alive else _ENDED,
        merges=f"{merges:,}"
        if merges == wanted
        else tr("{merges:,} of {wanted:,}").format(merges=merges, wanted=wanted),
        bytes_per_token=f"{curve[-1][1]:.2f}",
        chunks=f"{facts['chunks']:,}" if "chunks" in facts else "–",
        newest=tuple(map(_row, facts.get("newest", ()))),
        curve=curve,
        wanted=wanted,
    )


def _row(told: Sequence[Any]) -> MergeRow:
    left, right, joined = (visible(str(piece).encode("latin-1")) for piece in told[:3])
    return MergeRow(f"{left}  +  {right}", joined, f"{told[3]:,}")
