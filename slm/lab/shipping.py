"""Make a finished run small enough to ship with the app.

What only continuing the training would need goes; of the text that it learned from,
the first documents stay, so that the chapters have something to show beside it.
"""

from dataclasses import replace

from slm import files
from slm.data.corpus import PrepareConfig, prepare_corpus
from slm.tokenizer.encoding import tokens_for
from slm.training.rates import MACHINE
from slm.training.runs import CONFIG, TOKEN_FILES, RunSettings
from slm.workspace import Artefact, Workspace

SHIPPED_DOCUMENTS = 2_000


def slim(workspace: Workspace, run: Artefact, source: str, seed: int, owner: str) -> None:
    """Drop checkpoints (the last snapshot holds the same weights) and most of the text.

    The run then names the shortened corpus and tokens as its parents, and says in its
    details how many documents it has really learned from. An embedded source tells the
    same first documents again, in the same splits.
    """
    parents = run.manifest.parents
    whole = workspace.corpora.get(parents["corpus"].id)
    tokenizer = workspace.tokenizers.get(parents["tokenizer"].id)
    config = PrepareConfig(
        source=source, name=whole.name, documents=SHIPPED_DOCUMENTS, seed=seed, keep_original=False
    )
    corpus = prepare_corpus(workspace, config, owner=owner)
    assert corpus is not None, "nobody can stop this"
    tokens = tokens_for(workspace, corpus.artefact, tokenizer, owner=owner)
    assert tokens is not None, "nobody can stop this"
    settings = replace(
        RunSettings.read(run.folder),
        corpus=corpus.artefact.id,
        tokens=tokens.id,
        token_files={name: str(tokens.manifest.files[name]["sha256"]) for name in TOKEN_FILES},
    )
    files.write_json(run.folder / CONFIG, settings.to_json(), checked=True)
    files.remove_folder(run.folder / "ckpt")
    (run.folder / MACHINE).unlink(missing_ok=True)  # it is not the visitor's
    manifest = replace(
        run.manifest,
        parents={
            **parents,
            "corpus": corpus.artefact.as_parent(),
            "tokens": tokens.as_parent(),
        },
        details={
            **run.manifest.details,
            "learned_from": f"the first {whole.details['documents']:,} documents of {source}; "
            f"the first {SHIPPED_DOCUMENTS:,} of them ship with it",
        },
        files=files.file_entries(run.folder),
    )
    files.write_json(run.folder / files.MANIFEST, manifest.to_json(), checked=True)
    workspace.tokens.delete(parents["tokens"].id)
    workspace.corpora.delete(whole.id)
