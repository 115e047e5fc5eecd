"""The Library, as a visitor uses it."""

import io
import zipfile

from slm.workspace import Workspace, archive
from tests.conftest import OpenPage
from ui.view_models.library import unique_labels


def shown(app) -> list[str]:
    return list(app.dataframe[0].value["Name"])


def test_every_shelf_lists_what_was_made(open_page: OpenPage, workspace_env: Workspace):
    for view, shelf in [
        ("runs", workspace_env.runs),
        ("tokenizers", workspace_env.tokenizers),
        ("corpora", workspace_env.corpora),
    ]:
        app = open_page("library", view=view)
        assert not app.exception and not app.error
        assert shown(app)[0] == shelf.list()[0].name


def test_a_damaged_run_is_told_and_harms_no_other(open_page: OpenPage, workspace_env: Workspace):
    run = workspace_env.runs.get("tiny")
    (run.folder / "manifest.json").write_text("{")
    app = open_page("library", run=None)
    assert not app.exception
    assert any("damaged" in text for text in app.dataframe[0].value["What"])


def test_the_work_view_offers_to_forget_what_ended(open_page: OpenPage, workspace_env: Workspace):
    app = open_page("library", view="work")
    assert not app.exception
    assert any("Nothing has run yet" in info.value for info in app.info)


def test_a_download_holds_every_file_under_one_folder(workspace_env: Workspace):
    run = workspace_env.runs.get("tiny")
    with zipfile.ZipFile(io.BytesIO(archive(run))) as packed:
        names = packed.namelist()
        assert f"{run.id}/config.json" in names
        assert all(name.startswith(f"{run.id}/") and ".." not in name for name in names)


def test_two_artefacts_of_one_name_have_two_labels(workspace_env: Workspace):
    with workspace_env.corpora.create("same") as first:
        pass
    with workspace_env.corpora.create("same") as second:
        pass
    labels = unique_labels(workspace_env.corpora.list())
    assert labels[first.id] == "same"
    assert labels[second.id] == f"same ({second.id[-6:]})"


def test_serving_shows_the_command_and_the_lines_that_ask(open_page: OpenPage):
    app = open_page("library", view="serve", serve_port="9123")
    assert not app.exception and not app.error
    lines = [code.value for code in app.code]
    assert any("slm serve" in line and "--port=9123" in line for line in lines)
    assert any("http://127.0.0.1:9123/v1" in line for line in lines)
