"""A tree of the texts that a model might write: what follows, and with which probability.

A tree is never changed: growing, pruning and scoring anew give another one. Nodes keep their
numbers, so that a link to one goes on meaning the same. Sees ids, never text.

Legend: B paths, T positions, V vocabulary.
"""

import math
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import torch

from slm.errors import DataError
from slm.model.inference import diverged, inference, require_known
from slm.model.transformer import Transformer
from slm.sampling.config import SamplingConfig
from slm.sampling.distribution import Floats, top_tokens
from slm.sampling.engine import Engine
from slm.sampling.generate import logits

ROOT = 0
MOST_NODES = 2_000
_MOST_LOGITS = 2**23  # at once, when paths are scored
_ROOM = 64  # positions that a long prompt leaves for what follows
By = Literal["sum", "mean"]


@dataclass(frozen=True)
class Node:
    """One token after another. The root, 0, stands for the end of the prompt.

    logprob (nats) and rank (1 is the likeliest) are the model's own, given all before it.
    drawn counts the sampled continuations that passed here. ends: it is the end-of-text token.
    """

    id: int
    parent: int
    token: int
    logprob: float
    rank: int
    drawn: int = 0
    ends: bool = False


@dataclass(frozen=True)
class Tree:
    """A prompt and what may follow. Parents stand before their children."""

    prompt_ids: tuple[int, ...]
    nodes: tuple[Node, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[int, Node]:
        """Every node but the root."""
        return {node.id: node for node in self.nodes}

    @cached_property
    def children_of(self) -> Mapping[int, tuple[Node, ...]]:
        """The nodes behind each one, the likeliest first."""
        found: dict[int, list[Node]] = {}
        for node in self.nodes:
            found.setdefault(node.parent, []).append(node)
        return {
            parent: tuple(sorted(children, key=lambda node: (-node.logprob, node.token)))
            for parent, children in found.items()
        }

    @cached_property
    def logprob_of(self) -> Mapping[int, float]:
        """Log-probability (nats) of the whole path up to each node: the sum along it."""
        sums = {ROOT: 0.0}
        for node in self.nodes:
            sums[node.id] = sums[node.parent] + node.logprob
        return sums

    @cached_property
    def leaves(self) -> tuple[Node, ...]:
        """The last nodes of all paths."""
        return tuple(node for node in self.nodes if node.id not in self.children_of)

    def require(self, node_id: int) -> int:
        """The id itself. Raises: DataError for a node that there is not."""
        if node_id != ROOT and node_id not in self.by_id:
            raise DataError(f"There is no branch {node_id} in this tree. Choose one that is drawn.")
        return node_id

    def path(self, node_id: int) -> tuple[Node, ...]:
        """The nodes from the first token after the prompt to this one; none for the root.

        Raises: DataError for a node that there is not.
        """
        found = []
        at = self.require(node_id)
        while at != ROOT:
            found.append(self.by_id[at])
            at = self.by_id[at].parent
        return tuple(reversed(found))

    def ids(self, node_id: int) -> tuple[int, ...]:
        """Prompt and path as the model reads them."""
        return (*self.prompt_ids, *(node.token for node in self.path(node_id)))

    def score(self, node_id: int, by: By = "sum") -> float:
        """Log-probability of the path: its sum, or its mean for a token."""
        length = max(1, len(self.path(node_id)))
        return self.logprob_of[node_id] / (length if by == "mean" else 1)

    def best(self, by: By = "sum") -> int:
        """The last node of the most probable path; the root of a tree without any.

        By the sum, short paths have the advantage: every token more makes a path less likely.
        By the mean, paths of different lengths can be compared.
        """
        if not self.leaves:
            return ROOT
        return max(self.leaves, key=lambda node: (self.score(node.id, by), -node.id)).id

    def covered(self, node_id: int = ROOT) -> float:
        """Share of what the model may write next here that the children stand for."""
        return min(1.0, math.fsum(math.exp(c.logprob) for c in self.children_of.get(node_id, ())))


@dataclass(frozen=True)
class Comparison:
    """Two paths side by side. shared are the nodes that both have, first and second the rest.

    log_ratio (nats): how much more probable the first is as a whole.
    """

    shared: tuple[Node, ...]
    first: tuple[Node, ...]
    second: tuple[Node, ...]
    log_ratio: float


def plant(
    prompt_ids: Sequence[int], vocab_size: int, context_length: int, eos_id: int | None = None
) -> tuple[Tree, tuple[str, ...]]:
    """A tree without branches, and a sentence for what was done to the prompt.

    A path never leaves the context, so a long prompt keeps only an end of it that leaves room.

    >>> plant([1, 2, 3], vocab_size=9, context_length=2)[1]
    ('The prompt has 3 tokens: only the last 1 is read, so that 1 can follow within the context.',)

    Raises: DataError for an empty prompt and no end-of-text token, or an unknown id.
    """
    ids = tuple(int(token) for token in prompt_ids)
    notes: tuple[str, ...] = ()
    if not ids:
        if eos_id is None:
            raise DataError(
                "The prompt is empty and this tokenizer has no token that begins a text. "
                "Type at least one character."
            )
        ids = (eos_id,)
        notes = ("The prompt is empty: starting from the token that begins a text.",)
    require_known(np.array(ids), vocab_size)
    room = min(_ROOM, context_length // 2)
    longest = max(1, context_length - room)
    if len(ids) > longest:
        are = "is" if longest == 1 else "are"
        notes = (
            f"The prompt has {len(ids):,} tokens: only the last {longest:,} {are} read, so that "
            f"{room:,} can follow within the context.",
        )
        ids = ids[-longest:]
    return Tree(ids), notes


def grow_likeliest(
    model: Transformer, tree: Tree, node_id: int, k: int, eos_id: int | None = None
) -> Tree:
    """The k likeliest next tokens behind a node; those that are there already stay.

    Raises: DataError for a node that cannot be grown, or a tree that is full.
    """
    _require_room(model, tree, node_id)
    own_V = logits(model, tree.ids(node_id))
    logprobs_V = _logprobs(own_V[None])[0]
    new = _Growing(tree)
    for token, _ in top_tokens(np.exp(own_V - own_V.max()), k):
        rank = int(1 + (own_V > own_V[token]).sum())
        new.child(node_id, token, float(logprobs_V[token]), rank, ends=token == eos_id)
    return new.tree()


def grow_sampled(
    engine: Engine,
    tree: Tree,
    node_id: int,
    count: int,
    length: int,
    config: SamplingConfig,
    *,
    eos_id: int | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Generator[Tree, None, None]:
    """`count` sampled continuations of at most `length` tokens; the tree after each of them.

    The first is what `generate` writes with the config's seed, the next with the one after, and
    so on. Continuations that begin alike share their nodes. They end where the context does.

    Raises: as `grow_likeliest`; DivergedError for logits that are not finite.
    """
    room = _require_room(engine.model, tree, node_id)
    prompt_ids = tree.ids(node_id)
    seeds = [(config.seed + number) % 2**31 for number in range(count)]
    tickets = [
        engine.submit(
            prompt_ids, config.replace(seed=seed), min(length, room), eos_id=eos_id, n_top=0
        )
        for seed in seeds
    ]

    def trees() -> Generator[Tree, None, None]:
        new = _Growing(tree)
        try:
            for ticket in tickets:
                at = node_id
                for step in ticket.steps(should_stop):
                    at = new.child(at, step.id, step.logprob, step.rank, ends=step.ends, drawn=1)
                if should_stop():
                    return
                yield new.tree()
        finally:
            for ticket in tickets:
                ticket.cancel()

    return trees()


def grow_levels(
    model: Transformer, tree: Tree, width: int, depth: int, eos_id: int | None = None
) -> Tree:
    """The `width` likeliest tokens behind every leaf, `depth` times over.

    Raises: as `grow_likeliest`.
    """
    ends = [ROOT] if not tree.nodes else [leaf.id for leaf in tree.leaves if not leaf.ends]
    for _ in range(depth):
        for node_id in ends:
            tree = grow_likeliest(model, tree, node_id, width, eos_id)
        behind = (tree.children_of[node_id] for node_id in ends)
        ends = [child.id for children in behind for child in children if not child.ends]
    return tree


def prune(tree: Tree, node_id: int) -> Tree:
    """The tree without this node and all behind it; without any branch for the root.

    Raises: DataError for a node that there is not.
    """
    gone = {tree.require(node_id)}
    for node in tree.nodes:  # parents first
        if node.parent in gone:
            gone.add(node.id)
    return replace(tree, nodes=tuple(node for node in tree.nodes if node.id not in gone))


def compare(tree: Tree, first: int, second: int) -> Comparison:
    """Where two paths part, and how much more probable the first is.

    Raises: DataError for a node that there is not.
    """
    one, other = tree.path(first), tree.path(second)
    pairs = zip(one, other, strict=False)
    n_shared = next(
        (n for n, (a, b) in enumerate(pairs) if a.id != b.id), min(len(one), len(other))
    )
    ratio = tree.logprob_of[first] - tree.logprob_of[second]
    return Comparison(one[:n_shared], one[n_shared:], other[n_shared:], ratio)


def rescored(
    model: Transformer,
    tree: Tree,
    eos_id: int | None = None,
    *,
    tell: Callable[[float], None] = lambda share: None,
) -> Tree:
    """The same branches with the probabilities that this model gives them.

    tell hears which share is done, and may raise to end it.

    Raises: DataError for tokens that the model does not know, or paths beyond its context.
    """
    tokens = [*tree.prompt_ids, *(node.token for node in tree.nodes)]
    require_known(np.array(tokens), model.config.vocab_size)
    places = {leaf.id: tree.path(leaf.id) for leaf in tree.leaves}
    n_prompt = len(tree.prompt_ids)
    longest = n_prompt + max((len(path) for path in places.values()), default=0)
    if longest > model.config.context_length:
        raise DataError(
            f"A path of this tree has {longest:,} tokens and this model's context holds "
            f"{model.config.context_length:,}. Prune it, or choose another model."
        )
    found: dict[int, tuple[float, int]] = {}
    paths = sorted(places.values(), key=len)
    together = max(1, _MOST_LOGITS // (longest * model.config.vocab_size))
    for begin in range(0, len(paths), together):
        for path, logits_TV in _read(model, tree.prompt_ids, paths[begin : begin + together]):
            chosen_T = np.array([node.token for node in path])
            own_T1 = logits_TV[np.arange(len(path)), chosen_T][:, None]
            logprobs_T = np.take_along_axis(_logprobs(logits_TV), chosen_T[:, None], 1)[:, 0]
            ranks_T = 1 + (logits_TV > own_T1).sum(axis=1)
            for node, logprob, rank in zip(path, logprobs_T, ranks_T, strict=True):
                found[node.id] = float(logprob), int(rank)
        tell(min(1.0, (begin + together) / len(paths)))
    nodes = (
        replace(n, logprob=found[n.id][0], rank=found[n.id][1], ends=n.token == eos_id)
        for n in tree.nodes
    )
    return replace(tree, nodes=tuple(nodes))


def _read(
    model: Transformer, prompt_ids: tuple[int, ...], paths: Sequence[tuple[Node, ...]]
) -> Iterator[tuple[tuple[Node, ...], Floats]]:
    """Each path with the logits_TV of its tokens. Padding stands behind, where nobody looks."""
    longest = len(prompt_ids) + len(paths[-1])
    ids_BT = torch.zeros(len(paths), longest, dtype=torch.int64)
    for row, path in enumerate(paths):
        ids = (*prompt_ids, *(node.token for node in path))
        ids_BT[row, : len(ids)] = torch.tensor(ids)
    with inference(model):
        logits_BTV = model(ids_BT.to(model.device)).float().cpu().numpy()
    first = len(prompt_ids) - 1
    for row, path in enumerate(paths):
        yield path, logits_BTV[row, first : first + len(path)]


def _logprobs(logits_RV: Floats) -> Floats:
    """Raises: DivergedError for logits that are not finite."""
    if not np.isfinite(logits_RV).all():
        raise diverged("the logits of the next token are")
    below_RV = logits_RV.astype(np.float64) - logits_RV.max(axis=-1, keepdims=True)
    logprobs_RV: Floats = below_RV - np.log(np.exp(below_RV).sum(axis=-1, keepdims=True))
    return logprobs_RV


def _require_room(model: Transformer, tree: Tree, node_id: int) -> int:
    """Tokens that may still follow this node.

    Raises: DataError where none may.
    """
    node_id = tree.require(node_id)
    if node_id != ROOT and tree.by_id[node_id].ends:
        raise DataError("The text ends with this token: nothing follows it. Grow another branch.")
    room = model.config.context_length - len(tree.ids(node_id)) + 1
    if room < 1:
        raise DataError(
            f"This path fills the model's context of {model.config.context_length:,} tokens. "
            "Grow another branch, or begin with a shorter prompt."
        )
    return room


class _Growing:
    """A tree to which nodes are added; a token that stands behind a node already is not doubled."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self._nodes = {node.id: node for node in tree.nodes}
        self._at = {(node.parent, node.token): node.id for node in tree.nodes}
        self._next = 1 + max(self._nodes, default=ROOT)

    def child(
        self, parent: int, token: int, logprob: float, rank: int, *, ends: bool, drawn: int = 0
    ) -> int:
        """The node of this token behind its parent, new or not; gives its id."""
        found = self._at.get((parent, token))
        if found is not None:
            old = self._nodes[found]
            self._nodes[found] = replace(old, drawn=old.drawn + drawn)
            return found
        if len(self._nodes) >= MOST_NODES:
            raise DataError(
                f"The tree has {MOST_NODES:,} tokens, which is as many as it may. Prune what you "
                "no longer need."
            )
        made, self._next = self._next, self._next + 1
        self._nodes[made] = Node(made, parent, token, min(0.0, logprob), rank, drawn, ends)
        self._at[parent, token] = made
        return made

    def tree(self) -> Tree:
        """The tree as it is now."""
        return replace(self._tree, nodes=tuple(self._nodes.values()))
