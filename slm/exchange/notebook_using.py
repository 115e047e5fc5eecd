"""The cells that use a model: open it, measure it, look at its heads, let it write.

Evaluations and settings of writing are those that were kept for it in the workspace.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from slm import files
from slm.errors import WorkspaceError
from slm.exchange.cells import Cell, code, said, words
from slm.exchange.python_text import config_names, import_lines, literal, settings
from slm.sampling.methods import WritingConfig
from slm.sampling.presets import BUILT_IN, presets_of
from slm.workspace import Artefact, Workspace

MOST_EVALUATIONS = 3
_EVALUATIONS = "evaluations"  # as `lab.kept_evaluations` writes them
_TEXT = "Once upon a time there was a small model. It read and read, and then it wrote."
_ELSEWHERE = ("corpus", "text_file", "against")


def using_cells(workspace: Workspace, model: Artefact, prompt: str) -> Iterator[Cell]:
    """Cells that begin with `run`, a model of `workspace` in the notebook."""
    yield words(
        """
        ## 5 Evaluation

        How well does it guess text that it has not seen? Perplexity: as unsure as between so many
        equally likely tokens. Bits per byte compares models of different tokenizers.
        """
    )
    yield code(
        "from slm.lab.evaluation import EvaluateConfig, evaluate_run\n"
        "from slm.lab.reports import head_labels, open_run\n\n"
        "opened = open_run(run)"
    )
    for config, found in _evaluations(workspace, model):
        yield code(_evaluation(config, found))
    yield words(
        """
        ## 6 Attention

        What each head does on a text, in a word, layer by layer.
        """
    )
    yield code(_heads())
    yield from _writing_cells(workspace, model, prompt)


def _heads() -> str:
    return "\n".join(
        [
            f"text = {literal(_TEXT)}",
            "ids = opened.tokenizer.encode(text)[: opened.model.config.context_length]",
            "for layer, labels in enumerate(head_labels(opened, ids)):",
            '    print(f"layer {layer}:", ", ".join(labels))',
        ]
    )


def _evaluations(
    workspace: Workspace, model: Artefact
) -> list[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Settings and figures of the newest kept measurements that need nothing but the model."""
    folder = workspace.root / _EVALUATIONS / model.id
    found: list[tuple[Mapping[str, Any], Mapping[str, Any]]] = []
    for path in sorted(folder.glob("*.json"), key=_age, reverse=True):
        try:
            held = files.read_json(path)
        except WorkspaceError:
            continue
        config, figures = held.get("config"), held.get("found")
        if not isinstance(config, dict) or not isinstance(figures, dict):
            continue
        if not any(config.get(name) for name in _ELSEWHERE):
            found.append((config, figures))
    usual: dict[str, Any] = {"text": _TEXT, "baselines": False} if model.imported else {}
    none_kept = {**usual, "resamples": 0, "documents": 0}
    return found[:MOST_EVALUATIONS] or [(none_kept, {})]


def _evaluation(config: Mapping[str, Any], found: Mapping[str, Any]) -> str:
    given = ", ".join(
        f"{name}={literal(value)}" for name, value in config.items() if name.isidentifier()
    )
    lines = [
        f"settings = EvaluateConfig({given})",
        'figures = evaluate_run(workspace, run, settings, report=report)["model"]',
        "print(f\"perplexity {figures['perplexity']:.4f}, {figures['bits_per_byte']:.4f} bits per "
        "byte, over {figures['tokens']:,} tokens\")",
    ]
    then = found.get("model", {}).get("perplexity")
    if isinstance(then, float):
        lines += [
            "from slm.exchange.repeating import told",
            f'print(told("Perplexity", figures["perplexity"], {then!r}))',
        ]
    return "\n".join(lines)


def _writing_cells(workspace: Workspace, model: Artefact, prompt: str) -> Iterator[Cell]:
    shelf = presets_of(workspace.root, model.id).presets
    chosen = [preset for preset in shelf if preset.own] or list(BUILT_IN)
    yield words(
        "## 7 Sampling\n\nThe model's probabilities become text. "
        + (
            "These settings were kept for it: "
            if chosen[0].own
            else "Three settings that come with the app: "
        )
        + ", ".join(said(preset.name) for preset in chosen)
        + "."
    )
    imports = {"slm.lab.writing:writing_report"}
    lines = ["settings_of = {"]
    for preset in chosen:
        idle = {"sampling", "beam", "contrastive"} - _used_by(preset.writing)
        imports |= config_names(preset.writing, without=idle)
        inner = settings(preset.writing, without=idle).replace("\n", "\n    ")
        lines.append(f"    {literal(preset.name)}: {inner},")
    lines += [
        "}",
        f"prompt = {literal(prompt)}",
        "for name, writing in settings_of.items():",
        '    for written in writing_report(opened, prompt, writing)["texts"]:',
        "        print(f\"--- {name}, seed {written['seed']}\")",
        '        print(prompt + written["text"])',
    ]
    yield code(import_lines(imports) + "\n\n" + "\n".join(lines))


def _used_by(writing: WritingConfig) -> set[str]:
    """Which of its parts the method reads."""
    return {"sampling" if writing.method == "greedy" else writing.method}


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
