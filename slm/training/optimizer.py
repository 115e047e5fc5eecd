"""How gradients become updates: Muon for the hidden matrices, AdamW for the rest.

Sees parameters and gradients, never data, losses or files. The state of the
optimizers goes out and comes back as named tensors, so that it is stored with no pickle.

Shapes: M matrices of one shape in a group, R its shorter side, C its longer side.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from slm.errors import CheckpointError
from slm.training.config import TrainConfig

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""The polynomial's coefficients, tuned for a steep slope at zero. Source: Jordan et al. 2024."""
NEWTON_SCHULZ_STEPS = 4
ADAM_BETAS = (0.9, 0.95)
ADAM_EPS = 1e-10


def orthogonalized(matrices: Tensor, steps: int = NEWTON_SCHULZ_STEPS) -> Tensor:
    """The matrices with their singular values drawn towards 1, their directions kept.

    A few iterations of a quintic polynomial, with products of matrices only; the
    singular values end between about 0.5 and 1.2, or lower where they were tiny.

    Source: Jordan et al. 2024 (Muon), Newton–Schulz iteration.
    """
    a, b, c = NEWTON_SCHULZ
    norms_M11: Tensor = torch.linalg.matrix_norm(matrices, keepdim=True)
    x: Tensor = matrices / norms_M11.clamp(min=1e-7)
    wide = _is_wide(x)
    for _ in range(steps):
        gram_MRR = x @ x.mT if wide else x.mT @ x
        polynomial_MRR = torch.baddbmm(gram_MRR, gram_MRR, gram_MRR, beta=b, alpha=c)
        sides = (polynomial_MRR, x) if wide else (x, polynomial_MRR)
        x = torch.baddbmm(x, *sides, beta=a)
    return x


class Muon(torch.optim.Optimizer):
    """Momentum, orthogonalized: every direction of a matrix moves by about the same amount.

    Matrices of one shape, also those that lie crosswise, are orthogonalized as one
    batch; `torch.optim.Muon` takes them one after another, in bfloat16 on any device.
    The update of a matrix that is taller than wide is scaled by sqrt(height / width).

    Source: Jordan et al. 2024, "Muon: An optimizer for hidden layers in neural networks".
    """

    def __init__(
        self,
        matrices: Iterable[nn.Parameter],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
        newton_schulz_steps: int = NEWTON_SCHULZ_STEPS,
    ) -> None:
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "weight_decay": weight_decay,
            "newton_schulz_steps": newton_schulz_steps,
        }
        super().__init__(list(matrices), defaults)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move every matrix that has a gradient."""
        assert closure is None, "Muon does not evaluate the loss again"
        for group in self.param_groups:
            by_shape: dict[tuple[int, ...], list[nn.Parameter]] = defaultdict(list)
            for matrix in group["params"]:
                if matrix.grad is not None:
                    by_shape[tuple(sorted(matrix.shape))].append(matrix)
            for same_shape in by_shape.values():
                self._move(same_shape, group)

    def _move(self, matrices: list[nn.Parameter], group: Mapping[str, Any]) -> None:
        gradients = [matrix.grad for matrix in matrices if matrix.grad is not None]
        averages = [self._average(matrix) for matrix in matrices]
        torch._foreach_lerp_(averages, gradients, 1 - group["momentum"])
        directions = torch._foreach_lerp(gradients, averages, group["momentum"])  # Nesterov
        # Lying as most of them do, so that few must be turned to join the others.
        lie_wide = 2 * sum(_is_wide(matrix) for matrix in matrices) >= len(matrices)
        turned = [_is_wide(matrix) != lie_wide for matrix in matrices]
        batch = torch.stack([x.mT if t else x for x, t in zip(directions, turned, strict=True)])
        if batch.is_cuda:
            batch = batch.bfloat16()
        updates = orthogonalized(batch, int(group["newton_schulz_steps"]))
        # The rate may be a number or, in a recorded step, a tensor that is filled anew.
        updates = updates.to(matrices[0].dtype) * -group["lr"]
        if group["weight_decay"]:
            torch._foreach_mul_(list[Tensor](matrices), 1 - group["lr"] * group["weight_decay"])
        for matrix, update, is_turned in zip(matrices, updates, turned, strict=True):
            height, width = matrix.shape
            scale = math.sqrt(max(1.0, height / width))
            matrix.add_(update.mT if is_turned else update, alpha=scale)

    def _average(self, matrix: nn.Parameter) -> Tensor:
        state = self.state[matrix]
        if "momentum" not in state:
            state["momentum"] = torch.zeros_like(matrix)
        average: Tensor = state["momentum"]
        return average


class Optimizers:
    """The optimizers of one model, moved together; a rate factor scales every peak rate.

    With `record`, on a GPU, the update is recorded as a CUDA graph and replayed with one
    call: gradients must then be where they were in the step before.
    """

    def __init__(
        self,
        model: nn.Module,
        config: TrainConfig,
        *,
        record: bool = False,
        muon: type[Muon] = Muon,
    ) -> None:
        self._names: dict[Tensor, str] = {p: name for name, p in model.named_parameters()}
        self._record = record
        self._steps_seen = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        hidden = hidden_matrices(model) if config.optimizer == "muon" else []
        chosen = set(hidden)
        others = [p for p in model.parameters() if p.requires_grad and p not in chosen]
        decayed = [p for p in others if p.ndim >= 2]
        kept = [p for p in others if p.ndim < 2]  # norms and biases are not pulled towards zero
        groups = [{"params": decayed, "pulled": True}, {"params": kept, "pulled": False}]
        device = others[0].device
        self._parts: list[torch.optim.Optimizer] = [
            torch.optim.AdamW(
                [group for group in groups if group["params"]],
                lr=torch.ones((), device=device) if record else 1.0,
                betas=ADAM_BETAS,
                eps=ADAM_EPS,
                fused=device.type in {"cpu", "cuda"},
                capturable=record,
            )
        ]
        if hidden:
            self._parts.append(muon(hidden, lr=1.0))
        if record:
            for part in self._parts:
                for group in part.param_groups:
                    group["lr"] = torch.ones((), device=device)
        self.adopt(config)

    def adopt(self, config: TrainConfig) -> None:
        """Take over rates, momentum and weight decay, from the next step on; the state stays."""
        self._peaks: list[list[float]] = []
        for part in self._parts:
            is_muon = isinstance(part, Muon)
            for group in part.param_groups:
                pulled = is_muon or group["pulled"]
                group["weight_decay"] = config.weight_decay if pulled else 0.0
                if is_muon:
                    group["momentum"] = config.muon_momentum
            peak = config.muon_learning_rate if is_muon else config.learning_rate
            self._peaks.append([peak] * len(part.param_groups))
        self._graph, self._steps_seen = None, 0  # a record holds the settings of its time

    def step(self, factor: float) -> None:
        """Apply the gradients at `factor` times the peak rates, then drop them."""
        for part, peaks in zip(self._parts, self._peaks, strict=True):
            for group, peak in zip(part.param_groups, peaks, strict=True):
                if isinstance(group["lr"], Tensor):
                    group["lr"].fill_(peak * factor)
                else:
                    group["lr"] = peak * factor
        if self._record and self._steps_seen > 0:
            self._replay()
        else:
            self._apply()
        self._steps_seen += 1
        for part in self._parts:
            part.zero_grad(set_to_none=True)

    def _apply(self) -> None:
        for part in self._parts:
            part.step()

    def _replay(self) -> None:
        """The update as one call; recorded at the second step, when all state is there."""
        if self._graph is None:
            graph = torch.cuda.CUDAGraph()
            with torch.cuda.graph(graph):
                self._apply()
            self._graph = graph
        self._graph.replay()

    def tensors(self) -> dict[str, Tensor]:
        """The whole state by name; on the CPU, ready to be stored."""
        return {name: value.detach().cpu().contiguous() for name, value in self.state()}

    def state(self) -> Iterator[tuple[str, Tensor]]:
        """Every tensor of the state, named `<parameter>/<what>`."""
        for part in self._parts:
            for parameter, state in part.state.items():
                for what, value in state.items():
                    yield f"{self._names[parameter]}/{what}", value

    def load(self, tensors: Iterable[tuple[str, Tensor]]) -> None:
        """Take back the state that `state` or `tensors` gave, one tensor after another.

        Raises: CheckpointError when it belongs to another model or another optimizer.
        """
        parameters = {name: parameter for parameter, name in self._names.items()}
        owners = {
            id(parameter): part
            for part in self._parts
            for group in part.param_groups
            for parameter in group["params"]
        }
        for key, value in tensors:
            name, _, what = key.rpartition("/")
            parameter = parameters.get(name)
            if parameter is None or value.shape not in (parameter.shape, torch.Size([])):
                raise CheckpointError(
                    f"The optimizer state holds {key!r} of shape {tuple(value.shape)}, which this "
                    "model does not have. Start a new run for changed model settings."
                )
            state = owners[id(parameter)].state[parameter]
            state[what] = value.to(parameter.device, copy=True)


def hidden_matrices(model: nn.Module) -> list[nn.Parameter]:
    """The matrices inside the blocks: neither embeddings nor the output head."""
    return [
        parameter
        for name, parameter in model.named_parameters()
        if name.startswith("blocks.") and parameter.ndim == 2 and parameter.requires_grad
    ]


def _is_wide(matrix: Tensor) -> bool:
    return matrix.shape[-2] <= matrix.shape[-1]
