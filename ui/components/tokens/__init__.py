"""Text as the model reads it: a chip for every token.

``tokens_view(chips, scale=…, key=…)`` draws them and gives back the index of a chip that was just
clicked. Chips come from ``ui.view_models.chips``.
"""

from collections.abc import Sequence
from pathlib import Path

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.chips import Chip, Scale

_mount = register(
    "slm_tokens",
    Path(__file__).parent,
    shared=(
        *("base.css", "chips.css", "payload.js", "canvas.js", "scale.js", "diverging.js"),
        "chips.js",
    ),
)


def tokens_view(
    chips: Sequence[Chip],
    *,
    scale: Scale | None = None,
    key: str,
    height: int | None = None,
    selected: int | None = None,
) -> int | None:
    """Draw the chips; the index of the one clicked in this run, else None.

    Without ``scale`` a token's colour follows its id; with it, its ``value``, and a legend says
    what the colours mean; one without a title has no legend. ``height`` is the most pixels to
    take before scrolling (default 420). ``selected`` outlines one chip.
    """
    result = _mount(
        key=key,
        data=tokens_payload(chips, scale=scale, height=height, selected=selected),
        on_pick_change=lambda: None,
    )
    pick = result.get("pick")
    return pick if isinstance(pick, int) and 0 <= pick < len(chips) else None


def tokens_payload(
    chips: Sequence[Chip],
    *,
    scale: Scale | None = None,
    height: int | None = None,
    selected: int | None = None,
) -> bytes:
    """What the browser receives: one list for each property, shorter than a list of objects."""
    return pack(
        {
            "texts": [chip.text for chip in chips],
            "ids": [chip.id for chip in chips],
            "bytes": [chip.bytes.hex(" ").upper() for chip in chips],
            "values": [None if c.value is None else round(c.value, 4) for c in chips],
            "notes": [list(chip.notes) for chip in chips] if any(c.notes for c in chips) else [],
            "scale": scale
            and {
                "title": scale.title,
                "low": scale.low,
                "high": scale.high,
                "unit": scale.unit,
                "diverging": scale.diverging,
            },
            "height": height or 420,
            "selected": selected,
        }
    )
