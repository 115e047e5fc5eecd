"""A text that is guessed on, a letter or a token at a time.

``guessing_view(board, key=…)`` draws what is known, with the number of guesses under each
symbol as in Shannon's paper, and a field to type in. It gives back what was typed.
"""

from pathlib import Path

from ui.components.assets import register
from ui.components.payload import pack
from ui.view_models.shannon import Board

_LONGEST_GUESS = 60
_mount = register(
    "slm_guessing", Path(__file__).parent, shared=("base.css", "chips.css", "payload.js")
)


def guessing_view(board: Board, *, key: str) -> str | None:
    """Draw the board; the guess made in this run, "" for giving up, None for neither."""
    result = _mount(
        key=key,
        data=board_payload(board),
        on_guess_change=lambda: None,
        on_shown_change=lambda: None,
    )
    if result.get("shown"):
        return ""
    guess = result.get("guess")
    return guess[:_LONGEST_GUESS] if isinstance(guess, str) and guess else None


def board_payload(board: Board) -> bytes:
    """What the browser receives."""
    return pack(
        {
            "lead": board.lead,
            "symbols": [symbol.text for symbol in board.symbols],
            "counts": [symbol.told for symbol in board.symbols],
            "hard": [symbol.hard for symbol in board.symbols],
            "wrong": list(board.wrong),
            "single": board.single,
            "over": board.over,
        }
    )
