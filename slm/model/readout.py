"""What the residual stream says about the next token, and which parts made it say so.

Sees ids, never text. Reads the stream of a `Walk`, and the weights that read it out.

L layers, T position, D width, H heads, K head width, F feed-forward width, V vocabulary.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from slm.model.inference import inference
from slm.model.transformer import Block, Transformer
from slm.model.walk import Floats, Walk


@dataclass(frozen=True)
class Guess:
    """One token that may come next."""

    token: int
    logit: float
    probability: float


@dataclass(frozen=True)
class LogitParts:
    """What each part of the model adds to one token's logit; their sum is the logit.

    attention_L and feed_forward_L are by block; `bias` is what the final norm adds of
    itself (0 without one). For parts that are added to the stream at once, the sum is
    exact: the final norm scales them all by the same numbers.
    """

    token: int
    embedding: float
    attention_L: Floats
    feed_forward_L: Floats
    bias: float

    @property
    def logit(self) -> float:
        """All parts together."""
        added = float(self.attention_L.sum() + self.feed_forward_L.sum())
        return self.embedding + added + self.bias


@dataclass(frozen=True)
class Reading:
    """All that can be read off one position of a walk. `guesses` is by depth, L + 1 lists.

    parts take the likeliest token's logit apart; the lengths are those of what each
    head and each hidden unit of the opened block adds to the stream.
    """

    position: int
    guesses: tuple[tuple[Guess, ...], ...]
    parts: LogitParts
    head_lengths_H: Floats
    unit_lengths_F: Floats


def read_position(model: Transformer, walk: Walk, position: int, count: int = 10) -> Reading:
    """Read off one position: `count` guesses at each depth, and what they are made of."""
    guesses = guesses_by_depth(model, walk, position, count)
    lengths_H: Floats = np.linalg.norm(head_additions(model, walk, position), axis=-1)
    return Reading(
        position=position,
        guesses=tuple(tuple(each) for each in guesses),
        parts=logit_parts(model, walk, position, guesses[-1][0].token),
        head_lengths_H=lengths_H,
        unit_lengths_F=unit_additions(model, walk, position),
    )


def guesses_by_depth(
    model: Transformer, walk: Walk, position: int, count: int = 5
) -> list[list[Guess]]:
    """The likeliest next tokens as read off before each block, and at last, after all of them.

    Every entry but the last is what the model would say if the remaining blocks added
    nothing; the last is what it says.

    Source: nostalgebraist 2020, "interpreting GPT: the logit lens".
    """
    stream_LD = torch.from_numpy(walk.stream_LTD[:, position])
    with inference(model):
        logits_LV = _read_out(model, stream_LD)
    return [_likeliest(logits_V, count) for logits_V in logits_LV]


def logit_parts(model: Transformer, walk: Walk, position: int, token: int) -> LogitParts:
    """The logit of `token` at `position`, taken apart by who wrote it into the stream.

    A norm divides the whole stream by one number, so it acts on each addend alone:
    the length (and for LayerNorm the mean, which is a sum too) is that of the whole.

    Source: Elhage et al. 2021, "A Mathematical Framework for Transformer Circuits",
    the residual stream as a sum of its writers.
    """
    writers = torch.from_numpy(
        np.concatenate(
            [
                walk.stream_LTD[:1, position],
                walk.attention_LTD[:, position],
                walk.feed_forward_LTD[:, position],
            ]
        )
    ).to(model.device)
    whole_D = torch.from_numpy(walk.stream_LTD[-1, position]).to(model.device)
    with inference(model):
        scaled_WD, bias_D = normed_apart(model.final_norm, writers, whole_D)
        row_D = model.unembedding_weight[token].float()
        shares = (scaled_WD @ row_D).cpu().numpy()
        bias = float(bias_D @ row_D)
    n_layers = walk.config.n_layers
    return LogitParts(
        token, float(shares[0]), shares[1 : n_layers + 1], shares[n_layers + 1 :], bias
    )


def head_additions(model: Transformer, walk: Walk, position: int) -> Floats:
    """What each head of the opened block adds to the stream at one position, (H, D).

    The output matrix acts on the heads side by side, so each head has columns of its
    own; together, with the bias where there is one, they are what attention adds.
    """
    block = _block(model, walk)
    mixed_HK = torch.from_numpy(walk.block.head_out_HTK[:, position]).to(model.device)
    with inference(model):
        output_DJ = block.attention.output.weight.float()
        columns_DHK = output_DJ.view(len(output_DJ), *mixed_HK.shape)
        added_HD: Floats = torch.einsum("hk,dhk->hd", mixed_HK, columns_DHK).cpu().numpy()
    return added_HD


def unit_additions(model: Transformer, walk: Walk, position: int) -> Floats:
    """How long a vector each hidden unit of the opened block adds at one position, (F)."""
    down_DF = _block(model, walk).mlp.down.weight
    with inference(model):
        columns_F = down_DF.float().norm(dim=0).cpu().numpy()
    lengths_F: Floats = np.abs(walk.block.hidden_TF[position]) * columns_F
    return lengths_F


def _block(model: Transformer, walk: Walk) -> Block:
    block = model.blocks[walk.block.layer]
    assert isinstance(block, Block)
    return block


def _read_out(model: Transformer, stream_LD: Tensor) -> Tensor:
    stream = stream_LD.to(device=model.device, dtype=model.dtype)
    return model.read_out(stream[None])[0].float().cpu()


def normed_apart(norm: nn.Module, parts_WD: Tensor, whole_D: Tensor) -> tuple[Tensor, Tensor]:
    """The final norm of a sum as a sum: each part as it is scaled, and the norm's own bias."""
    assert isinstance(norm, nn.LayerNorm | nn.RMSNorm)
    centred = isinstance(norm, nn.LayerNorm)
    if centred:
        parts_WD = parts_WD - parts_WD.mean(dim=-1, keepdim=True)
        whole_D = whole_D - whole_D.mean()
    assert norm.eps is not None and norm.weight is not None
    scale_D = norm.weight.float() / (whole_D.square().mean() + norm.eps).sqrt()
    bias = norm.bias if isinstance(norm, nn.LayerNorm) else None
    bias_D = torch.zeros_like(whole_D) if bias is None else bias.float()
    return parts_WD * scale_D, bias_D


def _likeliest(logits_V: Tensor, count: int) -> list[Guess]:
    shares_V = logits_V.softmax(dim=-1)
    best = logits_V.topk(min(count, len(logits_V)))
    return [
        Guess(int(token), float(logit), float(shares_V[token]))
        for logit, token in zip(best.values, best.indices, strict=True)
    ]
