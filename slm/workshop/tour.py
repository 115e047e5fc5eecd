"""The guided tour: the seven chapters as steps, each with something to do.

Steps are data. Whether one was done is found out in `checks`, from what was made, from an
answer that is computed with the model, or from a text that was written.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from slm.workshop.progress import Progress

Evidence = Literal["made", "answer", "text"]
"""made: found among what the visitor made. answer: typed in, then computed. text: what the
Sampling page has written for the visitor."""

LEAST_DOCUMENTS = 100
LONG_WORD = 6
DEAR_CHARACTERS = 12
MUCH_SURPRISE, LITTLE_SURPRISE = 3.0, 1.0
"""Bits a byte."""
LEAST_SENTENCE = 24
BABBLE_TEMPERATURE, BABBLE_BITS, BABBLE_WORDS = 1.3, 4.0, 30
BORING_SHARE, BORING_WORDS = 0.2, 150


@dataclass(frozen=True)
class Step:
    """One thing to do. `chapter` is also the page; `choices` are what its pickers are set to.

    `ask` is what to type, for a step that wants an answer; `options` what there is to choose.
    """

    id: str
    chapter: str
    title: str
    task: str
    hint: str
    evidence: Evidence
    why: str
    choices: Mapping[str, str] = field(default_factory=dict)
    ask: str = ""
    options: tuple[str, ...] = ()


PARTS: Mapping[str, str] = MappingProxyType(
    {
        "token_embedding": "Token embedding",
        "attention": "Attention",
        "feed_forward": "Feed-forward",
        "norms": "Norms",
    }
)
"""Parts of a model among which the largest is looked for."""
OWN_CORPUS = frozenset({"count-the-held-out", "train-a-tokenizer"})
"""Steps that are about a corpus of one's own."""

STEPS: tuple[Step, ...] = (
    Step(
        id="collect-a-corpus",
        chapter="data",
        title="Collect a corpus",
        task=f"Save a corpus of your own with at least {LEAST_DOCUMENTS} documents. The tales "
        "need no network and take a few seconds.",
        hint="Choose Tales in the list of sources, and press Save the corpus.",
        evidence="made",
        why="A language model knows nothing but its text.",
        choices={"view": "collect"},
    ),
    Step(
        id="count-the-held-out",
        chapter="data",
        title="Count what is kept aside",
        task="Some documents of a corpus are held out: no model is ever trained on them. How many "
        "are these in your corpus?",
        hint="Explore, under Split, counts the documents: look at the row held out.",
        evidence="answer",
        why="Only on text that it never saw can one find out what a model has learned.",
        choices={"view": "explore", "aspect": "split"},
        ask="Held-out documents",
    ),
    Step(
        id="train-a-tokenizer",
        chapter="tokenizer",
        title="Train a tokenizer",
        task="Let a tokenizer learn its vocabulary from a corpus of your own, and save it.",
        hint="Show me chooses your newest corpus; the sidebar chooses another one. A vocabulary of "
        "1,024 tokens is trained in seconds. Saving is part of it.",
        evidence="made",
        why="Pieces that stand together often become one token.",
        choices={"view": "train"},
    ),
    Step(
        id="find-a-long-token",
        chapter="tokenizer",
        title="Find a word that is one token",
        task=f"Find a word of at least {LONG_WORD} letters that the current tokenizer keeps whole.",
        hint="Look at the longest tokens of the vocabulary. A space before the word counts as "
        "part of it.",
        evidence="answer",
        why="Such a word was frequent in the text that the tokenizer learned from.",
        choices={"view": "vocabulary"},
        ask="The word",
    ),
    Step(
        id="find-a-dear-text",
        chapter="tokenizer",
        title="Find a text that is dear",
        task=f"Type at most {DEAR_CHARACTERS} characters that cost more tokens than they are "
        "characters.",
        hint="Every character outside of what the tokenizer knows falls into its bytes. Try "
        "another script, or an emoji.",
        evidence="answer",
        why="Who writes in a script that the corpus lacks pays for every byte.",
        choices={"view": "look"},
        ask="The text",
    ),
    Step(
        id="find-the-largest-part",
        chapter="model",
        title="Find the largest part",
        task="Which part of the current model has the most learned numbers?",
        hint="The view that draws the model tells the parameters of each part; add up the layers.",
        evidence="answer",
        why="In a small model the vocabulary weighs much, in a large one the feed-forward does.",
        choices={"view": "drawn"},
        ask="The largest part",
        options=tuple(PARTS.values()),
    ),
    Step(
        id="count-the-embedding",
        chapter="model",
        title="Count the embedding",
        task="How many learned numbers does the token embedding of the current model hold? Work "
        "it out by hand first.",
        hint="One row for each token of the vocabulary, one column for each number of the "
        "residual stream: vocabulary size times width.",
        evidence="answer",
        why="Whoever can count a model can guess what it costs.",
        choices={"view": "drawn"},
        ask="Learned numbers",
    ),
    Step(
        id="train-a-first-model",
        chapter="training",
        title="Train your first model",
        task="Train a model of your own to the last of its steps.",
        hint="Take a small preset, such as nano, and press Start training. Or let the button on "
        "Home do everything in one go.",
        evidence="made",
        why="Nothing else explains a loss curve as well as waiting for one's own.",
        choices={"view": "start"},
    ),
    Step(
        id="beat-yourself",
        chapter="training",
        title="Beat yourself",
        task="Train a second model on the same tokens that ends with a lower validation loss "
        "than an earlier one of yours.",
        hint="Twice the steps, or a wider model. Keep corpus and tokenizer as they were.",
        evidence="made",
        why="Two runs that differ in one thing are an experiment.",
        choices={"view": "start"},
    ),
    Step(
        id="please-the-model",
        chapter="evaluation",
        title="Please the model",
        task=f"Write at least {LEAST_SENTENCE} characters that cost the current model at most "
        f"{LITTLE_SURPRISE:g} bit a byte.",
        hint="Write as its training text is written: look at it, or let the model write and take "
        "its words. The view By token shows what each one costs.",
        evidence="answer",
        why="What a model expects tells what it has read.",
        choices={"view": "painted"},
        ask="Your text",
    ),
    Step(
        id="surprise-the-model",
        chapter="evaluation",
        title="Surprise the model",
        task=f"Write an English sentence of at least {LEAST_SENTENCE} characters that costs the "
        f"current model more than {MUCH_SURPRISE:g} bits a byte.",
        hint="Words and subjects that its corpus lacks: the news, cooking, mathematics.",
        evidence="answer",
        why="A sentence that is plain to you is noise to who never read its like.",
        choices={"view": "painted"},
        ask="Your sentence",
    ),
    Step(
        id="find-the-induction-head",
        chapter="attention",
        title="Find the induction head",
        task="One head of the current model looks back at what came after the same token last "
        "time. Which one does so most?",
        hint="Type a text that says the same words twice, and look for a stripe beside the "
        "diagonal. Heads are named layer.head, from 0.0 on.",
        evidence="answer",
        why="Such heads let a model copy names that it never saw in training.",
        ask="layer.head, such as 1.2",
    ),
    Step(
        id="find-the-previous-token-head",
        chapter="attention",
        title="Find who looks one back",
        task="Which head looks most at the token just before?",
        hint="Its picture is a line right below the diagonal.",
        evidence="answer",
        why="An induction head needs such a one in a layer below it.",
        ask="layer.head",
    ),
    Step(
        id="make-it-babble",
        chapter="sampling",
        title="Make the model babble",
        task=f"Let the current model write at least {BABBLE_WORDS} words that it holds for "
        "nonsense itself: draw at a high temperature.",
        hint=f"A temperature of 2 does it, and top-k at its lowest, which cuts nothing, does it "
        f"better. Each token must be a surprise of {BABBLE_BITS:g} bits to the model on average.",
        evidence="text",
        why="A high temperature gives tokens a chance that the model holds for wrong.",
        choices={"view": "write"},
    ),
    Step(
        id="make-it-boring",
        chapter="sampling",
        title="Make the model boring",
        task="Let it always take the likeliest token, until it says the same things again and "
        f"again: at least {BORING_WORDS} words, a fifth of its four-word phrases said before.",
        hint="Method: greedy, 500 tokens, and Go on after the end.",
        evidence="text",
        why="The likeliest text is not a typical one; people surprise each other.",
        choices={"view": "write"},
    ),
)
"""The tour, in the order of the chapters."""

STEP_IDS = tuple(step.id for step in STEPS)
_BY_ID = {step.id: step for step in STEPS}


def find_step(step_id: str) -> Step | None:
    """The step of that id; None for an unknown one."""
    return _BY_ID.get(step_id)


def current_step(progress: Progress) -> Step:
    """The step that the person looks at, else their first that is not done, else the last."""
    chosen = find_step(progress.at)
    return chosen if chosen is not None else first_open(progress) or STEPS[-1]


def first_open(progress: Progress) -> Step | None:
    """The first step that is not done; None when all are."""
    return next((step for step in STEPS if not progress.has_done(step.id)), None)


def following(step: Step, by: int = 1) -> Step:
    """The step after this one, or before it; the ends are their own neighbours.

    >>> following(STEPS[-1]) is STEPS[-1], following(STEPS[1], -1) is STEPS[0]
    (True, True)
    """
    place = STEP_IDS.index(step.id) + by
    return STEPS[min(max(place, 0), len(STEPS) - 1)]
