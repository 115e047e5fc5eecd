"""A published model becomes one of the workspace: its weights, settings and tokenizer, kept.

    models/<id>/model.safetensors  tokenizer/  manifest.json

The folder has the form of a checkpoint, so that whatever opens a run's opens it too. Weights
pass through memory one tensor at a time, in the number format in which they were published.

The manifest's `details`: model (our settings), step (0), parameters, architecture,
imported_from, revision (the commit on the Hub), licence (None where none is told),
dtype_in_memory, memory_bytes, tokenizer (what `examined` found), config.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from pydantic import Field
from torch import Tensor

from slm import files, limits
from slm.config import Config
from slm.data.reading import uploads
from slm.errors import CheckpointError, HubError
from slm.exchange import arriving
from slm.exchange.arriving import Arrival, InMemory
from slm.exchange.chat_template import keep_chat_template
from slm.exchange.hub import OnTheHub, download_model, is_hub_id, look_on_hub
from slm.exchange.pretrained import read_config
from slm.jobs import Reporter, StageOf, StoppedError, silent
from slm.model.checkpoint import IN_MEMORY
from slm.model.config import tensor_shapes
from slm.model.families import Published, is_leftover
from slm.model.tensor_stream import write_stream
from slm.model.tensors import StoredTensor, is_finite, listing, require_shapes, stored_tensors
from slm.owners import maker
from slm.tokenizer.importing import take_over
from slm.workspace import LOCAL_OWNER, MAX_NAME, Artefact, Draft, Workspace

MAX_UPLOAD_BYTES = 200 * 2**20
TOKENIZER = "tokenizer"
_UNPACKED = ".unpacked"


class ImportConfig(Config):
    """Which model is brought in, and under which name."""

    source: str = Field(
        description="A folder in the form of Hugging Face (config.json, model.safetensors, "
        "tokenizer.json), a zip of one, or owner/name on the Hub."
    )
    name: str = Field(
        "", max_length=MAX_NAME, description="Name of the model; that of its folder without one."
    )
    revision: str | None = Field(
        None, description="Branch, tag or commit on the Hub; the newest without one."
    )
    dtype: InMemory = Field(
        "float32",
        description="Numbers in memory: float32 takes 4 bytes a weight; bfloat16 takes 2, and "
        "rounds every value to about 3 digits. On the disk they stay as published.",
    )


class _Stopped(Exception):  # noqa: N818
    """The import was asked to stop; what is staged is thrown away."""


def look_at(source: Path) -> Arrival:
    """What the model in a folder or a zip is and needs; no weights are read.

    Raises: CheckpointError, as `arriving.carried` and `arriving.look`.
    """
    with arriving.carried(source) as carrier:
        return arriving.look(carrier)


def folder_at(text: str) -> Path:
    """The absolute path that a person typed, `~` for the own folder.

    Raises: CheckpointError for a user that there is not.
    """
    try:
        return Path(text.strip()).expanduser().absolute()
    except RuntimeError:
        raise CheckpointError(f"{text.strip()[:80]!r} names no folder; write it out.") from None


def keep_upload(workspace: Workspace, filename: str, data: bytes | memoryview) -> Path:
    """Where the bytes of a zip that was sent now are, for `ImportConfig.source`.

    Raises: CheckpointError when it is too large; DataError for a name that cannot be used;
        WorkspaceError for a full disk.
    """
    if len(data) > MAX_UPLOAD_BYTES:
        raise CheckpointError(
            f"The file has {len(data) / 2**20:,.0f} MB; {MAX_UPLOAD_BYTES // 2**20} MB can be "
            "sent. Put the folder on this machine and give its path."
        )
    return uploads.keep_bytes(workspace, uploads.safe_name(filename), data)


def import_model(
    workspace: Workspace,
    config: ImportConfig,
    report: Reporter = silent,
    *,
    owner: str = LOCAL_OWNER,
) -> Artefact | None:
    """Take a published model into the workspace. Asked to stop, it keeps nothing: None.

    Raises:
        CheckpointError: no model, one that is not followed here, pickles, broken weights.
        TokenizerError: its tokenizer is missing, or not safe to use.
        NoMemoryError: it would not fit into the memory when opened.
        HubError: it is on the Hub, and that is out of reach.
        WorkspaceError: a name that cannot be used, or a full disk.
        LimitError: larger than the owner's models may be in a shared room.
    """
    from_hub = not Path(config.source).exists() and is_hub_id(config.source)
    report.plan({"fetch": 4, "import": 1} if from_hub else {"import": 1})
    try:
        source = _source(config, StageOf(report, "fetch"), from_hub)
    except StoppedError:
        report(None, "Stopped; what was fetched so far is kept for the next time")
        return None
    report = StageOf(report, "import")
    with arriving.carried(source) as carrier:
        arrival = arriving.look(carrier)
    arriving.require_memory(arrival, config.dtype)
    share = limits.read(workspace.root).of(maker(workspace.actor, owner))
    limits.require_training(share, arrival.parameters, steps=0)
    report(0.02, _needs(arrival, config.dtype))
    name = config.name or (config.source.rpartition("/")[2] if from_hub else arrival.name)
    try:
        with workspace.models.create(name, owner=owner) as draft:
            files.require_space(draft.folder, 2 * arrival.file_bytes, arrival.name)
            with _unpacked(source, draft.folder) as folder:
                _fill(draft, folder, arrival, report)
            draft.details.update(
                {IN_MEMORY: config.dtype},
                memory_bytes=arrival.memory_bytes(config.dtype),
                imported_from=config.source if from_hub else arrival.name,
                revision=source.name if from_hub else None,
                config=config.to_json(),
            )
    except _Stopped:
        report(None, "Stopped; nothing was kept")
        return None
    report(1.0, f"{arrival.parameters:,} parameters")
    return workspace.models.get(draft.id)


def look_at_hub(name: str, revision: str | None = None) -> Arrival:
    """The same, of a model on the Hub at a branch, tag or commit; asked within 30 seconds.

    Raises: HubError for a wrong name or a Hub out of reach; CheckpointError, as `look_at`.
    """
    return arriving.look_at_found(look_on_hub(name, revision))


def _source(config: ImportConfig, report: Reporter, from_hub: bool) -> Path:
    """The folder or zip that is named, fetched from the Hub when it is none here.

    Nothing large is fetched of a model that is not followed here, or would not fit.
    """

    def check(found: OnTheHub) -> None:
        arrival = arriving.look_at_found(found)
        arriving.require_memory(arrival, config.dtype)
        report(0.0, _needs(arrival, config.dtype))

    if "://" in config.source:
        raise HubError(
            f"{config.source[:100]!r} is an address. Of a model on the Hub write owner/name alone."
        )
    if not from_hub:
        return Path(config.source)
    report(None, "Asking the Hub")
    return download_model(config.source, config.revision, report, check=check)


def _needs(arrival: Arrival, dtype: InMemory) -> str:
    return (
        f"{arrival.architecture}, {arrival.parameters:,} parameters: "
        f"{arrival.file_bytes / 1e6:,.1f} MB on the disk, "
        f"{arrival.memory_bytes(dtype) / 1e6:,.1f} MB in memory ({dtype})"
    )


@contextmanager
def _unpacked(source: Path, beside: Path) -> Iterator[Path]:
    """The folder itself; a zip's files are put beside what is being made, and removed again."""
    if source.is_dir():
        yield source
        return
    folder = beside / _UNPACKED
    try:
        with arriving.carried(source) as carrier:
            arriving.unpack(carrier, folder)
        yield folder
    finally:
        files.remove_folder(folder)


def _fill(draft: Draft, folder: Path, arrival: Arrival, report: Reporter) -> None:
    """Tokenizer, weights and licence; the cheapest refusals come first."""
    _, config = read_config(folder)
    (draft.folder / TOKENIZER).mkdir()
    facts = take_over(folder, draft.folder / TOKENIZER, report)
    if facts is None:
        raise _Stopped
    if facts["vocab_size"] > config.vocab_size:
        raise CheckpointError(
            f"The tokenizer has {facts['vocab_size']:,} tokens and the model knows "
            f"{config.vocab_size:,}; use the tokenizer that the model was trained with."
        )
    _copy_weights(folder, draft.folder, report)
    arriving.keep_licence(folder, draft.folder)
    keep_chat_template(folder, draft.folder / TOKENIZER)
    draft.details.update(
        model=config.to_json(),
        step=0,
        parameters=arrival.parameters,
        architecture=arrival.architecture,
        licence=arrival.licence,
        tokenizer=facts,
    )


def _copy_weights(folder: Path, target: Path, report: Reporter) -> None:
    """Write our tensors, cut from the published ones, one at a time.

    Raises: CheckpointError listing what does not fit, or is not finite.
    """
    family, config = read_config(folder)
    stored = {
        family.full_name(name): tensor
        for name, tensor in stored_tensors(folder).items()
        if not is_leftover(name, config)
    }
    published, shapes = family.tensors(config), tensor_shapes(config)
    require_shapes(stored, {one.name: one.shape(shapes) for one in published}, folder.name)
    plan = {
        name: torch.empty(shapes[name], dtype=stored[one.name].dtype, device="meta")
        for one in published
        for name in one.ours
    }
    write_stream(target, plan, _checked(published, stored, shapes, report))


def _checked(
    published: list[Published],
    stored: dict[str, StoredTensor],
    shapes: dict[str, tuple[int, ...]],
    report: Reporter,
) -> Iterator[tuple[str, Tensor]]:
    for done, one in enumerate(published):
        if report.should_stop():
            raise _Stopped
        tensor = stored[one.name].read()
        if not is_finite(tensor):
            raise CheckpointError(
                f"Some weights are not finite numbers: {listing([one.name])}. The file is "
                "damaged, or the training that wrote it diverged; fetch it again."
            )
        report(0.1 + 0.85 * done / len(published), f"Copying weights: {one.name}")
        yield from one.split(tensor, shapes)
