"""What Explore says of a text, in words that can be checked."""

import numpy as np
import pytest

from slm.data.documents import StoredDocument
from slm.data.embedded import tales
from slm.data.exploring.leakage import Leakage
from slm.data.exploring.profiling import profile_with_table
from slm.data.exploring.search import SearchConfig, search_texts
from slm.jobs import JobStatus, StageStatus
from ui.view_models import explore as words
from ui.view_models import explore_pictures as pictures
from ui.view_models import splits

TEXTS = [tales.generate(seed).text for seed in range(80)]
PROFILE, TABLE = profile_with_table(TEXTS)
SAMPLED, _ = profile_with_table(TEXTS[:8], ids=np.arange(8), sampled_from=1_000)
HELD = {"documents": 9, "characters": 90, "bytes": 90}
FEW = {"documents": 1, "characters": 10, "bytes": 10}


def leak(**numbers: int) -> Leakage:
    zeros = dict.fromkeys(
        ("leaked_documents", "judged_documents", "mostly_leaked", "val_words", "leaked_words"), 0
    )
    return Leakage(**{"val_documents": 1, "examined_documents": 1, **zeros, **numbers},
                   shares=(), twins=())  # fmt: skip


def test_a_sample_says_how_much_it_saw_and_how_far_the_rest_is():
    assert words.seen_note(PROFILE) == "Exact: counted over all 80 documents."
    said = words.seen_note(SAMPLED)
    assert said == "Sampled: 0.8% of the documents, 8 of 1,000."
    running = JobStatus("running", (StageStatus("counting", "running", 0.5),), elapsed_seconds=10.0)
    assert words.seen_note(SAMPLED, running).endswith("50%, about 10 s left.")
    assert words.seen_note(SAMPLED, JobStatus("stopped")) == said


def test_the_first_figures_are_of_the_whole_or_say_that_they_are_not():
    by_label = {figure.label: figure for figure in words.text_figures(SAMPLED)}
    assert by_label["Documents"].value == "1,000" and "Size seen" in by_label
    assert "part that was seen" in by_label["Words"].meaning
    assert {figure.label for figure in words.text_figures(PROFILE)} >= {"Size", "Words each"}


@pytest.mark.parametrize("measure", ["characters", "words", "sentences"])
def test_every_bar_leads_to_as_many_documents_as_it_shows(measure: str):
    bins = pictures.length_bins(PROFILE, measure)
    assert sum(each.count for each in bins) == 80
    for each in bins:
        kind, _, wanted = each.click.partition("=")
        assert kind == "only" and len(TABLE.select(wanted)) == each.count


def test_every_bar_of_strangeness_leads_to_its_documents():
    for each in pictures.strange_bins(TABLE):
        assert len(TABLE.select(each.click.removeprefix("only="))) == each.count


def test_every_language_and_script_leads_to_its_documents():
    for bar in [*pictures.language_bars(PROFILE), *pictures.script_bars(PROFILE)]:
        assert len(TABLE.select(bar.click.removeprefix("only="))) == bar.value


def test_every_word_and_character_is_found_as_often_as_its_bar_says():
    for bar in pictures.word_bars(PROFILE):
        config = SearchConfig(query=bar.click.removeprefix("find="), whole_words=True)
        assert search_texts(TEXTS, config).occurrences == bar.value
    for bar in pictures.character_bars(PROFILE):
        query = bar.click.removeprefix("character=")
        config = SearchConfig(query=query, match_case=True)
        assert search_texts(TEXTS, config).occurrences == bar.value


def test_a_point_of_the_growth_leads_to_the_document_that_stands_there():
    clicks = pictures.growth_clicks(PROFILE, TABLE)
    assert clicks[0][2] == "document=1" and clicks[-1][2] == "document=80"


def test_words_per_sentence_lead_nowhere():
    assert {each.click for each in pictures.length_bins(PROFILE, "sentence")} == {""}


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("words:10-19", "10 to 19 words"),
        ("sentences:1-1", "1 sentence"),
        ("characters:0-0", "0 characters"),
        ("language:und", "Language: unknown"),
        ("script:Old_Italic", "Script: Old Italic"),
        ("near:3", "The near copies of group 4"),
        ("bits:210-219", "2.10 to 2.20 bits per character"),
    ],
)
def test_filters_are_said_in_words(wanted: str, said: str):
    assert words.filter_note(wanted) == said


def test_laws_are_told_with_their_range_and_a_warning():
    said = pictures.zipf_note(PROFILE)
    assert "Zipf slope −" in said or "Zipf slope -" in said
    assert "no proof of a power law" in said and "R²" in said
    assert "Heaps' law: V = " in pictures.heaps_note(PROFILE)
    tiny, _ = profile_with_table(["one two"])
    assert "too little text" in pictures.zipf_note(tiny) and "too little" in pictures.heaps_note(
        tiny
    )


def test_copies_are_told():
    found, _ = profile_with_table(["same", "same", "other", "same"])
    assert pictures.copies_note(found, "copies") == (
        "3 documents stand in 1 groups of copies; with one of each, 2 would go (50.0%), "
        "character for character."
    ).replace("1 groups", "1 group")
    assert "MinHash" in pictures.copies_note(found, "near")
    assert pictures.copies_note(PROFILE, "copies").startswith("No two documents are the same")


def test_characters_of_a_kind_are_shown_so_that_they_can_be_seen():
    names = [bar.name for bar in pictures.character_bars(PROFILE, "blanks")]
    assert names == ["·"]
    assert pictures.character_bars(PROFILE, "line breaks")[0].name == "⏎"


def test_a_search_is_told_in_a_sentence():
    texts = ["a fox", "a fox and a fox"]
    found = search_texts(texts, SearchConfig(query="fox", hits=2))
    assert words.found_note(found, "fox") == "“fox”: 3 times in 2 of 2 documents. The first 2:"
    nothing = search_texts(texts, SearchConfig(query="owl"))
    assert words.found_note(nothing, "owl") == "“owl” stands in none of 2 documents."
    blank = search_texts(texts, SearchConfig(query=" "))
    assert words.found_note(blank, " ").startswith("“·”: 5 times")
    rows = words.hit_rows(found)
    assert (rows[0].number, rows[0].before, rows[0].match) == (1, "a ", "fox")


def test_documents_are_told_with_what_is_known_of_them():
    document = StoredDocument(3, TEXTS[3], "tale <b>3</b>", "val")
    said = words.document_facts(document, TABLE)
    assert said.startswith("tale <b>3</b> · validation · ") and "English" in said
    unknown = words.document_facts(document._replace(id=999), TABLE)
    assert unknown == f"tale <b>3</b> · validation · {len(TEXTS[3]):,} characters"


def test_very_long_documents_are_shown_around_the_place_that_was_found():
    text = "a" * 50_000 + "here" + "b" * 50_000
    part = words.reading(text, start=50_000)
    assert "here" in part.text and len(part.text) == words.READ_CHARACTERS
    assert part.note == "Characters 49,501 to 69,500 of 100,004."
    assert words.reading("short") == words.Reading("short", "")


def test_the_splits_tell_their_shares_and_what_leaks():
    view = splits.split_view(HELD, FEW, leak(), 0.1)
    assert view.rows[0] == ("training", 9, "90.0%", "90 B") and not view.leaks
    assert "None of the 1 validation documents" in view.leakage
    assert "No validation document has 13 words" in view.stretches
    leaking = splits.split_view(HELD, FEW, leak(leaked_documents=1), 0.1)
    assert leaking.leaks and leaking.leakage.startswith("1 of 1 validation documents (100.0%)")


def test_leaked_stretches_are_told_as_a_share_of_the_words():
    found = leak(judged_documents=4, mostly_leaked=1, val_words=200, leaked_words=50)
    said = splits.stretches_note(found)
    assert said.startswith("25.0% of the words") and "1 of 4 documents" in said
    part = splits.stretches_note(leak(judged_documents=1, val_documents=9))
    assert part.endswith("Judged by the first 1 of them.")
