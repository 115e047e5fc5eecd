"""A challenge in words: rules, board and tries, worked by hand."""

from dataclasses import replace
from pathlib import Path

from slm.workshop.challenges import Challenge, ChallengeConfig, Place, Try
from slm.workspace import Workspace
from ui.view_models import workshop_challenge as words

DEMO = Path(__file__).parents[3] / "demo"
ADA, BEN = "p-aaaaaaaaaa", "p-bbbbbbbbbb"
RACE = Challenge("20260101-000000-abcdef", ChallengeConfig(), "c", "tales", "sha", True, "now")
TRY = Try(ADA, 1, "r", "<b>nano</b>", 40, 61_440, 75.0, 230_000, "now", "judged", 2.12345)


def _places(*figures: tuple[str, str, int, float]) -> list[Place]:
    return [
        Place(rank, person, name, replace(TRY, person=person, bits_per_byte=bits), 2)
        for person, name, rank, bits in figures
    ]


def test_the_rules_say_text_price_and_size():
    assert words.rules(RACE) == (
        "Learn from tales alone, for at most 500,000 tokens. Judged on its held-out text, the "
        "first 100 kB."
    )
    small = replace(RACE, config=ChallengeConfig(budget="seconds", amount=90, most_parameters=2000))
    assert "at most 1 min 30 s of training, at most 2,000 learned numbers" in words.rules(small)


def test_the_budget_is_told_in_steps():
    told = words.budget_help(ChallengeConfig(), 12, 128, 325)
    assert told.startswith("The budget: 500,000 tokens") and told.endswith("it allows 325 steps.")
    assert words.budget_help(ChallengeConfig(), 12, 128, 1).endswith("it allows 1 step.")
    seconds = ChallengeConfig(budget="seconds", amount=90)
    assert "1 min 30 s of training" in words.budget_help(seconds, 12, 128, 0)


def test_corpora_that_share_a_name_can_be_told_apart(tmp_path: Path):
    here = Workspace(tmp_path / "workspace", read_only=[DEMO])
    for owner, documents in ((ADA, 300), (ADA, 300), (BEN, 1)):
        details = {"documents": documents}
        with here.acting_as(owner).corpora.create("Tales", owner=owner, details=details):
            pass
    labels = words.corpus_labels(here.corpora.list(), {ADA: "Ada", BEN: "Ben"}, BEN)
    first, shipped, *hers = labels.values()
    assert first == "Tales (you, 1 document)" and "(the demo, 2,000 documents)" in shipped
    assert len(hers) == 2 and all(each.startswith("Tales (Ada, 300 documents), 2") for each in hers)
    alone = words.corpus_labels(here.corpora.list(), {}, "local")
    assert "the demo" in next(iter(alone.values()))  # what is one's own would stand before it


def test_a_board_marks_who_looks_and_tells_the_price():
    places = _places((ADA, "Ada", 1, 2.1239), (BEN, "Ben", 2, 2.5))
    first, second = words.board_rows(places, BEN, in_seconds=False)
    assert (first.name, second.name) == ("Ada", "Ben (you)") and second.own
    assert (first.bits_per_byte, first.price) == (2.124, "61.4 k")
    assert words.board_rows(places, BEN, in_seconds=True)[0].price == "1 min 15 s"


def test_the_lead_is_told_for_the_last_row_of_the_room():
    def lead(*figures: tuple[str, str, int, float]) -> str:
        return words.lead(words.board_rows(_places(*figures), "", in_seconds=False))

    assert lead() == words.NOBODY_YET
    assert lead((ADA, "Ada", 1, 2.0)) == "Ada: 2.000 bits per byte"
    assert (
        lead((ADA, "Ada", 1, 2.0), (BEN, "Ben", 2, 2.25))
        == "Ada leads with 2.000 bits per byte, 0.250 ahead"
    )
    assert "tie at 2.000 bits per byte: Ada, Ben" in lead(
        (ADA, "Ada", 1, 2.0), (BEN, "Ben", 1, 2.0)
    )


def test_tries_are_told_the_latest_first_with_what_became_of_them():
    waits = replace(TRY, number=2, state="waiting", bits_per_byte=None)
    failed = replace(TRY, number=3, state="failed", bits_per_byte=None, problem="It is damaged.")
    rows = words.try_rows([TRY, waits, failed, replace(TRY, person=BEN)], ADA)
    assert [row.number for row in rows] == [3, 2, 1]
    assert [row.told for row in rows] == [
        "It is damaged.",
        "waits to be judged",
        "2.123 bits per byte at step 40",
    ]
    assert words.waiting_of([TRY, waits], ADA) == waits and words.waiting_of([TRY], ADA) is None
    assert words.being_judged([waits], {ADA: "Ada"}, BEN) == "Still to be judged: Ada"
    assert words.being_judged([TRY], {}, BEN) == ""
