"""A published tokenizer becomes one of the workspace, once a process of its own has tried it out.

The tokenizer.json is not parsed here, only the small settings file beside it. What the child
may use is bounded; a file that crashes it, or for which it needs more, is refused with a
sentence, and nothing is kept.

The artefact's `details`: kind ("imported"), vocab_size, imported_from (the file's name), and
what `import_child.examine` found: model, read_as, special_tokens, begins_with, lossless.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

import psutil
from pydantic import Field

from slm import children, files
from slm.config import Config
from slm.data.reading import uploads
from slm.errors import TokenizerError
from slm.jobs import Reporter, silent
from slm.tokenizer.definition import TOKENIZER_FILE
from slm.tokenizer.import_child import CPU_SECONDS
from slm.tokenizer.imported import SETTINGS_FILE, keep_marks, settings_beside
from slm.tokenizer.pieces import MODEL_FILE
from slm.tokenizer.sentencepiece import ASKED_SETTINGS
from slm.workspace import LOCAL_OWNER, MAX_NAME, Artefact, Workspace

MAX_BYTES = 64 * 2**20
MEMORY_BYTES = 2**30
WALL_SECONDS = 120
_POLL_SECONDS = 0.05
_MOST_ANSWER = 2**20
_CHILD = (sys.executable, "-m", "slm.tokenizer.import_child")
_OTHER_FORMS = ("spiece.model", "vocab.json", "merges.txt", "vocab.txt")


class ImportConfig(Config):
    """Which file is imported, and under which name."""

    file: str = Field(
        description="A tokenizer.json or a SentencePiece tokenizer.model, or a folder with one; a "
        "tokenizer_config.json beside it says which token ends a text."
    )
    name: str = Field(
        "",
        max_length=MAX_NAME,
        description="Name of the tokenizer; that of the file's folder without one.",
    )


def import_tokenizer(
    workspace: Workspace,
    config: ImportConfig,
    report: Reporter = silent,
    *,
    owner: str = LOCAL_OWNER,
) -> Artefact | None:
    """Try the file out and keep it. Asked to stop, it keeps nothing and returns None.

    Raises:
        TokenizerError: no such file, too large, not a tokenizer, or not safe to use.
        WorkspaceError: a name that cannot be used, or a full disk.
    """
    path = _file_of(Path(config.file))
    name = config.name or path.absolute().parent.name
    with tempfile.TemporaryDirectory(prefix="slm-import-") as held:
        folder = Path(held)
        facts = take_over(path, folder, report)
        if facts is None:
            report(None, "Stopped; nothing was kept")
            return None
        with workspace.tokenizers.create(name, owner=owner) as draft:
            for member in folder.iterdir():
                shutil.copyfile(member, draft.folder / member.name)
            draft.details.update(
                kind="imported",
                pattern=None,
                imported_from=path.name,
                config=config.to_json(),
                **facts,
            )
    report(1.0, f"{facts['vocab_size']:,} tokens")
    return workspace.tokenizers.get(draft.id)


def take_over(source: Path, folder: Path, report: Reporter = silent) -> dict[str, Any] | None:
    """Copy a published tokenizer into an empty folder and try it out there; None when stopped.

    `source` is the file, or the folder that holds it. Gives what was found out.

    Raises: TokenizerError as `import_tokenizer`.
    """
    path = _file_of(source)
    shutil.copyfile(path, folder / path.name)
    settings = _settings_of(path.parent)
    if path.name == MODEL_FILE:
        asked = {key: settings[key] for key in ASKED_SETTINGS if key in settings}
        files.write_json(folder / SETTINGS_FILE, asked)
    else:
        keep_marks(settings, folder)
    report(None, f"Trying {path.name} on all sorts of text")
    return examined(folder, report)


def keep_upload(workspace: Workspace, data: bytes) -> Path:
    """Where an upload's bytes now are, for `ImportConfig.file`. Nothing is parsed.

    Raises: TokenizerError when it is too large; WorkspaceError for a full disk.
    """
    _require_size(len(data), "The file")
    return uploads.keep_bytes(workspace, TOKENIZER_FILE, data)


def examined(
    folder: Path, report: Reporter = silent, child: Sequence[str] = _CHILD
) -> dict[str, Any] | None:
    """What a child process found out about the tokenizer in the folder; None when stopped.

    Raises: TokenizerError as the child says, or when it crashes or needs too much.
    """
    process = subprocess.Popen(
        [*child, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=children.environment({"OMP_NUM_THREADS": "1"}),
        cwd=folder,
    )
    assert process.stdout is not None
    heard: list[bytes] = []
    listener = threading.Thread(target=_listen, args=(process.stdout, heard), daemon=True)
    listener.start()
    try:
        if not _watch(process, report):
            return None
        listener.join(timeout=5)
        return _answer(b"".join(heard), process.returncode)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def _watch(process: "subprocess.Popen[bytes]", report: Reporter) -> bool:
    """Wait for the child's end within its bounds; False when asked to stop.

    Raises: TokenizerError when it needs more memory or time.
    """
    begun = time.monotonic()
    try:
        seen = psutil.Process(process.pid)
        while process.poll() is None:
            if report.should_stop():
                return False
            times = seen.cpu_times()
            if seen.memory_info().rss > MEMORY_BYTES:
                raise TokenizerError(
                    f"Reading it takes more than {MEMORY_BYTES / 2**30:.0f} GB of memory. "
                    "Use a smaller tokenizer."
                )
            if times.user + times.system > CPU_SECONDS or time.monotonic() - begun > WALL_SECONDS:
                raise _too_slow()
            time.sleep(_POLL_SECONDS)
    except psutil.NoSuchProcess:
        process.wait()
    return True


def _answer(line: bytes, status: int | None) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        if status is not None and -status in _TIME_SIGNALS:
            raise _too_slow()
        raise TokenizerError(
            "This tokenizer.json makes the program that reads it fail, so it was not kept. "
            "Use the file as its publisher gives it."
        )
    if "error" in answer:
        raise TokenizerError(str(answer["error"]))
    return answer


_TIME_SIGNALS = (24, 9)  # SIGXCPU, and SIGKILL a little later


def _too_slow() -> TokenizerError:
    return TokenizerError(
        f"Reading it and encoding some test texts takes more than {CPU_SECONDS} s of computing. "
        "It would hang the page; use another file."
    )


def _listen(pipe: IO[bytes], heard: list[bytes]) -> None:
    """Keep what the child says, up to a bound; go on reading, so that it never waits for us."""
    left = _MOST_ANSWER
    while block := pipe.read(65_536):
        if left > 0:
            heard.append(block[:left])
        left -= len(block)


def _file_of(path: Path) -> Path:
    """Raises: TokenizerError when there is no such file, or it is too large or of another kind."""
    if path.is_dir():
        other = [name for name in _OTHER_FORMS if (path / name).is_file()]
        path = path / TOKENIZER_FILE
        if not path.is_file() and path.with_name(MODEL_FILE).is_file():
            path = path.with_name(MODEL_FILE)
        elif other and not path.is_file():
            path = path.with_name(other[0])
    if path.name in _OTHER_FORMS or (path.suffix == ".model" and path.name != MODEL_FILE):
        raise TokenizerError(
            f"{path.name} is a tokenizer in another form. Bring it into the form tokenizer.json "
            "first: AutoTokenizer.from_pretrained(folder).save_pretrained(folder), with "
            "transformers."
        )
    if not path.is_file():
        raise TokenizerError(f"There is no {path.name} in {path.parent}; check the path.")
    _require_size(path.stat().st_size, path.name)
    return path


def _require_size(n_bytes: int, name: str) -> None:
    if n_bytes > MAX_BYTES:
        raise TokenizerError(
            f"{name} has {n_bytes / 2**20:,.0f} MB; a tokenizer may have {MAX_BYTES // 2**20} MB."
        )


def _settings_of(source: Path) -> Mapping[str, Any]:
    """The `tokenizer_config.json` beside the file, where there is one of a usual size."""
    path = source / SETTINGS_FILE
    return settings_beside(source) if path.is_file() and path.stat().st_size < 2**22 else {}
