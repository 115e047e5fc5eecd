"""Attention while a text is being written: one frame for each token that is drawn.

Where the chapters meet: sampling draws, attention is read through the probe seam as the model
goes on with its key-value cache, so that a film costs what writing costs. Sees ids, never text.

L layers, H heads, S key position, N depths (embedding and every block), K tokens told of,
D width, V vocabulary, F frames.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from pydantic import Field
from torch import Tensor

from slm.attention.maps import Floats, Ids, one_row
from slm.config import Config
from slm.errors import DataError
from slm.model.config import ModelConfig
from slm.model.inference import diverged, inference
from slm.model.transformer import Transformer
from slm.sampling.filters import SamplingConfig, next_token_distribution

MOST_WEIGHTS = 850_000
"""The most weights of one film: with its words 2 MB at two bytes each, what a browser is sent."""
MOST_FRAMES = 128


class FilmConfig(Config):
    """How many tokens to write, and how each is drawn."""

    max_new_tokens: int = Field(
        24, ge=1, le=MOST_FRAMES, description="Tokens to write: each is a frame of the film."
    )
    temperature: float = Field(
        0.8,
        ge=0.0,
        le=10.0,
        allow_inf_nan=False,
        description="Divides the logits: below 1 bolder, above 1 wilder. 0 always takes the "
        "likeliest token.",
        json_schema_extra={"ui": {"step": 0.1, "max": 2.0}},
    )
    top_k: int = Field(
        50, ge=0, description="Draw from this many of the likeliest tokens. 0 keeps all."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="The same seed gives the same text.")
    top: int = Field(
        8, ge=1, le=50, description="Likeliest tokens kept of every frame's distribution."
    )

    @property
    def sampling(self) -> SamplingConfig:
        """The same as the sampling chapter has it."""
        return SamplingConfig(temperature=self.temperature, top_k=self.top_k, seed=self.seed)


AS_USUAL = FilmConfig()


@dataclass(frozen=True)
class Frame:
    """One token drawn, and where the model looked just before.

    weights_LHS are the rows of the position that was read last, S = prompt + frames before;
    the others' rows stand in their own frames. Of the distribution: top_ids_K, likeliest first,
    with the model's own probability and that after temperature and top-k, and the same two of
    the drawn token with its rank (1 is the likeliest). depth_ids_N and depth_shares_N: the
    likeliest token, and its probability, if the model stopped after so many blocks.
    """

    weights_LHS: Floats
    token: int
    own_share: float
    drawn_share: float
    rank: int
    entropy_nats: float
    top_ids_K: npt.NDArray[np.int64]
    top_own_K: Floats
    top_drawn_K: Floats
    depth_ids_N: npt.NDArray[np.int64]
    depth_shares_N: Floats
    ends: bool


def frames_that_fit(config: ModelConfig, n_prompt: int, wanted: int) -> int:
    """How many frames the context has room for, and MOST_WEIGHTS.

    >>> frames_that_fit(ModelConfig(context_length=128), 100, 64)
    28
    >>> frames_that_fit(ModelConfig(n_layers=24, n_heads=16, context_length=2048), 40, 100)
    37
    """
    heads, total, fit = config.n_layers * config.n_heads, 0, 0
    most = min(wanted, config.context_length - n_prompt)
    while fit < most and (total := total + heads * (n_prompt + fit)) <= MOST_WEIGHTS:
        fit += 1
    return fit


def film_operations(
    config: ModelConfig, n_parameters: int, n_prompt: int, n_frames: int
) -> tuple[float, float]:
    """Multiplications and additions of a film: of reading the prompt, and of all its frames.

    A frame reads one token, and says at every depth what the model would write. The prompt is
    read at once, in large products; frames are many small ones, for which a machine is slower.

    Source: Kaplan et al. 2020, §2.1: twice the parameters for each token.
    """
    depths = 2.0 * (config.n_layers + 1) * config.d_model * config.vocab_size
    return 2.0 * n_parameters * n_prompt, n_frames * (2.0 * n_parameters + depths)


def film(
    model: Transformer, prompt_T: Ids, config: FilmConfig = AS_USUAL, *, eos_id: int | None = None
) -> Iterator[Frame]:
    """Write on after the prompt, and give each token's frame as soon as it is drawn.

    The tokens are those of `slm.sampling.generate` with the same settings. Ends after
    max_new_tokens, after the end-of-text token, or where `frames_that_fit` ends.

    Raises, at once: DataError for an empty prompt, unknown tokens, or no room for a frame.
    At a frame: DivergedError for weights or logits that are not finite.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens", for what each depth says.
    """
    ids_BT = one_row(prompt_T, model.config.vocab_size, model.config.context_length)
    n_prompt = ids_BT.shape[1]
    n_frames = frames_that_fit(model.config, n_prompt, config.max_new_tokens)
    if n_frames == 0:
        raise DataError(
            f"After a prompt of {n_prompt:,} tokens there is no room for a frame: this model's "
            f"context holds {model.config.context_length:,} tokens and a film {MOST_WEIGHTS:,} "
            "weights. Shorten the prompt."
        )
    return _frames(model, ids_BT, config, n_frames, eos_id)


def _frames(
    model: Transformer, ids_BT: Tensor, config: FilmConfig, n_frames: int, eos_id: int | None
) -> Iterator[Frame]:
    cache = model.new_cache(max_length=ids_BT.shape[1] + n_frames)
    generator = torch.Generator("cpu").manual_seed(config.seed)
    seen, unread_BT = set(ids_BT[0].tolist()), ids_BT
    for _ in range(n_frames):
        watch = _Watch()
        with inference(model):
            logits_BTV = model(unread_BT.to(model.device), cache=cache, probe=watch, last_only=True)
            depth_ids_N, depth_shares_N = _depths(model, watch.stream_ND())
        weights_LHS = watch.weights_LHS()
        if not np.isfinite(weights_LHS).all():
            raise diverged("its attention weights are")
        distribution = next_token_distribution(logits_BTV[0, -1], config.sampling, seen)
        uniform = float(torch.rand((), generator=generator, dtype=torch.float64))
        token = distribution.draw(uniform)
        own_V, drawn_V = distribution.stages[0].probabilities_V, distribution.probabilities_V
        top_K = np.argsort(-own_V, kind="stable")[: config.top]
        yield Frame(
            weights_LHS=weights_LHS,
            token=token,
            own_share=float(own_V[token]),
            drawn_share=float(drawn_V[token]),
            rank=1 + int((own_V > own_V[token]).sum()),
            entropy_nats=distribution.entropy_before_nats,
            top_ids_K=top_K,
            top_own_K=own_V[top_K],
            top_drawn_K=drawn_V[top_K],
            depth_ids_N=depth_ids_N,
            depth_shares_N=depth_shares_N,
            ends=token == eos_id,
        )
        if token == eos_id:
            return
        seen.add(token)
        unread_BT = torch.tensor([[token]])


def _depths(model: Transformer, stream_ND: Tensor) -> tuple[npt.NDArray[np.int64], Floats]:
    """The likeliest token at every depth of the last position, and its probability."""
    shares_NV = model.read_out(stream_ND[None])[0].float().softmax(dim=-1)
    best = shares_NV.max(dim=-1)
    return best.indices.cpu().numpy(), best.values.cpu().numpy()


class _Watch:
    """A probe that keeps the last position's row of every head, and its stream at every depth."""

    sites = frozenset({"resid_pre", "weights", "resid_post"})
    layers = None

    def __init__(self) -> None:
        self._rows: list[Tensor] = []
        self._stream: list[Tensor] = []

    def __call__(self, site: str, layer: int, tensor: Tensor) -> None:
        if site == "weights":
            self._rows.append(tensor[0, :, -1].float())
        elif site == "resid_post" or layer == 0:
            self._stream.append(tensor[0, -1])

    def weights_LHS(self) -> Floats:
        rows: Floats = torch.stack(self._rows).cpu().numpy()
        return rows

    def stream_ND(self) -> Tensor:
        return torch.stack(self._stream)


def film_arrays(prompt_T: Sequence[int], frames: Sequence[Frame]) -> dict[str, npt.NDArray[Any]]:
    """A film as arrays, for a file.

    `ids` are prompt and drawn tokens, `weights` F×L×H×S with zeros where a frame's text had
    not come so far, `prompt` how many tokens were given, the others as `Frame` names them.
    """
    longest = max(frame.weights_LHS.shape[-1] for frame in frames)
    weights_FLHS = np.zeros((len(frames), *frames[0].weights_LHS.shape[:2], longest), np.float32)
    for at, frame in enumerate(frames):
        weights_FLHS[at, ..., : frame.weights_LHS.shape[-1]] = frame.weights_LHS
    return {
        "ids": np.array([*prompt_T, *(frame.token for frame in frames)], dtype=np.int64),
        "prompt": np.array(len(prompt_T)),
        "weights": weights_FLHS,
        "own_share": np.array([frame.own_share for frame in frames], dtype=np.float32),
        "drawn_share": np.array([frame.drawn_share for frame in frames], dtype=np.float32),
        "rank": np.array([frame.rank for frame in frames]),
        "entropy_nats": np.array([frame.entropy_nats for frame in frames], dtype=np.float32),
        "top_ids": np.stack([frame.top_ids_K for frame in frames]),
        "top_own": np.stack([frame.top_own_K for frame in frames]),
        "top_drawn": np.stack([frame.top_drawn_K for frame in frames]),
        "depth_ids": np.stack([frame.depth_ids_N for frame in frames]),
        "depth_shares": np.stack([frame.depth_shares_N for frame in frames]),
    }
