"""Gradients and updates, part by part: how large each is beside the weights it belongs to.

A part is "token_embedding" (with learned positions, those too), "blocks.0" and so on, and
"output" (the final norm, and the head where it is not the embedding). Healthy updates move
weights by about a thousandth of their length; a part far off the others is where to look.
Of weights in shares every process measures its own, and they are added up.
"""

from collections import defaultdict
from collections.abc import Iterable

import torch
from torch import Tensor, nn

from slm.training import ranks
from slm.training.sharding import is_sharded, share_of


def part_of(name: str) -> str:
    """The part that a parameter of that name belongs to.

    >>> [part_of(name) for name in ("blocks.3.mlp.up.weight", "final_norm.weight")]
    ['blocks.3', 'output']
    """
    pieces = name.split(".")
    if pieces[0] == "blocks":
        return ".".join(pieces[:2])
    return "token_embedding" if pieces[0].endswith("_embedding") else "output"


def gradient_norms(model: nn.Module) -> dict[str, float]:
    """The norm of each part's gradient."""
    gradients = [(name, p.grad) for name, p in model.named_parameters() if p.grad is not None]
    shares = [(name, share_of(gradient)) for name, gradient in gradients]
    return _norms(shares, any(is_sharded(gradient) for _, gradient in gradients))


class UpdateRatios:
    """How far an update moves each part: ‖change of the weights‖ / ‖weights before it‖.

    Make it right before the update and ask right after. In between it holds a copy of
    the weights.
    """

    def __init__(self, model: nn.Module) -> None:
        self._model = model
        named = model.named_parameters()
        self._before = {name: share_of(p.detach()).clone() for name, p in named if p.requires_grad}
        self._in_shares = any(is_sharded(p) for p in model.parameters())

    def ratios(self) -> dict[str, float]:
        """The ratio of each part whose weights are not all zero."""
        lengths = _norms(self._before.items(), self._in_shares)
        for name, parameter in self._model.named_parameters():
            if not parameter.requires_grad:
                continue
            self._before[name].sub_(share_of(parameter.detach()))
        moves = _norms(self._before.items(), self._in_shares)
        return {part: moves[part] / length for part, length in lengths.items() if length > 0}


def copy_bytes(model: nn.Module) -> int:
    """What a copy of the weights takes, or of this process's share of them."""
    return sum(share_of(p.detach()).nbytes for p in model.parameters() if p.requires_grad)


def _norms(tensors: Iterable[tuple[str, Tensor]], in_shares: bool) -> dict[str, float]:
    """The norm of each part; of tensors in shares, over all processes."""
    named = list(tensors)
    if not named:
        return {}
    norms = torch.stack(torch._foreach_norm([tensor.detach().float() for _, tensor in named]))
    squares: dict[str, float] = defaultdict(float)
    for (name, _), norm in zip(named, norms.tolist(), strict=True):
        squares[part_of(name)] += norm**2
    totals = ranks.total(*squares.values()) if in_shares else squares.values()
    return {part: total**0.5 for part, total in zip(squares, totals, strict=True)}
