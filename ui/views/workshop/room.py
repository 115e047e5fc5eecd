"""The room: who is here, what is one's own, how one takes it home; for the presenter, the door."""

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from slm import jobs
from slm.data.reading import uploads
from slm.workshop import addresses, archive, challenges, class_game, people, questions, rights
from slm.workshop import room as rooms
from slm.workshop.room import Room, in_groups
from slm.workspace import Artefact, Workspace
from ui import job_panel, queue_panel, session, widgets
from ui.session import PageState
from ui.texts import tr
from ui.view_models import workshop as words
from ui.view_models.jobs import jobs_to_show
from ui.view_models.preparing import work_key

POLL_SECONDS = 4.0
_VERBS = ("take-home", "open-archive")


def render(state: PageState) -> None:
    """The room, or how to open one; below it one's own work."""
    if not session.is_shared():
        st.info(words.ALONE, icon=":material/groups:")
        st.code(words.SHARE_LINE, language="bash")
        _own_work(state)
        widgets.show_code(words.code_lines(str(state.workspace.root)), archive.pack_work)
        return
    now = rooms.read(state.workspace)
    left, right = st.columns([1.15, 1], gap="large")
    if rights.is_presenter(state.owner):
        with left:
            _door(state, now)
            queue_panel.queue(state)
        with right:
            _people(state)
            _own_work(state)
    else:
        with left:
            st.subheader(widgets.esc_md(words.greeting(session.person())), anchor=False)
            _going_on(state)
            _own_work(state)
            _return_word(state)
            queue_panel.queue(state)
        with right:
            _people(state)
            with st.expander(tr("Bring somebody in"), icon=":material/qr_code_2:"):
                _door(state, now)
    st.caption(words.TRUST)
    widgets.show_code(words.code_lines(str(state.workspace.root)), archive.pack_work)


def _going_on(state: PageState) -> None:
    """What the class does together just now, each with the way there; looked at again and again."""

    @st.fragment(run_every=POLL_SECONDS)
    def panel() -> None:
        here = state.workspace
        asked, game = questions.newest_question(here), class_game.newest_game(here)
        n_open = sum(each.open for each in challenges.list_challenges(here))
        offers = words.going_on(
            question=asked is not None and not asked.revealed and asked.own is None,
            game=game is not None and game.open,
            challenges=n_open,
        )
        for offer in offers:
            if st.button(
                offer.told,
                key=f"going-on-{offer.view}",
                icon=":material/campaign:",
                type="primary",
            ):
                session.choose(view=offer.view)
                st.rerun()
        if not offers:
            st.caption(words.NOTHING_ON)

    panel()


def _door(state: PageState, now: Room) -> None:
    """Address, code and picture: everybody may bring in a neighbour."""
    with st.container(border=True, key="door", gap="small"):
        st.caption(tr("Address"))
        for address in now.addresses[:3]:
            st.subheader(address, anchor=False)  # our own; escaped, it could not be copied
        picture, told = st.columns([1, 1.2], vertical_alignment="center")
        if now.addresses:  # none for a room that was opened by slm alone
            picture.image(_qr(addresses.join_link(now.addresses[0], now.code)), width=260)
        with told:
            st.caption(tr("Code"))
            st.header(now.spoken_code, anchor=False)
        st.caption(words.door_sentence())
        if rights.is_presenter(state.owner):
            st.button(
                tr("New code"),
                key="room-new-code",
                icon=":material/autorenew:",
                on_click=_renew,
                args=(state.workspace,),
                help=tr("The old code lets nobody in any more. Whoever is in the room stays in."),
            )


@st.cache_data(max_entries=16, show_spinner=False)
def _qr(link: str) -> str:
    return addresses.qr_svg(link)


def _renew(workspace: Workspace) -> None:
    with widgets.user_errors():
        rooms.renew_code(workspace)


def _people(state: PageState) -> None:
    @st.fragment(run_every=POLL_SECONDS)
    def listed() -> None:
        found = jobs.list_jobs(state.workspace)
        rows = words.person_rows(state.workspace, found, state.owner)
        st.caption(words.headcount(rows))
        st.dataframe(
            pd.DataFrame(
                {
                    tr("Name"): [row.name for row in rows],
                    tr("Here"): [row.here for row in rows],
                    tr("Works on"): [row.doing for row in rows],
                }
            ),
            hide_index=True,
            key="room-people",
            height=words.table_height(len(rows)),
        )

    listed()


def _own_work(state: PageState) -> None:
    artefacts = archive.work_of(state.workspace, state.owner)
    made = tuple(artefact.id for artefact in artefacts)
    work = words.own_work(artefacts, state.owner, _bytes_of(artefacts, made))
    with st.container(border=True, key="own-work"):
        st.markdown(tr("**Your work**"))
        if work.anything:
            st.text(
                tr("{told} · {size} with what they were made from").format(
                    told=work.told, size=work.size
                )
            )
            _take_home(state)
            st.caption(words.TAKE_HOME)
        else:
            st.caption(tr("You have made nothing here yet. Home makes a first model in minutes."))
        _open(state)
        for verb in _VERBS:
            mine = st.session_state.get(f"job-of-{verb}")
            for job in jobs_to_show(jobs.list_jobs(state.workspace), verb, mine):
                if job.owner == state.owner:
                    job_panel.watch(state.workspace, job.id, key=f"own-{job.id}")
                    told = job.status().result.get("file")
                    if isinstance(told, str) and not job.status().alive:
                        st.code(told, language=None)


@st.cache_data(ttl=20, max_entries=100, show_spinner=False)
def _bytes_of(_artefacts: Sequence[Artefact], ids: tuple[str, ...]) -> int:
    """Counted at most once in a while: it looks at every file."""
    del ids  # what it is remembered by
    return archive.work_bytes(_artefacts)


def _take_home(state: PageState) -> None:
    label, icon = tr("Take all my work home"), ":material/backpack:"
    if session.is_shared():
        st.link_button(label, "/take-home", icon=icon, type="primary")
    elif st.button(label, icon=icon, type="primary", key="take-home"):
        place = rooms.folder(state.workspace)
        place.mkdir(parents=True, exist_ok=True)
        argv = ["take-home", "--to", str(place / "my-work.zip"), "--overwrite", "True"]
        _start(state, argv, tr("Take work home"))


def _open(state: PageState) -> None:
    with st.expander(tr("Open a zip of work that was taken home"), icon=":material/unarchive:"):
        sent = st.file_uploader(tr("Zip"), type=["zip"], key="open-archive", help=words.OPEN_HELP)
        if sent is None:
            return
        if st.button(tr("Open it"), type="primary", key="open-archive-go"):
            with widgets.user_errors():
                name = uploads.safe_name(sent.name)
                path = uploads.keep_bytes(state.workspace, name, sent.getbuffer())
                _start(state, ["open-archive", str(path)], tr("Open taken-home work"))


def _start(state: PageState, argv: list[str], name: str) -> None:
    with widgets.user_errors():
        job = jobs.start(
            state.workspace, argv, name=name, owner=state.owner, key=work_key([*argv, state.owner])
        )
        st.session_state[f"job-of-{argv[0]}"] = job.id
        st.rerun()


def _return_word(state: PageState) -> None:
    person = session.person()
    if person is None or person.presents:
        return
    with st.expander(tr("Come in from another browser"), icon=":material/key:"):
        st.caption(words.RETURN_HELP)
        if st.button(tr("Make a return word"), key="return-word"):
            with widgets.user_errors():
                st.code(
                    in_groups(people.new_return_word(state.workspace, person.id)), language=None
                )
