"""How far a model and what was made of it agree: weights, logits, continuations, ids.

Each comparison gives a `Finding` in words and figures. Knows no other library: what that said
comes as ids and as files of logits.

Legend: T positions, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import torch
from torch import Tensor

from slm.exchange.outgoing import Finding
from slm.exchange.pretrained import read_config
from slm.model.inference import inference
from slm.model.tensors import stored_tensors
from slm.model.transformer import Transformer
from slm.sampling.config import SamplingConfig
from slm.sampling.generate import generate
from slm.tokenizer.protocol import TextTokenizer

LIMIT = 1e-4
"""Logits may be so far apart in float32, which sums in another order elsewhere."""
TO_KNOW = "To know"
REMEDY = "Load the tokenizer with PreTrainedTokenizerFast, as README.md shows."
_PLAIN_LOGIT = 10.0  # where logits are larger, the limit grows with them: 7 digits are exact
_MOST_POSITIONS = 64
_NEW_TOKENS = 32
_PROMPT = 8


@dataclass(frozen=True)
class Said:
    """A model, and what it is asked: rows of ids to read, prompts to go on with."""

    model: Transformer
    eos_id: int | None
    rows: tuple[list[int], ...]
    prompts: tuple[list[int], ...]
    new_tokens: int

    @classmethod
    def by(
        cls,
        model: Transformer,
        tokenizer: TextTokenizer,
        texts: Sequence[str],
        context: int | None = None,
    ) -> Self:
        """The rows are texts, and ids at random, since texts use few of all ids.

        `context` is how many tokens the other program reads; None: as many as the model.
        """
        context = model.config.context_length if context is None else context
        longest = min(_MOST_POSITIONS, context)
        rows = [ids[:longest] for text in texts if (ids := tokenizer.encode(text))]
        n_ids = min(tokenizer.vocab_size, model.config.vocab_size)
        generator = torch.Generator().manual_seed(0)
        rows.append(torch.randint(n_ids, (longest,), generator=generator).tolist())
        begun = max(1, min(_PROMPT, longest // 2))
        prompts = (rows[0][:begun], rows[-1][:begun])
        new_tokens = max(1, min(_NEW_TOKENS, context - begun))
        return cls(model, tokenizer.eos_id, tuple(rows), prompts, new_tokens)

    def task(self) -> dict[str, Any]:
        """What another program is asked."""
        return {"rows": self.rows, "prompts": self.prompts, "new_tokens": self.new_tokens}

    def logits_TV(self, row: list[int], model: Transformer | None = None) -> Tensor:
        """What the model, or another one, says to a row, in float32."""
        asked = self.model if model is None else model
        with inference(asked):
            logits_BTV: Tensor = asked(torch.tensor([row]))
        return logits_BTV[0].float().cpu()


def of_weights(model: Transformer, folder: Path, number_format: str) -> Finding:
    """Whether the files hold the model's numbers bit for bit, rounded as was asked for.

    Raises: CheckpointError for files that hold no model.
    """
    what = "Weights in the file"
    family, config = read_config(folder)
    stored, weights = stored_tensors(folder), model.state_dict()
    other, numbers = [], 0
    for one in family.tensors(config):
        if one.name not in stored:
            return Finding(what, f"{one.name} is missing", False)
        theirs = stored[one.name].read()
        expected = one.join(weights).to(device="cpu", dtype=theirs.dtype)
        numbers += theirs.numel()
        if str(theirs.dtype) != f"torch.{number_format}" or not torch.equal(theirs, expected):
            other.append(one.name)
    if other:
        return Finding(what, f"{len(other)} tensors differ, {other[0]} first", False)
    as_asked = "" if number_format == "float32" else f", rounded to {number_format}"
    return Finding(what, f"all {numbers:,} as in the model{as_asked}", True)


def of_opening(answer: Mapping[str, Any]) -> Finding:
    """As which class it was opened, and whether its tensors are those that class has."""
    strange = [*answer["missing"], *answer["unexpected"]]
    if strange:
        told = f"{answer['model']}, but {len(strange)} tensors do not fit, {strange[0]} first"
        return Finding("Opened as", told, False)
    return Finding("Opened as", str(answer["model"]), True)


def of_logits(said: Said, task: Path, limit: float = LIMIT) -> Finding:
    """The largest difference of a logit, over every position of every row.

    `limit` is how far logits up to 10 may be apart.
    """
    apart = largest = 0.0
    for number, row in enumerate(said.rows):
        ours_TV = said.logits_TV(row)
        (stored,) = stored_tensors(task, f"logits-{number}").values()
        theirs_TV = stored.read()
        if theirs_TV.shape != ours_TV.shape:
            shapes = f"{list(theirs_TV.shape)} for {list(ours_TV.shape)}"
            return Finding("Largest difference of a logit", f"another shape: {shapes}", False)
        apart = max(apart, _apart(ours_TV, theirs_TV))
        largest = max(largest, float(ours_TV.abs().max()))
    limit *= max(1.0, largest / _PLAIN_LOGIT)
    positions = sum(map(len, said.rows))
    told = f"{apart:.1e} at {positions:,} positions (allowed: {limit:.0e})"
    return Finding("Largest difference of a logit", told, apart <= limit)


def _apart(one: Tensor, other: Tensor) -> float:
    """The largest difference; infinite where something is no number."""
    found = float((one - other).abs().max())
    return found if found == found else float("inf")


def of_continuations(said: Said, theirs: Sequence[Sequence[int]], limit: float = LIMIT) -> Finding:
    """Whether the likeliest continuations are the same.

    Where two tokens are as likely as each other, within the limit, either may come; from
    there on texts differ without a fault.
    """
    what = "Likeliest continuation"
    greedy = SamplingConfig(temperature=0, top_k=0)
    total, ties = 0, 0
    for prompt, their_ids in zip(said.prompts, theirs, strict=True):
        steps = generate(said.model, prompt, greedy, said.new_tokens, eos_id=said.eos_id)
        ours = [step.id for step in steps]
        same = _common(ours, their_ids)
        total += same
        if same < max(len(ours), len(their_ids)):
            if not _is_tie(said, [*prompt, *ours[:same]], ours[same:], their_ids[same:], limit):
                told = f"differs after {same} tokens: {their_ids[same:][:1]} for {ours[same:][:1]}"
                return Finding(what, told, False)
            ties += 1
    note = f"; then {ties} times two are as likely as each other" if ties else ""
    return Finding(what, f"the same {total} tokens of {len(said.prompts)} texts{note}", True)


def _common(one: Sequence[int], other: Sequence[int]) -> int:
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _is_tie(
    said: Said, ids: list[int], ours: Sequence[int], theirs: Sequence[int], limit: float
) -> bool:
    if not ours or not theirs:
        return False
    last_V = said.logits_TV(ids[-said.model.config.context_length :])[-1]
    limit *= max(1.0, float(last_V.abs().max()) / _PLAIN_LOGIT)
    return abs(float(last_V[ours[0]] - last_V[theirs[0]])) <= 2 * limit


def of_ids(
    tokenizer: TextTokenizer, texts: Sequence[str], answer: Mapping[str, Any]
) -> list[Finding]:
    """Whether texts become the same ids, and the ids the same text again.

    AutoTokenizer may have its own way to cut text for a family, whatever the folder says; then
    PreTrainedTokenizerFast, which does as the folder says, is judged, and this is told. How a
    published tokenizer reads ids is its publisher's matter: it leaves as it came.
    """
    ours = [tokenizer.encode(text) for text in texts]
    n_ids = f"{sum(map(len, ours)):,} ids of {len(texts)} texts"
    told, rows, decoded = f"the same {n_ids}", answer["bare_ids"], answer["decoded"]
    note = []
    if answer["ids"] != ours and rows == ours:
        told += ", where no special tokens are put around a text"
    elif answer["ids"] != ours and answer["plain_ids"] == ours:
        told += " with PreTrainedTokenizerFast"
        rows, decoded = answer["plain_ids"], answer["plain_decoded"]
        note = [Finding(TO_KNOW, f"AutoTokenizer cuts text otherwise for this family. {REMEDY}")]
    elif answer["ids"] != ours:
        wrong = sum(one != their for one, their in zip(ours, answer["ids"], strict=True))
        return [Finding("Token ids", f"{wrong} of {len(texts)} texts have other ids", False)]
    pairs = zip(rows, decoded, strict=True)
    back = sum(tokenizer.decode(row) == text for row, text in pairs)
    same = back == len(texts)
    judged = same or (None if tokenizer.kind == "imported" else False)
    text = Finding("Ids as text again", f"{back} of {len(texts)} as it is read here", judged)
    return [Finding("Token ids", told, True), text, *note]


def rounding(model: Transformer, said: Said, number_format: str) -> Finding:
    """How far the numbers that were rounded for the file move the logits; nothing is judged."""
    moved = max(_apart(said.logits_TV(row), said.logits_TV(row, model)) for row in said.rows)
    return Finding("Moved by rounding", f"a logit by at most {moved:.1e} ({number_format})")
