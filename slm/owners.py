"""Who may change what: the owner of a thing, and the one whose computer this is.

Whoever works on their own computer is `LOCAL_OWNER`, and so is the presenter of a shared
room: they may change everything. Everybody else may change what is theirs. To look is free.
This file knows ids of owners, no names of people.
"""

from slm.errors import RightsError

LOCAL_OWNER = "local"


def may_change(actor: str, owner: str) -> bool:
    """Whether `actor` may change, stop or delete what belongs to `owner`.

    >>> may_change("p-1", "p-1"), may_change("p-1", "p-2"), may_change(LOCAL_OWNER, "p-2")
    (True, False, True)
    """
    return actor in {LOCAL_OWNER, owner}


def require_right(actor: str, owner: str, name: str) -> None:
    """Let through whoever may change the thing of that name.

    Raises: RightsError for everybody else.
    """
    if not may_change(actor, owner):
        raise RightsError(
            f"{name!r} belongs to somebody else. You can look at it and use it; only its owner "
            "and the presenter can change, stop or delete it."
        )


def maker(actor: str, owner: str = LOCAL_OWNER) -> str:
    """The owner of what `actor` makes: nobody makes things in somebody else's name.

    >>> maker("p-1", LOCAL_OWNER), maker(LOCAL_OWNER, "p-2"), maker("p-1", "p-2")
    ('p-1', 'p-2', 'p-1')
    """
    return owner if actor == LOCAL_OWNER else actor
