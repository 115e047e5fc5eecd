"""A run's token files, opened when they are proven to be those that it was made for."""

from pathlib import Path

from slm import files
from slm.data.batches import TokenFile
from slm.errors import DataError
from slm.training.runs import RunSettings


def open_tokens(settings: RunSettings, folder: Path) -> tuple[TokenFile, TokenFile | None]:
    """The files to train on and to validate with; None where there is no validation text.

    Raises: DataError that names the file that is missing or changed.
    """
    for name, expected in settings.token_files.items():
        path = folder / name
        if not path.exists():
            raise DataError(
                f"The token file {name} of this run is gone ({folder.name}). "
                "Restore it, or start a new run."
            )
        if files.sha256_of(path) != expected:
            raise DataError(
                f"The token file {name} ({folder.name}) changed since this run was made, so the "
                "run cannot go on as it began. Restore the file, or start a new run."
            )
    train_tokens = TokenFile(folder / "train.bin", settings.document_end, settings.train.windows)
    has_val = "val.bin" in settings.token_files
    val_tokens = TokenFile(folder / "val.bin") if has_val else None
    return train_tokens, val_tokens if val_tokens is not None and len(val_tokens) > 1 else None
