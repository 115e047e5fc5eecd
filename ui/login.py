"""A login at an identity provider (OpenID Connect), where `.streamlit/secrets.toml` names one.

The door asks for code and name as always; whoever came in logs in, and is called as the
provider calls them. Streamlit does the protocol and keeps its own signed cookie.
"""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from slm.errors import RightsError, WorkspaceError
from slm.workshop import people
from slm.workshop.people import Person
from slm.workspace import Workspace
from ui.texts import tr


def is_configured() -> bool:
    """Whether logins are asked for: secrets.toml has a part [auth]."""
    return bool(st.secrets.load_if_toml_exists()) and "auth" in st.secrets


def require(here: Workspace, who: Person) -> None:
    """Let through whoever has logged in, or where no login is asked for; else show a page."""
    if not is_configured():
        return
    if not st.user.is_logged_in:
        st.title(tr("SLM Lab"), anchor=False)
        st.info(tr("One more step: this room asks who you are."), icon=":material/badge:")
        st.button(tr("Log in"), type="primary", on_click=st.login)
        st.stop()
    login, name = identity(st.user.to_dict())
    try:
        people.known_as(here, who.id, login, name)
    except (RightsError, WorkspaceError) as error:
        st.title(tr("SLM Lab"), anchor=False)
        st.error(tr("This pass and this login do not go together."), icon=":material/error:")
        st.text(str(error))
        st.button(tr("Log out"), on_click=st.logout)
        st.stop()


def identity(claims: Mapping[str, Any]) -> tuple[str, str]:
    """Who that is for the provider, which never changes, and the name to call them by.

    >>> identity({"iss": "https://login.example.org", "sub": "17", "name": "Ada Lovelace"})
    ('https://login.example.org 17', 'Ada Lovelace')
    """
    login = f"{claims.get('iss', '')} {claims.get('sub', '')}"
    kinds = ("name", "preferred_username", "email")
    return login, next((str(claims[kind]) for kind in kinds if claims.get(kind)), "")
