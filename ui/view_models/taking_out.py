"""Models that leave, in words: the forms there are, what left, and what its proof found."""

import shlex
from dataclasses import dataclass

from slm.errors import WorkspaceError
from slm.exchange.agreement import TO_KNOW
from slm.exchange.formats import FORMATS
from slm.exchange.outgoing import Format, Proof
from slm.exchange.taking_out import content_of, number_format_of, read_proof
from slm.workspace import Artefact, folder_bytes
from ui.texts import tr
from ui.view_models.jobs import size
from ui.view_models.library import LARGEST_DOWNLOAD, when

NUMBERS_HELP = tr(
    "How each weight is stored. float32 (4 bytes) is what the model computes with here; bfloat16 "
    "and float16 (2) round to about 3 and 4 digits, q8_0 (about 1) to fewer than 3. The proof says "
    "how far that moves the model."
)
SHOWN = 12
"""So many exports are shown, the newest; all are in the workspace's folder."""
_ICONS = {True: ":material/check:", False: ":material/close:", None: ":material/info:"}


@dataclass(frozen=True)
class ProofView:
    """What a check found. `rows`: an icon, what was compared, what came of it."""

    verdict: str
    passed: bool | None
    opened_with: str
    rows: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True)
class ExportView:
    """One model that left. `name`, `folder` and `problem` may hold foreign text."""

    id: str
    name: str
    facts: str
    folder: str
    size: str
    file_name: str
    can_download: bool
    can_prove: bool
    proof: ProofView | None
    problem: str | None


def usual_numbers(chosen: Format, source: Artefact) -> int:
    """The place of the number format that is offered first."""
    return chosen.number_formats.index(number_format_of(chosen, source))


def proof_view(proof: Proof) -> ProofView:
    """The verdict in a sentence, and every comparison as a row."""
    if proof.missing is not None:
        return ProofView(proof.missing, None, proof.opened_with, ())
    rows = tuple((_ICONS[each.passed], each.what, each.value) for each in proof.findings)
    notes = [each.value for each in proof.findings if each.what == TO_KNOW]
    program = proof.opened_with.partition(",")[0]
    verdict = (
        " ".join(
            [
                tr("Proof: opened with {program}, it is the same model.").format(program=program),
                *notes,
            ]
        )
        if proof.passed
        else tr(
            "Opened with {program}, it is not the same model. Do not use what was written."
        ).format(program=program)
    )
    return ProofView(verdict, proof.passed, proof.opened_with, rows)


def export_view(export: Artefact) -> ExportView:
    """An export as the Library shows it."""
    problem = export.problem
    folder = export.folder
    try:
        folder = content_of(export)
    except WorkspaceError as error:
        problem = problem or str(error)
    form = _format_of(export)
    proof = None if problem else read_proof(export.folder)
    n_bytes = folder_bytes(export)
    facts = [
        form.label if form is not None else str(export.details.get("format") or ""),
        str(export.details.get("number_format") or ""),
        _step(export),
        size(n_bytes),
        when(export.manifest.created),
    ]
    return ExportView(
        id=export.id,
        name=export.name,
        facts=" · ".join(fact for fact in facts if fact),
        folder=str(folder),
        size=size(n_bytes),
        file_name=f"{folder.name}.zip",
        can_download=problem is None and n_bytes <= LARGEST_DOWNLOAD,
        can_prove=problem is None and form is not None and form.prove is not None,
        proof=proof_view(proof) if proof is not None else None,
        problem=problem,
    )


def loading_lines(folder: str) -> str:
    """The three lines that open a Hugging Face folder elsewhere."""
    return (
        "from transformers import pipeline\n"
        f"write = pipeline('text-generation', {folder!r})\n"
        "print(write('Once upon a time', max_new_tokens=50)[0]['generated_text'])"
    )


def opening_lines(form: str, folder: str) -> tuple[str, str] | None:
    """How what was taken out is opened elsewhere, and in which language that is written."""
    if form == "hugging-face":
        return loading_lines(folder), "python"
    if form == "gguf":
        path = shlex.quote(f"{folder}/model.gguf")
        return f'llama-completion -m {path} -no-cnv -n 100 -p "Once upon a time"', "bash"
    if form == "onnx":
        return (
            "import onnxruntime\n"
            f"session = onnxruntime.InferenceSession({f'{folder}/model.onnx'!r})\n"
            "logits = session.run(None, {'input_ids': [[1, 2, 3]]})[0]",
            "python",
        )
    return None


def code_lines(root: str, run_id: str, step: int | None, chosen: Format, numbers: str) -> str:
    """Lines that take the model out, to be run from the app's folder."""
    at = f", step={step}" if step is not None else ""
    number_format = f", number_format={numbers!r}" if numbers else ""
    return (
        "from pathlib import Path\n\n"
        "from slm.exchange.outgoing import Outgoing\n"
        "from slm.exchange.taking_out import TakeOutConfig, take_out\n"
        "from slm.lab.reports import open_run\n"
        "from slm.workspace import Workspace\n\n"
        f"workspace = Workspace(Path({root!r}), read_only=[Path('demo')])\n"
        f"source = workspace.get_model({run_id!r})\n"
        f"opened = open_run(source{at})\n"
        "outgoing = Outgoing.of(opened.model, opened.tokenizer, name=opened.name,\n"
        "                       step=opened.step, source=source, workspace=workspace)\n"
        f"config = TakeOutConfig(format={chosen.key!r}{number_format})\n"
        "left = take_out(outgoing, config, Path('my-model'))\n"
        "print(left.folder, left.proof)\n"
    )


def export_argv(
    run_id: str, step: int | None, chosen: Format, numbers: str | None, writing: str | None
) -> list[str]:
    """The verb that does it, as a job."""
    argv = ["export", f"--run={run_id}", f"--format={chosen.key}", f"--writing={writing or ''}"]
    if step is not None:
        argv.append(f"--step={step}")
    if numbers:
        argv.append(f"--number-format={numbers}")
    return argv


def _format_of(export: Artefact) -> Format | None:
    key = export.details.get("format")
    return next((each for each in FORMATS if each.key == key), None)


def _step(export: Artefact) -> str:
    step = export.details.get("step")
    return tr("step {step:,}").format(step=step) if isinstance(step, int) and step > 0 else ""
