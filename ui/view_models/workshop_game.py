"""The Shannon game of a class in words: who stands where, beside the machines."""

from collections.abc import Sequence
from dataclasses import dataclass

from slm.evaluation.shannon import Game, Standing
from slm.workshop.class_game import ClassGame, ClassStanding, Player
from slm.workspace import Artefact
from ui.texts import plural, tr
from ui.view_models.code import open_lines
from ui.view_models.shannon import PLAYERS

INTRODUCTION = tr(
    "All guess the same text, each by themselves: how many guesses a letter takes tells how many "
    "bits the text still holds for you. The class counts as one reader."
)
WAITING_ROOM = tr("The presenter has not begun a game yet. It will appear here by itself.")
NO_GUESSES = tr("Nobody has found a letter yet. The players appear with the first right guess.")
ENDED = tr("The game has ended.")
CHART = tr(
    "Bars: the range that the numbers of guesses allow. Diamonds: what a machine's probabilities "
    "come to. The machines stand on what the furthest of you has read."
)
CLASS, YOU = tr("The class"), tr("You")
MOST_ROWS = 10
TABLE_HEIGHT = 390
_SHOWN_LETTERS = 400


@dataclass(frozen=True)
class Bar:
    """A player as a bar, bits per character; `exact` is known of machines alone."""

    key: str
    label: str
    low: float
    high: float
    exact: float | None


@dataclass(frozen=True)
class PlayerRow:
    """A line of the table; `name` is foreign text."""

    name: str
    found: int
    bits: str
    at_once: str
    own: bool


@dataclass(frozen=True)
class GameView:
    """All that is shown of a game beside one's own board; no bars while it is too early."""

    bars: tuple[Bar, ...]
    rows: tuple[PlayerRow, ...]
    reading: str


EARLY = tr("It is too early to tell who foresees this text better: too little is guessed yet.")


def game_view(standing: ClassStanding, looking: str) -> GameView:
    """Who stands where, those who need the fewest bits first."""
    bars = []
    own = next((each for each in standing.players if each.person == looking), None)
    alone = own is not None and len(standing.players) == 1
    if standing.together is not None and not alone:
        bars.append(_bar("class", CLASS, standing.together))
    if own is not None:
        bars.append(_bar("person", YOU, own.stands))
    bars += [
        _bar(key, label, standing.machines[key])
        for key, label in PLAYERS.items()
        if key in standing.machines
    ]
    rows = tuple(_row(player, looking) for player in standing.players)
    known = any(player.known for player in standing.players)  # else bars would tell nothing
    return GameView(tuple(bars) if known else (), rows, _reading(standing, alone=alone))


def _bar(key: str, label: str, stands: Standing) -> Bar:
    return Bar(key, label, stands.bounds.low, stands.bounds.high, _finite(stands.exact))


def _finite(bits: float | None) -> float | None:
    """Bits to draw; a machine that held a letter for impossible needs no end of them."""
    return bits if bits is not None and bits != float("inf") else None


def _row(player: Player, looking: str) -> PlayerRow:
    own = player.person == looking
    low, high = player.stands.bounds
    return PlayerRow(
        tr("{name} (you)").format(name=player.name)
        if own and player.name != "you"
        else player.name,
        player.place,
        tr("{low:.2f} to {high:.2f}").format(low=low, high=high)
        if player.known
        else tr("too few yet"),
        f"{player.stands.at_once:.0%}",
        own,
    )


def _reading(standing: ClassStanding, *, alone: bool) -> str:
    if standing.together is None:
        return NO_GUESSES
    if not any(player.known for player in standing.players):
        return EARLY
    low, high = standing.together.bounds
    who = tr("You need") if alone else tr("The class needs")
    told = tr("{who} {low:.2f} to {high:.2f} bits per character").format(
        who=who, low=low, high=high
    )
    model = standing.machines.get("model")
    exact = _finite(model.exact) if model is not None else None
    if exact is None:
        return f"{told}."
    verdict = (
        tr("it foresees this text better than you do")
        if exact < low
        else tr("you foresee this text better than it does")
        if exact > high
        else tr("you are as good as each other")
    )
    return tr("{told}, the model {exact:.2f}: {verdict}.").format(
        told=told, exact=exact, verdict=verdict
    )


def guessed(players: Sequence[PlayerRow], n_people: int, *, over: bool = False) -> str:
    """How many of the room play, or have played; nothing on one's own computer.

    >>> guessed([], 30), guessed([], 30, over=True), guessed([], 0)
    ('0 of 30 are guessing.', '0 of 30 have guessed.', '')
    """
    if n_people < 1:
        return ""
    n = len(players)
    told = (
        plural("{n} of {n_people} has guessed.", "{n} of {n_people} have guessed.", n)
        if over
        else plural("{n} of {n_people} is guessing.", "{n} of {n_people} are guessing.", n)
    )
    return told.format(n=n, n_people=max(n_people, n))


def done_line(game: Game) -> str:
    """How far one's own game is."""
    total = len(game.passage.symbols)
    if game.passage.unit == "letters":
        told = (
            plural("The only letter is behind you.", "All {total} letters are behind you.", total)
            if game.over
            else plural("{place} of {total} letter", "{place} of {total} letters", total)
        )
    else:
        told = (
            plural("The only token is behind you.", "All {total} tokens are behind you.", total)
            if game.over
            else plural("{place} of {total} token", "{place} of {total} tokens", total)
        )
    return told.format(place=game.place, total=total)


def solution(game: ClassGame) -> str:
    """The text, once the game has ended; foreign text."""
    return (game.passage.lead + "".join(game.passage.symbols))[:_SHOWN_LETTERS]


def code_lines(run: Artefact) -> str:
    """The lines of slm that begin a game and compare."""
    return (
        f"{open_lines(run)}\n"
        "from slm.lab.shannon_game import GameConfig, prepare_game\n"
        "from slm.workshop import class_game\n\n"
        "config = GameConfig(text='Once upon a time there was a fox who could not sleep.')\n"
        "passage, plays = prepare_game(workspace, run, opened.model, opened.tokenizer, config)\n"
        "# game = class_game.begin_game(workspace, passage, plays, run.name)\n"
        "game = class_game.newest_game(workspace)\n"
        "if game is not None:\n"
        "    print(class_game.compare(workspace, game))"
    )
