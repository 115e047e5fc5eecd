"""A room in which every text means harm, walked through page by page in a browser.

Slow: each view of each page, those that take a text with every payload in it. What stands
behind the door's headers is looked at without them, so that nothing else keeps the peace.
"""

import re
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from slm import linked_texts
from slm.exchange.model_card import model_card
from slm.exchange.outgoing import Outgoing
from slm.lab.evaluation_report import evaluation_report
from slm.lab.report_sections import ReportConfig
from slm.lab.reports import open_run
from slm.workshop import passes, people, room
from slm.workspace import Workspace
from tests.browser import hostile_workspace
from tests.browser.app_server import AppServer, app_server, settled
from tests.browser.payloads import NAMES, PAYLOADS
from tests.browser.test_payloads import plain
from tests.browser.watching import Watch, watched, words_of

pytestmark = pytest.mark.slow
HERE = Path(__file__).parent
PAGES = Path(__file__).parents[2] / "pages"
VIEWS = {
    "": ("",),
    "data": ("explore", "collect", "windows", "enough"),
    "tokenizer": ("look", "replay", "vocabulary", "compare", "published", "train"),
    "model": ("design", "drawn", "walk"),
    "training": ("watch", "start", "compare", "experiments", "timeline"),
    "evaluation": (
        *("held_out", "slices", "painted", "tasks", "shannon", "copying", "calibration", "report"),
    ),
    "attention": (
        *("overview", "head", "cell", "switchboard", "painting", "patching", "lens", "timeline"),
        "filmstrip",
    ),
    "sampling": ("write", "anatomy", "branches", "grid"),
    "library": ("corpora", "tokenizers", "runs", "models", "out", "serve", "recipe", "work"),
    "workshop": ("room", "tour", "challenge", "game", "questions", "control"),
}
ASPECTS = (
    *("documents", "lengths", "words", "growth", "phrases", "characters", "languages"),
    *("duplicates", "strange", "split", "cleaning"),
)
FIELDS = ("text", "walk_text", "prompt", "tokenize", "scored", "eval_text", "shannon_text")
"""Fields of pages that a link may fill."""
TAKES_TEXT = {
    *(("tokenizer", view) for view in ("look", "replay", "compare")),
    *(("model", view) for view in ("drawn", "walk")),
    *(("evaluation", view) for view in ("painted", "shannon")),
    *(("attention", view) for view in VIEWS["attention"]),
    *(("sampling", view) for view in VIEWS["sampling"]),
}
SETS = tuple(PAYLOADS[start : start + 21] for start in range(0, len(PAYLOADS), 21))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    return hostile_workspace.make(tmp_path_factory.mktemp("hostile") / "workspace")


@pytest.fixture(scope="module")
def served(hostile: Workspace, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLM_SHARE", "1")
        log = tmp_path_factory.mktemp("log") / "server.log"
        with app_server(hostile.root, log) as started:
            yield started
            assert "Traceback" not in log.read_text(errors="replace")


@pytest.fixture()
def presenter(served: AppServer, hostile: Workspace, browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, reduced_motion="reduce")
    context.set_default_timeout(60_000)
    now, person = room.read(hostile), people.find(hostile, "local")
    assert person is not None
    cookie = passes.issue(hostile, now, person)
    context.add_cookies([{"name": now.cookie_name, "value": cookie, "url": served.url}])
    yield context
    context.close()


def _runs(hostile: Workspace) -> list[str]:
    """Names that stand for one run alone, so that a picker shows them as they are."""
    names = [run.name for run in hostile.runs.list()]
    return [name for name in names if names.count(name) == 1]


def _looked(page: Page, watch: Watch, run: str) -> list[str]:
    """What is wrong with the page; empty when nothing is."""
    settled(page)
    page.wait_for_timeout(200)
    text = words_of(page)
    wrong = [f"an element: {each}" for each in watch.strange(page)]
    wrong += [f"an exception: {page.url}"] * page.get_by_test_id("stException").count()
    wrong += [f"a dialog: {each}" for each in watch.dialogs]
    wrong += [f"a request: {each}" for each in watch.requests]
    if plain(run) not in plain(text):
        wrong.append(f"{run!r} is not shown as it was typed")
    return wrong


def test_every_view_of_the_pages_is_in_the_walk():
    for path in PAGES.glob("*.py"):
        found = re.findall(r'^    "(\w+)": \("', path.read_text(encoding="utf-8"), re.MULTILINE)
        assert set(found) <= set(VIEWS.get(path.stem[2:], ("",))), path.name


@pytest.mark.parametrize("chapter", VIEWS)
def test_no_view_takes_a_name_or_a_text_for_more(
    chapter: str, presenter: BrowserContext, served: AppServer, hostile: Workspace
):
    runs, wrong = cycle(_runs(hostile)), []
    links = [
        linked_texts.keep_texts(
            hostile.root, dict.fromkeys(FIELDS, hostile_workspace.text_of(payloads))
        )
        for payloads in SETS
    ]
    page = presenter.new_page()
    with watched(presenter, served.url) as watch:
        for view in VIEWS[chapter]:
            asked: list[dict[str, str]] = [{"v": link} for link in links]
            if (chapter, view) not in TAKES_TEXT:
                asked = [{}]
            if (chapter, view) == ("data", "explore"):
                asked = [{"show": aspect} for aspect in ASPECTS]
            for more in asked:
                run = next(runs)
                page.goto(served.address(chapter, run=run, view=view, **more))
                wrong += [f"{chapter}/{view}: {each}" for each in _looked(page, watch, run)]
                watch.dialogs.clear(), watch.requests.clear()
    assert wrong == []


@pytest.mark.parametrize(
    ("chapter", "query"),
    [
        ("model", {"run": "no {}"}),
        ("data", {"view": "collect", "corpus_source": "{}", "corpus_name": "{}"}),
        ("data", {"show": "documents", "find": "{}"}),
        ("data", {"view": "explore", "show": "{}"}),
        ("tokenizer", {"view": "train", "tokenizer_name": "{}"}),
        ("training", {"view": "start", "run_name": "{}"}),
        ("training", {"view": "experiments", "race_lanes": "{}", "race_name": "{}"}),
        ("evaluation", {"view": "{}"}),
        ("attention", {"view": "filmstrip", "text": "{}", "film": "{}"}),
        ("sampling", {"prompt": "{}", "method": "{}"}),
        ("library", {"view": "models", "bring_from": "{}", "bring_folder": "{}"}),
        ("workshop", {"view": "tour", "step": "{}"}),
    ],
)
def test_no_word_of_an_address_and_no_message_about_it_is_more_than_text(
    chapter: str, query: dict[str, str], presenter: BrowserContext, served: AppServer
):
    page, wrong = presenter.new_page(), []
    with watched(presenter, served.url) as watch:
        for payload in PAYLOADS[:: len(PAYLOADS) // 4]:
            text = payload.text[:200].encode("utf-8", "replace").decode()
            asked = {key: value.format(text) for key, value in query.items()}
            page.goto(served.address(chapter, **asked))
            wrong += [f"{payload.what}: {each}" for each in _looked(page, watch, "")]
    assert wrong == []


def test_a_row_of_the_library_is_used_renamed_and_asked_about(
    presenter: BrowserContext, served: AppServer, hostile: Workspace
):
    """The table's own download as CSV is gone, and a chosen row's panel shows its name."""
    page = presenter.new_page()
    with watched(presenter, served.url) as watch:
        page.goto(served.address("library", view="Runs", run=_runs(hostile)[0]))
        settled(page)
        table = page.get_by_test_id("stDataFrame").first
        table.hover()
        assert page.get_by_label("Search").count() > 0
        assert not page.get_by_label(re.compile("^Download as CSV")).first.is_visible()
        box = table.bounding_box()
        assert box is not None
        for place in (1, 4, 7):
            page.mouse.click(box["x"] + 20, box["y"] + 35 * place + 18)
            settled(page)
            expect(page.get_by_role("button", name="Delete …")).to_be_visible()
            assert watch.strange(page) == []
    assert (watch.dialogs, watch.requests) == ([], [])


def test_the_written_report_is_text_wherever_it_is_opened(
    presenter: BrowserContext, served: AppServer, hostile: Workspace, tmp_path: Path
):
    config = ReportConfig(max_tokens=2_000, questions=10, samples=2, sample_tokens=60)
    page = presenter.new_page()
    for number, payload in enumerate(NAMES[:: len(NAMES) // 8]):
        run = next(each for each in hostile.runs.list() if each.name == payload.text)
        out = tmp_path / f"{number}.html"
        evaluation_report(hostile, run, config, out=out)
        with watched(presenter, f"file://{tmp_path.as_posix()}") as watch:
            page.goto(out.as_uri())
            assert plain(payload.text) in plain(words_of(page))
            assert watch.strange(page) == []
            presenter.unroute_all()
        assert (watch.dialogs, watch.requests) == ([], [])


def test_a_model_card_is_text_where_it_is_read(
    browser: Browser, hostile: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    cards = []
    for payload in NAMES:
        run = next(each for each in hostile.runs.list() if each.name == payload.text)
        opened = open_run(run)
        outgoing = Outgoing.of(
            opened.model, opened.tokenizer, name=run.name, source=run, workspace=hostile
        )
        cards.append(model_card(outgoing, "Qwen3ForCausalLM", "float32").split("---\n", 2)[2])
    card = tmp_path / "README.md"
    card.write_text("\n\n".join(each[:3_000] for each in cards), encoding="utf-8")
    monkeypatch.setenv("SLM_SHOWN", str(card))
    with app_server(tmp_path, tmp_path / "log", script=HERE / "shown_file.py") as shown:
        page = browser.new_page()
        with watched(page.context, shown.url) as watch:
            page.goto(shown.url)
            expect(page.get_by_text("The file stands above.")).to_be_visible()
            settled(page)
            assert watch.strange(page, may_link=True) == []
            assert plain(words_of(page)).count("Settings of the model") == len(NAMES)
        page.context.close()
    assert (watch.dialogs, watch.requests) == ([], [])
