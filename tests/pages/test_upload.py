"""A visitor's own file or text on the Data page."""

import pytest
from streamlit.testing.v1 import AppTest

from slm.data.corpus import open_corpus
from slm.data.reading import ingest
from slm.data.reading.uploads import FOLDER
from slm.errors import DataError
from slm.workspace import Workspace
from tests.conftest import OpenPage
from tests.data.reading.hostile_files import STORY, zipped
from tests.pages.test_data import said
from tests.pages.waiting import finished

TABLE = "id,tale,note\n" + "\n".join(f"{i},{STORY} {i},ok {i}" for i in range(30)) + "\n31,a,b,c"


def send(app: AppTest, name: str, data: bytes) -> AppTest:
    app.radio(key="source").set_value("upload").run()
    app.file_uploader(key="data-upload").upload(name, data).run()
    assert not app.exception
    return app


def test_a_table_shows_its_columns_and_the_chosen_one_is_saved(
    open_page: OpenPage, workspace_env: Workspace
):
    app = send(open_page("data", view="New corpus"), "tales.csv", TABLE.encode())
    assert "3 columns" in said(app) and "30 documents" in said(app)
    assert app.selectbox(key="table_column").value == "tale"
    app.selectbox(key="table_column").set_value("note").run()
    app.button(key="prepare").click().run()
    job = finished(workspace_env, "prepare")
    assert job.status().state == "done", job.log_tail()
    made = open_corpus(workspace_env.corpora.get("tales"))
    assert set(made.texts()) == {f"ok {i}" for i in range(30)}
    assert made.artefact.details["first_problem"] == "row 31: 4 cells for 3 columns"


def test_a_bad_file_is_told_once_and_not_kept(open_page: OpenPage, workspace_env: Workspace):
    app = send(open_page("data", view="New corpus"), "a.pdf", b"%PDF-1.4 but no more")
    assert "damaged PDF" in app.error[0].value.replace("\\", "")
    assert list((workspace_env.root / FOLDER).iterdir()) == []
    app.run()
    assert len(app.error) == 1
    send(app, "a.txt", f"{STORY} {STORY}".encode())
    assert not app.error


def test_a_file_that_was_refused_is_looked_into_again_when_it_is_sent_again(
    open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
):
    """A machine that was too busy the first time must not refuse the file for good."""

    def too_busy(*_: object) -> None:
        raise DataError("a.txt could not be read within 30 s.")

    app = open_page("data", view="New corpus")
    with monkeypatch.context() as first_time:
        first_time.setattr(ingest, "preview", too_busy)
        send(app, "a.txt", STORY.encode())
        assert "could not be read within 30 s" in app.error[0].value.replace("\\", "")
    send(app, "a.txt", STORY.encode())
    assert not app.error and "1 document." in said(app)


def test_an_archive_says_what_is_left_out(open_page: OpenPage):
    archive = zipped({"a.txt": STORY, "b.txt": STORY * 2, "../c.txt": STORY})
    app = send(open_page("data", view="New corpus"), "x.zip", archive)
    assert "3 files" in said(app) and "2 documents" in said(app)
    assert "../c.txt: its name leads out of the archive" in said(app)


def test_pasted_text_is_split_as_asked(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("data", view="New corpus")
    app.radio(key="source").set_value("paste").run()
    app.text_area(key="data-paste").set_value("\n".join([STORY, "Another line."] * 5)).run()
    assert "1 document." in said(app)
    app.selectbox(key="split_rule").set_value("lines").run()
    assert "10 documents. Each line is a document." in said(app)
    app.text_area(key="data-paste").set_value("Too short.").run()
    assert "holds 10 characters" in app.error[0].value.replace("\\", "")
    kept = [path.name for path in (workspace_env.root / FOLDER).rglob("*.txt")]
    assert kept == ["Pasted text.txt"]


def test_a_link_to_a_file_that_is_gone_says_so(open_page: OpenPage):
    app = open_page("data", view="New corpus", source="A file of yours", upload="f" * 64)
    assert not app.exception and "no longer kept here" in said(app)
