"""A published model becomes one of the workspace, and harmful or broken ones cost a sentence."""

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers
from safetensors.torch import load_file, save_file

from slm.attention.maps import attention_maps
from slm.errors import (
    CheckpointError,
    DataError,
    HubError,
    NoMemoryError,
    SlmError,
    TokenizerError,
)
from slm.exchange import arriving
from slm.exchange.importing import ImportConfig, folder_at, import_model, keep_upload, look_at
from slm.exchange.pretrained import load_pretrained
from slm.lab.evaluation import EvaluateConfig, evaluate_run
from slm.lab.reports import (
    attention_report,
    checkpoint_at,
    open_run,
    require_trained_here,
)
from slm.model.checkpoint import load_checkpoint
from slm.tokenizer.fast import Tokenizer
from slm.workspace import Workspace

TEXT = "the cat sat on the mat, the dog sat on the log "
CARD = "---\nlanguage: en\nlicense: apache-2.0\n---\n# A model\nlicense: none of your business\n"


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny GPT-2 whose table has 20 rows more than its tokenizer has tokens."""
    folder = tmp_path_factory.mktemp("hub") / "tiny-gpt2"
    torch.manual_seed(0)
    settings = transformers.GPT2Config(
        vocab_size=290, n_positions=32, n_embd=16, n_layer=2, n_head=2, initializer_range=0.3
    )
    transformers.GPT2LMHeadModel(settings).save_pretrained(folder)
    Tokenizer.train([TEXT * 9], vocab_size=270).save(folder)
    (folder / "README.md").write_text(CARD)
    return folder


@pytest.fixture()
def copy(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "copy"))


@pytest.fixture()
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def imported(workspace: Workspace, source: Path, name: str = ""):
    made = import_model(workspace, ImportConfig(source=str(source), name=name))
    assert made is not None
    return made


def packed(folder: Path, target: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in folder.iterdir():
            archive.write(path, inside + path.name)
    return target


def test_an_imported_model_computes_what_the_folder_computes(workspace, published):
    made = imported(workspace, published)
    theirs, tokenizer = load_pretrained(published)
    opened = open_run(made)
    ids = tokenizer.encode("the cat sat")
    assert made.name == "tiny-gpt2" and opened.step == 0
    torch.testing.assert_close(opened.model(torch.tensor([ids])), theirs(torch.tensor([ids])))
    assert opened.tokenizer.encode("the cat sat") == ids


def test_the_artefact_has_the_form_of_a_checkpoint_and_says_where_it_is_from(workspace, published):
    made = imported(workspace, published, "my model")
    assert load_checkpoint(made.folder).config.vocab_size == 290
    assert made.details["licence"] == "apache-2.0"
    assert made.details["imported_from"] == "tiny-gpt2"
    assert made.details["architecture"] == "GPT2LMHeadModel"
    assert made.details["memory_bytes"] == 4 * made.details["parameters"]
    assert set(made.manifest.files) >= {"model.safetensors", "tokenizer/tokenizer.json"}


def test_what_a_model_needs_is_known_before_its_weights_are_read(copy):
    weights = copy / "model.safetensors"
    n_bytes = weights.stat().st_size
    weights.write_bytes(b"\0" * n_bytes)
    arrival = look_at(copy)
    assert arrival.file_bytes == n_bytes
    rows, blocks = 290 * 16 + 32 * 16, 2 * (12 * 16 * 16 + 13 * 16)  # GPT-2: 12 d² + 13 d a block
    assert arrival.parameters == rows + blocks + 2 * 16


@pytest.mark.parametrize("inside", ["", "tiny/"])
def test_a_zip_gives_the_same_model_and_leaves_nothing_behind(
    workspace, published, tmp_path, inside
):
    path = packed(published, tmp_path / "m.zip", inside)
    kept = keep_upload(workspace, "../my model.zip", path.read_bytes())
    assert kept.name == "my model.zip"
    made = imported(workspace, kept, "zipped")
    again = imported(workspace, published)
    assert made.manifest.files["model.safetensors"] == again.manifest.files["model.safetensors"]
    assert not [path for path in made.folder.rglob("*") if ".unpacked" in path.parts]
    assert not list(workspace.models.folder.glob(".*"))


def test_number_formats_stay_as_published(workspace, copy):
    weights = load_file(copy / "model.safetensors")
    half = {name: tensor.to(torch.bfloat16) for name, tensor in weights.items()}
    save_file(half, copy / "model.safetensors")
    made = imported(workspace, copy)
    stored = load_file(made.folder / "model.safetensors")
    assert {tensor.dtype for tensor in stored.values()} == {torch.bfloat16}
    assert open_run(made).model.dtype == torch.float32


def test_a_model_can_be_used_in_half_the_memory(workspace, copy):
    """Its weights are stored in float32 here, and rounded when it is opened."""
    made = import_model(workspace, ImportConfig(source=str(copy), dtype="bfloat16"))
    assert made is not None and made.details["memory_bytes"] == 2 * made.details["parameters"]
    opened = open_run(made)
    assert opened.model.dtype == torch.bfloat16
    whole = load_checkpoint(made.folder)
    assert whole.dtype == torch.float32  # who trains it on asks for this
    told = attention_report(opened, "the cat sat on the mat", None)
    assert told["tokens"] == len(opened.tokenizer.encode("the cat sat on the mat"))


def test_rows_without_a_token_are_shown_by_their_number(workspace, published):
    tokenizer = open_run(imported(workspace, published)).tokenizer
    assert tokenizer.vocab_size == 290
    assert tokenizer.decode([tokenizer.encode("c")[0], 285]) == "c⟨id 285⟩"
    stream = tokenizer.decoder()
    assert (stream.push(285), stream.flush()) == ("⟨id 285⟩", "")


def _pickle(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _nan(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    weights["transformer.wte.weight"][3, 3] = torch.nan
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _cut(folder: Path) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def _no_tokenizer(folder: Path) -> None:
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.json").write_text("{}")


def _foreign(folder: Path) -> None:
    settings = json.loads((folder / "config.json").read_text())
    settings |= {"architectures": ["MambaForCausalLM"], "model_type": "mamba"}
    (folder / "config.json").write_text(json.dumps(settings))


def _nested(folder: Path) -> None:
    (folder / "config.json").write_text("[" * 100_000)


def _with_weights(folder: Path, **changes: torch.Tensor | None) -> None:
    weights = load_file(folder / "model.safetensors")
    weights |= {name: tensor for name, tensor in changes.items() if tensor is not None}
    for name in [name for name, tensor in changes.items() if tensor is None]:
        del weights[name]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})


def _missing(folder: Path) -> None:
    _with_weights(folder, **{"transformer.ln_f.bias": None, "transformer.h.1.ln_1.weight": None})


def _extra(folder: Path) -> None:
    _with_weights(folder, **{"transformer.h.7.ln_1.weight": torch.ones(16)})


def _shaped(folder: Path) -> None:
    _with_weights(folder, **{"transformer.ln_f.bias": torch.ones(17)})


def _whole_numbers(folder: Path) -> None:
    _with_weights(folder, **{"transformer.ln_f.bias": torch.ones(16, dtype=torch.int64)})


def _header(text: bytes, behind: bytes = b"") -> Callable[[Path], None]:
    data = len(text).to_bytes(8, "little") + text + behind
    return lambda folder: (folder / "model.safetensors").write_bytes(data) and None


def _settings(**changes: object) -> Callable[[Path], None]:
    def harm(folder: Path) -> None:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return harm


def _other_tokenizer(folder: Path) -> None:
    longer = "It was the best of times, it was the worst of times; we had everything. "
    Tokenizer.train([longer * 9], vocab_size=292).save(folder)


@pytest.mark.parametrize(
    ("harm", "error", "said"),
    [
        (_pickle, CheckpointError, "pytorch_model.bin is a pickle.*refused.*safetensors"),
        (_nan, CheckpointError, "not finite numbers: .*wte"),
        (_cut, CheckpointError, "model.safetensors"),
        (_no_tokenizer, TokenizerError, "vocab.json is a tokenizer in another form.*tokenizer.jso"),
        (_foreign, CheckpointError, "Mamba"),
        (_missing, CheckpointError, "missing: transformer.ln_f.bias, .*h.1.ln_1.weight"),
        (_extra, CheckpointError, "not part of this model: transformer.h.7"),
        (_shaped, CheckpointError, r"of another shape: .*ln_f.bias .17. for .16."),
        (_whole_numbers, CheckpointError, "not floating-point: transformer.ln_f.bias"),
        (_header(b"{" * 900_000), CheckpointError, "no sound safetensors file: .*JSON"),
        (_header(b'{"a":1,"a":2}'), CheckpointError, "a name stands twice"),
        (_header(b'{"a":[]}'), CheckpointError, "not described by dtype"),
        (
            _header(b'{"a":{"dtype":"F32","shape":[99999999999],"data_offsets":[0,4]}}', b"1234"),
            CheckpointError,
            "4 bytes, which its shape does not give",
        ),
        (_settings(n_embd=10**9), CheckpointError, "config.json cannot be used"),
        (_settings(n_layer=4_000), (CheckpointError, NoMemoryError), "n_layer|missing: "),
        (_settings(vocab_size=10**7), (CheckpointError, NoMemoryError), "vocab_size|shape|GB"),
        (_nested, CheckpointError, "damaged"),
        (_other_tokenizer, CheckpointError, "292 tokens and the model knows 290"),
        (lambda folder: (folder / "config.json").unlink(), CheckpointError, "has no config.json"),
    ],
)
def test_what_cannot_be_used_costs_a_sentence_and_leaves_nothing(
    workspace,
    copy,
    harm: Callable[[Path], None],
    error: type[SlmError] | tuple[type[SlmError], ...],
    said: str,
):
    harm(copy)
    with pytest.raises(error, match=said):
        import_model(workspace, ImportConfig(source=str(copy)))
    assert workspace.models.list() == []
    assert not list(workspace.models.folder.glob(".tmp-*"))


@pytest.mark.parametrize("typed", ["x" * 5_000, "/root\0", "/nowhere/at/all", "/dev/null"])
def test_a_path_that_is_none_costs_a_sentence(typed: str):
    with pytest.raises(CheckpointError, match=r"no folder|cannot be read"):
        look_at(folder_at(typed))


def test_the_folder_of_an_unknown_user_costs_a_sentence():
    with pytest.raises(CheckpointError, match="names no folder"):
        folder_at("~nobody-of-this-name/models")


def test_code_beside_the_weights_is_not_taken_along(workspace, copy):
    (copy / "modeling_tiny.py").write_text("raise SystemExit")
    made = imported(workspace, copy)
    assert not list(made.folder.rglob("*.py"))


def test_a_zip_that_leads_outside_or_is_broken_is_refused(workspace, published, tmp_path):
    path = tmp_path / "m.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in published.iterdir():
            archive.write(file, f"../../{file.name}")
    made = imported(workspace, path, "flat")  # names alone count: nothing lands elsewhere
    assert made.folder.parent == workspace.models.folder
    assert not (tmp_path / "model.safetensors").exists()
    path.write_bytes(path.read_bytes()[:400])
    with pytest.raises(CheckpointError, match="cannot be unpacked"):
        look_at(path)
    packed(published, path)
    data = bytearray(path.read_bytes())
    data[300:2_000] = bytes(1_700)
    path.write_bytes(data)
    with pytest.raises(SlmError):
        imported(workspace, path)
    assert [each.name for each in workspace.models.list()] == ["flat"]


def test_a_model_that_would_not_fit_is_refused_before_it_is_copied(
    workspace, published, monkeypatch
):
    monkeypatch.setattr(arriving, "available_memory", lambda: 1_000)
    with pytest.raises(NoMemoryError, match=r"GB of memory in float32.*Bring a smaller model"):
        import_model(workspace, ImportConfig(source=str(published)))
    needed = look_at(published).memory_bytes("bfloat16")
    monkeypatch.setattr(arriving, "available_memory", lambda: needed)
    with pytest.raises(NoMemoryError, match=r"In bfloat16 it takes .* choose that"):
        import_model(workspace, ImportConfig(source=str(published)))
    assert workspace.models.list() == []
    assert arriving.fitting(look_at(published)) == "bfloat16"


def test_a_zip_bomb_is_stopped_at_the_room_there_is(workspace, published, tmp_path, monkeypatch):
    """50 MB of zeros in 50 kB: what a member claims is compared with the disk, then unpacked."""
    path = packed(published, tmp_path / "m.zip")
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("model-00001-of-00002.safetensors", bytes(50_000_000))
        archive.writestr("notes.txt", bytes(50_000_000))
    assert path.stat().st_size < 1_000_000
    usage = shutil.disk_usage(tmp_path)
    small = usage._replace(free=60_000_000) if hasattr(usage, "_replace") else usage
    monkeypatch.setattr(shutil, "disk_usage", lambda _: small)
    with pytest.raises(SlmError, match=r"free|disk|space"):
        imported(workspace, path)
    assert workspace.models.list() == []
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(arriving.MOST_MEMBERS + 1):
            archive.writestr(str(number), b"")
    with pytest.raises(CheckpointError, match=r"files, far more than a model has"):
        look_at(path)


def test_a_link_or_a_password_in_a_zip_is_refused(published, tmp_path):
    path = packed(published, tmp_path / "m.zip")
    link = zipfile.ZipInfo("tokenizer.json")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("config.json", b"{}")
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(CheckpointError, match="is a link"):
        look_at(path)


def test_an_address_is_no_name_of_a_model(workspace):
    with pytest.raises(HubError, match="write owner/name alone"):
        import_model(workspace, ImportConfig(source="https://huggingface.co/owner/name"))


class Impatient:
    """Asks to stop as soon as weights are copied."""

    def __init__(self) -> None:
        self.copying = False

    def __call__(self, fraction, message="", *, stage=None, **facts) -> None:
        self.copying |= message.startswith("Copying")

    def plan(self, stages) -> None:
        pass

    def should_stop(self) -> bool:
        return self.copying


def test_a_stopped_import_keeps_nothing(workspace, published):
    assert import_model(workspace, ImportConfig(source=str(published)), Impatient()) is None
    assert workspace.models.list() == []
    assert not list(workspace.models.folder.glob(".tmp-*"))


def test_runs_and_imported_models_are_found_by_one_name(workspace, published):
    made = imported(workspace, published, "both")
    assert workspace.get_model("both").id == workspace.get_model(made.id).id == made.id
    run = workspace.runs.open_folder("both", {"config.json": {}})
    assert workspace.get_model("both").id == run.id
    assert workspace.get_model(made.id).imported and not run.imported
    assert [each.id for each in workspace.all_models()] == [run.id, made.id]
    with pytest.raises(SlmError, match="no model 'neither'; there are: 'both', 'both'"):
        workspace.get_model("neither")


def test_reports_work_with_it_and_say_what_is_not_there(workspace, published, tmp_path):
    made = imported(workspace, published)
    told = attention_report(open_run(made), "the cat sat on the mat", tmp_path / "maps.npz")
    with np.load(tmp_path / "maps.npz") as maps:
        np.testing.assert_array_equal(
            maps["weights"], attention_maps(open_run(made).model, maps["ids"])
        )
    assert (told["layers"], told["heads"]) == (2, 2)
    with pytest.raises(DataError, match="trained elsewhere"):
        evaluate_run(workspace, made, EvaluateConfig())
    text = tmp_path / "text.txt"
    text.write_text("the cat sat on the mat")
    measured = evaluate_run(workspace, made, EvaluateConfig(text_file=text))
    assert measured["model"]["perplexity"] > 1 and "bigram" not in measured
    with pytest.raises(CheckpointError, match="leave the step out"):
        checkpoint_at(made, 100)
    with pytest.raises(DataError, match="losses and snapshots are not here"):
        require_trained_here(made)
    workspace.models.delete(made.id)
    with pytest.raises(CheckpointError, match="deleted"):
        checkpoint_at(made)
