"""Models that were trained with a token before every text get it, wherever they read one."""

import json
from pathlib import Path

import pytest
import tokenizers
import torch
import transformers
from tokenizers import processors

from slm.data.sources import Document
from slm.evaluation.text_score import score_text
from slm.lab.judged_text import encode_text
from slm.model.config import ModelConfig
from slm.model.transformer import Transformer
from slm.tokenizer.beginning import BeginningTokenizer, frame
from slm.tokenizer.fast import Tokenizer
from slm.tokenizer.loading import load_tokenizer
from slm.tokenizer.padded import fitted
from tests.tokenizer.test_imported import llama_like

TEXTS = ("hé ab", "", " a", "h\n\nh", "日本 🙂", "<s> ab")
"""Beside plain words: nothing, a blank first, other scripts, and the token's name as text."""


def settings(folder: Path, **told: object) -> None:
    path = folder / "tokenizer_config.json"
    kept = {"bos_token": "<s>", "eos_token": "</s>", "tokenizer_class": "PreTrainedTokenizerFast"}
    path.write_text(json.dumps({**kept, **told}))


def with_template(folder: Path, single: str = "<s> $A") -> None:
    """The token in front as a rule of the tokenizer.json."""
    made = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    made.post_processor = processors.TemplateProcessing(
        single=single, special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    made.save(str(folder / "tokenizer.json"))


@pytest.fixture()
def folder(tmp_path: Path) -> Path:
    llama_like(tmp_path)
    settings(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("single", "told", "begins"),
    [
        (None, {}, False),
        (None, {"add_bos_token": True}, False),
        ("<s> $A", {}, True),
        ("<s> $A", {"add_bos_token": False}, True),
        ("$A </s>", {}, False),
    ],
)
def test_a_text_begins_as_transformers_begins_it(folder: Path, single, told, begins):
    """By what the tokenizer.json adds, whatever add_bos_token says beside it."""
    if single is not None:
        with_template(folder, single)
    settings(folder, **told)
    ours = fitted(load_tokenizer(folder), 300)
    theirs = transformers.AutoTokenizer.from_pretrained(folder, split_special_tokens=True)
    assert isinstance(ours, BeginningTokenizer) == begins
    for text in TEXTS:
        expected = theirs.encode(text)
        if single == "$A </s>":  # the end of a prompt is not the end of the text
            expected = expected[:-1]
        assert ours.encode(text) == expected
        assert ours.encode_batch([text]) == [ours.encode(text)]


def test_the_token_in_front_is_no_part_of_the_text(folder: Path):
    with_template(folder)
    ours = fitted(load_tokenizer(folder), 300)
    for text in TEXTS:
        if text:
            assert ours.decode(ours.encode(text)) == load_tokenizer(folder).decode(
                load_tokenizer(folder).encode(text)
            )
    ids, spans = ours.encode_with_spans("hé")
    assert spans[0] == (0, 0) and spans[-1][1] == len("hé".encode()) and len(ids) == len(spans)
    assert ours.decode([1]) == "<s>"
    stream = ours.decoder(after=ours.encode(""))
    assert "".join(map(stream.push, load_tokenizer(folder).encode("hé"))) == "hé"


def test_it_is_kept_with_the_tokenizer(folder: Path, tmp_path: Path):
    with_template(folder)
    fitted(load_tokenizer(folder), 300).save(tmp_path / "kept")
    assert fitted(load_tokenizer(tmp_path / "kept"), 300).encode("") == [1]


def test_a_byte_level_tokenizer_begins_texts_too(tmp_path: Path):
    """As that of Llama 3."""
    Tokenizer.train(["ab ab"], 259, special_tokens=("</s>", "<s>")).save(tmp_path)
    assert fitted(load_tokenizer(tmp_path), 259).encode("a") == [97]
    made = tokenizers.Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    template = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 258)])
    made.post_processor = processors.Sequence([processors.ByteLevel(), template])
    made.save(str(tmp_path / "tokenizer.json"))
    begun = fitted(load_tokenizer(tmp_path), 259)
    assert begun.encode("a") == [begun.special_tokens["<s>"], 97]


def test_texts_in_a_row_each_begin_with_it_and_it_is_not_judged_as_text(folder: Path):
    """<s> ab </s> <s> a </s>: nothing predicts the first token, no text begins after the last."""
    with_template(folder)
    ours = fitted(load_tokenizer(folder), 300)
    plain = frame(ours).plain
    row = encode_text("two", [Document("ab", ""), Document("a", "")], ours)
    ab, a = plain.encode("ab"), plain.encode("a")
    assert row.ids.tolist() == [1, *ab, 2, 1, *a, 2]
    assert row.starts_D.tolist() == [1, 3 + len(ab)]
    assert row.bytes_D.tolist() == [2, 1]


def test_a_judged_text_is_read_after_it(folder: Path):
    with_template(folder)
    ours = fitted(load_tokenizer(folder), 300)
    shape = ModelConfig(vocab_size=300, context_length=32, n_layers=1, n_heads=2, d_model=8, d_ff=8)
    model = Transformer(shape).eval().requires_grad_(False)
    told = score_text(model, ours, "hé ab")
    ids = ours.encode("hé ab")
    logs = model(torch.tensor([ids]))[0].log_softmax(-1)
    assert [token.id for token in told.tokens] == ids[1:]
    assert told.tokens[0].nats == pytest.approx(-float(logs[0, ids[1]]), abs=1e-5)
    assert told.total.tokens == len(ids) - 1
