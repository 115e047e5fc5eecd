"""The frame around every page: boot guard, navigation, and what this visitor works on.

Session state holds ids and numbers, never models. Everything that a visitor has
chosen stands in the URL, so that a copied address reproduces the screen.
"""

import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from slm import linked_texts
from slm.errors import WorkspaceError
from slm.workshop import passes, room
from slm.workshop.people import Person
from slm.workspace import LOCAL_OWNER, Artefact, Workspace
from ui import loaders, login
from ui.texts import tr

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "demo"
_PAGES = {
    "": [("0_home.py", tr("Home"), ":material/home:", "")],
    tr("Chapters"): [
        ("1_data.py", tr("Data"), ":material/article:", "data"),
        ("2_tokenizer.py", tr("Tokenizer"), ":material/content_cut:", "tokenizer"),
        ("3_model.py", tr("Model"), ":material/account_tree:", "model"),
        ("4_training.py", tr("Training"), ":material/trending_down:", "training"),
        ("5_evaluation.py", tr("Evaluation"), ":material/straighten:", "evaluation"),
        ("6_attention.py", tr("Attention"), ":material/grid_on:", "attention"),
        ("7_sampling.py", tr("Sampling"), ":material/casino:", "sampling"),
    ],
    tr("Yours"): [
        ("8_library.py", tr("Library"), ":material/inventory_2:", "library"),
        ("9_workshop.py", tr("Workshop"), ":material/groups:", "workshop"),
    ],
}
LINKED_TEXTS = "v"
"""The parameter of an address that names texts too long to stand in it."""
_CURRENT = ("run", "corpus", "tokenizer", "present")
_WHOLE_NUMBERS = (  # keys of fields that stand in the address
    *("document", "sample_document", "removed_from", "window_from", "documents", "hub_documents"),
    *("tales_seed", "vocab_size", "from_token", "query", "new_tokens", "sampling_seed"),
    *("anatomy_after",),
    *("copy_seed", "copy_length", "copy_passage", "shannon_document"),
)
_FILE_OF = {url: file for rows in _PAGES.values() for file, _, _, url in rows}


@dataclass(frozen=True)
class PageState:
    """What a view needs to know: where things are, and what the visitor has chosen.

    `run` is the chosen run or imported model, or the shipped demo when none is chosen;
    None only where not even the demo is there. `corpus` and `tokenizer` are the chosen
    ones, else those that the run was made from, where they still exist.
    """

    workspace: Workspace
    run: Artefact | None
    corpus: Artefact | None
    tokenizer: Artefact | None
    owner: str = LOCAL_OWNER

    @property
    def on_demo(self) -> bool:
        """Whether what is shown is the demo that ships with the app."""
        return self.run is not None and self.run.read_only


def guard(page_file: str) -> None:
    """First call of every page: go through app.py when Streamlit has passed it by.

    A folder named `pages/` lets the first visitor of a fresh server land on a
    page's script alone, without navigation or sidebar. The page's address and
    its parameters are kept on the way. Notes whether the visitor comes from another page.
    """
    if "booted" not in st.session_state:
        kept = {**st.query_params.to_dict(), "goto": Path(page_file).name}
        st.switch_page("app.py", query_params=kept)
    st.session_state["page-entered"] = st.session_state.get("page-open") != page_file
    st.session_state["page-open"] = page_file


def boot() -> None:
    """Warm the server once, ask who it is, and forward a visitor whom `guard` sent here."""
    loaders.warm_up(DEMO)
    if is_shared():
        who = person()
        if who is None:
            _ask_to_come_in()
        else:
            login.require(files_of_all(), who)
    st.session_state["booted"] = True
    wanted = st.query_params.get("goto")
    if wanted in _FILE_OF.values():
        st.navigation(pages())  # from here on Streamlit routes through app.py
        kept = {key: value for key, value in st.query_params.to_dict().items() if key != "goto"}
        st.switch_page(f"pages/{wanted}", query_params=kept)


def forget_endless_numbers() -> None:
    """Take whole numbers out of the address that a float cannot hold: Streamlit fails on them."""
    endless = [key for key in _WHOLE_NUMBERS if _is_endless(st.query_params.get(key, ""))]
    for key in endless:
        del st.query_params[key]
    if endless:
        st.rerun()  # fields take their first value from the address as the run found it


def take_linked_texts() -> None:
    """Give the long texts that a link names to their fields, before these are drawn."""
    name = st.query_params.get(LINKED_TEXTS)
    if name is None:
        return
    del st.query_params[LINKED_TEXTS]
    try:
        texts = linked_texts.read_texts(workspace().root, name)
    except WorkspaceError as error:
        st.warning(str(error), icon=":material/link_off:")
        return
    for key, text in texts.items():
        st.session_state[key] = text


def _is_endless(number: str) -> bool:
    try:
        return math.isinf(float(number))
    except ValueError:
        return False


def pages() -> Mapping[str, list[Any]]:
    """The navigation: Home, the seven chapters, Library."""
    return {
        section: [
            st.Page(ROOT / "pages" / file, title=title, icon=icon, url_path=url, default=not url)
            for file, title, icon, url in rows
        ]
        for section, rows in _PAGES.items()
    }


def go_to(chapter: str, **choices: str | int) -> None:
    """Open another page (`data` … `sampling`, `library`, or "" for Home).

    `choices` are values of pickers there, by their keys: `view="start"`, `at_step=385`. They go
    through the session, and the current model and presenter mode with them: Streamlit refuses
    to switch with a bound key in the address, and drops those that are not set anew.
    """
    current = {key: st.session_state[key] for key in _CURRENT if st.session_state.get(key)}
    choose(**{**current, **st.session_state.get("pending_choice", {}), **choices})
    st.switch_page(f"pages/{_FILE_OF[chapter]}", query_params={})


def is_shared() -> bool:
    """Whether this server is for a room full of people: `python dev.py app --share`."""
    return bool(os.environ.get("SLM_SHARE"))


def person() -> Person | None:
    """Who looks, by their cookie; None for nobody whom the room knows.

    Read anew at each run: the presenter may have taken somebody off the list meanwhile.
    """
    here = files_of_all()
    now = room.read(here)
    return passes.holder(here, now, st.context.cookies.get(now.cookie_name))


def owner() -> str:
    """The owner of what is made here: one's own computer's, or the one who looks."""
    if not is_shared():
        return LOCAL_OWNER
    who = person()
    return who.id if who is not None else "nobody"


def files_of_all() -> Workspace:
    """The workspace's folders, whoever looks. SLM_WORKSPACE moves them."""
    root = Path(os.environ.get("SLM_WORKSPACE", ROOT / "workspace"))
    return Workspace(root, read_only=[DEMO])


def workspace() -> Workspace:
    """What users make, and the demo beside it, as whoever looks may work with it."""
    return files_of_all().acting_as(owner())


def _ask_to_come_in() -> None:
    """Instead of every page, for whoever lost their place in the room while a page was open."""
    st.title(tr("SLM Lab"), anchor=False)
    st.info(
        tr(
            "You are not in the room any more: the class has ended, or the presenter took your "
            "name off the list. What you made is kept."
        ),
        icon=":material/meeting_room:",
    )
    st.link_button(tr("Come in again"), "/join", type="primary")
    st.stop()


def state() -> PageState:
    """The visitor's choices, resolved anew at each run, since others may delete things."""
    here = workspace()
    run = _chosen_model(here) or demo_run(here)
    parents = run.manifest.parents if run is not None else {}
    corpus = _chosen(here, "corpora", "corpus")
    tokenizer = _chosen(here, "tokenizers", "tokenizer")
    if corpus is None and "corpus" in parents:
        corpus = here.corpora.find(parents["corpus"].id)
    if tokenizer is None and "tokenizer" in parents:
        tokenizer = here.tokenizers.find(parents["tokenizer"].id)
    return PageState(here, run, corpus, tokenizer, here.actor)


def demo_run(here: Workspace) -> Artefact | None:
    """The run that ships with the app."""
    return next((run for run in here.runs.list() if run.read_only and not run.problem), None)


def choose(**ids: str | int | None) -> None:
    """Make a run, corpus or tokenizer the current one (or set a picker) from the next rerun on."""
    st.session_state.setdefault("pending_choice", {}).update(ids)


def apply_choice() -> None:
    """Give pending choices to the pickers; called before they are drawn."""
    for key, value in st.session_state.pop("pending_choice", {}).items():
        st.session_state[key] = value
        if key == "view":
            st.session_state["view-asked"] = True  # and not left over from another page


@contextmanager
def held_through_back(chapter: str) -> Iterator[None]:
    """Draw the pickers of the frame within: Back to an address without them does not empty them.

    Streamlit writes the bare address of a page into the browser's history before it adds what
    was chosen, and a visitor who comes back there gets every bound widget's default. What they
    came to this page with is meant then. `chapter` is the page, as its address names it.
    """
    before = {key: st.session_state.get(key) for key in _CURRENT}
    if st.session_state.get("came-to") != chapter:
        st.session_state["came-to"], st.session_state["came-with"] = chapter, before
    yield
    came_with = st.session_state["came-with"]
    lost = {
        key: came_with[key]
        for key in _CURRENT
        if before[key] and came_with[key] and not st.session_state.get(key)
    }
    given_back = st.session_state.pop("given-back", None)
    if lost and lost != given_back:  # once: it may be gone for good
        st.session_state["given-back"] = lost
        choose(**lost)
        st.rerun()


def _chosen_model(here: Workspace) -> Artefact | None:
    return _chosen(here, "runs", "run") or _chosen(here, "models", "run")


def _chosen(here: Workspace, kind: str, key: str) -> Artefact | None:
    """What the picker says, checked: the value comes from a browser."""
    value = st.session_state.get(key)
    if not isinstance(value, str):
        return None
    try:
        return here.shelf(kind).get(value)
    except WorkspaceError:
        return None
