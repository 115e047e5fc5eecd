"""The cells that train a run again: as then, with every change, stop and fork, and compared."""

from collections.abc import Iterator

from slm.exchange.cells import Cell, code, said, words
from slm.exchange.lineage import Base, Lineage, RunMade
from slm.exchange.python_text import config_names, import_lines, literal, settings
from slm.tokenizer.separators import Separator


def run_cells(
    run: RunMade, before: RunMade | None, names: dict[str, str], corpus: str, lineage: Lineage
) -> Iterator[Cell]:
    name = names[run.id]
    if run.shipped and name != "run":
        yield words(f"## 4 Training\n\nThe run {said(run.name)} ships with the app.")
        yield code(f"{name} = workspace.runs.get({literal(run.id)})")
        return
    yield words(_training_words(run, before, lineage.base))
    threads = run.surroundings.get("threads")
    config = run.train
    if config.threads is None and isinstance(threads, int):
        config = config.replace(threads=threads)
    imports = {*config_names(config), "slm.exchange.repeating:told"}
    imports |= {"slm.lab.snapshots:observers_for", "slm.exchange.repeating:last_losses"}
    lines = [f"train_config = {settings(config)}"]
    if before is None and lineage.base is not None:
        imports |= {"slm.training.finetune:finetune_run", "slm.files:sha256_of", "pathlib:Path"}
        lines += _finetune_lines(run, name, corpus, lineage.base, lineage.separator)
    elif before is None:
        imports.add("slm.training.runs:create_run")
        lines += [
            f"{name} = create_run(",
            f"    workspace, model_config, train_config, {corpus}.artefact, tokenizer, tokens,",
            f"    name={literal(run.name)},",
            ")",
        ]
    else:
        imports.add("slm.training.fork:fork_run")
        parent = names[before.id]
        if run.from_copy and not before.shipped:
            imports.add("slm.exchange.repeating:drop_checkpoint")
            lines.append(f"drop_checkpoint({parent}.folder, {run.begins_at})")
        lines.append(
            f"{name} = fork_run(workspace, {parent}, {run.begins_at}, train_config, "
            f"name={literal(run.name)})"
        )
    if run.changes:
        imports.add("slm.exchange.repeating:plan_changes")
        rows = [
            f"        ({event.step}, {literal(event.field)}, {literal(_plain(event.old))}, "
            f"{literal(_plain(event.new))}),"
            for event in run.changes
        ]
        lines += [f"plan_changes(\n    {name}.folder,", "    [", *rows, "    ],", ")"]
    if not run.complete:
        imports.add("slm.exchange.repeating:end_at")
        lines.append(f"end_at({name}.folder, {run.end}, {_steps_in_force(run)})")
    lines.append(f'token_files = workspace.tokens.get({name}.manifest.parents["tokens"].id).folder')
    if before is None and lineage.base is not None:
        lines += [same_file("token_files", *each) for each in run.settings.token_files.items()]
    lines += _train_lines(run, name, imports)
    yield code(import_lines(imports) + "\n\n" + "\n".join(lines))
    compared = [
        f'print(told("{what} at step {at[0]:,}", losses.get("{key}"), {at[1]!r}))'
        for what, key, at in (
            ("Training loss", "train_nats", run.losses.train),
            ("Validation loss", "val_nats", run.losses.val),
        )
        if at is not None
    ]
    if compared:
        yield code("\n".join([f"losses = last_losses({name}.folder)", *compared]))


def _finetune_lines(
    run: RunMade, name: str, corpus: str, base: Base, separator: Separator
) -> list[str]:
    step = f"step={base.step}, " if base.kind == "runs" else ""
    shelf = "models" if base.kind == "models" else "runs"
    return [
        f"base = Workspace({literal(base.root)}).{shelf}.get({literal(base.id)})",
        f"{name} = finetune_run(",
        f"    workspace, base, {corpus}.artefact, train_config, {step}name={literal(run.name)},",
        f"    separator={literal(separator)}, report=report,",
        ")",
    ]


def _train_lines(run: RunMade, name: str, imports: set[str]) -> list[str]:
    processes = run.surroundings.get("processes", 1)
    if isinstance(processes, int) and processes > 1:
        imports.discard("slm.lab.snapshots:observers_for")
        imports.add("slm.training.launch:train_in_processes")
        return [
            f"train_in_processes({name}.folder, {processes}, report=report, tokens=token_files)"
        ]
    imports.add("slm.training.trainer:train")
    return [
        f"observers = observers_for({name}.folder, token_files)",
        f"train({name}.folder, observers=observers, report=report, tokens=token_files)",
    ]


def _training_words(run: RunMade, before: RunMade | None, base: Base | None) -> str:
    told = "## 4 Training\n\n"
    if before is None and base is not None:
        told += (
            f"Fine-tuning: the training begins with the weights of {said(base.name)} and keeps its "
            "shape and its tokenizer."
        )
    elif before is None:
        told += (
            "Step by step the model guesses the next token, and is changed a little so that it "
            "would have guessed better."
        )
    else:
        told += f"The run {said(run.name)} goes on from step {run.begins_at:,} of the one before."
        if run.from_copy:
            told += " It began with a snapshot: weights in half precision, a fresh optimizer."
    if run.seconds and before is None:
        told += f" It took about {_duration(run.seconds)} then."
    if run.changes:
        told += (
            " Settings were changed while it was trained; each change is planned here for its "
            "step, with the value before and after."
        )
    if not run.complete:
        told += (
            f" It ends at step {run.end:,}, as it did then; the learning rates are those of the "
            "longer plan."
        )
    return told


def _steps_in_force(run: RunMade) -> int:
    steps = run.train.steps
    for event in run.changes:
        if event.field == "steps":
            steps = int(event.new)
    return steps


def _plain(value: object) -> object:
    """A value of the log as it was asked for: JSON has lists where settings have tuples."""
    return tuple(value) if isinstance(value, list) else value


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:,.0f} min" if seconds < 5_400 else f"{seconds / 3600:,.1f} h"


def same_file(folder: str, name: str, sha256: str) -> str:
    made = f"sha256_of({folder} / {literal(name)})"
    return f"print(told({literal(name)}, {made}, {literal(sha256)}))"
