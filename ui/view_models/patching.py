"""Patching in words, colours and bars.

Knows a contrast, what came back, and how a token looks; no Streamlit.

T position, L layers, H heads, P places, V vocabulary.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from slm.attention.maps import Floats
from slm.attention.patching import SITES, Contrast, Site, what_places_are
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.code import open_lines
from ui.view_models.grid import Fact, Grid, GridScale, numbers_as_words, shortened
from ui.view_models.lens import TokenBar, WordOf, signed

CLEAN_TEXT = 'Carla the squirrel lost her copper lamp. "Where is my copper'
CORRUPT_TEXT = 'Carla the squirrel lost her copper key. "Where is my copper'
"""One word differs. What follows the second "copper" can be known from the first alone."""

BY_POSITION: Mapping[Site, str] = MappingProxyType(
    {"resid_pre": tr("Stream"), "attn_out": tr("Attention"), "mlp_out": tr("Feed-forward")}
)
"""What can be patched at a position, as the choice says it."""
CLEAN, CORRUPTED, PATCHED = tr("clean"), tr("corrupted"), tr("corrupted, patched")
_OFFERED = 12
_BARS = 6


@dataclass(frozen=True)
class Place:
    """One place that is patched: a position's stream or addition, or a head."""

    site: Site
    layer: int
    place: int

    def to_link(self) -> str:
        """As it stands in the address.

        >>> Place("head_out", 1, 0).to_link()
        'head_out.1.0'
        """
        return f"{self.site}.{self.layer}.{self.place}"


def place_of_link(link: str, n_layers: int, n_heads: int, n_tokens: int) -> Place | None:
    """What an address says, None where the model or the text has no such place.

    >>> place_of_link("head_out.1.0", 2, 4, 9), place_of_link("head_out.7.0", 2, 4, 9)
    (Place(site='head_out', layer=1, place=0), None)
    """
    site, _, rest = link.partition(".")
    layer, _, place = rest.partition(".")
    known = next((each for each in SITES if each == site), None)
    if known is None or not all(
        part.isascii() and part.isdigit() and len(part) < 7 for part in (layer, place)
    ):
        return None
    count = n_heads if known == "head_out" else n_tokens
    if int(layer) >= n_layers or int(place) >= count:
        return None
    return Place(known, int(layer), int(place))


def length_note(n_clean: int, n_corrupted: int, how: str) -> str | None:
    """What is cut from texts of different length; None where they are equally long.

    >>> length_note(9, 9, "end")
    >>> length_note(19, 20, "end")
    'The clean text has 19 tokens, the corrupted one 20. Patching puts token for token in place, \
so the first of the corrupted text is left out.'
    """
    if n_clean == n_corrupted:
        return None
    longer = tr("clean") if n_clean > n_corrupted else tr("corrupted")
    n_cut = abs(n_clean - n_corrupted)
    end = tr("first") if how == "end" else tr("last")
    cut = (
        tr("the {end} of the {longer} text is").format(end=end, longer=longer)
        if n_cut == 1
        else tr("the {end} {n_cut:,} of the {longer} text are").format(
            end=end, n_cut=n_cut, longer=longer
        )
    )
    return tr(
        "The clean text has {n_clean:,} tokens, the corrupted one "
        "{n_corrupted:,}. Patching puts token for token in place, so "
        "{cut} left out."
    ).format(n_clean=n_clean, n_corrupted=n_corrupted, cut=cut)


def offered_answers(logits_V: Floats, other_logits_V: Floats, word_of: WordOf) -> dict[str, int]:
    """Tokens to choose an answer from, by how they look: the likeliest of both texts."""
    found: dict[str, int] = {}
    for each_V in (logits_V, other_logits_V):
        for token in np.argsort(-each_V, kind="stable")[:_OFFERED]:
            found.setdefault(shortened(word_of(int(token))), int(token))
    return found


def position_names(contrast: Contrast, word_of: WordOf) -> tuple[str, ...]:
    """The clean text's tokens."""
    return tuple(shortened(word_of(token)) for token in contrast.clean_T)


def position_notes(contrast: Contrast, word_of: WordOf) -> tuple[str, ...]:
    """The corrupted text's tokens where they differ, empty elsewhere."""
    return tuple(
        "" if clean == corrupted else shortened(word_of(corrupted))
        for clean, corrupted in zip(contrast.clean_T, contrast.corrupted_T, strict=True)
    )


def recovery_grid(
    contrast: Contrast,
    site: Site,
    ahead_LP: Floats,
    columns: Sequence[str],
    notes: Sequence[str] = (),
) -> Grid:
    """How much came back from each place, the last layer on top."""
    recovery_LP = contrast.recovery(ahead_LP)[::-1]
    words, numbers = numbers_as_words(recovery_LP, percent)
    n_layers = len(ahead_LP)
    where = tr("before layer {layer}") if site == "resid_pre" else tr("layer {layer}")
    by_head = site == "head_out"
    return Grid(
        row_names=tuple(where.format(layer=layer) for layer in reversed(range(n_layers))),
        column_names=tuple(columns),
        column_title="" if by_head else tr("at token"),
        column_notes=tuple(notes),
        words=words,
        word_RC=numbers,
        place_RC=np.clip(recovery_LP, -1, 1).astype(np.float32),
        scale=GridScale(tr("Of the clean answer comes back"), "−100%", "100%", diverging=True),
        label=tr("How much of the clean answer comes back when one place is patched."),
        facts=(
            Fact(tr("comes back"), "number", recovery_LP.astype(np.float32)),
            Fact(tr("lead of the answer (logits)"), "number", ahead_LP[::-1].astype(np.float32)),
        ),
        hint="" if by_head else tr("Click a place to see what the model then says."),
        cell_width=52 if by_head else 48,
    )


def percent(share: float) -> str:
    """A share with no digits behind the point, and a true minus sign.

    >>> percent(0.998), percent(-0.2), percent(-0.001)
    ('100%', '−20%', '0%')
    """
    shown = f"{share:.0%}"
    return "0%" if shown == "-0%" else shown.replace("-", "−")


def contrast_sentence(contrast: Contrast, word_of: WordOf) -> str:
    """What the two texts make of the two answers."""
    answer, rival = (shortened(word_of(each)) for each in (contrast.answer, contrast.rival))
    clean, corrupted = (
        _shares(each) for each in (contrast.clean_logits_V, contrast.corrupted_logits_V)
    )
    return tr(
        "After the clean text “{answer}” has {clean:.1%} and “{rival}” "
        "{clean_rival:.1%}; after the corrupted one {corrupted:.1%} and "
        "{corrupted_rival:.1%}. The lead of “{answer}” goes from {clean_lead} "
        "to {corrupted_lead} logits."
    ).format(
        answer=answer,
        clean=clean[contrast.answer],
        rival=rival,
        clean_rival=clean[contrast.rival],
        corrupted=corrupted[contrast.answer],
        corrupted_rival=corrupted[contrast.rival],
        clean_lead=signed(contrast.clean),
        corrupted_lead=signed(contrast.corrupted),
    )


def best_place(contrast: Contrast, site: Site, ahead_LP: Floats) -> Place | None:
    """The place from which most comes back; None while nothing has been patched."""
    recovery_LP = contrast.recovery(ahead_LP)
    if np.isnan(recovery_LP).all():
        return None
    layer, place = divmod(int(np.nanargmax(recovery_LP)), recovery_LP.shape[1])
    return Place(site, layer, place)


def place_title(where: Place, columns: Sequence[str]) -> str:
    """A place in words.

    >>> place_title(Place("head_out", 1, 0), ())
    'Layer 1, head 0'
    """
    if what_places_are(where.site) == "head":
        return tr("Layer {layer}, head {place}").format(layer=where.layer, place=where.place)
    what = {
        "resid_pre": tr("Stream before layer {layer}").format(layer=where.layer),
        "attn_out": tr("Attention of layer {layer}").format(layer=where.layer),
        "mlp_out": tr("Feed-forward of layer {layer}").format(layer=where.layer),
    }[where.site]
    return tr("{what}, at token {place} “{columns}”").format(
        what=what, place=where.place, columns=columns[where.place]
    )


def place_sentence(contrast: Contrast, patched_V: Floats, word_of: WordOf) -> str:
    """What one patch does, in figures."""
    ahead = contrast.ahead(patched_V)
    back = float(contrast.recovery(np.array(ahead)))
    answer = shortened(word_of(contrast.answer))
    before, after = (
        _shares(each)[contrast.answer] for each in (contrast.corrupted_logits_V, patched_V)
    )
    return tr(
        "{back} comes back: the lead goes from {corrupted} to {ahead} "
        "logits, and “{answer}” from {before:.1%} to {after:.1%}."
    ).format(
        back=percent(back),
        corrupted=signed(contrast.corrupted),
        ahead=signed(ahead),
        answer=answer,
        before=before,
        after=after,
    )


def three_distributions(
    contrast: Contrast, patched_V: Floats, word_of: WordOf
) -> tuple[TokenBar, ...]:
    """The next token after the clean text, the corrupted one, and that one with the patch.

    The answers come first, then whatever is likeliest in any of the three.
    """
    shares = {
        CLEAN: _shares(contrast.clean_logits_V),
        CORRUPTED: _shares(contrast.corrupted_logits_V),
        PATCHED: _shares(patched_V),
    }
    highest_V = np.max(list(shares.values()), axis=0)
    order = [contrast.answer, contrast.rival]
    order += [int(t) for t in np.argsort(-highest_V, kind="stable")[: _BARS + 2] if t not in order]
    return tuple(
        TokenBar(shortened(word_of(token)), float(share_V[token]), series)
        for token in order[:_BARS]
        for series, share_V in shares.items()
    )


def patch_code(
    run: Artefact, step: int | None, contrast: Contrast, how: str, clean: str, corrupted: str
) -> str:
    """The lines that compute what is shown."""
    opened = open_lines(run)
    if step is not None:
        opened = opened.replace("open_run(run)", f"open_run(run, step={step})")
    return f"""{opened}
from slm.attention.patching import aligned, make_contrast, sweep

clean, corrupted = (opened.tokenizer.encode(text) for text in (
    {clean!r},
    {corrupted!r},
))
pair = aligned(clean, corrupted, {how!r})
contrast = make_contrast(opened.model, *pair, answer={contrast.answer}, rival={contrast.rival})
print(contrast.clean, contrast.corrupted)
print(sweep(opened.model, contrast, "head_out").recovery_LP.round(2))
print(sweep(opened.model, contrast, "resid_pre").recovery_LP.round(2))
"""


def _shares(logits_V: Floats) -> Floats:
    raised_V = np.exp(logits_V - logits_V.max())
    shares_V: Floats = raised_V / raised_V.sum()
    return shares_V
