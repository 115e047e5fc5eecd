"""The Shannon game, ready to show: the board, and who stands where.

Knows games and plays; neither models nor Streamlit.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from slm.evaluation.shannon import Game, Play, Standing, standing
from slm.workspace import Artefact
from ui.texts import tr
from ui.view_models.chips import visible
from ui.view_models.code import open_lines

FEW = 30
_HARD = 4  # guesses from which on a symbol is marked
PLAYERS: Mapping[str, str] = MappingProxyType(
    {"person": tr("You"), "trigram": tr("Trigram counts"), "model": tr("This model")}
)


@dataclass(frozen=True)
class Symbol:
    """One letter or token that is known now, and how it was found."""

    text: str
    told: str
    hard: bool


@dataclass(frozen=True)
class Board:
    """What the player sees. `single`: a guess is one character."""

    lead: str
    symbols: tuple[Symbol, ...]
    wrong: tuple[str, ...]
    single: bool
    over: bool


@dataclass(frozen=True)
class PlayerRow:
    """One player's standing, in bits per character; `exact` is known of machines alone."""

    key: str
    label: str
    low: float
    high: float
    exact: float | None
    at_once: float


@dataclass(frozen=True)
class Scores:
    """All players on the symbols that are known so far."""

    rows: tuple[PlayerRow, ...]
    reading: str
    note: str


def board(game: Game) -> Board:
    """The text so far with the guesses that it took."""
    known = zip(game.passage.symbols, game.attempts, strict=False)
    return Board(
        game.passage.lead,
        tuple(
            Symbol(
                visible(symbol.encode()),
                str(one.guesses) if one.found else "–",
                one.guesses >= _HARD or not one.found,
            )
            for symbol, one in known
        ),
        tuple(tr("space") if wrong == " " else visible(wrong.encode()) for wrong in game.wrong),
        game.passage.unit == "letters",
        game.over,
    )


def scores(game: Game, plays: Mapping[str, Play]) -> Scores | None:
    """Who stands where after the person's guesses; None before the first is right."""
    n = game.place
    if n == 0:
        return None
    found: dict[str, Standing] = {"person": standing(game.passage, game.attempts)}
    for key, one in plays.items():
        found[key] = standing(game.passage, one.attempts[:n], one.bits)
    rows = tuple(
        PlayerRow(
            key, label, *found[key].bounds, exact=found[key].exact, at_once=found[key].at_once
        )
        for key, label in PLAYERS.items()
        if key in found
    )
    return Scores(rows, _reading(rows, n, game), _note(n, game))


def _reading(rows: Sequence[PlayerRow], n: int, game: Game) -> str:
    unit = tr("letters") if game.passage.unit == "letters" else tr("tokens")
    you = rows[0]
    told = tr("After {n} {unit} you need {low:.2f} to {high:.2f} bits a character").format(
        n=n, unit=unit, low=you.low, high=you.high
    )
    model = next((row for row in rows if row.key == "model"), None)
    if model is None or model.exact is None:
        return f"{told}."
    told = tr("{told}, the model {exact:.2f}").format(told=told, exact=model.exact)
    if n < FEW and not game.over:
        return f"{told}."
    if model.exact < you.low:
        return tr("{told}: it foresees this text better than you.").format(told=told)
    return (
        tr("{told}: you are ahead.").format(told=told)
        if model.exact > you.high
        else tr("{told}: as good as you.").format(told=told)
    )


def _note(n: int, game: Game) -> str:
    if n >= FEW or game.over:
        return ""
    return tr("Few guesses make every range too low: go on to {few} at least.").format(few=FEW)


def last_machines(game: Game, plays: Mapping[str, Play]) -> str:
    """What the machines had guessed first for the symbol that was found last."""
    if game.place == 0:
        return ""
    at = game.place - 1
    told = [
        tr("{players}: {encode} first, right at guess {guesses:,}").format(
            players=PLAYERS[key],
            encode=visible(one.first[at].encode()),
            guesses=one.attempts[at].guesses,
        )
        for key, one in plays.items()
    ]
    return " · ".join(told)


def shannon_code(run: Artefact, text: str, unit: str) -> str:
    """The lines that let the machines play the same text without a browser."""
    return f"""{open_lines(run)}
from slm.lab.shannon_game import GameConfig, game_report

found = game_report(workspace, run, opened, GameConfig(text={text!r}, unit={unit!r}))
for name, player in found["players"].items():
    print(name, player["bits_per_character"], player["low"], player["high"])
"""
