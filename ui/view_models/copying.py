"""The copy detective, ready to show: chips by the length of their match, verdicts, passages.

Knows matches, ids and bytes; neither models nor Streamlit.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from slm.data.corpus import Corpus
from slm.evaluation.memorization import Copying, Novelty, Span
from slm.lab.copy_index import CopyIndex, Text
from slm.lab.copying import Examined, Found, Source
from slm.sampling.filters import SamplingConfig
from slm.workspace import Artefact
from ui.texts import counted, tr
from ui.view_models.chips import Chip, Scale, chip, labeller
from ui.view_models.code import open_lines

TokenBytes = Callable[[int], bytes]
COPIED = Scale(tr("longest match in the training text"), 0.0, 50.0, "tokens")
PASSAGE = Scale("", COPIED.low, COPIED.high, COPIED.unit)
"""The same colours, where their meaning was told already."""
BEFORE, AFTER = 20, 60
"""Tokens shown before and after a match in the training text."""
BY_ITSELF_TOKENS = 5_000_000
"""A training text of at most so many tokens is indexed without being asked: seconds."""

_TOKENS_PER_SECOND = 500_000
_BYTES_A_TOKEN = 3


def copied_chips(
    examined: Examined,
    prompt: Sequence[int],
    min_length: int,
    token_bytes: TokenBytes,
    vocab_size: int,
) -> tuple[Chip, ...]:
    """The prompt, plain, and the text: colour is the longest match that a token stands in."""
    label = _chips_of(token_bytes, vocab_size)
    covers = examined.copying.covers().tolist()
    spans = _span_at_each(examined.copying)
    before = tuple(
        label(token, None, (tr("the prompt, which is not examined"),)) for token in prompt
    )
    return before + tuple(
        label(token, COPIED.place(length) if length >= min_length else None, _notes(span))
        for token, length, span in zip(examined.ids, covers, spans, strict=True)
    )


def plain_chips(ids: Sequence[int], token_bytes: TokenBytes, vocab_size: int) -> tuple[Chip, ...]:
    """A text that is not examined yet."""
    label = _chips_of(token_bytes, vocab_size)
    return tuple(label(token, None, ()) for token in ids)


def passage_chips(
    index: CopyIndex, source: Source, length: int, token_bytes: TokenBytes, vocab_size: int
) -> tuple[Chip, ...]:
    """The match as it stands in the training text, with what is around it in its document."""
    label = _chips_of(token_bytes, vocab_size)
    first = max(source.first, source.start - BEFORE)
    stop = min(source.stop, source.start + length + AFTER)
    inside = range(source.start, source.start + length)
    return tuple(
        label(
            int(token),
            COPIED.place(length) if place in inside else None,
            (tr("token {place:,} of the training text").format(place=place + 1),),
        )
        for place, token in enumerate(index.array.tokens_N[first:stop].tolist(), start=first)
        if token != index.document_end
    )


@dataclass(frozen=True)
class Verdict:
    """What was found, in words. `copied`: more than real text of the same length shows."""

    headline: str
    longest: str
    share: str
    copied: bool


def verdict(examined: Examined, min_length: int) -> Verdict:
    """The text beside held-out text of the same length."""
    copying, held_out = examined.copying, examined.held_out
    if not copying.tokens:
        return Verdict(tr("There is no text to examine."), "", "", False)
    longest = tr("Longest match: {longest}").format(longest=_tokens(copying.longest))
    own_share = copying.copied_share(min_length)
    share = tr("{own_share:.0%} of it stands in matches of {min_length} tokens or more").format(
        own_share=own_share, min_length=min_length
    )
    if not held_out:
        return Verdict(
            tr("There is too little held-out text of this length to compare with."),
            longest + ".",
            share + ".",
            False,
        )
    lengths = sorted(passage.longest for passage in held_out)
    shares = [passage.copied_share(min_length) for passage in held_out]
    longest += tr("; in held-out passages {lengths} to {most}, mostly about ").format(
        lengths=lengths[0], most=lengths[-1]
    )
    longest += f"{median(lengths):.0f}."
    share += tr("; of held-out passages {shares:.0%} to {highest:.0%}, on average ").format(
        shares=min(shares), highest=max(shares)
    )
    share += f"{sum(shares) / len(shares):.0%}."
    beyond = sum(copying.longest > length for length in lengths)
    recites = beyond == len(lengths) and copying.longest >= min_length
    more = own_share > max(shares)
    return Verdict(_headline(recites, more, own_share, shares), longest, share, recites or more)


def _headline(recites: bool, more: bool, share: float, shares: Sequence[float]) -> str:
    n = len(shares)
    if recites and more:
        return tr(
            "Copied: its longest match and its share of copies are above all {n} held-out texts'."
        ).format(n=n)
    if recites:
        return tr(
            "One stretch is recited: its longest match is above that of all {n} held-out texts."
        ).format(n=n)
    if more:
        return tr(
            "Much of it is put together from copies: more than in any of {n} held-out texts."
        ).format(n=n)
    if share > sum(shares) / n:
        return tr(
            "It repeats the training text more than most, but not more than held-out text may."
        )
    return tr("No more copied than text that the model never saw.")


@dataclass(frozen=True)
class NewShare:
    """Of the n-grams of one length, the share that the training text lacks.

    `text` is that of the text, the others those of held-out passages; None where there are none.
    """

    n: int
    text: float | None
    lowest: float | None
    mean: float | None
    highest: float | None


def new_shares(novelty: Novelty) -> tuple[NewShare, ...]:
    """The novelty of a text and of held-out passages, n by n."""
    return tuple(
        NewShare(
            n,
            share,
            min(others, default=None),
            sum(others) / len(others) if others else None,
            max(others, default=None),
        )
        for place, (n, share) in enumerate(zip(novelty.orders, novelty.shares, strict=True))
        for others in [[row[place] or 0.0 for row in novelty.held_out if row[place] is not None]]
    )


def chosen_span(examined: Examined, token: int | None) -> Span | None:
    """The span of a token that was clicked, else the longest of all; None without any."""
    if token is not None and 0 <= token < len(examined.ids):
        return examined.copying.span_of(token)
    return max(examined.copying.spans(), key=lambda span: span.length, default=None)


def where_it_stands(found: Found, span: Span) -> str:
    """How often a match stands in the training text."""
    if not span.length:
        return ""
    times = tr("once") if found.times == 1 else tr("{times:,} times").format(times=found.times)
    documents = (
        ""
        if found.documents == 1
        else tr(", in {documents:,} documents").format(documents=found.documents)
    )
    return tr("These {length} stand in the training text {times}{documents}.").format(
        length=_tokens(span.length), times=times, documents=documents
    )


def source_line(source: Source, text: Text) -> str:
    """The document that a passage is from; foreign text."""
    if source.number is None:
        return tr("{name}: its documents are not told apart").format(name=text.name)
    if source.document is None:
        return tr("{name}: training document {number:,}; its corpus is gone").format(
            name=text.name, number=source.number + 1
        )
    return tr("{name}: document {document:,}, {named}").format(
        name=text.name, document=source.document + 1, named=source.named
    )


def training_tokens(text: Text, corpus: Corpus | None) -> int:
    """About how many tokens are to be indexed, before anything is read."""
    if text.tokens is not None:
        return min(text.max_tokens, int(text.tokens.details["train"]["tokens"]))
    assert corpus is not None
    return min(text.max_tokens, int(corpus.counts("train")["bytes"]) // _BYTES_A_TOKEN)


def index_offer(tokens: int) -> str:
    """What indexing costs, for the button that starts it."""
    seconds = tokens / _TOKENS_PER_SECOND
    time = (
        f"{seconds:.0f} s" if seconds < 90 else tr("{seconds:.0f} min").format(seconds=seconds / 60)
    )
    return tr(
        "The training text has about {tokens:,} tokens. To find copies "
        "in it, it is indexed once: about {time}, and {megabytes:,} MB on "
        "disk."
    ).format(tokens=tokens, time=time, megabytes=max(1, round(tokens * 6 / 1e6)))


def indexed(index: CopyIndex, text: Text) -> str:
    """What the text was held against."""
    whose = tr("the training text") if text.own else tr("the training split")
    held = len(index.array)
    if held < index.of_tokens:
        return tr(
            "Held against the first {held:,} of about {of_tokens:,} tokens of {whose}."
        ).format(held=held, of_tokens=index.of_tokens, whose=whose)
    return tr("Held against all {held:,} tokens of {whose}.").format(held=held, whose=whose)


def unknown_text(name: str) -> str:
    """What is said of a model that was trained elsewhere; `name` is foreign."""
    return tr(
        "{name} was trained elsewhere, so the text that it learned from "
        "is not here. Choose a corpus to compare with: what it has in "
        "common with that is found, copied or not."
    ).format(name=name)


def copying_code(
    run: Artefact,
    text: Text,
    given: str,
    config: SamplingConfig | None,
    length: int,
    min_length: int,
) -> str:
    """The lines that examine the same without a browser.

    given: the text, or where there is a `config`, the prompt that the model goes on from.
    """
    corpus = "" if text.own or text.corpus is None else f", {text.corpus.id!r}"
    imported, ids = "", f"ids = opened.tokenizer.encode({given!r})"
    if config is not None:
        imported = (
            "from slm.sampling.filters import SamplingConfig\n"
            "from slm.sampling.generate import generate\n"
        )
        fields = SamplingConfig.model_fields
        settings = ", ".join(
            f"{name}={value!r}"
            for name in fields
            if (value := getattr(config, name)) != fields[name].default
        )
        ids = f"""prompt = opened.tokenizer.encode({given!r})
config = SamplingConfig({settings})
steps = generate(opened.model, prompt, config, {length}, eos_id=opened.tokenizer.eos_id)
ids = [step.id for step in steps if not step.ends]"""
    return f"""{open_lines(run)}
from slm.lab.copy_index import build_index, choose_text
from slm.lab.copying import examine, find_sources, held_out_copies
{imported}
{ids}
text = choose_text(workspace, run{corpus})
index = build_index(workspace, text)
examined = examine(index, ids, held_out_copies(index, len(ids)))
print(examined.novelty.shares)
for span in examined.copying.spans(min_length={min_length}):
    stretch = ids[span.start : span.stop]
    found = find_sources(index, text, stretch)
    print(span.length, found.times, opened.tokenizer.decode(stretch))
"""


def _chips_of(
    token_bytes: TokenBytes, vocab_size: int
) -> Callable[[int, float | None, tuple[str, ...]], Chip]:
    name = labeller(token_bytes, vocab_size)

    def make(token: int, value: float | None, notes: tuple[str, ...]) -> Chip:
        if token < vocab_size:
            return chip(token, token_bytes(token), value=value, notes=notes)
        return Chip(name(token), token, b"", value, notes)

    return make


def _span_at_each(copying: Copying) -> list[Span | None]:
    """For each token the longest match that it stands in."""
    held: list[Span | None] = [None] * copying.lengths_Q.size
    for span in sorted(copying.spans(), key=lambda each: each.length):
        held[span.start : span.stop] = [span] * span.length
    return held


def _notes(span: Span | None) -> tuple[str, ...]:
    if span is None:
        return (tr("this token is not in the training text"),)
    return (
        tr("in a match of {length}: {start} to {stop}").format(
            length=_tokens(span.length), start=span.start + 1, stop=span.stop
        ),
        tr("click to see where it stands"),
    )


def _tokens(count: int) -> str:
    return counted("{n:,} token", "{n:,} tokens", count)
