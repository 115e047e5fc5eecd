"""LoRA: a model's matrices stay as they are, and thin ones beside them learn.

`adapt` freezes a model and puts the adapters in; what it then computes is
W x + (alpha / rank) B A x in each adapted layer. B begins at zero, so nothing changes at
first. `merged_with` adds the products to the matrices, for a model that is plain again.
Sees weights, never text; the files are `checkpoint`'s.

R rank, I inputs of a layer, O its outputs.

Source: Hu et al. 2021 (LoRA), section 4.1.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from slm.model.config import ModelConfig
from slm.model.lora_settings import LoraConfig, adapted_matrices, adapter_shapes
from slm.model.transformer import Transformer

LORA_A, LORA_B = "lora_a", "lora_b"


@dataclass(frozen=True)
class Adapter:
    """What an adapted model is told of itself: its settings, and which weights are frozen.

    `base` is the digest of the frozen weights, as `checkpoint.base_digest` gives it.
    """

    config: LoraConfig
    base: str

    def to_json(self) -> dict[str, Any]:
        """What stands in a manifest's details."""
        return {"lora": self.config.to_json(), "base": self.base}


class FrozenLinear(nn.Module):
    """A linear layer that is not trained, its matrix in the number format it was stored in."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.frozen_OI = linear.weight
        self.bias: nn.Parameter | None = linear.bias

    @property
    def weight(self) -> Tensor:
        """The matrix in float32, for who looks at it."""
        return self.frozen_OI.float()

    def forward(self, x: Tensor) -> Tensor:
        """As nn.Linear computes it."""
        in_one_format = x.dtype == self.frozen_OI.dtype
        if in_one_format or torch.is_autocast_enabled(x.device.type):
            return F.linear(x, self.frozen_OI, self.bias)
        product: Tensor = _FrozenProduct.apply(x, self.frozen_OI)  # type: ignore[no-untyped-call]
        return product if self.bias is None else product + self.bias


class AdaptedLinear(FrozenLinear):
    """A frozen linear layer with an adapter. A is drawn from torch's generator, B is zero."""

    def __init__(self, linear: nn.Linear, config: LoraConfig) -> None:
        super().__init__(linear)
        device = linear.weight.device
        drawn_RI = torch.randn(config.rank, self.in_features) * self.in_features**-0.5
        self.lora_a = nn.Parameter(drawn_RI.to(device))
        self.lora_b = nn.Parameter(torch.zeros(self.out_features, config.rank, device=device))
        self.scale, self.dropout = config.scale, config.dropout

    @property
    def weight(self) -> Tensor:
        """What the layer comes to as one matrix, in float32."""
        return merged_matrix(self.frozen_OI, self.lora_a, self.lora_b, self.scale)

    def forward(self, x: Tensor) -> Tensor:
        """W x + b + (alpha / rank) B A x. Source: Hu et al. 2021, eq. 3."""
        thin = F.linear(F.dropout(x, self.dropout, self.training), self.lora_a)
        return super().forward(x) + self.scale * F.linear(thin, self.lora_b)


class _FrozenProduct(torch.autograd.Function):
    """x Wᵀ where W is kept in fewer bits than x: made wide for each product, and then let go."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, frozen_OI: Tensor) -> Tensor:
        ctx.save_for_backward(frozen_OI)
        return F.linear(x, frozen_OI.to(x.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        (frozen_OI,) = ctx.saved_tensors
        return gradients[0] @ frozen_OI.to(gradients[0].dtype), None


def merged_matrix(frozen_OI: Tensor, a_RI: Tensor, b_OR: Tensor, scale: float) -> Tensor:
    """W + (alpha / rank) B A, in float32; W itself, bit for bit, while B is zero.

    >>> ones = torch.ones(2, 2)
    >>> merged_matrix(ones, torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0], [3.0]]), scale=2.0)
    tensor([[ 1.,  1.],
            [ 7., 13.]])
    """
    return frozen_OI.float() + scale * (b_OR.float() @ a_RI.float())


def stored_format(name: str, tensor: Tensor) -> Tensor:
    """A weight of the base as an adapted model holds it.

    Matrices inside the blocks stay as they were stored; the few others are float32, in which
    the residual stream is computed.
    """
    in_block = name.startswith("blocks.") and tensor.ndim == 2
    return tensor if in_block else tensor.float()


def adapt(model: Transformer, config: LoraConfig, base: str) -> None:
    """Freeze all weights of the model, and put adapters beside those that `config` names.

    Raises: ConfigError for a rank that its matrices cannot have.
    """
    chosen = adapted_matrices(model.config, config)
    model.requires_grad_(False)
    layers = [(name, part) for name, part in model.named_modules() if isinstance(part, nn.Linear)]
    for name, layer in layers:
        if not name.startswith("blocks."):
            continue
        frozen = AdaptedLinear(layer, config) if name in chosen else FrozenLinear(layer)
        parent, _, own_name = name.rpartition(".")
        setattr(model.get_submodule(parent), own_name, frozen)
    model.adapter = Adapter(config, base)


def adapter_tensors(model: Transformer) -> dict[str, Tensor]:
    """The trained tensors of an adapted model by name, in the order of `adapter_shapes`."""
    found = dict(model.named_parameters())
    assert model.adapter is not None, "only an adapted model has an adapter"
    return {name: found[name] for name in adapter_shapes(model.config, model.adapter.config)}


@torch.no_grad()
def load_adapter(model: Transformer, tensors: Mapping[str, Tensor]) -> None:
    """Give an adapted model the trained tensors that `adapter_tensors` gave."""
    for name, parameter in adapter_tensors(model).items():
        parameter.copy_(tensors[name])


def merged_with(
    base: Iterable[tuple[str, Tensor]],
    adapter: Mapping[str, Tensor],
    model: ModelConfig,
    config: LoraConfig,
) -> Iterator[tuple[str, Tensor]]:
    """The weights of a plain model, one after another, the adapter added to them."""
    adapted = adapted_matrices(model, config)
    for name, tensor in base:
        layer = name.removesuffix(".weight")
        if name != layer and layer in adapted:
            a_RI, b_OR = adapter[f"{layer}.{LORA_A}"], adapter[f"{layer}.{LORA_B}"]
            tensor = merged_matrix(tensor, a_RI, b_OR, config.scale)
        yield name, tensor
