"""Trees of branches as JSON: to keep, to send, to open again. A file may come from anybody.

    <workspace>/branches/<hash>.json      every tree that was looked at; the newest few are kept
    <workspace>/branches/named/<hash>.json    those that somebody saved under a name

A tree is kept under the hash of what it holds, so that the same tree is kept once and nobody can
change what a link opens. Knows ids and names of models, no model.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import DataError, WorkspaceError
from slm.sampling.branches import MOST_NODES, ROOT, Node, Tree
from slm.tokenizer.protocol import TextTokenizer
from slm.workspace import clean_name

FOLDER, NAMED = "branches", "named"
KIND, SCHEMA = "slm-branches", 1
MOST_BYTES = 1_000_000
KEPT = 400
MOST_PROMPT = 100_000  # characters
_HASH = re.compile(r"[0-9a-f]{16}")
_NODE = {"id": int, "parent": int, "token": int, "logprob": float, "rank": int, "drawn": int}


@dataclass(frozen=True)
class Planted:
    """A tree with where it comes from. prompt is foreign text; so is the model's name.

    run, step: the model that gave the probabilities. cut: `fingerprint` of its tokenizer, without
    which the tree's ids mean nothing.
    """

    tree: Tree
    prompt: str
    run: str
    step: int
    cut: str
    name: str = ""


def fingerprint(tokenizer: TextTokenizer) -> str:
    """The same for tokenizers whose ids mean the same bytes."""
    told = hashlib.sha256()
    for token in range(tokenizer.vocab_size):
        each = tokenizer.token_bytes(token)
        told.update(len(each).to_bytes(4, "little") + each)
    return told.hexdigest()[:16]


def to_json(planted: Planted) -> str:
    """The file's text."""
    tree = planted.tree
    return json.dumps(
        {
            "kind": KIND,
            "schema": SCHEMA,
            "name": planted.name,
            "prompt": planted.prompt,
            "run": planted.run,
            "step": planted.step,
            "tokenizer": planted.cut,
            "prompt_ids": list(tree.prompt_ids),
            "nodes": [asdict(node) for node in tree.nodes],
        },
        indent=1,
    )


def from_json(data: bytes) -> Planted:
    """The tree that a file holds, every value checked.

    Raises: DataError, with a sentence, for anything that is no such tree.
    """
    if len(data) > MOST_BYTES:
        raise DataError(
            f"This file has {len(data):,} bytes; a tree has at most {MOST_BYTES:,}. "
            "Choose a file that was saved here."
        )
    try:
        values = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError):  # no UTF-8, no JSON, numbers or nesting without end
        raise _refused("it is no JSON text") from None
    if not isinstance(values, dict) or values.get("kind") != KIND:
        raise _refused("it does not say that it is one")
    if values.get("schema") != SCHEMA:
        raise _refused("it was written by another version of the app")
    texts = {key: values.get(key) for key in ("prompt", "run", "tokenizer", "name")}
    if not all(isinstance(text, str) and len(text) <= MOST_PROMPT for text in texts.values()):
        raise _refused("its prompt or the name of its model is no text")
    prompt_ids, listed, step = (values.get(key) for key in ("prompt_ids", "nodes", "step"))
    if not isinstance(prompt_ids, list) or not prompt_ids or not all(map(_whole, prompt_ids)):
        raise _refused("the tokens of its prompt are no list of numbers")
    if (
        not isinstance(listed, list)
        or len(listed) > MOST_NODES
        or not (isinstance(step, int) and _whole(step))
    ):
        raise _refused(f"its branches are no list of at most {MOST_NODES:,}")
    tree = Tree(tuple(prompt_ids), _nodes(listed))
    name = clean_name(str(texts["name"])) if texts["name"] else ""
    return Planted(
        tree,
        _sound(texts["prompt"]),
        _sound(texts["run"]),
        step,
        _sound(texts["tokenizer"]),
        name,
    )


def keep(root: Path, planted: Planted) -> str:
    """Keep the tree in the workspace at `root`, under its name too if it has one; gives its hash.

    Raises: WorkspaceError when the disk refuses; DataError for a name that cannot be one.
    """
    text = to_json(planted)
    made = hashlib.sha256(text.encode()).hexdigest()[:16]
    folder = root / FOLDER / (NAMED if planted.name else "")
    path = folder / f"{made}.json"
    if not path.exists():
        files.make_folder(folder)
        files.write_bytes(path, text.encode(), durable=bool(planted.name))
        if not planted.name:
            _keep_newest(folder)
    return made


def opened(root: Path, made: str) -> Planted:
    """The tree of this hash.

    Raises: WorkspaceError for one that there is not; DataError for a damaged file.
    """
    if _HASH.fullmatch(made):
        for folder in (root / FOLDER, root / FOLDER / NAMED):
            with suppress(FileNotFoundError), files.disk_errors(folder):
                path = folder / f"{made}.json"
                if path.stat().st_size <= MOST_BYTES:
                    data = path.read_bytes()
                    if hashlib.sha256(data).hexdigest()[:16] != made:
                        raise DataError("The tree of this link is damaged. Grow it again.")
                    return from_json(data)
    raise WorkspaceError(
        "The tree of this link is not in this workspace any more. Grow another, or open it from "
        "a saved file."
    )


def saved(root: Path) -> Mapping[str, Planted]:
    """The trees that have a name, by their hash, the newest first; damaged ones are left out."""
    found: dict[str, Planted] = {}
    folder = root / FOLDER / NAMED
    paths = sorted(folder.glob("*.json"), key=_age) if folder.is_dir() else []
    for path in paths[:KEPT]:
        with suppress(DataError, WorkspaceError):
            found[path.stem] = opened(root, path.stem)
    return found


def forget(root: Path, made: str) -> None:
    """Take a saved tree from the list; unknown ones are gone already."""
    if _HASH.fullmatch(made):
        with files.disk_errors(root / FOLDER):
            (root / FOLDER / NAMED / f"{made}.json").unlink(missing_ok=True)


def _nodes(listed: list[Any]) -> tuple[Node, ...]:
    """Raises: DataError for a node that no tree has."""
    nodes: list[Node] = []
    known, places = {ROOT}, set()
    for at, values in enumerate(listed, start=1):
        where = f"its branch {at:,}"
        if not isinstance(values, dict) or values.keys() != {*_NODE, "ends"}:
            raise _refused(f"{where} has not the values of one")
        whole = all(_whole(values[key]) for key, kind in _NODE.items() if kind is int)
        logprob = values["logprob"]
        if not whole or not isinstance(values["ends"], bool):
            raise _refused(f"{where} has a value of the wrong kind")
        if not isinstance(logprob, int | float) or not math.isfinite(logprob) or logprob > 0:
            raise _refused(f"{where} has a probability that is none")
        node = Node(**{**values, "logprob": float(logprob)})
        if node.parent not in known or node.id in known or (node.parent, node.token) in places:
            raise _refused(f"{where} hangs on nothing, or stands there twice")
        if node.rank < 1:
            raise _refused(f"{where} has a value of the wrong kind")
        known.add(node.id)
        places.add((node.parent, node.token))
        nodes.append(node)
    return tuple(nodes)


def _whole(value: Any) -> bool:
    return type(value) is int and 0 <= value < 2**31


def _sound(text: Any) -> str:
    return str(text).encode("utf-8", "replace").decode()


def _refused(why: str) -> DataError:
    return DataError(f"This file holds no tree of branches: {why}. Choose one that was saved here.")


def _age(path: Path) -> float:
    try:
        return -path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _keep_newest(folder: Path) -> None:
    for path in sorted(folder.glob("*.json"), key=_age)[KEPT:]:
        path.unlink(missing_ok=True)
