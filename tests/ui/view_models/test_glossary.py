"""The glossary: read whole, one sentence a term, no name twice."""

from collections import Counter

import pytest

from ui.view_models import glossary

NEEDED = """
token, vocabulary, byte-level BPE, merge, context length, parameter, embedding, residual stream,
head, query, key, value, attention weight, causal mask, softmax, logits, cross-entropy, nats,
perplexity, bits per byte, learning rate, warm-up, step, batch, gradient norm, validation loss,
overfitting, checkpoint, snapshot, temperature, top-k, top-p, min-p, repetition penalty, greedy,
induction head, previous-token head, key-value cache, RMSNorm, rotary positions, SwiGLU,
grouped-query attention, FLOP, corpus, cleaning rule, ledger, held-out, baseline, unigram, bigram,
uniform, entropy, seed
"""


@pytest.fixture(scope="module")
def entries():
    return glossary.parse(glossary.GLOSSARY.read_text(encoding="utf-8"))


def test_an_entry_has_a_name_other_names_and_a_meaning():
    text = (
        "# Glossary\n\n- **head** (attention head, AH): One of several.\n- **key**: What it has.\n"
    )
    assert glossary.parse(text) == (
        glossary.Term("head", ("attention head", "AH"), "One of several."),
        glossary.Term("key", (), "What it has."),
    )


def test_lines_that_are_no_entries_are_passed_over():
    assert glossary.parse("Some text.\n- a list\n- **bold** without a colon\n") == ()


def test_every_list_line_of_the_file_is_an_entry(entries):
    text = glossary.GLOSSARY.read_text(encoding="utf-8")
    assert len(entries) == sum(line.startswith("- ") for line in text.splitlines())


def test_every_meaning_is_one_plain_sentence(entries):
    for term in entries:
        assert term.meaning.endswith("."), term.name
        assert ". " not in term.meaning, term.name
        assert term.meaning[0].isupper(), term.name
        assert not set("!*`[]$<>") & set(term.meaning), f"{term.name} holds markup"
        assert len(term.meaning) <= 180, f"{term.name} is too long for a hover"


def test_no_name_stands_for_two_things(entries):
    names = Counter(name.casefold() for term in entries for name in (term.name, *term.others))
    assert [name for name, count in names.items() if count > 1] == []


def test_the_terms_of_the_field_are_there():
    for term in NEEDED.replace("\n", " ").split(","):
        assert glossary.meaning(term.strip())


def test_a_term_is_found_by_any_name_in_any_case():
    assert glossary.meaning("KV CACHE") == glossary.meaning("key-value cache")
    assert glossary.meaning("Logit") == glossary.terms()["logits"]


def test_a_term_that_is_missing_is_a_bug_of_the_page():
    with pytest.raises(KeyError):
        glossary.meaning("flux capacitor")


def test_terms_are_listed_once_in_the_order_of_the_chapters():
    listed = list(glossary.terms())
    assert listed[0] == "corpus"
    assert listed.index("token") < listed.index("head") < listed.index("temperature")
    assert "BPE" not in listed
