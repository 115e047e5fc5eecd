"""The proof says that an export is the model when it is, and that it is not when it is not."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from slm.exchange import agreement, proof
from slm.exchange.agreement import Said
from slm.exchange.exporting import export_pretrained
from slm.exchange.outgoing import Finding, Outgoing, Proof
from slm.jobs import StoppedError
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.tokenizer.characters import CharacterTokenizer

TOKENIZER = CharacterTokenizer.train(proof.TEXTS)
CONFIG = ModelConfig(
    vocab_size=TOKENIZER.vocab_size + 3,
    context_length=48,
    n_layers=2,
    n_heads=2,
    n_kv_heads=1,
    d_model=16,
    d_ff=24,
)


@pytest.fixture()
def model() -> Transformer:
    torch.manual_seed(0)
    model = Transformer(CONFIG).eval().requires_grad_(False)
    for parameter in model.parameters():
        parameter.copy_(torch.randn_like(parameter) * 0.3)
    return model


@pytest.fixture()
def exported(model: Transformer, tmp_path: Path) -> Path:
    export_pretrained(model, TOKENIZER, tmp_path / "out")
    return tmp_path / "out"


def found(told: Proof) -> dict[str, bool | None]:
    return {each.what: each.passed for each in told.findings}


def test_an_export_passes_and_says_how_far_rounding_moved_it(model: Transformer, tmp_path: Path):
    """A character tokenizer, fewer tokens than rows, half as many key-value heads, bfloat16."""
    export_pretrained(model, TOKENIZER, tmp_path / "out", dtype=torch.bfloat16)
    told = proof.prove(Outgoing.of(model, TOKENIZER), tmp_path / "out", "bfloat16")
    assert told.passed, told
    assert told.opened_with.startswith("transformers ")
    assert found(told)["Moved by rounding"] is None
    assert Proof.from_json(told.to_json()) == told


def test_another_weight_in_the_file_is_noticed_twice(model: Transformer, exported: Path):
    """By comparing the file, and by what the model says when transformers opened it."""
    path = exported / "model.safetensors"
    weights = load_file(path)
    weights["model.embed_tokens.weight"][5] += 0.5
    save_file(weights, path, metadata={"format": "pt"})
    told = proof.prove(Outgoing.of(model, TOKENIZER), exported, "float32")
    assert not told.passed
    assert found(told)["Weights in the file"] is False
    assert found(told)["Largest difference of a logit"] is False
    assert found(told)["Token ids"] is True


def test_a_folder_that_transformers_cannot_open_is_a_failure_with_its_words(
    model: Transformer, exported: Path
):
    (exported / "tokenizer.json").write_text("{}")
    told = proof.prove(Outgoing.of(model, TOKENIZER), exported, "float32")
    assert not told.passed
    (failed,) = [each for each in told.findings if each.passed is False]
    assert failed.what == "Opened by transformers"
    assert "Error" in failed.value or "Exception" in failed.value


def test_a_proof_that_is_stopped_says_nothing_of_the_model(model: Transformer, exported: Path):
    class Stops:
        def __call__(self, *_: object, **__: object) -> None:
            return

        def plan(self, stages: object) -> None:
            return

        def should_stop(self) -> bool:
            return True

    with pytest.raises(StoppedError):
        proof.prove(Outgoing.of(model, TOKENIZER), exported, "float32", Stops())


def test_without_transformers_the_line_that_installs_it_is_told(
    model: Transformer, exported: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(proof, "find_spec", lambda name: None)
    told = proof.prove(Outgoing.of(model, TOKENIZER), exported, "float32")
    assert not told.passed
    assert told.missing is not None
    assert told.missing.endswith("pip install transformers")


def test_without_room_for_a_second_model_nothing_is_run(
    model: Transformer, exported: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(proof, "available_memory", lambda: 1_000)
    told = proof.prove(Outgoing.of(model, TOKENIZER), exported, "float32")
    assert told.missing is not None
    assert "Close other programs" in told.missing


def test_a_proof_in_which_nothing_was_judged_has_not_passed():
    assert not Proof("transformers").passed
    assert not Proof("transformers", (Finding("Moved by rounding", "0"),)).passed


def test_where_continuations_part_only_a_tie_is_no_fault(model: Transformer):
    said = Said.by(model, TOKENIZER, proof.TEXTS)
    ours = [
        [
            int(said.logits_TV(prompt)[-1].argmax())  # one token is enough to tell
        ]
        for prompt in said.prompts
    ]
    one = Said(said.model, said.eos_id, said.rows, said.prompts, new_tokens=1)
    assert agreement.of_continuations(one, ours).passed
    other = [[(ids[0] + 1) % CONFIG.vocab_size] for ids in ours]
    assert agreement.of_continuations(one, other).passed is False
    with torch.no_grad():  # every token as likely as every other
        model.token_embedding.weight.zero_()
    told = agreement.of_continuations(one, other)
    assert told.passed
    assert "as likely as each other" in told.value


def test_ids_that_only_the_plain_tokenizer_gives_come_with_a_note():
    """ "ab" as AutoTokenizer cuts it for the family, and as the folder's own file says."""
    tokenizer = CharacterTokenizer.train(["ab"])
    answer = {
        "ids": [[5]],
        "bare_ids": [[5]],
        "decoded": ["?"],
        "plain_ids": [[0, 1]],
        "plain_decoded": ["ab"],
    }
    ids, text, note = agreement.of_ids(tokenizer, ["ab"], answer)
    assert ids.passed and text.passed
    assert "PreTrainedTokenizerFast" in ids.value
    assert (note.what, note.passed) == (agreement.TO_KNOW, None)
    (wrong,) = agreement.of_ids(tokenizer, ["ab"], {**answer, "plain_ids": [[5]]})
    assert wrong == Finding("Token ids", "1 of 1 texts have other ids", False)


def test_logits_that_are_no_numbers_are_a_failure(model: Transformer, tmp_path: Path):
    said = Said.by(model, TOKENIZER, proof.TEXTS)
    for number, row in enumerate(said.rows):
        theirs = said.logits_TV(row).clone()
        theirs[0, 0] = float("nan")
        save_file({"logits": theirs.contiguous()}, tmp_path / f"logits-{number}.safetensors")
    assert agreement.of_logits(said, tmp_path).passed is False
