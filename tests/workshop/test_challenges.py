"""A fair race: the server measures, and whatever a model goes on from counts too."""

import shutil
from pathlib import Path

import pytest

from slm import files, locks
from slm.errors import DataError, RightsError, WorkspaceError
from slm.training.config import TrainConfig
from slm.training.events import latest_config
from slm.training.fork import fork_run
from slm.training.runs import METRICS
from slm.training.trainer import train
from slm.workshop import challenges, judging, kept
from slm.workshop.budgets import cost_of, steps_within
from slm.workshop.challenges import ChallengeConfig, Try, ranked
from slm.workspace import Artefact, Workspace

TINY_TOKENS = 12 * 4 * 64  # steps × batch × window
ADA, BEN = "p-aaaaaaaaaa", "p-bbbbbbbbbb"


@pytest.fixture()
def here(tiny_workspace: Workspace, tmp_path: Path) -> Workspace:
    root = tmp_path / "workspace"
    shutil.copytree(tiny_workspace.root, root)
    return Workspace(root)


@pytest.fixture()
def run(here: Workspace) -> Artefact:
    return here.runs.list()[0]


def begin(here: Workspace, **settings: object) -> str:
    corpus = here.corpora.list()[0]
    config = ChallengeConfig(corpus=corpus.id, judged_kilobytes=2, **settings)
    return challenges.open_challenge(here, config).id


def given_to(here: Workspace, run: Artefact, person: str, number: int = 1) -> Artefact:
    """A copy of the run as somebody's own."""
    folder = run.folder.with_name(f"2999010{number}-000000-{person[2:8]}")
    shutil.copytree(run.folder, folder)
    manifest = files.read_json(folder / files.MANIFEST)
    files.write_json(folder / files.MANIFEST, {**manifest, "id": folder.name, "owner": person})
    return here.runs.get(folder.name)


def test_a_run_costs_steps_times_batch_times_window(here, run):
    cost = cost_of(here, run)
    assert cost.tokens == TINY_TOKENS == 3_072
    assert cost.runs == (run.id,) and cost.seconds > 0
    assert steps_within(TINY_TOKENS, batch_size=4, window=64) == 12
    assert cost_of(here, run, 6).tokens == TINY_TOKENS / 2


def forked(here: Workspace, run: Artefact, step: int, steps: int, **settings: object) -> Artefact:
    config = latest_config(run.folder).replace(steps=steps, threads=1, **settings)
    fork = fork_run(here, run, step, TrainConfig(**config.model_dump()))
    train(fork.folder)
    return fork


def test_a_fork_costs_what_its_parent_had_cost_too(here, run):
    fork = forked(here, run, 12, 20, batch_size=2)
    cost = cost_of(here, fork)
    assert cost.tokens == TINY_TOKENS + 8 * 2 * 64
    assert cost.runs == (fork.id, run.id)
    assert cost.seconds >= cost_of(here, run).seconds
    again = forked(here, fork, 20, 24)
    assert cost_of(here, again).tokens == cost.tokens + 4 * 2 * 64
    here.runs.delete(run.id)
    with pytest.raises(DataError, match="deleted"):
        cost_of(here, fork)


def test_a_log_that_is_seldom_written_hides_no_cost(here, run):
    """A fork from a snapshot takes its count of tokens from the parent's log, which may be thin."""
    files.cut_records(run.folder / METRICS, lambda record: record["step"] in {0, 12})
    snapshot = next(
        int(path.name) for path in (run.folder / "snapshots").iterdir() if 0 < int(path.name) < 12
    )
    fork = forked(here, run, snapshot, 16)
    assert cost_of(here, fork).tokens == 16 * 4 * 64
    assert cost_of(here, fork).seconds >= cost_of(here, run).seconds  # the later record counts


def test_a_damaged_log_tells_no_cost(here, run):
    path = run.folder / METRICS
    path.write_bytes(path.read_bytes().replace(b'"step": 6,', b'"step": 1,', 1))
    with pytest.raises(DataError, match="damaged"):
        cost_of(here, run)


def test_the_server_judges_what_was_handed_in(here, run):
    challenge = begin(here)
    one = challenges.enter(here, challenge, run)
    assert (one.state, one.tokens, one.step, one.number) == ("waiting", TINY_TOKENS, 12, 1)
    judged = judging.judge(here, challenge, one)
    (place,) = challenges.board(here, challenge)
    assert place.best == judged and 1 < place.best.bits_per_byte < 9
    assert challenges.enter(here, challenge, run) == judged  # the same model twice is one try


def test_every_tokenizer_is_judged_on_the_same_bytes(here, run):
    from slm.lab.reports import open_run
    from slm.tokenizer.characters import CharacterTokenizer

    challenge = challenges.read_challenge(here, begin(here))
    texts = [
        judging.judged_text(here, challenge, tokenizer)
        for tokenizer in (
            open_run(run).tokenizer,
            CharacterTokenizer.train(["".join(map(chr, range(32, 127)))]),
        )
    ]
    assert texts[0].n_bytes == texts[1].n_bytes >= 2_000
    assert len(texts[0].ids) < len(texts[1].ids)


def test_a_budget_is_kept_to_the_last_token(here, run):
    assert challenges.enter(here, begin(here, amount=TINY_TOKENS), run).tokens == TINY_TOKENS
    with pytest.raises(DataError, match=r"has cost 3,072 tokens; the budget is 3,071\. Train"):
        challenges.enter(here, begin(here, amount=TINY_TOKENS - 1), run)
    with pytest.raises(DataError, match="seconds"):
        record = files.read_records(run.folder / METRICS).records[-1]
        files.append_record(run.folder / METRICS, {**record, "train_seconds": 99.0})
        challenges.enter(here, begin(here, budget="seconds", amount=98), run)
    with pytest.raises(DataError, match="learned numbers"):
        challenges.enter(here, begin(here, most_parameters=1_000), run)


def test_a_fork_cannot_begin_with_what_is_over_the_budget(here, run):
    fork = forked(here, run, 12, 14)
    with pytest.raises(DataError, match="with the runs that it goes on from"):
        challenges.enter(here, begin(here, amount=TINY_TOKENS), fork)


def test_who_comes_late_is_refused_with_a_sentence(here, run):
    challenge = begin(here)
    challenges.set_open(here, challenge, False)
    with pytest.raises(WorkspaceError, match="is closed"):
        challenges.enter(here, challenge, run)
    challenges.set_open(here, challenge, True)
    assert challenges.enter(here, challenge, run).number == 1


def test_what_was_taken_in_before_the_end_is_judged_after_it(here, run):
    challenge = begin(here)
    one = challenges.enter(here, challenge, run)
    challenges.set_open(here, challenge, False)
    assert judging.judge(here, challenge, one).state == "judged"


def test_only_one_s_own_finished_models_on_that_corpus_take_part(here, run):
    challenge = begin(here)
    with pytest.raises(RightsError, match="not yours"):
        challenges.enter(here.acting_as(ADA), challenge, run)
    lock = locks.FileLock(run.folder / "run.lock")
    assert lock.acquire()
    try:
        with pytest.raises(DataError, match="still being trained"):
            challenges.enter(here, challenge, run)
    finally:
        lock.release()
    path = run.folder / files.MANIFEST
    manifest = files.read_json(path)
    manifest["parents"]["corpus"]["sha256"] = "0" * 64
    files.write_json(path, manifest)
    with pytest.raises(DataError, match="another text"):
        challenges.enter(here, challenge, here.runs.get(run.id))


def test_only_the_presenter_opens_and_closes(here):
    challenge = begin(here)
    with pytest.raises(RightsError):
        begin(here.acting_as(ADA))
    with pytest.raises(RightsError):
        challenges.set_open(here.acting_as(ADA), challenge, False)


def test_a_model_that_cannot_be_measured_says_why(here, run):
    challenge = begin(here)
    one = challenges.enter(here, challenge, run)
    for path in run.folder.rglob("model.safetensors"):
        path.write_bytes(path.read_bytes()[:-8])
    judged = judging.judge(here, challenge, one)
    assert judged.state == "failed" and judged.problem
    assert challenges.board(here, challenge) == ()


def a_try(person: str, number: int, bits: float | None, asked: str) -> Try:
    return Try(person, number, "r", "model", 1, 1, 1.0, 1, asked, "judged", bits)


def test_a_tie_shares_the_rank_and_a_second_try_can_only_help():
    tries = [
        a_try(ADA, 1, 1.5001, "10:00"),
        a_try(BEN, 1, 1.4999, "10:01"),
        a_try("local", 1, 1.6, "09:00"),
        a_try("local", 2, 1.7, "11:00"),
        a_try("p-cccccccccc", 1, None, "09:00"),
    ]
    places = ranked(tries, {ADA: "Ada", BEN: "Ben", "local": "Cleo"})
    assert [(place.rank, place.name, place.tries) for place in places] == [
        (1, "Ada", 1),
        (1, "Ben", 1),
        (3, "Cleo", 2),
    ]
    assert places[2].best.bits_per_byte == 1.6


def test_two_people_hand_in_and_are_told_apart(here, run):
    challenge = begin(here)
    for person in (ADA, BEN):
        own = given_to(here, run, person)
        one = challenges.enter(here.acting_as(person), challenge, own)
        judging.judge(here.acting_as(person), challenge, one)
    assert {place.person for place in challenges.board(here, challenge)} == {ADA, BEN}
    assert {place.rank for place in challenges.board(here, challenge)} == {1}


def test_damaged_and_foreign_files_are_passed_over(here, run):
    challenge = begin(here)
    judging.judge(here, challenge, challenges.enter(here, challenge, run))
    place = here.root / "workshop" / "challenges"
    (place / "20260101-000000-abcdef.json").write_text("{", encoding="utf-8")
    (place / challenge / f"{ADA}.json").write_text('{"tries": [{"number": "x"}, 7]}')
    (place / challenge / "..evil.json").write_text('{"tries": []}')
    assert [each.id for each in challenges.list_challenges(here)] == [challenge]
    assert len(challenges.board(here, challenge)) == 1
    for foreign in ("../../x", "20260101-000000-abcdef"):
        with pytest.raises(WorkspaceError):
            kept.read(here, challenges.WHAT, foreign)


def test_the_presenter_removes_a_challenge_with_its_figures_and_no_model(here, run):
    challenge = begin(here)
    challenges.enter(here, challenge, run)
    with pytest.raises(RightsError):
        challenges.remove_challenge(here.acting_as(ADA), challenge)
    challenges.remove_challenge(here, challenge)
    assert not challenges.list_challenges(here) and not challenges.all_tries(here, challenge)
    assert here.runs.get(run.id)
