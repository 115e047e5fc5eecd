"""Stepping on a GPU without the processor in between: every shape is fixed, so a step is recorded.

A small model's step is hundreds of kernels of a few microseconds; to launch them takes longer
than to run them. A CUDA graph launches all at once. For that nothing may depend on how long the
rows are: positions are numbers on the GPU, and attention looks at a fixed number of places, of
which a mask hides those that are not filled. The same code runs, unrecorded, on a processor,
where it is tested. Sees ids, never text.

B rows, S places that attention looks at, V vocabulary.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from slm.model.cache import KeyValueCache
from slm.model.stepping import Stepper
from slm.model.transformer import Transformer

_FEWEST = 256  # places; then 512, 1024, … up to what the cache holds
_WARM_UP = 3
_WORTH_RECORDING = 64  # steps; recording takes as long as a dozen


class GraphStepper(Stepper):
    """What `Stepper` gives, by fixed shapes; recorded on CUDA, once for each number of places.

    All rows of the cache take part in every step, whatever comes of those that no id goes to.
    The logits are overwritten by the next step.
    """

    def __init__(self, model: Transformer, cache: KeyValueCache) -> None:
        super().__init__(model, cache)
        self._recorded: dict[int, _Recorded] = {}
        self._recorded_for: KeyValueCache | None = None

    def __call__(self, ids_B: Tensor) -> Tensor:
        """Logits of what follows; the ids are added to the cache.

        Raises: DataError when the context or the cache is full.
        """
        cache, n_rows = self.cache, len(ids_B)
        active = cache.first(n_rows)
        self._require_room(active)
        if self._recorded_for is not cache:
            self._recorded.clear()
            self._recorded_for = cache
        n_places = _places(cache.longest + 1, cache.max_length)
        if n_places not in self._recorded:
            self._recorded[n_places] = self._record(cache, n_places)
        recorded = self._recorded[n_places]
        recorded.ids_B[:n_rows].copy_(ids_B, non_blocking=True)
        recorded.positions_B.copy_(cache.lengths_B.clamp(max=n_places - 1), non_blocking=True)
        recorded.replay()
        active.advance(1)
        return recorded.logits_BV[:n_rows]

    def _record(self, cache: KeyValueCache, n_places: int) -> "_Recorded":
        device = cache.keys_LBHSK.device
        ids_B = torch.zeros(cache.batch_size, dtype=torch.int64, device=device)
        positions_B = cache.lengths_B.clamp(max=n_places - 1).to(device)

        def step() -> Tensor:
            place = self._ragged(positions_B, n_places, cache.max_length)
            return self._pass(ids_B, cache, place)

        if device.type != "cuda":
            logits_BV = step()
            return _Recorded(ids_B, positions_B, logits_BV, lambda: logits_BV.copy_(step()))
        replay, logits_BV = record(step, device)
        return _Recorded(ids_B, positions_B, logits_BV, replay)


def record(work: Callable[[], Tensor], device: torch.device) -> tuple[Callable[[], object], Tensor]:
    """What runs `work` anew on this GPU, in one launch, and the tensor that it then fills."""
    side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    side.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(side):  # kernels choose their ways before they are recorded
        for _ in range(_WARM_UP):
            work()
    torch.cuda.current_stream(device).wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    # Other threads (one that fetches batches, say) may use the GPU meanwhile.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"):
        filled = work()
    return graph.replay, filled


@dataclass(frozen=True)
class _Recorded:
    """A step's inputs, its output, and what runs it anew."""

    ids_B: Tensor
    positions_B: Tensor
    logits_BV: Tensor
    replay: Callable[[], object]


def stepper_for(
    model: Transformer, cache: KeyValueCache, *, int8: bool = False, n_steps: int | None = None
) -> Stepper:
    """The fastest stepper for the device that the model is on; n_steps: so many at most."""
    worth_recording = n_steps is None or n_steps >= _WORTH_RECORDING
    if model.device.type == "cuda" and worth_recording:
        return GraphStepper(model, cache)
    return Stepper(model, cache, int8=int8)


def _places(needed: int, max_length: int) -> int:
    places = _FEWEST
    while places < needed:
        places *= 2
    return min(places, max_length)
