"""The pipeline as a picture: a card for each stage, with its state and one fact."""

from collections.abc import Sequence
from pathlib import Path

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.stages import StageCard

_mount = register("slm_pipeline", Path(__file__).parent, shared=("base.css", "payload.js"))


def pipeline_view(stages: Sequence[StageCard], key: str) -> str | None:
    """Draw the stages in order; the name of the one clicked in this run, else None."""
    cards = [
        {
            "name": card.name,
            "title": card.title,
            "state": card.state,
            "fact": card.fact,
            "fraction": card.fraction,
        }
        for card in stages
    ]
    result = _mount(key=key, data=pack({"stages": cards}), on_open_change=lambda: None)
    opened = result.get("open")
    return opened if opened in {card.name for card in stages} else None
