"""The named places inside a model where a probe may read or edit what flows by.

    embed                                              BTD
    ┌ resid_pre                                        BTD   what the block reads
    │   q  k  v          after norm and rotation       BHTK, BHSK (k, v: key-value heads)
    │   scores           scaled, before the mask       BHTS
    │   weights          after mask and softmax        BHTS
    │   head_out         each head's mixture           BHTK
    │   attn_out         added to the stream           BTD
    │   mlp_hidden       after the nonlinearity        BTF
    │   mlp_out          added to the stream           BTD
    └ resid_post                                       BTD   what the next block reads
    final_norm                                         BTD
    logits                                             BTV

With a cache, T counts the positions given in this call and S all that they may see,
cached ones included; an edit of k or v then holds for this call and is not cached.
With `last_only`, final_norm and logits have one position.

B batch, T query position, S key position, D width, H heads, K head width,
F feed-forward width, V vocabulary.
"""

from collections.abc import Iterable
from typing import Protocol

from torch import Tensor

OUTER_SITES = ("embed", "final_norm", "logits")
SITES = (
    "embed",
    "resid_pre",
    "q",
    "k",
    "v",
    "scores",
    "weights",
    "head_out",
    "attn_out",
    "mlp_hidden",
    "mlp_out",
    "resid_post",
    "final_norm",
    "logits",
)
NO_LAYER = -1
"""The layer that a probe is told at the sites outside the blocks (OUTER_SITES)."""


class Probe(Protocol):
    """Whatever wants to see or change values inside a model.

    `sites` are the places it wants, `layers` the blocks (None: all); sites outside
    the blocks come whatever `layers` says. It is called with the site, the layer
    and the tensor, and returns None to leave the tensor as it is, or the tensor
    (same shape, dtype and device) that the model goes on with.
    """

    @property
    def sites(self) -> frozenset[str]: ...

    @property
    def layers(self) -> frozenset[int] | None: ...

    def __call__(self, site: str, layer: int, tensor: Tensor) -> Tensor | None: ...


def wants(probe: Probe | None, site: str, layer: int) -> bool:
    """Whether the probe asks for this site of this layer."""
    if probe is None or site not in probe.sites:
        return False
    return layer == NO_LAYER or probe.layers is None or layer in probe.layers


def tap(probe: Probe | None, site: str, layer: int, tensor: Tensor) -> Tensor:
    """The tensor, after the probe has seen it, and perhaps replaced it."""
    if probe is None or not wants(probe, site, layer):
        return tensor
    replacement = probe(site, layer, tensor)
    if replacement is None:
        return tensor
    assert replacement.shape == tensor.shape, f"{site}: {replacement.shape} for {tensor.shape}"
    return replacement


class Recorder:
    """A probe that keeps a copy of what it sees, under (site, layer).

    >>> from slm.model.config import ModelConfig
    >>> from slm.model.transformer import Transformer
    >>> import torch
    >>> recorder = Recorder(["weights"], layers=[0])
    >>> _ = Transformer(ModelConfig())(torch.tensor([[1, 2, 3]]), probe=recorder)
    >>> recorder["weights", 0].shape
    torch.Size([1, 4, 3, 3])
    """

    def __init__(self, sites: Iterable[str], layers: Iterable[int] | None = None) -> None:
        self.sites = frozenset(sites)
        self.layers = None if layers is None else frozenset(layers)
        unknown = self.sites - set(SITES)
        assert not unknown, f"no such sites: {sorted(unknown)}"
        self.tensors: dict[tuple[str, int], Tensor] = {}

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        self.tensors[site, layer] = tensor.detach().clone()

    def __getitem__(self, site_and_layer: tuple[str, int]) -> Tensor:
        return self.tensors[site_and_layer]

    def outer(self, site: str) -> Tensor:
        """What was seen at a site outside the blocks."""
        return self.tensors[site, NO_LAYER]
