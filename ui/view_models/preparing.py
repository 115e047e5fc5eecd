"""Saving a corpus in words: the command line behind the button, what it will do, what it made."""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from slm.config import Config
from slm.data.corpus import PrepareConfig
from ui.texts import tr
from ui.view_models.jobs import size


def prepare_argv(config: PrepareConfig) -> list[str]:
    """The command line that prepares this corpus; settings at their defaults are left out.

    >>> prepare_argv(PrepareConfig(name="Mine", rules=("lower_case",)))
    ['prepare', '--source=tales', '--name=Mine', '--rules', 'lower_case']
    """
    values = config.to_json()
    plain = PrepareConfig().to_json()
    argv = ["prepare", f"--source={config.source}"]
    for field, value in values.items():
        if field in {"source", "rules"} or value == plain[field]:
            continue
        argv.append(f"--{field.replace('_', '-')}={value}")
    if values["rules"] != plain["rules"]:
        argv += ["--rules", *config.rules]
    return argv


def offline_argv(argv: Sequence[str]) -> list[str]:
    """The same work, with nothing but what has been downloaded.

    >>> offline_argv(["prepare", "--source=hub:a/b", "--rules", "lower_case"])
    ['prepare', '--hub-offline=True', '--source=hub:a/b', '--rules', 'lower_case']
    """
    return [argv[0], "--hub-offline=True", *argv[1:]]


def work_key(argv: Sequence[str]) -> str:
    """The same for the same work, so that starting it twice starts it once."""
    return hashlib.sha256("\0".join(argv).encode(errors="replace")).hexdigest()[:24]


def plan(config: PrepareConfig, *, needs_network: bool = False) -> str:
    """How much will be saved and held out, in a sentence."""
    limits = [
        tr("the first {documents:,} documents").format(documents=config.documents)
        if config.documents
        else ""
    ]
    limits.append(
        tr("at most {max_megabytes:g} MB").format(max_megabytes=config.max_megabytes)
        if config.max_megabytes
        else ""
    )
    much = ", ".join(limit for limit in limits if limit) or tr("all documents")
    held_out = tr("{validation_fraction:.0%} held out").format(
        validation_fraction=config.validation_fraction
    )
    fetched = tr(" Fetches from the Hub what is not here yet.") if needs_network else ""
    return tr("Saves {much}, about {held_out}.{fetched} It goes on when this page closes.").format(
        much=much, held_out=held_out, fetched=fetched
    )


def arguments(config: Config, plain: Config) -> str:
    """The settings that differ from `plain`, as Python writes them in a call.

    >>> arguments(PrepareConfig(seed=3), PrepareConfig())
    'seed=3'
    """
    fields = type(config).model_fields
    values = {name: getattr(config, name) for name in fields}
    return ", ".join(f"{k}={v!r}" for k, v in values.items() if v != getattr(plain, k))


def corpus_summary(details: Mapping[str, Any]) -> str:
    """How large a saved corpus is, in a sentence."""
    train, val = details["train"]["documents"], details["val"]["documents"]
    return tr("{bytes} of text: {train:,} documents to train on, {val:,} held out.").format(
        bytes=size(details["bytes"]), train=train, val=val
    )
