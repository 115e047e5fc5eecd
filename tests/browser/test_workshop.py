"""A presenter and two participants come in by the door of a shared server, and work there."""

import io
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, Page, expect

from slm import jobs
from slm.owners import LOCAL_OWNER
from slm.workshop import people, room
from slm.workspace import Workspace
from tests.browser.app_server import AppServer, app_server, new_page, settled
from tests.processes import end_all

TRAINED_MS = 240_000
RECIPE = "steps:20,batch_size:2,evaluate_every:10,sample_every:10,threads:1"
DESIGN = "nano,n_layers:1,n_kv_heads:auto,d_model:32,d_ff:32,context_length:32"
NOT_THEIRS = "It belongs to somebody else"


@dataclass(frozen=True)
class Class:
    """The shared server, and what its terminal told the presenter."""

    server: AppServer
    code: str
    ticket: str

    @property
    def workspace(self) -> Workspace:
        """What everybody makes."""
        return Workspace(self.server.workspace)


@pytest.fixture(scope="module")
def class_(tiny_workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Class]:
    folder = tmp_path_factory.mktemp("class")
    shutil.copytree(tiny_workspace.root, folder / "workspace")
    here = Workspace(folder / "workspace")
    opened, _, ticket = room.open_room(here, ("http://127.0.0.1",), ("127.0.0.1",))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLM_SHARE", "1")
        log = folder / "server.log"
        with app_server(here.root, log, script="share.py") as started:
            yield Class(started, opened.code, ticket)
            end_all(here)


@pytest.fixture()
def visitor(browser: Browser) -> Iterator[Callable[[], Page]]:
    """A browser of their own for each person."""
    opened: list[Page] = []

    def come() -> Page:
        opened.append(new_page(browser))
        return opened[-1]

    yield come
    for page in opened:
        page.context.close()


def test_a_class_joins_makes_looks_keeps_and_takes_home(class_: Class, visitor: Callable[[], Page]):
    grace, ada, ben = visitor(), visitor(), visitor()
    the_presenter_comes_in_by_the_link_of_the_terminal(grace, class_)
    a_wrong_code_opens_nothing(ada, class_)
    for page, name in ((ada, "Ada"), (ben, "Ben")):
        somebody_joins(page, class_, name)
    run = somebody_makes_a_small_run(ada, class_)
    somebody_else_sees_it_and_cannot_delete_it(ben, class_, run)
    a_reload_and_a_new_tab_keep_who_one_is(ada, class_)
    somebody_takes_their_work_home(ada, run)
    the_presenter_deletes_it(grace, class_, run)


def the_presenter_comes_in_by_the_link_of_the_terminal(page: Page, class_: Class) -> None:
    page.goto(class_.server.address("join", ticket=class_.ticket))
    page.get_by_label("Your name").fill("Grace")
    page.get_by_role("button", name="Come in").click()
    settled(page)
    assert people.find(class_.workspace, LOCAL_OWNER) is not None
    page.goto(class_.server.address("workshop"))
    expect(settled(page).get_by_role("radio", name="Control")).to_be_visible()


def a_wrong_code_opens_nothing(page: Page, class_: Class) -> None:
    page.goto(class_.server.address("library"))
    page.get_by_label("Code").fill("WRONG1")
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Come in").click()
    expect(page.get_by_role("alert")).to_contain_text("not the code of this room")
    assert [person.name for person in people.list_people(class_.workspace)] == ["Grace"]


def somebody_joins(page: Page, class_: Class, name: str) -> None:
    """With the code in small letters and a dash, as one types it from the screen."""
    page.goto(class_.server.address("workshop"))
    page.get_by_label("Code").fill(f"{class_.code[:3]}-{class_.code[3:]}".lower())
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Come in").click()
    expect(settled(page).get_by_role("heading", name=f"You are {name}.")).to_be_visible()
    assert page.url.startswith(class_.server.address("workshop"))  # where they wanted to go
    expect(page.get_by_role("radio", name="Control")).to_have_count(0)


def somebody_makes_a_small_run(page: Page, class_: Class) -> str:
    page.goto(
        class_.server.address(
            "training",
            run="tiny",
            view="New training",
            design=DESIGN,
            recipe=RECIPE,
            run_name="Ada's first",
        )
    )
    settled(page).get_by_role("button", name="Start training").click()
    expect(page.get_by_text("The training doctor", exact=True)).to_be_visible(timeout=TRAINED_MS)
    (job,) = [job for job in jobs.list_jobs(class_.workspace) if job.verb == "train"]
    while job.status().alive:
        page.wait_for_timeout(200)
    assert job.status().state == "done"
    run = class_.workspace.runs.get(str(job.status().result["run"]))
    assert run.manifest.owner == job.owner != LOCAL_OWNER
    return run.id


def choose_row(page: Page, class_: Class, name: str) -> Page:
    """Choose that row of the library's runs: the table is drawn on a canvas."""
    page.goto(class_.server.address("library"))
    table = settled(page).get_by_test_id("stDataFrame")
    row = table.locator("tr").filter(has_text=name).first
    place = int(row.get_attribute("aria-rowindex") or 0)
    box = table.locator("canvas").first.bounding_box()
    assert box is not None
    height = box["height"] / table.locator("tr").count()
    page.mouse.click(box["x"] + 16, box["y"] + (place - 0.5) * height)
    return settled(page)


def somebody_else_sees_it_and_cannot_delete_it(page: Page, class_: Class, run: str) -> None:
    choose_row(page, class_, "Ada's first")
    expect(page.get_by_text(NOT_THEIRS)).to_be_visible()
    expect(page.get_by_role("button", name="Delete …")).to_have_count(0)
    assert class_.workspace.runs.find(run) is not None


def a_reload_and_a_new_tab_keep_who_one_is(page: Page, class_: Class) -> None:
    before = {person.id for person in people.list_people(class_.workspace)}
    page.goto(class_.server.address("workshop"))
    expect(settled(page).get_by_role("heading", name="You are Ada.")).to_be_visible()
    page.reload()
    expect(settled(page).get_by_role("heading", name="You are Ada.")).to_be_visible()
    tab = page.context.new_page()
    tab.goto(class_.server.address("workshop"))
    expect(settled(tab).get_by_role("heading", name="You are Ada.")).to_be_visible()
    tab.close()
    assert {person.id for person in people.list_people(class_.workspace)} == before


def somebody_takes_their_work_home(page: Page, run: str) -> None:
    link = page.get_by_role("link", name="Take all my work home")
    expect(link).to_be_visible()
    packed = page.request.get(page.url.rpartition("/")[0] + str(link.get_attribute("href")))
    assert packed.ok
    names = zipfile.ZipFile(io.BytesIO(packed.body())).namelist()
    assert any(f"runs/{run}/" in name for name in names)


def the_presenter_deletes_it(page: Page, class_: Class, run: str) -> None:
    choose_row(page, class_, "Ada's first")
    page.get_by_role("button", name="Delete …").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    settled(page)
    assert class_.workspace.runs.find(run) is None
