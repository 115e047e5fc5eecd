"""Settings by name, and settings as JSON: pressed, saved, pasted, taken along."""

import streamlit as st

from slm.errors import SlmError
from slm.owners import may_change, require_right
from slm.sampling import presets
from slm.sampling.methods import WritingConfig
from ui import widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models.sampling import ORDER
from ui.view_models.writing import choice_values, json_text, named_by, session_values
from ui.views import kept
from ui.views.sampling.settings import ask_method, chosen_writing

_SAVING = tr("Save the settings under a name, take them along as JSON, or paste others.")
_TOLD = "preset-told"
_PROBLEM = "preset-problem"


def preset_row(state: PageState) -> str:
    """A button for each preset, marked where the settings are that one; gives the method."""
    assert state.run is not None
    shelf = presets.presets_of(state.workspace.root, state.run.id)
    now = named_by(shelf.presets, chosen_writing())
    with st.container(horizontal=True, gap="xsmall"):
        for preset in shelf.presets:
            st.button(
                widgets.esc_md(preset.name if preset.own else tr(preset.name)),
                key=f"preset-{preset.name}",
                icon=":material/check:" if preset.name == now else None,
                help=tr(preset.about or tr("Settings that were saved for this model.")),
                on_click=_use,
                args=(preset,),
            )
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom"):
        method = ask_method()
        with st.popover(tr("Save"), icon=":material/save:", help=_SAVING):
            if state.run is not None and may_change(state.owner, state.run.manifest.owner):
                _saving(state, shelf)
            else:
                st.caption(tr("Whose model this is saves settings with it. A link keeps yours."))
            _as_json()
    if shelf.damaged:
        st.caption(
            tr("{damaged} saved settings cannot be read and are passed over.").format(
                damaged=shelf.damaged
            )
        )
    for note in st.session_state.pop(_TOLD, ()):
        st.caption(f":material/info: {widgets.esc_md(note)}")
    if problem := st.session_state.pop(_PROBLEM, None):
        widgets.show_problem(problem)
    return method


def _saving(state: PageState, shelf: presets.Shelf) -> None:
    """Keep the settings as they are under a name; forget own ones."""
    st.markdown(tr("**Save these settings for this model**"))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.text_input(tr("Name"), key="preset_name", max_chars=80, width=200)
        st.button(tr("Save"), key="preset_save", on_click=_save, args=(state, chosen_writing()))
    own = [preset.name for preset in shelf.presets if preset.own]
    if own:
        with st.container(horizontal=True, vertical_alignment="bottom"):
            st.selectbox(tr("Saved ones"), own, key="preset_own", width=200)
            st.button(tr("Forget"), key="preset_forget", on_click=_forget, args=(state,))


def _as_json() -> None:
    """The settings by the names of published models."""
    st.markdown(tr("**As JSON**"))
    st.caption(
        tr(
            "By the names that transformers has in generation_config.json; seed, order and the "
            "form of the text, which have none there, stand beside them."
        )
    )
    text = json_text(chosen_writing())
    st.code(text, language="json")
    st.download_button(
        tr("Download"),
        text,
        file_name="generation_config.json",
        mime="application/json",
        key="settings_download",
        icon=":material/download:",
        on_click="ignore",
    )
    st.text_area(
        tr("Paste settings to use them"),
        key="settings_json",
        height=90,
        placeholder=tr('{"do_sample": true, "temperature": 0.7, "top_p": 0.8}'),
    )
    st.button(tr("Use them"), key="settings_use", on_click=_load)


def _use(preset: presets.Preset) -> None:
    _hold(choice_values(preset))


def _load() -> None:
    seed = chosen_writing().sampling.seed
    try:
        writing = presets.from_generation_json(str(st.session_state["settings_json"]), seed)
    except SlmError as error:  # a callback has no place of its own on the page to show it
        st.session_state[_PROBLEM] = str(error)
        return
    values, notes = session_values(writing)
    _hold(values)
    st.session_state["settings_json"] = ""
    st.session_state[_TOLD] = (tr("The pasted settings are used."), *notes)


def _hold(values: dict[str, object]) -> None:
    """Give the fields their values."""
    kept.keep(ORDER, str(values.pop(ORDER)))
    for key, value in values.items():
        st.session_state[key] = value


def _save(state: PageState, writing: WritingConfig) -> None:
    assert state.run is not None
    name = str(st.session_state.get("preset_name", ""))
    try:
        require_right(state.owner, state.run.manifest.owner, state.run.name)
        preset = presets.keep_preset(state.workspace.root, state.run.id, name, writing)
    except SlmError as error:
        st.session_state[_PROBLEM] = str(error)
        return
    st.session_state["preset_name"] = ""
    st.session_state[_TOLD] = (tr("Saved as {name}.").format(name=preset.name),)


def _forget(state: PageState) -> None:
    assert state.run is not None
    name = str(st.session_state.get("preset_own", ""))
    try:
        require_right(state.owner, state.run.manifest.owner, state.run.name)
        presets.forget_preset(state.workspace.root, state.run.id, name)
    except SlmError as error:
        st.session_state[_PROBLEM] = str(error)
