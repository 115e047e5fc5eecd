"""Models from the Hugging Face Hub, by `owner/name`, as a local folder.

Only settings, safetensors and tokenizer files are fetched; whatever code a
repository holds is never fetched, let alone run.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from slm import files
from slm.errors import HubError
from slm.model.families import read_settings

MODEL_FILES = (
    "config.json",
    "generation_config.json",
    "model.safetensors",
    "model-*-of-*.safetensors",
    "model.safetensors.index.json",
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.json",
    "merges.txt",
    "README.md",  # its head says the licence
    "LICENSE",
)
_HUB_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_REVISION = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,119}")
_TIMEOUT_SECONDS = 20.0


def is_hub_id(text: str) -> bool:
    """Whether `text` has the form owner/name.

    >>> is_hub_id("HuggingFaceTB/SmolLM2-135M"), is_hub_id("../secrets"), is_hub_id("https://x/y")
    (True, False, False)
    """
    return bool(_HUB_ID.fullmatch(text)) and ".." not in text


def download_model(hub_id: str, revision: str | None = None) -> Path:
    """The folder that holds the model, in the Hub's own cache; fetched if it is not there yet.

    The settings come first, so that an unknown architecture costs no download.

    Raises: HubError for a wrong name, or a Hub that does not answer.
        CheckpointError for an architecture or a setting that is not known here.
    """
    if not is_hub_id(hub_id):
        raise HubError(f"{hub_id[:100]!r} is no model on the Hub; write owner/name.")
    if revision is not None and (not _REVISION.fullmatch(revision) or ".." in revision):
        raise HubError(f"{revision[:100]!r} is no revision; use a branch, a tag or a commit.")
    from huggingface_hub import hf_hub_download, snapshot_download

    with _hub_errors(hub_id, revision):
        settings = hf_hub_download(
            hub_id, "config.json", revision=revision, etag_timeout=_TIMEOUT_SECONDS
        )
        read_settings(files.read_json(Path(settings)))
        folder = snapshot_download(
            hub_id,
            revision=revision,
            allow_patterns=list(MODEL_FILES),
            etag_timeout=_TIMEOUT_SECONDS,
        )
    return Path(folder)


@contextmanager
def _hub_errors(hub_id: str, revision: str | None) -> Iterator[None]:
    """Turn what the Hub's client raises into a HubError with the remedy."""
    from huggingface_hub.errors import (
        GatedRepoError,
        HfHubHTTPError,
        RemoteEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )
    from huggingface_hub.errors import HTTPError as ConnectionProblem  # type: ignore[attr-defined]

    try:
        with files.disk_errors(Path(hub_id)):
            yield
    except GatedRepoError:
        remedy = f"{hub_id} asks for consent first: accept its terms on the Hub and log in."
    except RevisionNotFoundError:
        remedy = f"{hub_id} has no revision {revision!r}; leave it out for the newest."
    except RepositoryNotFoundError:
        remedy = f"There is no model {hub_id} on the Hub, or it is private."
    except RemoteEntryNotFoundError:
        remedy = f"{hub_id} has no config.json, so it is no model that loads here."
    except HfHubHTTPError as error:
        status = error.response.status_code
        remedy = f"The Hub refused {hub_id} (status {status}); try again later."
    except (ConnectionProblem, OSError):
        remedy = (
            f"{hub_id} could not be fetched: the Hub does not answer. Check the network and "
            "try again; what was fetched so far is kept."
        )
    else:
        return
    raise HubError(remedy)
