"""The Shannon game of a class: all guess the same text, beside a model and trigram counts.

    workshop/games/<id>.json            the passage, and how the machines played it
    workshop/games/<id>/<person>.json   one person's guesses

The passage stays on the server: a browser gets what its person has found. Machines play once,
when the game begins, so nobody's guess waits for a model. No torch here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import Any, cast

from slm.errors import WorkspaceError
from slm.evaluation.shannon import (
    Attempt,
    Bounds,
    Game,
    Passage,
    Play,
    Standing,
    Unit,
    entropy_bounds,
    standing,
)
from slm.workshop import kept, people, room
from slm.workspace import Workspace

WHAT = "games"
_LONGEST_GUESS = 60
_LEAST_GUESSED = 5
"""Symbols after which a person's figures say something."""


@dataclass(frozen=True)
class ClassGame:
    """A game as it stands. `plays` are those of the machines, by name."""

    id: str
    passage: Passage
    plays: Mapping[str, Play]
    model: str
    open: bool


@dataclass(frozen=True)
class Player:
    """How one person stands after `place` symbols; `known` says that these are enough to tell."""

    person: str
    name: str
    place: int
    stands: Standing
    known: bool


@dataclass(frozen=True)
class ClassStanding:
    """How the class stands. `together` counts the guesses of all people as those of one reader;
    the machines stand on the symbols that the furthest person has reached."""

    players: tuple[Player, ...]
    together: Standing | None
    machines: Mapping[str, Standing]
    place: int


def begin_game(
    workspace: Workspace, passage: Passage, plays: Mapping[str, Play], model: str
) -> ClassGame:
    """Begin a game for the room; `model` names who plays for the machines.

    Raises: RightsError for all but the presenter.
    """
    game_id = kept.new_id()
    told = {
        "unit": passage.unit,
        "lead": passage.lead,
        "symbols": list(passage.symbols),
        "alphabet": passage.alphabet,
        "plays": {name: _play_json(play) for name, play in plays.items()},
        "model": model,
        "open": True,
    }
    kept.write(workspace, WHAT, game_id, told)
    return read_game(workspace, game_id)


def newest_game(workspace: Workspace) -> ClassGame | None:
    """The game that was begun last; None before the first. Damaged ones are passed over."""
    for game_id in kept.ids(workspace, WHAT):
        try:
            return read_game(workspace, game_id)
        except WorkspaceError:
            continue
    return None


def read_game(workspace: Workspace, game_id: str) -> ClassGame:
    """The game with that id.

    Raises: WorkspaceError when there is none, or it is damaged.
    """
    values = kept.read(workspace, WHAT, game_id)
    try:
        symbols = tuple(str(symbol) for symbol in values["symbols"])
        unit: Unit = "tokens" if values["unit"] == "tokens" else "letters"
        lead = str(values["lead"])
        passage = Passage(unit, lead, symbols, (), (), 0, (), int(values["alphabet"]))
        plays = {name: _play_of(told) for name, told in values["plays"].items()}
        return ClassGame(game_id, passage, plays, str(values["model"]), values["open"] is True)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise WorkspaceError(f"The game is damaged: {error!r}. Begin another.") from None


def end_game(workspace: Workspace, game_id: str) -> None:
    """Take no more guesses; everybody sees the text.

    Raises: RightsError for all but the presenter.
    """
    room.require_presenter(workspace.actor)
    kept.change(workspace, WHAT, game_id, lambda before: {**before, "open": False})


def own_game(workspace: Workspace, game: ClassGame) -> Game:
    """The game as whoever works here has it."""
    return _game_of(game.passage, kept.part_of(workspace, WHAT, game.id, workspace.actor))


def guess(workspace: Workspace, game_id: str, symbol: str | None) -> Game:
    """One guess of whoever works here, or None to see the symbol.

    Raises: WorkspaceError when the game has ended.
    """
    game = read_game(workspace, game_id)
    if not game.open:
        raise WorkspaceError("This game has ended. The presenter can begin another.")

    def moved(before: dict[str, Any]) -> dict[str, Any]:
        now = _game_of(game.passage, before)
        after = now.give_up() if symbol is None else now.guess(symbol[:_LONGEST_GUESS])
        return {"attempts": [list(one) for one in after.attempts], "wrong": list(after.wrong)}

    return _game_of(game.passage, kept.change_part(workspace, WHAT, game_id, moved))


def compare(workspace: Workspace, game: ClassGame) -> ClassStanding:
    """How everybody stands, those who need the fewest bits first."""
    names = people.names(workspace)
    games = {
        person: _game_of(game.passage, part)
        for person, part in kept.parts(workspace, WHAT, game.id).items()
    }
    players = [
        Player(
            person,
            names.get(person, "you"),
            one.place,
            standing(game.passage, one.attempts),
            one.place >= _LEAST_GUESSED,
        )
        for person, one in games.items()
        if one.place
    ]
    players.sort(key=lambda each: (not each.known, each.stands.bounds.high, each.name))
    place = max((one.place for one in games.values()), default=0)
    machines = {
        name: standing(game.passage, play.attempts[:place], play.bits)
        for name, play in game.plays.items()
        if place
    }
    return ClassStanding(tuple(players), _together(game, list(games.values())), machines, place)


def _together(game: ClassGame, games: Sequence[Game]) -> Standing | None:
    """All guesses as those of one reader, over the characters that all of them have read."""
    attempts = [one for each in games for one in each.attempts]
    if not attempts:
        return None
    characters = sum(game.passage.characters(each.place) for each in games)
    low, high = entropy_bounds(attempts, game.passage.alphabet)
    share = len(attempts) / characters
    at_once = sum(one == Attempt(1) for one in attempts) / len(attempts)
    return Standing(Bounds(low * share, high * share), None, at_once)


def _game_of(passage: Passage, part: Mapping[str, Any]) -> Game:
    """A person's game from their file; what is damaged begins anew."""
    try:
        attempts = tuple(Attempt(int(n), found is True) for n, found in part.get("attempts", []))
        wrong = tuple(str(each) for each in part.get("wrong", []))
    except (TypeError, ValueError):
        return Game(passage)
    return Game(passage, attempts[: len(passage.symbols)], wrong)


def _play_json(play: Play) -> dict[str, Any]:
    return {
        "attempts": [list(one) for one in play.attempts],
        "bits": [bits if isfinite(bits) else None for bits in play.bits],
        "first": list(play.first),
    }


def _play_of(told: Mapping[str, Any]) -> Play:
    return Play(
        tuple(Attempt(int(n), found is True) for n, found in told["attempts"]),
        tuple(inf if bits is None else float(cast(float, bits)) for bits in told["bits"]),
        tuple(str(first) for first in told["first"]),
    )
