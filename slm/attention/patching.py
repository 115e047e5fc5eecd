"""Which part of a model carries what makes two texts end differently?

Two texts of the same length, the clean and the corrupted one, are read side by side. One
value of the corrupted reading after another is then replaced by the clean one, and the
rest of the model goes on from there: where the clean answer comes back, what matters
passes through that place. Knows ids, never text, and edits through the probe seam.

    resid_pre   the stream before block l at position t: does what matters stand there?
    attn_out    what attention of block l adds at position t: is it written there?
    mlp_out     what the feed-forward part of block l adds at position t
    head_out    what head h of block l mixes, at all positions

Source: Vig et al. 2020 and Meng et al. 2022, §2 (causal tracing); Wang et al. 2022, §3
(paths by head); Heimersheim and Nanda 2024, §4 (why the logit difference is measured).

B batch, T position, D width, H heads, K head width, L layers, V vocabulary, P places: the
positions or heads that are patched one by one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
from torch import Tensor

from slm.attention.maps import Floats, Ids, one_row
from slm.attention.sweeping import LayerSweep, rows_at_once
from slm.errors import DataError
from slm.jobs import Reporter, silent
from slm.model.config import ModelConfig
from slm.model.inference import diverged, inference
from slm.model.probe import Recorder
from slm.model.transformer import Transformer

Site = Literal["resid_pre", "attn_out", "mlp_out", "head_out"]
SITES: tuple[Site, ...] = get_args(Site)
Alignment = Literal["equal", "end", "start"]

_LEAST_CHANGE = 1e-4  # logits; smaller differences are rounding


@dataclass(frozen=True)
class Contrast:
    """Two texts of one length, and the two tokens whose logits tell them apart.

    `answer` is what the clean text makes likely, `rival` what the corrupted one does. The
    logits are those of the token that follows the last one.
    """

    clean_T: tuple[int, ...]
    corrupted_T: tuple[int, ...]
    answer: int
    rival: int
    clean_logits_V: Floats
    corrupted_logits_V: Floats

    @property
    def clean(self) -> float:
        """How far the answer is ahead of its rival after the clean text, in logits."""
        return self.ahead(self.clean_logits_V)

    @property
    def corrupted(self) -> float:
        """How far it is ahead after the corrupted text; mostly it is behind, so below 0."""
        return self.ahead(self.corrupted_logits_V)

    @property
    def first_difference(self) -> int:
        """The first position where the texts differ. All before it is the same in both."""
        pairs = zip(self.clean_T, self.corrupted_T, strict=True)
        return next(t for t, (clean, corrupted) in enumerate(pairs) if clean != corrupted)

    def ahead(self, logits_V: Floats) -> float:
        """The logit of the answer less that of its rival."""
        return float(logits_V[self.answer] - logits_V[self.rival])

    def recovery(self, ahead: Floats) -> Floats:
        """How much of the clean answer came back: 1 all of it, 0 nothing, below 0 the reverse.

        (patched − corrupted) / (clean − corrupted), each a logit difference.

        Source: Wang et al. 2022, §3.1, normalised as in Heimersheim and Nanda 2024, §4.
        """
        back: Floats = (ahead - self.corrupted) / (self.clean - self.corrupted)
        return back


def aligned(
    clean_T: Sequence[int], corrupted_T: Sequence[int], how: Alignment = "equal"
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Both texts with the same number of tokens: the longer one is cut at its start or its end.

    >>> aligned([7, 8, 9], [5, 6], "end")
    ((8, 9), (5, 6))

    Raises: DataError for texts of different length where `how` is "equal", and for empty ones.
    """
    clean, corrupted = tuple(clean_T), tuple(corrupted_T)
    length = min(len(clean), len(corrupted))
    if not length:
        raise DataError("One of the two texts is empty. Both need at least one token.")
    if len(clean) != len(corrupted) and how == "equal":
        raise DataError(
            f"The clean text has {len(clean):,} tokens and the corrupted one "
            f"{len(corrupted):,}. Patching puts token for token in place, so both need the same "
            f"number: change a word, or align them from the end or from the beginning, which "
            f"keeps {length:,} of each."
        )
    if how == "start":
        return clean[:length], corrupted[:length]
    return clean[-length:], corrupted[-length:]


def make_contrast(
    model: Transformer,
    clean_T: Ids,
    corrupted_T: Ids,
    answer: int | None = None,
    rival: int | None = None,
) -> Contrast:
    """Read both texts once. Answers that are not given: the likeliest token after each text,

    or, where that is the same one, those whose probability differs most, one each way.

    Raises: DataError for texts of different length, the same text twice, an empty or too long
    one, tokens outside the vocabulary, and answers that both texts favour equally;
    DivergedError for logits that are not numbers.
    """
    config = model.config
    clean, corrupted = (
        one_row(ids_T, config.vocab_size, config.context_length)[0].tolist()
        for ids_T in (clean_T, corrupted_T)
    )
    pair = aligned(clean, corrupted)
    if pair[0] == pair[1]:
        raise DataError(
            "The two texts are the same, so there is nothing to put back. Change one word of one."
        )
    with inference(model):
        logits_BV = model(torch.tensor(pair, device=model.device), last_only=True)[:, -1].float()
    logits = logits_BV.cpu().numpy()
    if not np.isfinite(logits).all():
        raise diverged("its logits are")
    usual = _usual_answers(logits_BV)
    chosen = (usual[0] if answer is None else answer, usual[1] if rival is None else rival)
    if not all(0 <= token < config.vocab_size for token in chosen):
        raise DataError(
            f"An answer is outside the vocabulary of {config.vocab_size:,} tokens: {max(chosen)}."
        )
    if chosen[0] == chosen[1]:
        raise DataError(
            "Answer and rival are the same token. Choose two, one that each text makes likely."
        )
    contrast = Contrast(pair[0], pair[1], chosen[0], chosen[1], logits[0], logits[1])
    if abs(contrast.clean - contrast.corrupted) < _LEAST_CHANGE:
        raise DataError(
            "Both texts favour these two answers equally, so nothing can come back. "
            "Choose other answers, or texts that end differently."
        )
    return contrast


def patched_logits(
    model: Transformer, contrast: Contrast, site: Site, layer: int, places: Sequence[int]
) -> Floats:
    """logits_V after the corrupted text, with the clean values at all these places of one layer.

    Places are positions, of head_out heads.

    Raises: DataError for a layer or place that there is not.
    """
    config = model.config
    _require(layer, config.n_layers, "layer")
    for place in places:
        _require(place, places_of(site, config, contrast), what_places_are(site))
    recorder = Recorder((site,), [layer])
    every = torch.tensor([list(places)], device=model.device, dtype=torch.long)
    with inference(model):
        clean_BT = torch.tensor([contrast.clean_T], device=model.device)
        corrupted_BT = torch.tensor([contrast.corrupted_T], device=model.device)
        model(clean_BT, probe=recorder, last_only=True)
        patch = _Patch(site, layer, recorder[site, layer][0], every)
        logits_BTV = model(corrupted_BT, probe=patch, last_only=True)
        logits_V: Floats = logits_BTV[0, -1].float().cpu().numpy()
    return logits_V


def places_of(site: Site, config: ModelConfig, contrast: Contrast) -> int:
    """How many places of one layer can be patched at this site."""
    return config.n_heads if site == "head_out" else len(contrast.clean_T)


def what_places_are(site: Site) -> str:
    """A head or a position.

    >>> what_places_are("head_out"), what_places_are("mlp_out")
    ('head', 'position')
    """
    return "head" if site == "head_out" else "position"


class Sweep(LayerSweep):
    """Every place of every layer patched by itself.

    Positions before the first difference need no run, since there both readings are the same.
    """

    def __init__(self, model: Transformer, contrast: Contrast, site: Site) -> None:
        self.contrast, self.site = contrast, site
        self._recorder: Recorder
        n_tokens = len(contrast.clean_T)
        first = 0 if site == "head_out" else contrast.first_difference
        super().__init__(
            model,
            torch.tensor([contrast.clean_T, contrast.corrupted_T]),
            places_of(site, model.config, contrast),
            rows_at_once(model.config, n_tokens, n_logits=1),
            first,
        )
        self.found_LP[:, :first] = contrast.corrupted

    @property
    def ahead_LP(self) -> Floats:
        """The answer's lead over its rival with that place patched; NaN where not done yet."""
        return self.found_LP

    @property
    def recovery_LP(self) -> Floats:
        """`Contrast.recovery` of every place."""
        return self.contrast.recovery(self.found_LP)

    def _reader(self, layer: int) -> Recorder:
        self._recorder = Recorder((self.site,), [layer])
        return self._recorder

    def _measure(self, layer: int, places: range, stream_BTD: Tensor) -> Floats:
        at_BP = torch.tensor(list(places), device=self.model.device)[:, None]
        patch = _Patch(self.site, layer, self._recorder[self.site, layer][0], at_BP)
        corrupted_BTD = stream_BTD[1:].expand(len(places), -1, -1)
        last_BTD = self._onward(corrupted_BTD, layer, patch)[:, -1:]
        logits_BV = self.model.read_out(last_BTD)[:, -1].float()
        ahead_B = logits_BV[:, self.contrast.answer] - logits_BV[:, self.contrast.rival]
        found: Floats = ahead_B.cpu().numpy()
        if not np.isfinite(found).all():
            raise diverged("its logits are")
        return found


def sweep(model: Transformer, contrast: Contrast, site: Site, report: Reporter = silent) -> Sweep:
    """A `Sweep`, run to its end, or to where it is asked to stop.

    Raises: DivergedError for logits that are not numbers.
    """
    work = Sweep(model, contrast, site)
    while not work.finished and not report.should_stop():
        report(work.fraction, f"patching {site}")
        work.advance()
    return work


class _Patch:
    """A probe that puts clean values into each row of a batch, at that row's own places.

    Positions of (B, T, D) and heads of (B, H, T, K) both stand second, so one rule does both.
    """

    def __init__(self, site: str, layer: int, clean: Tensor, at_BP: Tensor) -> None:
        self.sites = frozenset({site})
        self.layers: frozenset[int] | None = frozenset({layer})
        self._clean, self._at_BP = clean, at_BP

    def __call__(self, site: str, layer: int, tensor: Tensor) -> Tensor:
        patched = tensor.clone()
        rows_B1 = torch.arange(len(tensor), device=tensor.device)[:, None]
        patched[rows_B1, self._at_BP] = self._clean[self._at_BP]
        return patched


def _usual_answers(logits_BV: Tensor) -> tuple[int, int]:
    answer, rival = (int(token) for token in logits_BV.argmax(dim=-1))
    if answer == rival:
        shares_BV = logits_BV.softmax(dim=-1)
        change_V = shares_BV[0] - shares_BV[1]
        answer, rival = int(change_V.argmax()), int(change_V.argmin())
    return answer, rival


def _require(number: int, count: int, what: str) -> None:
    if not 0 <= number < count:
        raise DataError(f"There is no {what} {number}: there are 0 to {count - 1}.")
