"""The Data page in words."""

from ui.view_models import data as words


def test_an_upload_is_called_by_its_file_and_not_by_where_it_is_kept():
    path = "/srv/lab/uploads/3fa9/My tales.txt"
    details = {"config": {"source": path}, "how_split": "Each line is a document."}
    assert words.corpus_facts(details) == "Source: My tales.txt. Each line is a document."


def test_a_corpus_made_from_another_says_so():
    details = {"config": {"source": "corpus:20261122-124706-4e31e2"}}
    assert words.corpus_facts(details) == "Source: the texts of another corpus, as they came."


def test_a_saved_corpus_says_what_reading_it_left_out():
    details = {
        "config": {"source": "/srv/lab/uploads/3fa9/mail.jsonl"},
        "rows_kept": 98,
        "rows_skipped": 2,
        "first_problem": "line 17: no JSON",
        "documents_cut": 1,
    }
    assert words.corpus_facts(details) == (
        "Source: mail.jsonl. Kept 98 of 100 rows; line 17: no JSON. "
        "1 very long document had to be cut."
    )
