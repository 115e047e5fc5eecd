"""Whether an answer or a written text is what a step of the tour asks for.

Nothing is taken on trust: answers are computed with the model that somebody looks at, texts
are those that the server wrote. What was made is looked up in `made`.

Legend: L layers, H heads.
"""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from slm.attention.heads import STANDARD_MEASURES, standard_scores, text_scores
from slm.attention.maps import Floats
from slm.errors import DataError
from slm.evaluation.text_score import score_text
from slm.model.config import parameter_counts
from slm.model.transformer import Transformer
from slm.sampling.diversity import repeated, words
from slm.tokenizer.beginning import frame
from slm.tokenizer.protocol import TextTokenizer
from slm.workshop.made import Verdict
from slm.workshop.tour import (
    BABBLE_BITS,
    BABBLE_TEMPERATURE,
    BABBLE_WORDS,
    BORING_SHARE,
    BORING_WORDS,
    DEAR_CHARACTERS,
    LEAST_SENTENCE,
    LITTLE_SURPRISE,
    LONG_WORD,
    MUCH_SURPRISE,
    PARTS,
    Step,
)
from slm.workspace import Artefact

LONGEST_ANSWER = 2_000
_NEAR = 0.95
"""Heads whose score is at least this share of the highest are as right as that one."""
_LEAST_SCORE = 0.1
_LEAST_WORDS = 5
_SCORED_TEXT = (
    "Once upon a time there was a fox. The fox lost a red key near the old mill, and looked for "
    "it all day long. In the evening a friend came by and gave it back."
)


@dataclass(frozen=True)
class Written:
    """A text that the server wrote for the visitor. `method` is that of its settings; `logprobs`
    are the model's own, in nats, one a token."""

    method: str
    temperature: float
    text: str
    logprobs: tuple[float, ...]


@dataclass(frozen=True)
class Asked:
    """What an answer is computed with: the model and the corpus that the visitor looks at, and
    the corpora of their own."""

    model: Transformer
    tokenizer: TextTokenizer
    corpus: Artefact | None = None
    own_corpora: Sequence[Artefact] = ()


def check_answer(step: Step, answer: str, asked: Asked) -> Verdict:
    """Whether the answer is right.

    Raises: DataError for an answer that cannot be read, or a model that cannot tell.
    """
    answer = answer.strip()
    if not answer:
        return Verdict(False, "Type or choose your answer first.")
    if len(answer) > LONGEST_ANSWER:
        return Verdict(
            False,
            f"That are {len(answer):,} characters; {LONGEST_ANSWER:,} are the most that is read.",
        )
    return _ANSWERS[step.id](answer, asked)


def check_written(step: Step, texts: Sequence[Written]) -> Verdict:
    """Whether one of the texts is what the step asks for; says what is missing of the best."""
    if not texts:
        return Verdict(False, "Nothing is written yet. Let the model write on the Sampling page.")
    found = [_WRITTEN[step.id](text) for text in texts]
    return next((verdict for verdict in found if verdict.done), found[-1])


def _held_out(answer: str, asked: Asked) -> Verdict:
    number = _whole(answer)
    shown = [asked.corpus] if asked.corpus is not None else []
    counts = {
        int(counted["documents"]): corpus.name
        for corpus in (*shown, *asked.own_corpora)
        if isinstance(counted := corpus.details.get("val"), Mapping)
    }
    if not counts:
        return Verdict(False, "No corpus is chosen. Choose one in the sidebar.")
    if number in counts:
        return Verdict(True, f"Yes: {number:,} documents of {counts[number]!r} are held out.")
    name = asked.own_corpora[0].name if asked.own_corpora else next(iter(counts.values()))
    return Verdict(False, f"Not {number:,}. Look at the split of {name!r}.")


def _long_word(answer: str, asked: Asked) -> Verdict:
    if len(answer) < LONG_WORD or not answer.isalpha():
        return Verdict(False, f"That is not one word of at least {LONG_WORD} letters.")
    plain = frame(asked.tokenizer).plain
    fewest = min(len(plain.encode(form)) for form in (answer, f" {answer}"))
    if fewest == 1:
        return Verdict(True, "Yes: the tokenizer keeps it whole.")
    return Verdict(False, f"The tokenizer cuts it into {fewest} tokens.")


def _dear_text(answer: str, asked: Asked) -> Verdict:
    if len(answer) > DEAR_CHARACTERS:
        return Verdict(False, f"That are {len(answer)} characters; {DEAR_CHARACTERS} at most.")
    tokens = len(frame(asked.tokenizer).plain.encode(answer))
    told = f"{len(answer)} characters cost {tokens} tokens."
    return Verdict(tokens > len(answer), told)


def _largest_part(answer: str, asked: Asked) -> Verdict:
    counts = parameter_counts(asked.model.config)
    largest = max(PARTS, key=lambda part: counts[part])
    chosen = next((part for part, name in PARTS.items() if name == answer), None)
    if chosen is None:
        return Verdict(False, "Choose one of the parts.")
    if counts[chosen] == counts[largest]:
        return Verdict(True, f"Yes: {counts[largest]:,} of {sum(counts.values()):,} numbers.")
    return Verdict(False, "Another part has more.")


def _embedding(answer: str, asked: Asked) -> Verdict:
    number, config = _whole(answer), asked.model.config
    right = config.vocab_size * config.d_model
    if number == right:
        return Verdict(True, f"Yes: {config.vocab_size:,} × {config.d_model:,} = {right:,}.")
    return Verdict(False, "Not that many: multiply the vocabulary size by the width, d_model.")


def _pleasing(answer: str, asked: Asked) -> Verdict:
    bits = _bits_per_byte(answer, asked)
    told = f"Your text costs {bits:.2f} bits a byte."
    return Verdict(bits <= LITTLE_SURPRISE, told)


def _surprising(answer: str, asked: Asked) -> Verdict:
    plain = [word for word in answer.split() if re.fullmatch(r"[A-Za-z'’-]+[.,;:!?]?", word)]
    if len(plain) < _LEAST_WORDS:
        return Verdict(False, f"Write a sentence of at least {_LEAST_WORDS} English words.")
    bits = _bits_per_byte(answer, asked)
    return Verdict(bits > MUCH_SURPRISE, f"Your sentence costs {bits:.2f} bits a byte.")


def _bits_per_byte(text: str, asked: Asked) -> float:
    if len(text) < LEAST_SENTENCE:
        raise DataError(f"That are {len(text)} characters; write at least {LEAST_SENTENCE}.")
    bits = score_text(asked.model, asked.tokenizer, text, n_expected=1).total.bits_per_byte
    assert bits is not None
    return bits


def _induction(answer: str, asked: Asked) -> Verdict:
    scores = standard_scores(asked.model, eos_id=asked.tokenizer.eos_id)
    if STANDARD_MEASURES[0] not in scores.measures:
        raise DataError("This model's context is too short for induction; choose another model.")
    return _head(answer, scores["induction"], "follows what came next last time")


def _previous(answer: str, asked: Asked) -> Verdict:
    ids = asked.tokenizer.encode(_SCORED_TEXT)[: asked.model.config.context_length]
    scores_LH = text_scores(asked.model, ids)["previous_token"]
    return _head(answer, scores_LH, "is on the token just before")


def _head(answer: str, scores_LH: Floats, what: str) -> Verdict:
    """Whether the head named layer.head has the highest score, or nearly so."""
    named = re.fullmatch(r"\D*(\d{1,3})\D+(\d{1,3})\D*", answer)
    n_layers, n_heads = scores_LH.shape
    if named is None:
        return Verdict(False, "Name a head as layer.head, such as 1.2.")
    layer, head = int(named[1]), int(named[2])
    if layer >= n_layers or head >= n_heads:
        return Verdict(
            False,
            f"There is no head {layer}.{head}: layers go from 0 to {n_layers - 1}, heads from 0 "
            f"to {n_heads - 1}.",
        )
    score, best = float(scores_LH[layer, head]), float(np.max(scores_LH))
    if best < _LEAST_SCORE:
        return Verdict(
            False,
            f"No head of this model does it: at most {best:.0%} of a head's attention {what}. "
            "Choose a model that was trained for longer, such as the demo.",
        )
    told = f"{score:.0%} of the attention of head {layer}.{head} {what}"
    if score >= _NEAR * best:
        return Verdict(True, f"Yes: {told}.")
    return Verdict(False, f"{told}; another head's does more.")


def _babbles(text: Written) -> Verdict:
    n_words = len(words(text.text))
    if text.method != "sampling" or text.temperature < BABBLE_TEMPERATURE:
        return Verdict(
            False, f"The text was not drawn at a temperature of {BABBLE_TEMPERATURE:g} or more."
        )
    if n_words < BABBLE_WORDS:
        return Verdict(False, f"The text has {n_words} words; at least {BABBLE_WORDS} are asked.")
    bits = -math.fsum(text.logprobs) / max(1, len(text.logprobs)) / math.log(2)
    told = f"Each token was a surprise of {bits:.1f} bits to the model"
    if bits >= BABBLE_BITS:
        return Verdict(True, f"{told}: it babbles.")
    return Verdict(False, f"{told}; {BABBLE_BITS:g} are asked for. Draw hotter, or cut less.")


def _bores(text: Written) -> Verdict:
    cut = words(text.text)
    if text.method != "greedy" and not (text.method == "sampling" and text.temperature == 0):
        return Verdict(False, "The text was drawn by chance. Choose greedy.")
    if len(cut) < BORING_WORDS:
        return Verdict(False, f"The text has {len(cut)} words; at least {BORING_WORDS} are asked.")
    share = repeated(cut) or 0.0
    told = f"{share:.0%} of its four-word phrases stood in it before"
    if share >= BORING_SHARE:
        return Verdict(True, f"{told}: how dull.")
    return Verdict(False, f"{told}; {BORING_SHARE:.0%} are asked for. Let it write for longer.")


def _whole(answer: str) -> int:
    """A whole number, with or without marks between its thousands.

    >>> _whole("131,072"), _whole("1 000")
    (131072, 1000)
    """
    digits = re.sub(r"[\s,.'’_]", "", answer)
    if not re.fullmatch(r"[0-9]{1,15}", digits):
        raise DataError("Type a whole number, such as 1,024.")
    return int(digits)


_ANSWERS: Mapping[str, Callable[[str, Asked], Verdict]] = MappingProxyType(
    {
        "count-the-held-out": _held_out,
        "find-a-long-token": _long_word,
        "find-a-dear-text": _dear_text,
        "find-the-largest-part": _largest_part,
        "count-the-embedding": _embedding,
        "please-the-model": _pleasing,
        "surprise-the-model": _surprising,
        "find-the-induction-head": _induction,
        "find-the-previous-token-head": _previous,
    }
)
_WRITTEN: Mapping[str, Callable[[Written], Verdict]] = MappingProxyType(
    {"make-it-babble": _babbles, "make-it-boring": _bores}
)
