"""Who is in the room: names, coming back, being heard of."""

import pytest

from slm import files
from slm.errors import DiskFullError, RightsError, WorkspaceError
from slm.owners import LOCAL_OWNER
from slm.workshop import people, room
from slm.workspace import Workspace


@pytest.fixture
def here(tmp_path):
    return Workspace(tmp_path / "workspace")


def test_whoever_comes_in_is_found_by_id_and_in_the_list(here):
    ada, bob = people.join(here, " Ada "), people.join(here, "Bob")
    assert people.find(here, ada.id) == ada
    assert [person.name for person in people.list_people(here)] == ["Ada", "Bob"]
    assert people.names(here) == {ada.id: "Ada", bob.id: "Bob"}


@pytest.mark.parametrize("same", ["ada", "ADA  Lovelace", "Ａda lovelace"])
def test_two_names_that_look_the_same_are_one(here, same):
    people.join(here, "Ada" if same == "ada" else "Ada Lovelace")
    with pytest.raises(WorkspaceError, match="in the room already"):
        people.join(here, same)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "this one has 0"),
        ("   ", "this one has 0"),
        ("a" * 10_000, "this one has 10,000"),
        ("a\u202eb", "U\\+202E"),
        ("a\x00b", "U\\+0000"),
    ],
)
def test_a_name_that_cannot_be_used_is_told_in_a_sentence(here, name, told):
    with pytest.raises(WorkspaceError, match=told):
        people.join(here, name)
    assert people.list_people(here) == []


def test_markup_in_a_name_is_kept_as_typed(here):
    assert people.join(here, "<b>![x](http://y)</b>").name == "<b>![x](http://y)</b>"


def test_a_lone_surrogate_in_a_name_does_not_stop_the_server(here):
    assert people.join(here, "a\ud800b").name == "a?b"


def test_somebody_comes_back_by_name_and_return_word_alone(here):
    ada = people.join(here, "Ada")
    word = people.new_return_word(here.acting_as(ada.id), ada.id)
    assert people.come_back(here, "ada", room.in_groups(word).lower()).id == ada.id
    with pytest.raises(WorkspaceError, match="do not go together"):
        people.come_back(here, "Ada", "AAAA-AAAA")
    newer = people.new_return_word(here.acting_as(ada.id), ada.id)
    with pytest.raises(WorkspaceError):
        people.come_back(here, "Ada", word)
    assert people.come_back(here, "Ada", newer).id == ada.id


def test_nobody_comes_back_without_having_made_a_word(here):
    people.join(here, "Ada")
    with pytest.raises(WorkspaceError):
        people.come_back(here, "Ada", "")


def test_nobody_makes_a_return_word_for_somebody_else(here):
    ada, bob = people.join(here, "Ada"), people.join(here, "Bob")
    with pytest.raises(RightsError):
        people.new_return_word(here.acting_as(bob.id), ada.id)
    people.new_return_word(here, ada.id)  # the presenter may


def test_who_was_taken_off_frees_the_name_and_keeps_it_for_the_work(here):
    ada = people.join(here, "Ada")
    with pytest.raises(RightsError):
        people.take_off(here.acting_as(ada.id), ada.id)
    people.take_off(here, ada.id)
    assert people.list_people(here) == []
    assert people.names(here)[ada.id] == "Ada"
    assert people.join(here, "Ada").id != ada.id


def test_the_presenter_is_the_owner_of_what_was_made_here_before(here):
    presenter = people.let_presenter_in(here, "Grace")
    assert presenter.id == LOCAL_OWNER and presenter.presents
    assert people.let_presenter_in(here, "Grace H.").joined == presenter.joined
    people.take_off(here, LOCAL_OWNER)
    assert [person.name for person in people.list_people(here)] == ["Grace H."]


def test_a_damaged_file_hides_one_person_and_no_other(here):
    ada, bob = people.join(here, "Ada"), people.join(here, "Bob")
    (room.folder(here) / "people" / f"{ada.id}.json").write_text("{")
    assert people.list_people(here) == [bob]


def test_ids_from_outside_name_no_other_file(here):
    files.make_folder(room.folder(here))
    files.write_json(room.folder(here) / "room.json", {"id": "../room", "name": "x", "joined": ""})
    assert people.find(here, "../room") is None


def test_somebody_is_here_while_their_browser_is_heard(here, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(people.time, "monotonic", lambda: clock[0])
    ada = people.join(here, "Ada")
    assert people.silent_seconds(here, ada.id) is None
    people.saw(here, ada.id)
    clock[0] += 10
    assert people.silent_seconds(here, ada.id) == 10 and people.is_here(here, ada.id)
    clock[0] += 15
    assert not people.is_here(here, ada.id)


def test_another_process_tells_by_the_counter_that_somebody_is_here(here, monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(people.time, "monotonic", lambda: clock[0])
    ada = people.join(here, "Ada")
    seen = room.folder(here) / "people" / f"{ada.id}.seen"
    files.write_json(seen, {"counter": 7})
    assert people.silent_seconds(here, ada.id) is None  # it may have stood there for days
    files.write_json(seen, {"counter": 8})
    clock[0] += 3
    assert people.silent_seconds(here, ada.id) == 0
    clock[0] += 4
    assert people.silent_seconds(here, ada.id) == 4


def test_on_a_full_disk_nobody_is_shut_out_for_not_being_written_down(here, monkeypatch):
    ada = people.join(here, "Ada")

    def full(*_, **__):
        raise DiskFullError("The disk is full.")

    monkeypatch.setattr(files, "write_json", full)
    people.saw(here, ada.id)
    assert people.is_here(here, ada.id)


def test_a_login_gives_its_name_and_binds_the_pass_to_itself(here):
    ada = people.join(here, "shy")
    assert people.known_as(here, ada.id, "https://login 17", "Ada Lovelace").name == "Ada Lovelace"
    assert people.find(here, ada.id).name == "Ada Lovelace"
    assert people.known_as(here, ada.id, "https://login 17", "Countess").name == "Ada Lovelace"
    with pytest.raises(RightsError, match="logged in as somebody else"):
        people.known_as(here, ada.id, "https://login 18", "Eve")


@pytest.mark.parametrize("name", ["Grace", " ｇrace ", "", "a\u202eb", "\x00"])
def test_a_login_whose_name_is_taken_or_no_name_leaves_the_typed_one(here, name):
    people.join(here, "Grace")
    ben = people.join(here, "Ben")
    assert people.known_as(here, ben.id, "https://login 19", name).name == "Ben"


def test_a_login_opens_nothing_for_who_was_taken_off(here):
    ada = people.join(here, "Ada")
    people.take_off(here, ada.id)
    with pytest.raises(WorkspaceError, match="no such person"):
        people.known_as(here, ada.id, "https://login 17", "Ada")
