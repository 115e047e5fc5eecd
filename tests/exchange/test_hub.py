"""Models come from a Hub that breaks off, hangs, refuses, or lies; the real client talks to it."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
import transformers

from slm.errors import CheckpointError, HubError, NoMemoryError, SlmError
from slm.exchange import arriving, hub
from slm.exchange.hub import download_model, look_on_hub
from slm.exchange.importing import ImportConfig, import_model, look_at_hub
from slm.exchange.pretrained import load_pretrained
from slm.tokenizer.fast import Tokenizer
from slm.workspace import Workspace
from tests.data.hub.fake_hub import environment
from tests.exchange.fake_model_hub import COMMIT, FakeModelHub, running_hub

TEXT = "the cat sat on the mat, the dog sat on the log "
NAME = "good/tiny"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A tiny GPT-2 as it is published, with code and a pickle beside it."""
    folder = tmp_path_factory.mktemp("made")
    torch.manual_seed(0)
    settings = transformers.GPT2Config(
        vocab_size=270, n_positions=32, n_embd=64, n_layer=2, n_head=2, initializer_range=0.3
    )
    transformers.GPT2LMHeadModel(settings).save_pretrained(folder)
    Tokenizer.train([TEXT * 9], vocab_size=270).save(folder)
    held = {path.name: path.read_bytes() for path in folder.iterdir()}
    canary = b"open('canary', 'w').close()"
    return {**held, "modeling_tiny.py": canary, "pytorch_model.bin": b"\x80\x04."}


@pytest.fixture()
def there(
    files: dict[str, bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FakeModelHub]:
    with running_hub() as running:
        running.models[NAME] = dict(files)
        for key, value in environment(running.address, tmp_path / "home").items():
            monkeypatch.setenv(key, value)
        yield running


def imported(tmp_path: Path, name: str = NAME, **settings: str):
    workspace = Workspace(tmp_path / "workspace")
    return import_model(workspace, ImportConfig(source=name, **settings))


def test_a_model_comes_by_its_name_and_its_commit_is_kept(there: FakeModelHub, tmp_path: Path):
    arrival = look_at_hub(NAME)
    assert not there.sent.get("model.safetensors")
    assert (arrival.architecture, arrival.licence) == ("GPT2LMHeadModel", "apache-2.0")
    assert arrival.file_bytes == len(there.models[NAME]["model.safetensors"])
    assert arrival.has_code and not arrival.is_here
    made = imported(tmp_path)
    assert made is not None and made.name == "tiny"
    assert (made.details["imported_from"], made.details["revision"]) == (NAME, COMMIT)
    assert not list(tmp_path.rglob("*.py")) and not list(tmp_path.rglob("*.bin"))
    assert not [path for path in there.asked if path.endswith((".py", ".bin"))]


def test_what_is_in_the_cache_is_not_fetched_again(
    there: FakeModelHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    model, _ = load_pretrained(NAME)
    sent = dict(there.sent)
    assert imported(tmp_path, revision=COMMIT) is not None
    assert look_at_hub(NAME, COMMIT).is_here
    assert there.sent == sent
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    again, _ = load_pretrained(NAME)
    assert all(
        torch.equal(one, two)
        for one, two in zip(model.parameters(), again.parameters(), strict=True)
    )
    with pytest.raises(HubError, match=r"switched off.*Check the network"):
        look_on_hub("good/other")


def test_a_download_that_broke_off_goes_on_where_it_stopped(there: FakeModelHub, tmp_path: Path):
    """Half arrives, then the line is dead; the second try asks for the rest alone."""
    there.trouble[NAME] = "hangs"
    with pytest.raises(HubError, match="no answer about good/tiny for 3 seconds"):
        download_model(NAME, patience_seconds=3)
    size = len(there.models[NAME]["model.safetensors"])
    (partial,) = (tmp_path / "home").rglob("*.slm-partial")
    here = partial.stat().st_size
    assert 0 < here <= size // 2 and here % 2**16 == 0
    there.closing.set()
    there.trouble.clear()
    told: list[str] = []

    class Listening:
        def __call__(self, fraction, message="", *, stage=None, **facts) -> None:
            told.append(message)

        def plan(self, stages) -> None: ...
        def should_stop(self) -> bool:
            return False

    folder = download_model(NAME, report=Listening())
    assert (folder / "model.safetensors").read_bytes() == there.models[NAME]["model.safetensors"]
    assert there.sent["model.safetensors"] == size // 2 + (size - here)
    assert not list((tmp_path / "home").rglob("*.slm-partial"))
    assert any(message.startswith("Fetching 0.") and " MB: model" in message for message in told)


def test_a_line_that_breaks_again_and_again_still_brings_it(there: FakeModelHub, tmp_path: Path):
    """Each try gets half of what is left, as long as that is something."""
    there.trouble[NAME] = "breaks"
    with pytest.raises(HubError, match=r"could not be fetched|no answer"):
        download_model(NAME, patience_seconds=2)
    there.trouble.clear()
    assert (download_model(NAME) / "model.safetensors").is_file()


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        ("busy", "refused good/tiny .status 503.; try again later"),
        ("paused", "pause"),
        ("gated", "asks for consent first"),
        ("wrong", "arrived damaged: its hash is not the one"),
    ],
)
def test_a_hub_that_refuses_costs_a_sentence_and_nothing_is_kept(
    there: FakeModelHub, tmp_path: Path, trouble: str, said: str
):
    there.trouble[NAME] = trouble
    begun = time.monotonic()
    with pytest.raises(HubError, match=said):
        imported(tmp_path)
    assert time.monotonic() - begun < 30
    assert not Workspace(tmp_path / "workspace").models.list()
    assert not list((tmp_path / "home").rglob("*.slm-partial"))


def test_a_silent_hub_is_given_up_in_time(there: FakeModelHub, monkeypatch: pytest.MonkeyPatch):
    there.trouble[NAME] = "silent"
    monkeypatch.setattr(hub, "LOOK_SECONDS", 4.0)
    with pytest.raises(HubError, match=r"no answer about good/tiny for 4 seconds.*this machine"):
        look_on_hub(NAME)


def test_a_hub_that_is_not_there_costs_a_sentence(tmp_path: Path, monkeypatch):
    for key, value in environment("http://127.0.0.1:9", tmp_path).items():
        monkeypatch.setenv(key, value)
    begun = time.monotonic()
    with pytest.raises(HubError, match=r"could not be fetched: .*Check the network"):
        look_on_hub(NAME)
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    ("name", "revision", "said"),
    [
        ("good/none", None, "There is no model good/none"),
        (NAME, "old", "has no revision 'old'"),
        ("good/empty", None, "has no config.json"),
    ],
)
def test_names_that_are_not_there_are_told(there: FakeModelHub, name, revision, said):
    there.models["good/empty"] = {"README.md": b"#"}
    with pytest.raises(HubError, match=said):
        look_on_hub(name, revision)


def test_what_does_not_fit_or_is_not_followed_is_refused_before_its_weights_come(
    there: FakeModelHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    foreign = dict(there.models[NAME])
    foreign["config.json"] = b'{"architectures": ["MambaForCausalLM"]}'
    there.models["odd/mamba"] = foreign
    there.models["odd/pickle"] = {k: v for k, v in foreign.items() if "safetensors" not in k}
    there.models["odd/pickle"]["config.json"] = there.models[NAME]["config.json"]
    refused: dict[str, tuple[type[SlmError], str]] = {
        "odd/mamba": (CheckpointError, "'MambaForCausalLM' is not known"),
        "odd/pickle": (CheckpointError, r"pytorch_model.bin is a pickle.*refused"),
    }
    for name, (kind, said) in refused.items():
        with pytest.raises(kind, match=said):
            imported(tmp_path, name)
    monkeypatch.setattr(arriving, "available_memory", lambda: 1_000)
    with pytest.raises(NoMemoryError, match="GB of memory in float32"):
        imported(tmp_path)
    assert not there.sent.get("model.safetensors")


@pytest.mark.parametrize("name", ["a/../b", "..", "https://huggingface.co/gpt2/x", "/etc/passwd"])
def test_what_is_no_name_never_reaches_the_network(there: FakeModelHub, tmp_path: Path, name: str):
    with pytest.raises(HubError):
        look_on_hub(name)
    with pytest.raises(SlmError):
        imported(tmp_path, name)
    assert not there.asked


def test_a_stopped_download_keeps_what_has_arrived(there: FakeModelHub, tmp_path: Path):
    there.trouble[NAME] = "hangs"

    class Impatient:
        arrived = False

        def __call__(self, fraction, message="", *, stage=None, **facts) -> None:
            self.arrived |= message.startswith("Fetching") and "model.safetensors" in message

        def plan(self, stages) -> None: ...
        def should_stop(self) -> bool:
            return self.arrived and bool(list((tmp_path / "home").rglob("*.slm-partial")))

    workspace = Workspace(tmp_path / "workspace")
    assert import_model(workspace, ImportConfig(source=NAME), Impatient()) is None
    assert list((tmp_path / "home").rglob("*.slm-partial"))
    assert not workspace.models.list()
