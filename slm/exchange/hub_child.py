"""The process that talks to the Hub about models: `python -m slm.exchange.hub_child REQUEST`.

REQUEST is a JSON object with "name" and "revision". One JSON object a line goes to standard
output: {"ready"} when the library is loaded, then what the repository holds:

    {"model": {"commit", "sizes", "others", "licence", "settings"}}

sizes are those of the files that belong to a model; others are names of the rest, of which
nothing is fetched. For kind "fetch" follow {"file", "bytes", "of"} while files come, in bytes of
all of them, and {"folder"} in the cache of the Hub's library. At last {"end"}, or {"error",
"kind"}; {"paused": SECONDS} at any time. What is broken off is kept, and gone on with the next
time. The process ends with its parent.
"""

import hashlib
import json
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator, Mapping
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

os.environ["HF_HUB_DISABLE_XET"] = "1"  # its transfers cannot be gone on with

from slm import children, locks
from slm.data.hub.process import Record
from slm.data.hub.stream import PauseTeller, brief, status_of, write
from slm.errors import HubError, SlmError
from slm.exchange.hub import MODEL_FILES, REMEDY

_TIMEOUT_SECONDS = 10.0
_SETTINGS = "config.json"
_LARGE_BYTES = 1_000_000
_PIECE_BYTES = 2**16  # what arrives between two signs of life, on the slowest line
_TELL_SECONDS = 0.5
_BLOCK = 1 << 20
_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_MOST_SETTINGS = 1_000_000
_MOST_OTHERS = 50


def answer(request: Mapping[str, Any]) -> Iterator[Record]:
    """The records that answer a request."""
    from huggingface_hub import constants

    constants.DOWNLOAD_CHUNK_SIZE = _PIECE_BYTES
    yield {"ready": True}
    name, revision = str(request["name"]), request.get("revision")
    try:
        told = _cached(name, revision) or _asked(name, revision)
        yield {"model": told}
        if request.get("kind") == "fetch":
            yield from _fetched(name, told)
    except Exception as error:  # foreign libraries raise many kinds; a bug is raised again
        said = in_words(error, name, revision)
        if said is None:
            raise
        yield {"error": str(said), "kind": type(said).__name__}
    else:
        yield {"end": True}


def _asked(name: str, revision: str | None) -> dict[str, Any]:
    """What the Hub tells of a model at a commit: sizes first, and its settings."""
    from huggingface_hub import HfApi, constants, hf_hub_download

    if constants.HF_HUB_OFFLINE:
        raise ConnectionError("the network is switched off by HF_HUB_OFFLINE.")
    info = HfApi().model_info(
        name, revision=revision, files_metadata=True, timeout=_TIMEOUT_SECONDS
    )
    files = {file.rfilename: file.size for file in info.siblings or ()}
    sizes = {file: size for file, size in files.items() if _belongs(file)}
    if _SETTINGS not in sizes:
        raise HubError(
            f"{name} has no {_SETTINGS}, so it is no model that is read here. Choose one whose "
            "files are config.json, model.safetensors and tokenizer.json."
        )
    unknown = [file for file, size in sizes.items() if not isinstance(size, int)]
    if unknown or (sizes[_SETTINGS] or 0) > _MOST_SETTINGS:
        raise HubError(f"The Hub tells no proper size of {(unknown or [_SETTINGS])[0][:80]}.")
    # By the name that was asked for, so that the cache learns which commit that is.
    settings = hf_hub_download(name, _SETTINGS, revision=revision, etag_timeout=_TIMEOUT_SECONDS)
    if Path(settings).parent.name != info.sha:
        raise HubError(f"{name} was changed on the Hub just now. Try again.")
    card = info.card_data
    licence = getattr(card, "license_name", None) or getattr(card, "license", None)
    return {
        "commit": info.sha,
        "sizes": sizes,
        "others": sorted(set(files) - set(sizes))[:_MOST_OTHERS],
        "licence": str(licence)[:60] if licence else None,
        "settings": Path(settings).read_text("utf-8", errors="replace"),
        "cached": False,
    }


def _cached(name: str, revision: str | None) -> dict[str, Any] | None:
    """The same, of a model that is in the cache whole at just this commit: nothing is asked.

    Without a commit the Hub is asked, unless the network is switched off.
    """
    from huggingface_hub import constants, try_to_load_from_cache

    pinned = revision is not None and re.fullmatch(r"[0-9a-f]{40}", revision)
    if not pinned and not constants.HF_HUB_OFFLINE:
        return None
    found = try_to_load_from_cache(name, _SETTINGS, revision=revision)
    if not isinstance(found, str):
        return None
    folder = Path(found).parent
    sizes = {path.name: path.stat().st_size for path in folder.iterdir() if _belongs(path.name)}
    if not _is_whole(folder, sizes):
        return None
    return {
        "commit": folder.name,
        "sizes": sizes,
        "others": [],
        "licence": None,
        "settings": Path(found).read_text("utf-8", errors="replace"),
        "cached": True,
    }


def _is_whole(folder: Path, sizes: Mapping[str, int]) -> bool:
    """Whether the weights are there, all shards that an index names."""
    if not any(name.startswith("tokenizer.") for name in sizes):
        return False
    if "model.safetensors" in sizes:
        return True
    index = folder / "model.safetensors.index.json"
    try:
        named = set(json.loads(index.read_bytes())["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return False
    return bool(named) and named <= set(sizes)


def _belongs(file: str) -> bool:
    """Whether a file of the repository's first folder is one of a model's."""
    return bool(_PLAIN.fullmatch(file)) and any(fnmatch(file, one) for one in MODEL_FILES)


def _fetched(name: str, told: Mapping[str, Any]) -> Iterator[Record]:
    """Fetch what is not in the cache, the large files so that they can be gone on with."""
    from huggingface_hub import hf_hub_download, try_to_load_from_cache

    commit, sizes = str(told["commit"]), dict(told["sizes"])
    total, done, folder = sum(sizes.values()), 0, None
    for file, size in sorted(sizes.items(), key=lambda item: item[1]):
        yield {"file": file, "bytes": done, "of": total}
        known = try_to_load_from_cache(name, file, revision=commit)
        if not isinstance(known, str):
            if size > _LARGE_BYTES or file.endswith(".safetensors"):
                _fetch_large(name, commit, file, size, done, total)
            known = hf_hub_download(name, file, revision=commit, etag_timeout=_TIMEOUT_SECONDS)
        folder = Path(known).parent
        done += size
    yield {"file": "", "bytes": total, "of": total}
    yield {"folder": str(folder)}


def _fetch_large(name: str, commit: str, file: str, size: int, before: int, total: int) -> None:
    """Bring a file to its place in the cache, going on where an earlier try was broken off.

    Raises: HubError when its hash is not the one that the Hub tells, or another process
        fetches it; what the Hub's library raises.
    """
    from huggingface_hub import constants, get_hf_file_metadata, hf_hub_url
    from huggingface_hub.file_download import http_get, repo_folder_name
    from huggingface_hub.utils import build_hf_headers  # type: ignore[attr-defined]

    url = hf_hub_url(name, file, revision=commit)
    known = get_hf_file_metadata(url, timeout=_TIMEOUT_SECONDS)
    etag = known.etag or ""
    if not re.fullmatch(r"[0-9a-zA-Z]{20,64}", etag) or known.size != size:
        raise HubError(f"The Hub tells two sizes of {file}, or none. Try again later. {REMEDY}")
    blobs = Path(constants.HF_HUB_CACHE) / repo_folder_name(repo_id=name, repo_type="model")
    blobs /= "blobs"
    blobs.mkdir(parents=True, exist_ok=True)
    if (blobs / etag).exists():
        return
    partial = blobs / f"{etag}.slm-partial"
    lock = locks.FileLock(blobs / f"{etag}.slm-lock")
    if not lock.acquire():
        raise HubError(f"{name} is being fetched already. Wait until that is done.")
    ended = threading.Event()
    teller = threading.Thread(target=_tell, args=(partial, file, before, total, ended), daemon=True)
    teller.start()
    try:
        headers = build_hf_headers() if known.location == url else {}
        with partial.open("ab", buffering=0) as stream:
            here = stream.tell()
            if here > size:
                stream.truncate(here := 0)
            http_get(known.location, stream, resume_size=here, headers=headers, expected_size=size)
            os.fsync(stream.fileno())
        if _SHA256.fullmatch(etag) and _hash_of(partial) != etag:
            partial.unlink()
            raise HubError(
                f"{file} of {name} arrived damaged: its hash is not the one that the Hub tells. "
                "Fetch it again."
            )
        partial.replace(blobs / etag)
    finally:
        ended.set()
        teller.join()
        lock.release()


def _tell(partial: Path, file: str, before: int, total: int, ended: threading.Event) -> None:
    """How much has arrived, as long as more arrives: who hears nothing may end this process."""
    told = -1
    while not ended.wait(_TELL_SECONDS):
        try:
            here = partial.stat().st_size
        except OSError:
            continue
        if here != told:
            told = here
            write({"file": file, "bytes": before + here, "of": total})


def _hash_of(path: Path) -> str:
    """SHA-256 of a file, read in blocks; a sign of life for each gigabyte."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        for place, block in enumerate(iter(lambda: stream.read(_BLOCK), b"")):
            digest.update(block)
            if place % 1_000 == 999:
                write({"checked": path.name})
    return digest.hexdigest()


def in_words(error: Exception, name: str, revision: str | None) -> SlmError | None:
    """What the library raised, with a remedy; None for a bug."""
    from huggingface_hub import errors

    if isinstance(error, SlmError):
        return error
    if isinstance(error, errors.GatedRepoError):
        return HubError(f"{name} asks for consent first: accept its terms on the Hub and log in.")
    if isinstance(error, errors.RevisionNotFoundError):
        return HubError(f"{name} has no revision {revision!r}; leave it out for the newest.")
    if isinstance(error, errors.RepositoryNotFoundError):
        return HubError(
            f"There is no model {name} on the Hub, or it is private. Check owner and name."
        )
    status = status_of(error)
    if status == 429:
        return HubError(
            f"The Hub asks for a pause (429 Too Many Requests) about {name}. Wait a few minutes "
            f"and go on. {REMEDY}"
        )
    if status is not None:
        return HubError(f"The Hub refused {name} (status {status}); try again later. {REMEDY}")
    package = type(error).__module__.split(".")[0]
    of_network = package in {"httpx", "httpx2", "httpcore", "huggingface_hub"}
    if of_network or isinstance(error, OSError | EOFError):
        return HubError(
            f"{name} could not be fetched: {brief(error)} Check the network and try again. {REMEDY}"
        )
    return None


def main(request: Mapping[str, Any]) -> None:
    """Answer on standard output."""
    children.end_with_parent()
    logging.getLogger("huggingface_hub").addHandler(PauseTeller())
    for record in answer(request):
        write(record)


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
    os._exit(0)  # without waiting for threads of the library
