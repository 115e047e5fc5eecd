"""Trees of branches: what they count, how they grow, and that they agree with the model."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from slm.errors import DataError, SlmError, WorkspaceError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.sampling import branch_files
from slm.sampling.branch_files import MOST_BYTES, Planted, from_json, to_json
from slm.sampling.branches import (
    ROOT,
    Node,
    Tree,
    compare,
    grow_levels,
    grow_likeliest,
    grow_sampled,
    plant,
    prune,
    rescored,
)
from slm.sampling.config import SamplingConfig
from slm.sampling.engine import Engine
from slm.sampling.generate import generate

SMALL = ModelConfig(vocab_size=11, context_length=8, n_layers=1, n_heads=1, d_model=8, d_ff=16)


@pytest.fixture(scope="module")
def model() -> Transformer:
    torch.manual_seed(3)
    made = Transformer(SMALL).eval()
    with torch.no_grad():
        for weight in made.parameters():
            weight.mul_(3.0)
    return made


def node(id: int, parent: int, token: int, probability: float) -> Node:
    return Node(id, parent, token, math.log(probability), 1)


# After the prompt: 5 (one half) and 6 (one quarter); after 5: 7 (0.1); after 6: 8 (0.9).
BY_HAND = Tree(
    (1, 2), (node(1, 0, 5, 0.5), node(2, 0, 6, 0.25), node(3, 1, 7, 0.1), node(4, 2, 8, 0.9))
)


def test_a_path_is_as_probable_as_the_product_of_its_tokens():
    assert math.exp(BY_HAND.logprob_of[3]) == pytest.approx(0.05)
    assert math.exp(BY_HAND.logprob_of[4]) == pytest.approx(0.225)
    assert BY_HAND.best("sum") == BY_HAND.best("mean") == 4
    assert BY_HAND.ids(4) == (1, 2, 6, 8)


def test_short_paths_win_by_the_sum_and_sure_ones_by_the_mean():
    """A half alone; or a quarter and then 0.99 twice."""
    tree = Tree(
        (1,), (node(1, 0, 5, 0.5), node(2, 0, 6, 0.25), node(3, 2, 7, 0.99), node(4, 3, 8, 0.99))
    )
    assert tree.best("sum") == 1
    assert tree.best("mean") == 4  # (0.25 · 0.99 · 0.99)^(1/3) = 0.626


def test_what_the_branches_cover_is_the_sum_of_their_probabilities():
    assert BY_HAND.covered() == pytest.approx(0.75)
    assert BY_HAND.covered(3) == 0.0


def test_two_paths_are_compared_from_where_they_part():
    found = compare(BY_HAND, 3, 1)
    assert [each.id for each in found.shared] == [1] and not found.second
    assert [each.id for each in found.first] == [3]
    found = compare(BY_HAND, 4, 3)
    assert math.exp(found.log_ratio) == pytest.approx(0.225 / 0.05)


def test_pruning_takes_what_hangs_on_the_node_and_keeps_numbers():
    pruned = prune(BY_HAND, 1)
    assert [each.id for each in pruned.nodes] == [2, 4]
    assert prune(BY_HAND, ROOT).nodes == ()
    with pytest.raises(DataError, match="no branch 99"):
        prune(BY_HAND, 99)


def test_the_likeliest_tokens_are_those_of_the_models_softmax(model: Transformer):
    tree, _ = plant([1, 2, 3], 11, 8)
    tree = grow_likeliest(model, tree, ROOT, 4)
    with torch.inference_mode():
        shares = model(torch.tensor([[1, 2, 3]]))[0, -1].softmax(-1)
    best = shares.topk(4)
    assert [each.token for each in tree.children_of[ROOT]] == best.indices.tolist()
    shown = [math.exp(each.logprob) for each in tree.children_of[ROOT]]
    assert shown == pytest.approx(best.values.tolist(), rel=1e-4)
    assert [each.rank for each in tree.children_of[ROOT]] == [1, 2, 3, 4]


def test_all_next_tokens_together_cover_everything(model: Transformer):
    tree = grow_likeliest(model, plant([1], 11, 8)[0], ROOT, 99)
    assert len(tree.nodes) == 11 and tree.covered() == pytest.approx(1.0)


def test_growing_again_doubles_nothing(model: Transformer):
    tree = grow_levels(model, plant([1, 2], 11, 8)[0], width=2, depth=2)
    assert len(tree.nodes) == 6
    assert grow_likeliest(model, tree, ROOT, 2) == tree


def test_sampled_continuations_are_those_of_generate_and_share_beginnings(model: Transformer):
    tree, _ = plant([1, 2], 11, 8)
    config = SamplingConfig(seed=4, top_k=0)
    *_, tree = grow_sampled(Engine(model), tree, ROOT, 6, 4, config)
    paths = {tuple(each.token for each in tree.path(leaf.id)) for leaf in tree.leaves}
    for seed in range(4, 10):
        written = generate(model, [1, 2], config.replace(seed=seed), 4)
        assert tuple(step.id for step in written) in paths
    assert sum(each.drawn for each in tree.children_of[ROOT]) == 6
    keys = [(each.parent, each.token) for each in tree.nodes]
    assert len(set(keys)) == len(keys)


def test_scoring_anew_gives_what_growing_gave(model: Transformer):
    tree = grow_levels(model, plant([1, 2], 11, 8)[0], width=3, depth=3)
    again = rescored(
        model, replace(tree, nodes=tuple(replace(n, logprob=-1.0) for n in tree.nodes))
    )
    for one, other in zip(tree.nodes, again.nodes, strict=True):
        assert other.logprob == pytest.approx(one.logprob, abs=1e-4) and other.rank == one.rank


def test_a_path_ends_where_the_context_does(model: Transformer):
    tree, _ = plant([1, 2, 3, 4], 11, 8)
    *_, tree = grow_sampled(Engine(model), tree, ROOT, 1, 99, SamplingConfig())
    assert len(tree.path(tree.leaves[0].id)) == 5  # the fifth is predicted from all 8 places
    with pytest.raises(DataError, match="fills the model's context"):
        grow_likeliest(model, tree, tree.leaves[0].id, 2)


def test_nothing_follows_the_end_of_a_text(model: Transformer):
    tree = grow_likeliest(model, plant([1], 11, 8)[0], ROOT, 11, eos_id=0)
    (end,) = [each for each in tree.nodes if each.ends]
    assert end.token == 0
    with pytest.raises(DataError, match="ends with this token"):
        grow_likeliest(model, tree, end.id, 1)


def test_an_empty_prompt_begins_a_text_or_is_refused():
    assert plant([], 11, 8, eos_id=0)[0].prompt_ids == (0,)
    with pytest.raises(DataError, match="prompt is empty"):
        plant([], 11, 8)


# files


def planted(**changes: object) -> Planted:
    return replace(Planted(BY_HAND, "Once <b>\u202e", "run-1", 7, "abc"), **changes)


def test_a_tree_comes_back_from_its_file(tmp_path: Path):
    made = branch_files.keep(tmp_path, planted())
    assert branch_files.opened(tmp_path, made) == planted()
    assert branch_files.keep(tmp_path, planted()) == made
    assert not branch_files.saved(tmp_path)


def test_a_name_puts_a_tree_on_the_list_until_it_is_forgotten(tmp_path: Path):
    made = branch_files.keep(tmp_path, planted(name="my tree"))
    assert [each.name for each in branch_files.saved(tmp_path).values()] == ["my tree"]
    (tmp_path / "branches" / "named" / "0123456789abcdef.json").write_text("{")
    assert list(branch_files.saved(tmp_path)) == [made]
    branch_files.forget(tmp_path, made)
    assert not branch_files.saved(tmp_path)


@pytest.mark.parametrize("made", ["", "../../etc/passwd", "0123456789abcdef", "x" * 16])
def test_a_tree_that_there_is_not_is_said(tmp_path: Path, made: str):
    with pytest.raises(WorkspaceError, match="not in this workspace"):
        branch_files.opened(tmp_path, made)


def changed(**values: object) -> bytes:
    return json.dumps({**json.loads(to_json(planted())), **values}).encode()


def with_node(**values: object) -> bytes:
    nodes = json.loads(to_json(planted()))["nodes"]
    nodes[1] = {**nodes[1], **values}
    return changed(nodes=nodes)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b"9" * 5_000,
        b" " * (MOST_BYTES + 1),
        changed(kind="other"),
        changed(schema=99),
        changed(prompt=7),
        changed(prompt="x" * 200_000),
        changed(prompt_ids=[]),
        changed(prompt_ids=[-1]),
        changed(prompt_ids=[True]),
        changed(step=-1),
        changed(nodes={}),
        changed(nodes=[1]),
        changed(nodes=[{}] * 3_000),
        with_node(parent=99),
        with_node(parent=2),
        with_node(id=1),
        with_node(id=0),
        with_node(token=2**40),
        with_node(token=5),
        with_node(logprob=0.5),
        with_node(logprob=float("nan")),
        with_node(logprob="<b>"),
        with_node(ends=1),
        with_node(rank=0),
        with_node(more=1),
    ],
)
def test_hostile_files_are_refused_with_a_sentence(data: bytes):
    with pytest.raises(DataError, match="Choose"):
        from_json(data)


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_are_a_tree_or_refused(data: bytes):
    with pytest.raises(SlmError):
        from_json(data)
