"""What is left of a build: artefacts that descend from each other, and a report that adds up."""

from slm.data.corpus import open_corpus
from slm.data.embedded.tales_words import NAMES
from slm.evaluation.fluency import name_consistency
from slm.files import read_json
from slm.lab.pipeline import STAGES
from slm.training.runs import REPORT, RunSettings
from slm.workspace import Workspace


def test_a_build_tells_of_each_stage_and_of_what_it_wrote(tiny_workspace: Workspace):
    told = read_json(tiny_workspace.runs.get("tiny").folder / REPORT)
    assert list(told["stages"]) == list(STAGES)
    assert told["stages"]["training"] == "12 steps"
    assert len(told["samples"]) == 3
    assert 0.0 <= told["known_word_share"] <= 1.0
    assert told["stages"]["sampling"].endswith(f"{told['name_consistency']:.0%} names kept")


def test_names_are_counted_over_more_texts_than_are_shown(tiny_workspace: Workspace):
    """Ten texts: the three shown can say only how three tenths of the figure came about."""
    told = read_json(tiny_workspace.runs.get("tiny").folder / REPORT)
    names = {name for name, _ in NAMES}
    shown = sum(name_consistency(text, names) for text in told["samples"])
    assert shown - 1e-9 <= 10 * told["name_consistency"] <= shown + 7 + 1e-9


def test_the_texts_go_on_from_held_out_documents(tiny_workspace: Workspace):
    told = read_json(tiny_workspace.runs.get("tiny").folder / REPORT)
    held_out = list(open_corpus(tiny_workspace.corpora.list()[0]).texts("val"))
    for sample, document in zip(told["samples"], held_out, strict=False):
        assert sample.startswith(" ".join(document.split()[:3]))


def test_the_run_knows_where_its_documents_end(tiny_workspace: Workspace):
    """The end-of-text token is the last of the vocabulary."""
    run = tiny_workspace.runs.get("tiny")
    tokens = tiny_workspace.tokens.get(run.manifest.parents["tokens"].id)
    assert tokens.manifest.details["document_end"] == 511
    assert RunSettings.read(run.folder).document_end == 511
