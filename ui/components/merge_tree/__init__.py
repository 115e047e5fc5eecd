"""A token's merges as a tree: the token on top, its bytes at the bottom."""

from dataclasses import asdict
from pathlib import Path

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.merge_tree import TreeDrawing

_mount = register("slm_merge_tree", Path(__file__).parent, shared=("base.css", "payload.js"))


def merge_tree_view(drawing: TreeDrawing, *, key: str) -> None:
    """Draw the tree; pointing at a node, or Tab, tells more."""
    _mount(key=key, data=merge_tree_payload(drawing))


def merge_tree_payload(drawing: TreeDrawing) -> bytes:
    """What the browser receives: every label as text."""
    return pack({"title": drawing.title, "nodes": [asdict(node) for node in drawing.nodes]})
