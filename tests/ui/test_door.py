"""The door of a shared server, asked as a browser asks: over ASGI, with no server in between."""

import asyncio
import io
import json
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import urlencode

import pytest

from slm.owners import LOCAL_OWNER
from slm.workshop import people, room
from slm.workshop.guesses import MOST_BY_ONE
from slm.workspace import Workspace
from ui.door import Door

HOST = "192.168.1.5:8501"


def _ended(work):
    """What this coroutine gives, in a loop of its own: a browser's may run in this thread."""
    with ThreadPoolExecutor(1) as other:
        return other.submit(asyncio.run, work).result()


@dataclass
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


async def _app(scope, receive, send):
    """The app behind the door: it says which path it was asked for."""
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.accept"})
        await receive()
        return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": scope["path"].encode()})


class Browser:
    """Asks the door, and keeps the cookies that it is given."""

    def __init__(self, door, address="10.0.0.1"):
        self.door, self.address, self.cookies = door, address, {}

    def scope(self, kind, path, query, headers):
        told = {"host": HOST, "accept": "text/html", **headers}
        if self.cookies:
            told["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        return {
            "type": kind,
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "method": "POST" if "content-length" in told else "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": urlencode(query).encode(),
            "headers": [(name.encode(), value.encode()) for name, value in told.items()],
            "client": (self.address, 5),
            "server": ("192.168.1.5", 8501),
        }

    def ask(self, path, form=None, query=(), **headers):
        body = urlencode(form, errors="replace").encode() if form is not None else b""
        if form is not None:
            headers["content-length"] = str(len(body))
        sent = []

        async def receive():
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message):
            sent.append(message)

        _ended(self.door(self.scope("http", path, query, headers), receive, send))
        given = {}
        for name, value in sent[0]["headers"]:
            given[name.decode().lower()] = value.decode()
        if "set-cookie" in given:
            name, _, value = given["set-cookie"].partition(";")[0].partition("=")
            self.cookies[name] = value
        return Answer(sent[0]["status"], given, b"".join(m.get("body", b"") for m in sent[1:]))

    def connect(self, **headers):
        """What the door does with a websocket: the types of the messages it sent."""
        waiting = [{"type": "websocket.connect"}, {"type": "websocket.receive", "bytes": b"x"}]
        sent = []

        async def receive():
            return waiting.pop(0)

        async def send(message):
            sent.append(message["type"])

        _ended(self.door(self.scope("websocket", "/_stcore/stream", (), headers), receive, send))
        return sent


@pytest.fixture
def here(tmp_path):
    return Workspace(tmp_path / "workspace")


@pytest.fixture
def opened(here):
    """The room, the presenter's key, the ticket."""
    return room.open_room(here, (f"http://{HOST}",), ("192.168.1.5", "localhost"))


@pytest.fixture
def door(here, opened):
    return Door(_app, here)


def _come_in(browser, opened, name="Ada", **more):
    return browser.ask("/join", {"code": opened[0].spoken_code, "name": name, **more})


def test_without_a_pass_nothing_is_reached_but_the_door(door):
    stranger = Browser(door)
    answer = stranger.ask("/model", query={"view": "part"})
    assert (answer.status, answer.headers["location"]) == (
        303,
        "/join?next=%2Fmodel%3Fview%3Dpart",
    )
    for path in ("/_stcore/host-config", "/media/x", "/static/index.js", "/take-home"):
        assert stranger.ask(path, accept="*/*").status == 403
    assert stranger.connect() == ["websocket.close"]
    assert stranger.ask("/_stcore/health").text == "/_stcore/health"


def test_code_and_name_let_in_where_one_wanted_to_go(door, here, opened):
    ada = Browser(door)
    assert "Come in" in ada.ask("/join", query={"next": "/model?view=part"}).text
    answer = _come_in(ada, opened, next="/model?view=part")
    assert (answer.status, answer.headers["location"]) == (303, "/model?view=part")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Secure" not in cookie
    assert ada.ask("/model").text == "/model"
    assert ada.connect() == ["websocket.accept"]
    [person] = people.list_people(here)
    assert person.name == "Ada" and people.is_here(here, person.id)


def test_a_browser_that_goes_while_it_is_sent_to_ends_the_visit_quietly(here, opened):
    heard = []

    async def app(scope, receive, send):
        heard.append((await receive())["type"])
        await send({"type": "websocket.accept"})
        await send({"type": "websocket.send", "bytes": b"page"})
        heard.append((await receive())["type"])

    browser = Browser(Door(_app, here))
    _come_in(browser, opened)
    waiting = ["websocket.connect", "websocket.disconnect"]

    async def receive():
        return {"type": waiting.pop(0)}

    async def send(message):
        if message["type"] == "websocket.send":
            raise ConnectionResetError

    scope = browser.scope("websocket", "/_stcore/stream", (), {})
    _ended(Door(app, here)(scope, receive, send))
    assert heard == ["websocket.connect", "websocket.disconnect"]


def test_reload_and_more_tabs_are_the_same_person(door, here, opened):
    ada = Browser(door)
    _come_in(ada, opened)
    for _ in range(3):
        assert ada.connect() == ["websocket.accept"]
    assert ada.ask("/join").status == 303  # who is in is not asked again
    assert len(people.list_people(here)) == 1


def test_a_double_click_lets_in_once(door, here, opened):
    ada = Browser(door)
    visit = re.search('name="visit" value="([^"]+)"', ada.ask("/join").text)[1]
    first = _come_in(ada, opened, visit=visit)
    ada.cookies.clear()
    second = _come_in(ada, opened, visit=visit)
    assert first.status == second.status == 303
    assert len(people.list_people(here)) == 1


@pytest.mark.parametrize(
    ("form", "told"),
    [
        ({"code": "wrong", "name": "Ada"}, "not the code of this room"),
        ({}, "not the code of this room"),
        ({"code": "RIGHT", "name": ""}, "this one has 0"),
        ({"code": "RIGHT", "name": "a" * 10_000}, "this one has 10,000"),
        ({"code": "RIGHT", "name": "a\u202eb"}, "invisible character"),
        ({"code": "RIGHT", "name": "Grace"}, "in the room already"),
        ({"code": "RIGHT", "name": "Grace", "word": "AAAA-AAAA"}, "do not go together"),
        ({"key": "AAAA", "name": "Eve"}, "not the presenter key"),
        ({"ticket": "x", "name": "Eve"}, "used already"),
    ],
)
def test_what_does_not_let_in_is_told_in_a_sentence(door, here, opened, form, told):
    people.join(here, "Grace")
    form = {name: opened[0].code if value == "RIGHT" else value for name, value in form.items()}
    answer = Browser(door).ask("/join", form)
    assert answer.status == 403 and told in answer.text
    assert "set-cookie" not in answer.headers
    assert [person.name for person in people.list_people(here)] == ["Grace"]


def test_an_old_code_lets_nobody_in_and_whoever_is_in_stays(door, here, opened):
    ada = Browser(door)
    _come_in(ada, opened)
    room.renew_code(here)
    assert _come_in(Browser(door), opened, name="Bob").status == 403
    assert ada.ask("/model").status == 200


def test_markup_that_was_typed_stays_text(door, opened):
    typed = '"><script>alert(1)</script>'
    answer = Browser(door).ask("/join", {"code": typed, "name": typed})
    assert "<script" not in answer.text and "&lt;script&gt;" in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_guessing_is_slowed_for_one_and_not_for_the_others(door, opened):
    guesser, other = Browser(door, "10.0.0.9"), Browser(door)
    for _ in range(MOST_BY_ONE):
        assert "not the code" in guesser.ask("/join", {"code": "AAAAAA", "name": "Eve"}).text
    assert "many wrong tries" in _come_in(guesser, opened, name="Eve").text
    assert _come_in(other, opened).status == 303


def test_the_presenters_link_lets_in_once_and_the_key_always(door, here, opened):
    _, key, ticket = opened
    presenter = Browser(door)
    assert ticket in presenter.ask("/join", query={"ticket": ticket}).text  # to look is no use
    assert presenter.ask("/join", {"ticket": ticket, "name": ""}).status == 403
    assert presenter.ask("/join", {"ticket": ticket, "name": "Grace"}).status == 303
    assert people.find(here, LOCAL_OWNER).name == "Grace"
    assert Browser(door).ask("/join", {"ticket": ticket, "name": "Eve"}).status == 403
    again = Browser(door)
    assert again.ask("/join", {"key": room.in_groups(key), "name": "Grace"}).status == 303


def test_somebody_comes_back_with_the_return_word(door, here, opened):
    ada = people.join(here, "Ada")
    word = people.new_return_word(here, ada.id)
    phone = Browser(door)
    assert _come_in(phone, opened, word=word).status == 303
    assert f"1.{ada.id}." in next(iter(phone.cookies.values()))


def test_who_was_taken_off_the_list_is_asked_again_with_the_reason(door, here, opened):
    ada = Browser(door)
    _come_in(ada, opened)
    people.take_off(here, people.list_people(here)[0].id)
    assert ada.connect() == ["websocket.close"]
    answer = ada.ask("/model")
    assert "again=1" in answer.headers["location"]
    assert "not in the room any more" in ada.ask("/join", query={"again": "1"}).text


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8501", "", "[", "é.example"])
def test_a_name_that_is_not_the_servers_is_refused(door, opened, host):
    ada = Browser(door)
    _come_in(ada, opened)
    assert ada.ask("/model", host=host.encode().decode("latin-1")).status == 421


def test_a_form_from_another_site_is_refused(door, opened):
    form = {"code": opened[0].code, "name": "Ada"}
    assert Browser(door).ask("/join", form, origin="http://evil.example").status == 403
    assert Browser(door).ask("/join", form, **{"sec-fetch-site": "cross-site"}).status == 403
    assert Browser(door).ask("/join", form, origin=f"http://{HOST}").status == 303


@pytest.mark.parametrize(
    ("origin", "answer"),
    [
        (f"http://{HOST}", "websocket.accept"),
        ("https://class.example.org", "websocket.accept"),
        ("http://192.168.1.5:9000", "websocket.close"),
        ("http://localhost:3000", "websocket.close"),
        ("null", "websocket.close"),
        ("http://[", "websocket.close"),
    ],
)
def test_a_socket_is_for_this_servers_pages_and_not_for_another_port(here, door, origin, answer):
    opened = room.open_room(here, ("https://class.example.org",), ("192.168.1.5",))
    ada = Browser(door)
    _come_in(ada, opened)
    assert ada.connect(origin=origin) == [answer]


def test_who_made_nothing_is_told_so_and_keeps_nobody_waiting(door, opened):
    ada = Browser(door)
    _come_in(ada, opened)
    for _ in range(5):  # more than are packed at once
        answer = ada.ask("/take-home")
        assert answer.status == 404 and "nothing to take home yet" in answer.text


@pytest.mark.parametrize("after", ["//evil.example", "https://evil.example", "/\\evil.example"])
def test_the_door_leads_to_no_other_site(door, opened, after):
    assert _come_in(Browser(door), opened, next=after).headers["location"] == "/workshop"


def test_a_form_of_megabytes_is_refused(door, opened):
    assert _come_in(Browser(door), opened, name="a" * 10**6).status == 413


def test_a_room_file_that_is_damaged_closes_the_door_with_a_sentence(door, here, opened):
    (room.folder(here) / "room.json").write_text("{")
    answer = Browser(door).ask("/model")
    assert answer.status == 503 and "damaged" in answer.text


def test_behind_tls_the_cookie_is_for_tls_alone(door, opened):
    form = {"code": opened[0].code, "name": "Ada"}
    answer = Browser(door).ask("/join", form, **{"x-forwarded-proto": "https"})
    assert "Secure" in answer.headers["set-cookie"]


def test_everybody_takes_home_their_own_work_and_the_presenter_anybodys(door, here, opened):
    ada, presenter = Browser(door), Browser(door)
    _come_in(ada, opened)
    presenter.ask("/join", {"key": opened[1], "name": "Grace"})
    [person] = [each for each in people.list_people(here) if not each.presents]
    run = here.acting_as(person.id).runs.open_folder("ada's", {})
    here.runs.open_folder("grace's", {})
    for browser, query in ((ada, ()), (ada, {"of": LOCAL_OWNER}), (presenter, {"of": person.id})):
        packed = zipfile.ZipFile(io.BytesIO(browser.ask("/take-home", query=query).body))
        assert packed.namelist() == ["take-home.json", f"runs/{run.id}/manifest.json"]


def test_the_presenter_shows_a_view_and_all_screens_hear_of_it(door, here, opened):
    ada, presenter = Browser(door), Browser(door)
    _come_in(ada, opened)
    presenter.ask("/join", {"ticket": opened[2], "name": "Presenter"})
    told = presenter.ask("/look", {"address": "/attention?layer=1"})
    assert json.loads(told.body) == {"address": "/attention?layer=1", "call": 1, "own": True}
    heard = json.loads(ada.ask("/look").body)
    assert heard == {"address": "/attention?layer=1", "call": 1, "own": False}
    [who] = [person for person in people.list_people(here) if not person.presents]
    assert people.is_here(here, who.id)  # she reads, and asks for what is shown
    refused = ada.ask("/look", {"address": "/model"})
    assert refused.status == 403 and "Only the presenter" in refused.text
    outside = presenter.ask("/look", {"address": "//evil.example"})
    assert outside.status == 403 and "no address within this app" in outside.text
    assert Browser(door).ask("/look", accept="*/*").status == 403
    assert room.read(here).look.call == 1
