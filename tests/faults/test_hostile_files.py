"""Whatever file somebody brings: what is sound of it is taken, else a sentence says what is not.

The readers meet every file here, in this process; the verbs meet all of them in a process of
their own (slow), with their time and memory looked at. No traceback, nothing half-made.
"""

import hashlib
import json
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from slm.data.reading.uploads import FOLDER
from slm.errors import SlmError
from slm.exchange.pretrained import load_pretrained
from slm.lab.branching import moved_to
from slm.lab.reports import OpenedRun, open_run
from slm.sampling.branch_files import from_json
from slm.sampling.presets import from_generation_json
from slm.tokenizer.import_child import examine
from slm.tokenizer.loading import load_tokenizer
from slm.verbs.common import DEMO
from slm.workshop import opening
from slm.workspace import Workspace
from tests.faults.hostile_archives import archives
from tests.faults.hostile_files import Hostile, lanes, settings, texts, trees
from tests.faults.hostile_models import models, tokenizers
from tests.faults.sound_files import sound_files

ROOT = Path(__file__).parents[2]
ALL = [*texts(), *tokenizers(), *models(), *archives(), *settings(), *trees(), *lanes()]
SECONDS = 30.0
"""For one file and verb on a busy machine; the bounds of children are tighter (M8)."""
MEGABYTES = 1_500
"""A child that reads ends at 1,000; torch alone takes 400."""


@pytest.fixture(scope="session")
def sound(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return sound_files(tmp_path_factory.mktemp("sound"))


@pytest.fixture(scope="session")
def demo() -> OpenedRun:
    return open_run(Workspace(ROOT / "none", read_only=[DEMO]).runs.list()[-1])


def _read_here(each: Hostile, path: Path, demo: OpenedRun, workspace: Workspace) -> object:
    """What this process itself reads of such a file, where no child stands before it."""
    if each.reader == "archive":
        return opening.open_archive(workspace, path)
    if each.reader == "settings":
        return from_generation_json(path.read_text("utf-8", "replace"))
    if each.reader == "tree":
        return moved_to(demo, from_json(path.read_bytes()))
    if each.reader == "model":
        return load_pretrained(path)
    assert each.reader == "tokenizer"
    folder = path if path.is_dir() else path.parent
    load_tokenizer(folder)
    return examine(folder)


def _slow_here(each: Hostile) -> bool:
    """What only a child with a limit may read, or takes long."""
    return each.what.startswith(("a pattern", "a rewriting", "too many files"))


HERE = [
    each
    for each in ALL
    if each.reader not in ("text", "lanes")
    and each.what not in ("a pipe", "a folder", "a loop", "a link to nothing")
    and not _slow_here(each)
]


def test_there_are_files_for_every_reader_and_each_has_a_name_of_its_own():
    assert len(ALL) >= 150
    assert max(Counter(each.name for each in ALL).values()) == 1
    assert min(Counter(each.reader for each in ALL).values()) >= 15


@pytest.mark.parametrize("each", HERE, ids=lambda each: each.name)
def test_a_reader_takes_what_is_sound_or_says_what_is_not(
    each: Hostile, sound: dict[str, Path], demo: OpenedRun, tmp_path: Path
):
    workspace, place = Workspace(tmp_path / "workspace"), tmp_path / "sent"
    place.mkdir()
    path = each.make(sound[each.reader], place)
    try:
        _read_here(each, path, demo, workspace)
    except SlmError as error:
        _require_sentence(str(error))
        left = [path for path in workspace.root.rglob("*") if path.is_file()]
        assert all(path.suffix == ".lock" for path in left)
    else:
        assert each.may_be_read, "nothing was said of it"
    assert not (tmp_path / "evil.json").exists() and not (tmp_path.parent / "evil.json").exists()


def _require_sentence(said: str) -> None:
    assert said and "Traceback" not in said and len(said) < 1_500
    assert said.rstrip().endswith((".", ")", "?")), said


def _arguments(each: Hostile, path: Path) -> list[list[str]]:
    """The verbs that read such a file."""
    to_verbs: dict[str, Callable[[], list[list[str]]]] = {
        "text": lambda: [
            ["preview", "--source", str(path)],
            ["prepare", "--source", str(path), "--name", "x"],
        ],
        "tokenizer": lambda: [
            ["import-tokenizer", "--file", str(path)],
            *([["compare", "--tokenizer", str(path)]] if not _slow_here(each) else []),
        ],
        "model": lambda: [["import", str(path)]],
        "archive": lambda: [["open-archive", str(path)]],
        "settings": lambda: [
            ["write", "--run", "demo", "--settings", str(path), "--max-new-tokens", "3"]
        ],
        "tree": lambda: [["branches", "--run", "demo", "--tree", str(path)]],
        "lanes": lambda: [["race", "--corpus", "demo", "--lanes", str(path)]],
    }
    return to_verbs[each.reader]()


def _through_verbs(
    chosen: list[Hostile], sound: dict[str, Path], tmp_path: Path, patience: float
) -> list[dict[str, Any]]:
    plan = []
    for number, each in enumerate(chosen):
        place = tmp_path / f"sent-{number}"
        if each.reader == "text":  # as an upload is kept: its limits are not those of own files
            place = place / FOLDER / hashlib.sha256(each.name.encode()).hexdigest()
        place.mkdir(parents=True)
        path = each.make(sound[each.reader], place)
        for argv in _arguments(each, path):
            told = [*argv, "--workspace", str(tmp_path / f"workspace-{number}")]
            plan.append((f"{each.name} ({argv[0]})", told))
    (tmp_path / "plan.json").write_text(json.dumps(plan))
    command = [sys.executable, "-m", "tests.faults.hostile_verbs", str(tmp_path / "plan.json")]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=patience, check=False
    )
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0 and len(told) == len(plan), done.stderr[-2_000:]
    return told


def _require_calm(told: list[dict[str, Any]], chosen: list[Hostile]) -> None:
    readable = {each.name for each in chosen if each.may_be_read}
    wrong = []
    for one in told:
        name = one["name"].rpartition(" (")[0]
        sentence = "Traceback" not in one["said"] and one["status"] in (1, 2) and one["said"]
        looks = one["name"].endswith(("(preview)", "(compare)"))  # takes nothing in
        if not sentence and not (one["status"] == 0 and (looks or name in readable)):
            wrong.append((one["name"], one["status"], one["said"][-600:]))
        if one["seconds"] > SECONDS or max(one["own_mb"], one["children_mb"]) > MEGABYTES:
            wrong.append((one["name"], one["seconds"], one["own_mb"], one["children_mb"]))
    assert not wrong, wrong


def test_verbs_end_with_a_sentence(sound: dict[str, Path], tmp_path: Path):
    names = ("text: a bomb", "tokenizer: no model", "archive: a bomb", "lanes: a thousand lanes")
    chosen = [each for each in ALL if each.name in names]
    assert len(chosen) == len(names)
    _require_calm(_through_verbs(chosen, sound, tmp_path, 120), chosen)


@pytest.mark.slow
@pytest.mark.parametrize("reader", sorted({each.reader for each in ALL}))
def test_every_file_through_the_verbs_costs_a_sentence_little_time_and_memory(
    reader: str, sound: dict[str, Path], tmp_path: Path
):
    chosen = [each for each in ALL if each.reader == reader]
    _require_calm(_through_verbs(chosen, sound, tmp_path, 3_000), chosen)
