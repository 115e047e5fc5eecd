"""A tree of branches, ready to draw and to tell of. Knows trees and token bytes, no model."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from slm.lab.branching import GrowConfig
from slm.sampling.branches import ROOT, By, Node, Tree, compare
from slm.workspace import Artefact
from ui.texts import counted, plural, tr
from ui.view_models.chips import Chip, Scale, chip, labeller
from ui.view_models.code import open_lines
from ui.view_models.sampling import TokenBytes, percent

SURPRISE = Scale("surprise", 0.0, 6.0, "nats")
BY: dict[str, str] = {"mean": tr("Likeliest by token"), "sum": tr("Likeliest as a whole")}
_SHOWN_OF_PROMPT = 24


@dataclass(frozen=True)
class Twig:
    """One token as it is drawn. row counts from the top; the first child stands in its parent's.

    value: its surprise's place on the colour scale. share: its probability, for the line's width.
    """

    id: int
    parent: int
    row: int
    text: str
    told: str
    value: float
    share: float
    notes: tuple[str, ...]
    best: bool
    ends: bool
    leaf: bool


@dataclass(frozen=True)
class Drawing:
    """The whole tree, parents before children, the likeliest branch first."""

    root: str
    root_told: str
    twigs: tuple[Twig, ...]
    n_rows: int
    best: int


@dataclass(frozen=True)
class PathView:
    """One path in words and chips."""

    node_id: int
    chips: tuple[Chip, ...]
    told: str


@dataclass(frozen=True)
class ComparedPaths:
    """Two paths from where they part, and which is more probable, in words."""

    told: str
    shared: str
    first: PathView
    second: PathView


def drawing_of(
    tree: Tree, prompt: str, token_bytes: TokenBytes, vocab_size: int, by: By = "mean"
) -> Drawing:
    """Rows, words and colours of every branch."""
    label = labeller(token_bytes, vocab_size)
    best = tree.best(by)
    on_best = {node.id for node in tree.path(best)}
    twigs: list[Twig] = []
    row = 0
    stack = list(reversed(tree.children_of.get(ROOT, ())))
    while stack:
        node = stack.pop()
        if twigs and twigs[-1].id != node.parent:
            row += 1
        children = tree.children_of.get(node.id, ())
        stack += reversed(children)
        twigs.append(_twig(tree, node, row, label, on_best, leaf=not children))
    shown = " ".join(prompt.split())
    if len(shown) > _SHOWN_OF_PROMPT:
        shown = "…" + shown[-_SHOWN_OF_PROMPT:]
    return Drawing(shown or "⟨begin⟩", _open_words(tree, ROOT), tuple(twigs), row + 1, best)


def path_view(tree: Tree, node_id: int, token_bytes: TokenBytes, vocab_size: int) -> PathView:
    """A path's tokens by their surprise, and how probable it is as a whole."""
    return _path(tree, node_id, tree.path(node_id), token_bytes, vocab_size)


def compared(
    tree: Tree, first: int, second: int, token_bytes: TokenBytes, vocab_size: int
) -> ComparedPaths:
    """Two paths side by side, from where they part."""
    found = compare(tree, first, second)
    label = labeller(token_bytes, vocab_size)
    n_shared = len(found.shared)
    shared = "".join(label(node.token) for node in found.shared)
    return ComparedPaths(
        _ratio_words(found.log_ratio),
        plural(
            "They share {n:,} token: {shared}", "They share {n:,} tokens: {shared}", n_shared
        ).format(n=n_shared, shared=shared)
        if n_shared
        else tr("They part at the prompt."),
        _path(tree, first, found.first, token_bytes, vocab_size),
        _path(tree, second, found.second, token_bytes, vocab_size),
    )


def tally(tree: Tree) -> str:
    """The size of the tree, and how much of what may follow it covers."""
    n_nodes, n_paths = len(tree.nodes), len(tree.leaves)
    if not n_nodes:
        return tr("No branches yet")
    return plural(
        "{n_nodes:,} tokens on {n_paths:,} path · the branches "
        "behind the prompt cover {covered} of what may come next",
        "{n_nodes:,} tokens on {n_paths:,} paths · the branches "
        "behind the prompt cover {covered} of what may come next",
        n_paths,
    ).format(n_nodes=n_nodes, n_paths=n_paths, covered=percent(tree.covered()))


def chance(logprob: float) -> str:
    """The probability of a path as a person reads it.

    >>> chance(math.log(0.25)), chance(math.log(1 / 3200)), chance(-138.0)
    ('25%', '1 in 3,200', '1 in 10^60')
    """
    if logprob >= math.log(0.01):
        return percent(math.exp(logprob))
    if logprob > math.log(1e-6):
        return tr("1 in {float:,.0f}").format(float=float(f"{math.exp(-logprob):.2g}"))
    return tr("1 in 10^{logprob:.0f}").format(logprob=-logprob / math.log(10))


def branch_lines(run: Artefact, prompt: str, grow: GrowConfig) -> str:
    """The lines that grow such a tree without a browser."""
    return f"""{open_lines(run)}
from slm.lab.branching import planted_in
from slm.sampling.branches import grow_levels

tree, notes = planted_in(opened, {prompt!r})
eos_id = opened.tokenizer.eos_id
tree = grow_levels(opened.model, tree, {grow.width}, {grow.depth}, eos_id)
for leaf in tree.leaves:
    ids = [node.token for node in tree.path(leaf.id)]
    print(round(tree.logprob_of[leaf.id], 2), opened.tokenizer.decode(ids))
"""


def _twig(
    tree: Tree, node: Node, row: int, label: Callable[[int], str], best: set[int], *, leaf: bool
) -> Twig:
    notes = [
        tr("{logprob} after what stands before (rank {rank:,})").format(
            logprob=percent(math.exp(node.logprob)), rank=node.rank
        ),
        tr("surprise {logprob:.2f} nats").format(logprob=-node.logprob),
        tr("the path so far: {logprob_of}").format(logprob_of=chance(tree.logprob_of[node.id])),
    ]
    if node.drawn:
        notes.append(counted("sampled {n:,} time", "sampled {n:,} times", node.drawn))
    if node.ends:
        notes.append(tr("the end-of-text token: the text ends here"))
    elif not leaf:
        notes.append(_open_words(tree, node.id))
    return Twig(
        node.id,
        node.parent,
        row,
        label(node.token),
        percent(math.exp(node.logprob)),
        SURPRISE.place(-node.logprob) or 0.0,
        math.exp(node.logprob),
        tuple(notes),
        node.id in best,
        node.ends,
        leaf,
    )


def _open_words(tree: Tree, node_id: int) -> str:
    """How much of what may follow is not drawn."""
    n_children = len(tree.children_of.get(node_id, ()))
    if not n_children:
        return tr("no branches behind it yet")
    elsewhere = percent(1.0 - tree.covered(node_id))
    return plural(
        "{n} branch behind it; {elsewhere} goes elsewhere",
        "{n} branches behind it; {elsewhere} goes elsewhere",
        n_children,
    ).format(n=n_children, elsewhere=elsewhere)


def _path(
    tree: Tree, node_id: int, nodes: Sequence[Node], token_bytes: TokenBytes, vocab_size: int
) -> PathView:
    chips = tuple(
        chip(
            node.token,
            token_bytes(node.token) if node.token < vocab_size else b"",
            value=SURPRISE.place(-node.logprob),
            notes=(
                tr("{logprob}, rank {rank:,}").format(
                    logprob=percent(math.exp(node.logprob)), rank=node.rank
                ),
                tr("surprise {logprob:.2f} nats").format(logprob=-node.logprob),
                tr("path so far: {logprob_of}").format(logprob_of=chance(tree.logprob_of[node.id])),
            ),
        )
        for node in nodes
    )
    n_tokens = len(tree.path(node_id))
    if not n_tokens:
        return PathView(node_id, (), tr("The prompt itself: nothing follows it here."))
    return PathView(
        node_id,
        chips,
        plural(
            "{n:,} token · the whole path {share} ({nats:.2f} nats) · surprise {each:.2f} nats a "
            "token",
            "{n:,} tokens · the whole path {share} ({nats:.2f} nats) · surprise {each:.2f} nats a "
            "token",
            n_tokens,
        ).format(
            n=n_tokens,
            share=chance(tree.logprob_of[node_id]),
            nats=tree.logprob_of[node_id],
            each=-tree.score(node_id, "mean"),
        ),
    )


def _ratio_words(log_ratio: float) -> str:
    if abs(log_ratio) < 0.005:
        return tr("As wholes, both paths are as probable.")
    more = tr("first") if log_ratio > 0 else tr("second")
    size = abs(log_ratio)
    times = (
        f"{math.exp(size):,.2g}"
        if size < 4
        else (
            f"{float(f'{math.exp(size):.2g}'):,.0f}"
            if size < 14
            else f"10^{size / math.log(10):.0f}"
        )
    )
    return tr("As a whole, the {more} path is {times} times as probable.").format(
        more=more, times=times
    )
