"""The Transformer drawn with the shape of every tensor, following the settings."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.block_drawing import BlockDrawing, Part, TensorShape

_mount = register("slm_block", Path(__file__).parent, shared=("base.css", "payload.js"))


def block_view(drawing: BlockDrawing, key: str) -> None:
    """Draw the model; pointing at a part, or Tab, says what it does."""
    _mount(key=key, data=block_payload(drawing))


def block_payload(drawing: BlockDrawing) -> bytes:
    """What the browser receives: every label as text."""
    return pack(
        {
            "ids": _shape(drawing.ids),
            "stream": _shape(drawing.stream),
            "before": [_part(part) for part in drawing.before],
            "branches": [
                {
                    "name": branch.name,
                    "title": branch.title,
                    "parameters": branch.parameters,
                    "parts": [_part(part) for part in branch.parts],
                }
                for branch in drawing.branches
            ],
            "layers": drawing.n_layers,
            "blockParameters": drawing.block_parameters,
            "parameters": drawing.parameters,
            "after": [_part(part) for part in drawing.after],
        }
    )


def _shape(shape: TensorShape) -> dict[str, str]:
    return {"name": shape.name, "letters": shape.letters, "text": shape.text}


def _part(part: Part) -> dict[str, Any]:
    return {**asdict(part), "out": [_shape(shape) for shape in part.out]}
