"""A run's record leaves row by row, and steps that were made again replace those before."""

import sys
import threading
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from slm import files, locks
from slm.errors import DataError
from slm.exchange import trackers
from slm.exchange.tensorboard import folder_of, write_events
from slm.exchange.trackers import Row, follow, numbers_of
from slm.training.events import RESUMED, Event, record_event
from slm.training.runs import METRICS, SAMPLES, create_run
from slm.training.trainer import train
from slm.workspace import Artefact, Workspace
from tests.training.small_runs import SHORT, SMALL_MODEL, artefacts
from ui.view_models.taking_along import HOOK

TRAIN, VAL = "loss/train_nats_per_token", "loss/validation_nats_per_token"


@pytest.fixture()
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


@pytest.fixture()
def run(workspace: Workspace) -> Artefact:
    return create_run(workspace, SMALL_MODEL, SHORT, name="Kleine Füchse", **artefacts(workspace))


def append(run: Artefact, *steps: int, nats: float = 2.0) -> None:
    for step in steps:
        files.append_record(
            run.folder / METRICS,
            {"step": step, "elapsed_seconds": step * 10.0, "train_nats": nats, "val_nats": None},
        )


def go_on_from(run: Artefact, step: int, reached: int) -> None:
    """What `Store` does when a run goes on from the checkpoint of that step."""
    record_event(run.folder, Event(step, RESUMED, reached, step))
    for name in (METRICS, SAMPLES):
        files.cut_records(run.folder / name, lambda record: record["step"] <= step)


def scalars(folder: Path) -> EventAccumulator:
    read = EventAccumulator(str(folder), size_guidance={"scalars": 0, "tensors": 0})
    read.Reload()
    return read


def points(folder: Path, tag: str) -> list[tuple[int, float]]:
    return [(each.step, pytest.approx(each.value)) for each in scalars(folder).Scalars(tag)]


def texts(folder: Path, tag: str) -> list[tuple[int, str]]:
    found = scalars(folder).Tensors(f"{tag}/text_summary")
    return [(each.step, each.tensor_proto.string_val[0].decode()) for each in found]


def test_tensorboard_reads_the_losses_that_the_run_recorded(workspace: Workspace, run: Artefact):
    train(run.folder)
    folder = write_events(workspace, run)
    records = files.read_records(run.folder / METRICS).records
    trained = [(r["step"], r["train_nats"]) for r in records if r["train_nats"] is not None]
    measured = [(r["step"], r["val_nats"]) for r in records if r["val_nats"] is not None]
    assert len(trained) == 30
    assert points(folder, TRAIN) == trained
    assert points(folder, VAL) == measured
    assert points(folder, "learning_rate/muon")[20] == (20, records[20]["muon_learning_rate"])
    assert {tag.partition("/")[0] for tag in scalars(folder).Tags()["scalars"]} >= {
        "loss", "learning_rate", "gradient_norm", "speed", "update_ratio"
    }  # fmt: skip
    assert '"n_layers": 2' in texts(folder, "settings")[0][1]


def test_times_are_those_of_the_training(workspace: Workspace, run: Artefact):
    append(run, 0, 6)
    first, last = scalars(write_events(workspace, run)).Scalars(TRAIN)
    assert last.wall_time - first.wall_time == pytest.approx(60.0)


def test_written_twice_nothing_stands_twice(workspace: Workspace, run: Artefact):
    append(run, 1, 2, 3)
    folder = write_events(workspace, run)
    append(run, 4)
    assert write_events(workspace, run) == folder
    assert [step for step, _ in points(folder, TRAIN)] == [1, 2, 3, 4]
    assert len(list(folder.iterdir())) == 1


def test_foreign_text_is_shown_as_typed(workspace: Workspace, run: Artefact):
    append(run, 5)
    text = " ![x](http://y/z.png)\n<script>alert(1)</script>"
    files.append_record(run.folder / SAMPLES, {"step": 5, "prompt": "The *fox*", "text": text})
    folder = write_events(workspace, run)
    ((step, shown),) = texts(folder, "samples/prompt_1_The_fox")
    assert step == 5
    assert all(line.startswith("    ") for line in shown.splitlines())
    assert "The *fox* ![x](http://y/z.png)" in shown


def test_a_change_in_mid_run_is_told_at_its_step(workspace: Workspace, run: Artefact):
    append(run, 1)
    record_event(run.folder, Event(1, "learning_rate", 0.01, 0.02))
    record_event(run.folder, Event(1, "threads", 1, 2))
    folder = write_events(workspace, run)
    assert texts(folder, "changes/learning_rate") == [(1, "    0.01 → 0.02")]
    assert "changes/threads/text_summary" not in scalars(folder).Tags()["tensors"]


def test_changes_that_come_again_are_told_again(run: Artefact):
    """One at step 2 and one at 4; the run goes on from 3, where it gets a third."""
    reading = trackers._Reading(run.folder)
    append(run, 1, 2, 3, 4, 5)
    record_event(run.folder, Event(2, "batch_size", 8, 6))
    record_event(run.folder, Event(4, "batch_size", 6, 4))
    list(reading.fresh())
    go_on_from(run, 3, reached=5)
    record_event(run.folder, Event(3, "learning_rate", 0.1, 0.2))
    changes = {row.step: dict(row.changes) for row in reading.fresh() if row.changes}
    assert changes == {4: {"batch_size": (6, 4)}, 3: {"learning_rate": (0.1, 0.2)}}


def test_several_texts_of_a_step_are_all_told(run: Artefact):
    """Also those that are written between two looks."""
    reading = trackers._Reading(run.folder)
    append(run, 4)
    found = []
    for prompt in ("eins", "二", "三"):
        files.append_record(run.folder / SAMPLES, {"step": 4, "prompt": prompt, "text": "x"})
        found += [dict(row.texts) for row in reading.fresh() if row.texts]
    assert found == [{"eins": "x"}, {"二": "x"}, {"三": "x"}]


def test_prompts_that_no_tag_can_spell_keep_their_texts_apart(workspace: Workspace, run: Artefact):
    append(run, 4)
    for prompt in ("二", "三"):
        files.append_record(run.folder / SAMPLES, {"step": 4, "prompt": prompt, "text": "x"})
    folder = write_events(workspace, run)
    assert texts(folder, "samples/prompt_1") == [(4, "    二x")]
    assert texts(folder, "samples/prompt_2") == [(4, "    三x")]


def test_steps_made_again_replace_those_before(run: Artefact):
    """Steps 1 to 5 are told; the run goes on from 3 and makes 4 and 5 anew, with other losses."""
    reading = trackers._Reading(run.folder)
    append(run, 1, 2, 3, 4, 5)
    assert [row.step for row in reading.fresh()] == [1, 2, 3, 4, 5]
    go_on_from(run, 3, reached=5)
    append(run, 4, 5, 6, nats=1.0)
    rows = list(reading.fresh())
    assert [(row.step, row.again) for row in rows] == [
        (4, True),
        (4, False),
        (5, False),
        (6, False),
    ]
    assert not rows[0].numbers
    assert {row.numbers["train_nats"] for row in rows[1:]} == {1.0}
    assert list(reading.fresh()) == []


def test_two_resumptions_between_two_looks_go_back_to_the_earlier(run: Artefact):
    reading = trackers._Reading(run.folder)
    append(run, 1, 2, 3, 4)
    list(reading.fresh())
    go_on_from(run, 1, reached=4)
    append(run, 2, 3, nats=1.0)
    go_on_from(run, 3, reached=3)
    append(run, 4, nats=1.0)
    assert [(row.step, row.again) for row in reading.fresh()] == [
        (2, True),
        (2, False),
        (3, False),
        (4, False),
    ]


moves = st.lists(
    st.one_of(
        st.tuples(st.just("steps"), st.integers(1, 4)),
        st.tuples(st.just("resume"), st.integers(0, 12)),
        st.tuples(st.just("look"), st.just(0)),
    ),
    max_size=16,
)


@settings(max_examples=60, deadline=None)
@given(moves)
def test_whenever_one_looks_what_was_told_is_in_the_end_what_was_recorded(moves):
    """Steps, resumptions from any step and looks in any order; every loss is another number."""
    with TemporaryDirectory() as place:
        run = SimpleNamespace(folder=Path(place))
        reading, told = trackers._Reading(run.folder), {}
        last, losses = 0, count(1)
        for move, value in [*moves, ("look", 0)]:
            if move == "steps":
                for step in range(last + 1, last + 1 + value):
                    append(run, step, nats=float(next(losses)))
                last += value
            elif move == "resume" and value <= last:
                go_on_from(run, value, reached=last)
                last = value
            elif move == "look":
                for row in reading.fresh():
                    if row.again:
                        told = {step: nats for step, nats in told.items() if step < row.step}
                    elif row.numbers:
                        assert row.step not in told, "told twice"
                        told[row.step] = row.numbers["train_nats"]
                held = files.read_records(run.folder / METRICS).records
                kept = {record["step"]: record["train_nats"] for record in held}
                assert told == kept


def test_a_log_that_begins_anew_is_told_anew(run: Artefact):
    """A run without a checkpoint begins again at step 0, and no event says so."""
    reading = trackers._Reading(run.folder)
    append(run, 0, 1, 2)
    list(reading.fresh())
    files.cut_records(run.folder / METRICS, lambda record: False)
    append(run, 0, 1)
    assert [(row.step, row.again) for row in reading.fresh()] == [
        (0, True),
        (0, False),
        (1, False),
    ]


def test_a_torn_last_line_is_told_when_it_is_whole(run: Artefact):
    reading = trackers._Reading(run.folder)
    append(run, 1, 2)
    whole = (run.folder / METRICS).read_bytes()
    (run.folder / METRICS).write_bytes(whole[:-9])
    reading = trackers._Reading(run.folder)
    assert [row.step for row in reading.fresh()] == [1]
    with (run.folder / METRICS).open("ab") as log:
        log.write(whole[-9:])
    assert [row.step for row in reading.fresh()] == [2]


def test_a_long_record_is_read_a_block_at_a_time(run: Artefact, monkeypatch: pytest.MonkeyPatch):
    append(run, *range(50))
    asked = []

    def counted(path, offset=0, at_most=-1, read=files.read_records):
        asked.append(at_most)
        return read(path, offset, at_most)

    monkeypatch.setattr(trackers, "_BLOCK_BYTES", 512)
    monkeypatch.setattr(files, "read_records", counted)
    assert [row.step for row in follow(run.folder)] == list(range(50))
    assert asked.count(512) > 8


def test_live_rows_come_until_nobody_trains_any_more(workspace: Workspace, run: Artefact):
    """The writer follows a run that is stopped short of its end and goes on from step 20."""
    lock = locks.FileLock(run.folder / "run.lock")
    assert lock.acquire()
    append(run, 1, 2, 3)
    written: list[Path] = []
    at_work = threading.Thread(
        target=lambda: written.append(write_events(workspace, run, live=True))
    )
    at_work.start()
    _until(lambda: folder_of(workspace, run).exists())
    append(run, 4)
    go_on_from(run, 2, reached=4)
    append(run, 3, 4, 5, nats=1.5)
    lock.release()
    at_work.join(timeout=20)
    assert not at_work.is_alive()
    assert points(written[0], TRAIN) == [(1, 2.0), (2, 2.0), (3, 1.5), (4, 1.5), (5, 1.5)]


def test_the_trainer_writes_down_what_following_rests_on(run: Artefact):
    """A real resumption cuts the record and names the step; the rows made again come once more."""
    reading = trackers._Reading(run.folder)
    train(run.folder)
    told = [row.step for row in reading.fresh() if row.numbers]
    assert told == list(range(31))
    files.remove_folder(run.folder / "ckpt" / "30")
    kept = sorted(int(path.name) for path in (run.folder / "ckpt").glob("*"))
    train(run.folder)
    first = kept[-1] + 1 if kept else 0
    again, *rows = reading.fresh()
    assert again == Row(first, again=True)
    assert [row.step for row in rows if row.numbers] == list(range(first, 31))


def test_a_stop_ends_the_following(run: Artefact):
    append(run, 1, 2, 3)
    seen: list[Row] = []
    for row in follow(run.folder, should_stop=lambda: bool(seen)):
        seen.append(row)
    assert [row.step for row in seen] == [1]


def test_numbers_that_are_none_are_left_out():
    assert numbers_of({"step": 1, "train_nats": None, "diverged": True, "x": 0.5}) == {"x": 0.5}


def test_a_model_from_elsewhere_has_no_record(workspace: Workspace):
    with workspace.models.create("published") as draft:
        pass
    with pytest.raises(DataError, match="trained elsewhere"):
        write_events(workspace, workspace.models.get(draft.id))


def test_a_run_that_never_began_has_none_either(workspace: Workspace, run: Artefact):
    with pytest.raises(DataError, match="no record yet"):
        write_events(workspace, run)


def test_the_ten_lines_for_other_trackers_work_as_they_stand(
    workspace: Workspace, run: Artefact, monkeypatch: pytest.MonkeyPatch
):
    append(run, 1, 2)
    logged: list[tuple[int, float]] = []
    tracker = SimpleNamespace(
        start_run=lambda run_name: _Quiet(),
        log_metrics=lambda numbers, step: logged.append((step, numbers["train_nats"])),
    )
    monkeypatch.setitem(sys.modules, "mlflow", tracker)
    lines = HOOK.format(root=str(workspace.root), run=run.id)
    assert len(lines.strip().splitlines()) <= 10
    exec(compile(lines, "hook", "exec"), {})  # noqa: S102
    assert logged == [(1, 2.0), (2, 2.0)]


class _Quiet:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *problem: object) -> None:
        return None


def _until(true) -> None:
    for _ in range(400):
        if true():
            return
        threading.Event().wait(0.05)
    raise AssertionError("it never came true")
