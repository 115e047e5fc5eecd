"""One text by several tokenizers: a column for each, line beside line.

Pointing at a token outlines, in every column, the tokens that share bytes with it.
"""

from pathlib import Path

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.comparison import SideBySide

_mount = register(
    "slm_token_columns",
    Path(__file__).parent,
    shared=("base.css", "chips.css", "payload.js", "chips.js"),
)


def token_columns(view: SideBySide, *, key: str, height: int = 420) -> None:
    """Draw the columns; `height` is the most pixels to take before scrolling."""
    _mount(key=key, data=token_columns_payload(view, height=height))


def token_columns_payload(view: SideBySide, *, height: int = 420) -> bytes:
    """What the browser receives: for each line and column the texts, ids and ends of its tokens."""
    return pack(
        {
            "names": list(view.names),
            "facts": list(view.facts),
            "height": height,
            "rows": [
                [
                    {
                        "texts": [token.text for token in tokens],
                        "ids": [token.id for token in tokens],
                        "starts": [token.start for token in tokens],
                        "ends": [token.end for token in tokens],
                    }
                    for tokens in row
                ]
                for row in view.rows
            ],
        }
    )
