"""The cells that make a run again: text, tokenizer, tokens, model, training, each compared.

Says in words what `lineage` found, and writes the lines of `slm` that do the same once more.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from slm.data.corpus import CORPUS_PREFIX, PrepareConfig
from slm.exchange.cells import Cell, code, words
from slm.exchange.lineage import CorpusMade, Given, Lineage, TokenizerMade
from slm.exchange.notebook_training import run_cells, same_file
from slm.exchange.python_text import config_names, import_lines, literal, settings
from slm.model.config import ModelConfig
from slm.tokenizer.importing import ImportConfig


def making_cells(lineage: Lineage) -> Iterator[Cell]:
    """From the sources to the trained run, which the last of these cells calls `run`."""
    numbered = enumerate(lineage.corpora, start=1)
    alone = len(lineage.corpora) == 1
    corpora = {made.id: "corpus" if alone else f"corpus_{number}" for number, made in numbered}
    if lineage.corpora:
        yield words(
            """
            ## 1 Data

            Text is collected, cleaned by rules in their order, and split: some documents are kept
            from training, to validate with. Which ones is decided by each document's own text.
            """
        )
        for made in lineage.corpora:
            yield code(_corpus(made, corpora))
    if lineage.tokenizer is not None:
        yield from _tokens_cells(lineage, lineage.tokenizer, corpora)
        yield from _model_cells(lineage.runs[0].settings.model)
    names = {
        run.id: "run" if run is lineage.runs[-1] else f"run_{number}"
        for number, run in enumerate(lineage.runs, start=1)
    }
    main = corpora.get(lineage.tokens_corpus, "corpus")
    for before, run in zip([None, *lineage.runs], lineage.runs, strict=False):
        yield from run_cells(run, before, names, main, lineage)


def _corpus(made: CorpusMade, names: dict[str, str]) -> str:
    name, given, lines = names[made.id], {}, []
    imports = {"slm.data.corpus:PrepareConfig", "slm.data.corpus:prepare_corpus"}
    imports.add("slm.exchange.repeating:told")
    config = made.config
    if made.cleaned_anew is not None:
        given["source"] = f'f"{CORPUS_PREFIX}{{{names[made.cleaned_anew]}.artefact.id}}"'
    elif made.from_folder:
        imports.add("slm.exchange.repeating:given_folder")
        lines = [_folder(made.files, f"texts_of_{name}")]
        given["source"] = f"texts_of_{name}.as_posix()"
    elif made.files:
        imports.add("slm.exchange.repeating:given_file")
        (file,) = made.files
        lines = [
            f"text_of_{name} = given_file(\n    {literal(_place(file))},\n    "
            f"{literal(file.sha256)},\n)"
        ]
        given["source"] = f"text_of_{name}.as_posix()"
        config = _named(config, file)
    made_of = f"{name} = prepare_corpus(workspace, {settings(config, given=given)}, report)"
    compared = []
    if made.train_documents is not None:
        now = f'{name}.counts("train")["documents"]'
        compared = [f'print(told("Training documents", {now}, {made.train_documents}))']
    if lines:
        imports.add("pathlib:Path")
    return "\n\n".join([import_lines(imports), "\n".join([*lines, made_of, *compared])])


def _named(config: PrepareConfig, file: Given) -> PrepareConfig:
    """A corpus without a name of its own was called like its file."""
    return config if config.name else config.replace(name=file.name.rpartition(".")[0][:80])


def _place(file: Given) -> Path:
    """Where it lies, or where the script looks for it."""
    return file.path or Path(file.name)


def _folder(given: Sequence[Given], name: str) -> str:
    inside = [
        f"        {literal(file.name)}: ({literal(_place(file))}, {literal(file.sha256)}),"
        for file in given
    ]
    folder = f'workspace.root / "{name}"'
    return "\n".join([f"{name} = given_folder(", f"    {folder},", "    {", *inside, "    },", ")"])


def _tokens_cells(
    lineage: Lineage, tokenizer: TokenizerMade, corpora: dict[str, str]
) -> Iterator[Cell]:
    corpus = corpora[lineage.tokens_corpus]
    imports = {"slm.exchange.repeating:told", "slm.files:sha256_of"}
    if tokenizer.config is not None and tokenizer.corpus is not None:
        learned = (
            "The tokenizer joins the pair of neighbours that is most frequent, again and again, "
            "until its vocabulary is full."
            if tokenizer.config.kind == "bpe"
            else "The tokenizer is learned from the training texts."
        )
        imports.add("slm.tokenizer.encoding:train_tokenizer")
        imports |= config_names(tokenizer.config)
        given = {"corpus": f"{corpora[tokenizer.corpus]}.artefact.id"}
        made = settings(tokenizer.config, given=given)
        call = f"tokenizer = train_tokenizer(workspace, {made}, report)"
    else:
        learned = "The tokenizer is taken as it is from the run's folder."
        config = ImportConfig(file=str(tokenizer.folder), name=tokenizer.name)
        imports |= {"slm.tokenizer.importing:import_tokenizer", *config_names(config)}
        call = f"tokenizer = import_tokenizer(workspace, {settings(config)}, report)"
    yield words(f"## 2 Tokenizer\n\n{learned}")
    compared = ""
    if tokenizer.sha256 is not None and tokenizer.config is not None:
        compared = (
            '\nmade = sha256_of(tokenizer.folder / "tokenizer.json")\n'
            f'print(told("tokenizer.json", made, {literal(tokenizer.sha256)}))'
        )
    yield code(f"{import_lines(imports)}\n\n{call}{compared}")
    yield words("Then every document becomes token ids. Training reads nothing but these.")
    lines = [
        "from slm.tokenizer.encoding import encode_corpus",
        "",
        "tokens = encode_corpus(",
        f"    workspace, {corpus}.artefact, tokenizer, report, "
        f"separator={literal(lineage.separator)}",
        ")",
    ]
    if not lineage.runs[0].shipped:
        lines += [
            same_file("tokens.folder", name, sha256)
            for name, sha256 in lineage.runs[0].settings.token_files.items()
        ]
    yield code("\n".join(lines))


def _model_cells(model: ModelConfig) -> Iterator[Cell]:
    yield words(
        """
        ## 3 Model

        A row of equal blocks, each of attention and a feed-forward part. These numbers decide how
        large it is; what it knows comes from training.
        """
    )
    imports = import_lines({"slm.model.config:parameter_counts", *config_names(model)})
    counted = 'print(f"{sum(parameter_counts(model_config).values()):,} parameters")'
    yield code(f"{imports}\n\nmodel_config = {settings(model)}\n{counted}")
