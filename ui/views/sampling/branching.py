"""Branches: a tree of what may follow, grown and pruned by hand.

One fragment. The tree stands in the address under its hash, so that a link, a reload and Undo
find it again; every change makes another.
"""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

import streamlit as st
from streamlit.errors import StreamlitAPIException

from slm.errors import DataError, SlmError
from slm.lab.branching import GrowConfig, moved_to, planted_in
from slm.lab.reports import OpenedRun
from slm.sampling import branch_files
from slm.sampling.branch_files import Planted
from slm.sampling.branches import (
    ROOT,
    By,
    Tree,
    grow_levels,
    grow_likeliest,
    grow_sampled,
    prune,
)
from slm.sampling.engine import engine_for
from slm.workshop.rights import is_presenter
from ui import loaders, widgets
from ui.components.branches import Act, branches_view
from ui.components.tokens import tokens_view
from ui.loaders import LoadedRun
from ui.session import PageState
from ui.texts import tr
from ui.view_models import glossary
from ui.view_models.branches import (
    BY,
    SURPRISE,
    branch_lines,
    compared,
    drawing_of,
    path_view,
    tally,
)
from ui.views import kept
from ui.views.at_step import ask_step
from ui.views.sampling.settings import PROMPT, ask_prompt, ask_seed, chosen_config, sliders

_TREE, _NODE, _BESIDE = "tree", "branch", "beside"
_SMALL = 20_000_000  # parameters; a larger model's first tree has one level
_FIRST = GrowConfig(width=3, depth=3)
_HISTORY = 50
_WAYS = {
    "likeliest": tr("Grow the {k} likeliest"),
    "sample": tr("Sample {n} × {length} tokens"),
    "prune": tr("Prune"),
    "beside": tr("Compare with the next"),
}


def render(state: PageState) -> None:
    """Prompt and settings beside the tree."""
    if state.run is None:
        st.info(tr("No model is here yet. Build one on Home, then grow its branches here."))
        return
    _branches(state)


@st.fragment
def _branches(state: PageState) -> None:
    assert state.run is not None
    _take_over_prompt(state)
    left, right = st.columns([1, 3.2], gap="medium")
    with left, widgets.user_errors():
        widgets.demo_note(state.on_demo, tr("the branches"))
        prompt = ask_prompt()
        step = ask_step(state.run, tr("The same branches get the probabilities of that step."))
        width, count, length = _ask_sizes()
        with st.expander(tr("The draw"), icon=":material/tune:"):
            sliders()
            ask_seed()
        loaded = loaders.load_run(state.run, step)
        with right:
            planted = _tree(state, loaded, prompt)
            _show(state, loaded, planted, (width, count, length))
    with left:
        _files(state)


def _ask_sizes() -> tuple[int, int, int]:
    """How many branches a click grows, and how long sampled ones are."""
    width = st.slider(tr("Likeliest tokens"), 1, 12, 3, key="branch_width", bind="query-params")
    count = st.slider(tr("Continuations"), 1, 16, 4, key="branch_count", bind="query-params")
    length = st.slider(tr("Tokens of each"), 1, 60, 12, key="branch_length", bind="query-params")
    return int(width), int(count), int(length)


def _take_over_prompt(state: PageState) -> None:
    """A tree that comes by a link or a file brings its prompt."""
    made = kept.recall(_TREE)
    if made and made != st.session_state.get("tree-seen"):
        st.session_state["tree-seen"] = made
        try:
            st.session_state["prompt"] = branch_files.opened(state.workspace.root, made).prompt
        except SlmError as error:
            st.session_state["tree-problem"] = str(error)
            _keep_tree("")


def _tree(state: PageState, loaded: LoadedRun, prompt: str) -> Planted:
    """The tree in hand, with this model's probabilities; a first one for a new prompt."""
    problem = st.session_state.pop("tree-problem", None)
    if problem:
        widgets.show_problem(problem)
    made = kept.recall(_TREE)
    if made:
        try:
            planted = branch_files.opened(state.workspace.root, made)
            if planted.prompt == prompt:
                return _scored(made, loaded.run_id, loaded.step, planted, loaded)
            _keep_tree("")
        except SlmError as error:
            widgets.show_problem(str(error))
    return _first(loaded.run_id, loaded.step, prompt, loaded)


@loaders.shared_answer(tr("Reading the branches with this model"))
def _scored(made: str, run_id: str, step: int, _planted: Planted, _loaded: LoadedRun) -> Planted:
    """The tree as this model sees it. A file's own figures are never trusted."""
    del made
    del run_id, step
    return moved_to(_opened(_loaded), _planted)


@loaders.shared_answer(tr("Growing the first branches"))
def _first(run_id: str, step: int, prompt: str, _loaded: LoadedRun) -> Planted:
    """What the model is likeliest to write, a few tokens deep."""
    tree, _ = planted_in(_opened(_loaded), prompt)
    depth = _FIRST.depth if _loaded.model.n_parameters < _SMALL else 1
    eos_id = _loaded.tokenizer.eos_id
    tree = grow_levels(_loaded.model, tree, _FIRST.width, depth, eos_id)
    cut = branch_files.fingerprint(_loaded.tokenizer)
    return Planted(tree, prompt, run_id, step, cut)


def _show(
    state: PageState, loaded: LoadedRun, planted: Planted, sizes: tuple[int, int, int]
) -> None:
    tokenizer, tree = loaded.tokenizer, planted.tree
    _, notes = planted_in(_opened(loaded), planted.prompt)
    for note in (*loaded.notes, *notes):
        st.caption(f":material/info: {widgets.esc_md(note)}")
    by = _bar_above()
    selected, beside = _node(_NODE, tree), _node(_BESIDE, tree)
    drawing = drawing_of(tree, planted.prompt, tokenizer.token_bytes, tokenizer.vocab_size, by)
    width, count, length = sizes
    words = {act: text.format(k=width, n=count, length=length) for act, text in _WAYS.items()}
    if selected is None:
        selected = drawing.best
    act = branches_view(drawing, key="branches", selected=selected, beside=beside, words=words)
    if act is not None:
        with widgets.user_errors():
            _perform(state, loaded, planted, act, sizes)
    st.caption(widgets.esc_md(tally(tree)))
    _paths(loaded, tree, selected, beside)
    assert state.run is not None
    widgets.show_code(
        branch_lines(state.run, planted.prompt, GrowConfig(width=width, depth=_FIRST.depth)),
        grow_levels,
        grow_likeliest,
    )


def _bar_above() -> By:
    """How the best path is judged, and the way back."""
    with st.container(horizontal=True, vertical_alignment="center"):
        by = st.segmented_control(
            tr("Most probable path"),
            list(BY),
            format_func=lambda each: BY.get(each, each),
            default="mean",
            key="branch_by",
            bind="query-params",
            required=True,
            label_visibility="collapsed",
            help=tr(
                "The most probable path is outlined. As a whole, every token more makes a path "
                "less probable, so short ones win; for each token, long and short compare."
            ),
        )
        st.button(
            tr("Undo"),
            icon=":material/undo:",
            key="branch_undo",
            on_click=_undo,
            disabled=not st.session_state.get("tree-history"),
        )
    return "sum" if by == "sum" else "mean"


def _perform(
    state: PageState, loaded: LoadedRun, planted: Planted, act: Act, sizes: tuple[int, int, int]
) -> None:
    """Do what was asked for; a changed tree is kept and drawn."""
    if act.name == "select":
        kept.keep(_NODE, str(act.node_id))
        _again()
    if act.name == "beside":
        now = kept.recall(_BESIDE)
        kept.keep(_BESIDE, "" if now == str(act.node_id) else str(act.node_id))
        _again()
    width, count, length = sizes
    tree, node_id, eos_id = planted.tree, act.node_id, loaded.tokenizer.eos_id
    chosen = node_id
    if act.name == "likeliest":
        tree = grow_likeliest(loaded.model, tree, node_id, width, eos_id)
    elif act.name == "sample":
        tree = _sampled(loaded, tree, node_id, count, length)
    else:
        chosen = ROOT if node_id == ROOT else tree.by_id[node_id].parent
        tree = prune(tree, node_id)
    _remember(kept.recall(_TREE) or "")
    _keep_tree(branch_files.keep(state.workspace.root, replace(planted, tree=tree, name="")))
    kept.keep(_NODE, str(chosen))
    _again()


def _sampled(loaded: LoadedRun, tree: Tree, node_id: int, count: int, length: int) -> Tree:
    """Continuations one after another, with a bar; leaving the page lets them go."""
    bar = st.progress(0.0, tr("Sampling continuations"))
    engine = engine_for(loaded.model)
    eos_id = loaded.tokenizer.eos_id
    config = chosen_config()
    with closing(
        grow_sampled(engine, tree, node_id, count, length, config, eos_id=eos_id)
    ) as grown:
        for number, larger in enumerate(grown, start=1):
            tree = larger
            bar.progress(
                number / count,
                tr("Sampling continuations: {number} of {count}").format(
                    number=number, count=count
                ),
            )
    bar.empty()
    return tree


def _paths(loaded: LoadedRun, tree: Tree, selected: int, beside: int | None) -> None:
    """The chosen path, or two of them from where they part."""
    cut = loaded.tokenizer
    if beside is None or beside == selected:
        view = path_view(tree, selected, cut.token_bytes, cut.vocab_size)
        st.markdown(tr("**The chosen path**"), help=glossary.meaning("surprise"))
        if view.chips:
            tokens_view(view.chips, scale=replace(SURPRISE, title=""), key="branch-path", height=90)
        st.caption(widgets.esc_md(view.told))
        return
    pair = compared(tree, selected, beside, cut.token_bytes, cut.vocab_size)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.markdown(
            tr("**Two paths.** {told}").format(told=widgets.esc_md(pair.told)), width="stretch"
        )
        st.button(tr("Stop comparing"), key="branch_alone", on_click=kept.keep, args=(_BESIDE, ""))
    st.caption(widgets.esc_md(pair.shared))
    for place, (name, view) in enumerate(((tr("First"), pair.first), (tr("Second"), pair.second))):
        st.caption(f"**{name}** · {widgets.esc_md(view.told)}")
        if view.chips:
            key = f"branch-path-{place}"
            tokens_view(view.chips, scale=replace(SURPRISE, title=""), key=key, height=90)


def _files(state: PageState) -> None:
    """Save the tree under a name, open one, take one along."""
    root = state.workspace.root
    with st.expander(tr("Save and open"), icon=":material/folder_open:"), widgets.user_errors():
        made = kept.recall(_TREE)
        planted = branch_files.opened(root, made) if made else None
        name = st.text_input(
            tr("Name"), key="tree_name", max_chars=80, placeholder=tr("A name to save by")
        )
        if planted is None:
            st.caption(tr("Grow or prune a branch first: the first tree needs no saving."))
        elif st.button(
            tr("Save"), icon=":material/save:", key="tree_save", disabled=not name.strip()
        ):
            branch_files.keep(root, replace(planted, name=name.strip()))
            st.toast(tr("The tree is saved."))
        if planted is not None:
            st.download_button(
                tr("Download"),
                branch_files.to_json(planted),
                "branches.json",
                "application/json",
                icon=":material/download:",
                on_click="ignore",
                key="tree_download",
            )
        saved = branch_files.saved(root)
        if saved:
            with st.container(horizontal=True, vertical_alignment="bottom"):
                chosen = st.selectbox(
                    tr("Saved trees"),
                    list(saved),
                    index=None,
                    format_func=lambda key: saved[key].name if key in saved else "",
                    placeholder=tr("Choose one to open"),
                    key="tree_saved",
                )
                st.button(
                    tr("Delete"),
                    icon=":material/delete:",
                    key="tree_delete",
                    disabled=chosen is None or not is_presenter(state.owner),
                    on_click=_delete,
                    args=(root, chosen),
                )
            if (
                chosen is not None
                and chosen in saved
                and st.session_state.get("tree-opened") != chosen
            ):
                st.session_state["tree-opened"] = chosen
                _open(state, replace(saved[chosen], name=""))
        sent = st.file_uploader(tr("Open a file"), type=["json"], key="tree_file")
        if sent is None:
            return
        if sent.size > branch_files.MOST_BYTES:
            raise DataError(
                tr(
                    "{name} has {size:,} bytes; a tree has at most {most_bytes:,}. "
                    "Choose a file that was saved here."
                ).format(name=sent.name, size=sent.size, most_bytes=branch_files.MOST_BYTES)
            )
        brought = branch_files.from_json(sent.getvalue())  # at each run, so that a problem stays
        if st.session_state.get("tree-sent") != sent.file_id:
            st.session_state["tree-sent"] = sent.file_id
            _open(state, brought)


def _delete(root: Path, chosen: str) -> None:
    """Forget a saved tree; one that is looked at stays open, without a name."""
    branch_files.forget(root, chosen)
    st.session_state["tree_saved"] = None


def _open(state: PageState, planted: Planted) -> None:
    """Take another tree in hand, its prompt too."""
    _remember(kept.recall(_TREE) or "")
    _keep_tree(branch_files.keep(state.workspace.root, replace(planted, name="")), known=False)
    _again()


def _again() -> None:
    """Draw anew: this fragment alone, unless the whole page is being drawn."""
    try:
        st.rerun(scope="fragment")
    except StreamlitAPIException:
        st.rerun()


def _keep_tree(made: str, *, known: bool = True) -> None:
    """This tree is in hand now; what was chosen in another means nothing any more."""
    kept.keep(_TREE, made)
    kept.keep(_BESIDE, "") if not known else None
    kept.keep(_NODE, "")
    st.session_state["tree-seen"] = made if known else None


def _remember(made: str) -> None:
    """A tree to come back to; the empty one is that of the prompt."""
    history = st.session_state.setdefault("tree-history", [])
    history.append((made, st.session_state.get("prompt", PROMPT)))
    del history[:-_HISTORY]


def _undo() -> None:
    history = st.session_state.get("tree-history")
    if history:
        made, prompt = history.pop()
        st.session_state["prompt"] = prompt
        _keep_tree(made)


def _node(key: str, tree: Tree) -> int | None:
    """The node that the address says, if the tree has it."""
    said = kept.recall(key) or ""
    node_id = int(said) if said.isdecimal() and len(said) < 10 else None
    return node_id if node_id == ROOT or node_id in tree.by_id else None


def _opened(loaded: LoadedRun) -> OpenedRun:
    return OpenedRun(
        loaded.run_id, loaded.name, loaded.step, loaded.model, loaded.tokenizer, loaded.notes
    )
