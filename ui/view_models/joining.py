"""The door's page: plain HTML, since nobody is let into the app before it.

No script, no picture, nothing from elsewhere. Every value is escaped.
"""

from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode

from ui.texts import language, tr

_STYLE = """
:root { color-scheme: light dark; --ink: #262730; --paper: #fff; --line: #8a8f98; --blue: #005a9c;
  --note: #eef4fa; --wrong: #fdecea; }
@media (prefers-color-scheme: dark) { :root { --ink: #fafafa; --paper: #0e1117; --line: #8a8f98;
  --blue: #2f81f7; --note: #16202c; --wrong: #3a1d1d; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); line-height: 1.5;
  font: 17px/1.5 "Source Sans", system-ui, sans-serif; }
main { max-width: 27rem; margin: 0 auto; padding: 6vh 1.25rem 2rem; }
h1 { font-size: 1.9rem; margin: 0 0 .25rem; line-height: 1.2; }
p { margin: .5rem 0; }
label { display: block; margin-top: 1rem; font-weight: 600; }
input { width: 100%; font: inherit; padding: .6rem .7rem; margin-top: .25rem; color: inherit;
  background: transparent; border: 1px solid var(--line); border-radius: .5rem; }
input:focus-visible, button:focus-visible, summary:focus-visible { outline: 3px solid var(--blue);
  outline-offset: 1px; }
input.code { font-size: 1.5rem; letter-spacing: .2em; text-transform: uppercase; }
button { font: inherit; font-weight: 600; width: 100%; margin-top: 1.25rem; padding: .7rem;
  color: #fff; background: #005a9c; border: 0; border-radius: .5rem; cursor: pointer; }
.told { padding: .7rem .9rem; border-radius: .5rem; background: var(--note); }
.wrong { background: var(--wrong); overflow-wrap: anywhere; }
details { margin-top: 1rem; } a { color: var(--blue); }
summary { cursor: pointer; } small { opacity: .8; }
"""
SHARED = tr(
    "In this room everybody sees what everybody makes: texts, models, runs, and the names of "
    "their makers. Nobody else can change or delete yours, apart from the presenter. Bring no "
    "private text: the room is for people who trust each other, and is not encrypted."
)
GONE = tr(
    "You are not in the room any more: the class has ended, or the presenter took your name off "
    "the list. To come in again, use the code that is on the presenter's screen now."
)
_COME_BACK = tr(
    "From another browser, or after its cookies were cleared, you come back with your name and "
    "the return word that the Workshop page gave you."
)


@dataclass(frozen=True)
class DoorPage:
    """What the door asks, and what was typed so far; foreign text, all of it."""

    visit: str
    after: str = "/"
    code: str = ""
    name: str = ""
    ticket: str = ""
    for_presenter: bool = False
    problem: str = ""
    note: str = ""


def door_html(page: DoorPage) -> str:
    """The whole page."""
    told = f'<p class="told wrong" role="alert">{escape(page.problem)}</p>' if page.problem else ""
    told += f'<p class="told">{escape(page.note)}</p>' if page.note else ""
    asked = _presenter_fields(page) if page.for_presenter or page.ticket else _fields(page)
    return (
        f'<!doctype html><html lang="{language()}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{tr('SLM Lab: come in')}</title><style>{_STYLE}</style></head><body><main>"
        f"<h1>SLM Lab</h1><p>{tr('Build a small language model together.')}</p>"
        f'{told}<form method="post" action="/join">{_hidden(page)}{asked}'
        f'<button type="submit">{tr("Come in")}</button></form>'
        f"<p><small>{escape(SHARED)}</small></p></main></body></html>"
    )


def _hidden(page: DoorPage) -> str:
    values = {"visit": page.visit, "next": page.after, "ticket": page.ticket}
    return "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in values.items()
        if value
    )


def _fields(page: DoorPage) -> str:
    focus_name = " autofocus" if page.code else ""
    focus_code = "" if page.code else " autofocus"
    as_presenter = urlencode({"presenter": 1, "next": page.after})
    return (
        f'<label>{tr("Code")}<input class="code" name="code" maxlength="20" autocomplete="off" '
        f'autocapitalize="characters" spellcheck="false" required value="{escape(page.code)}"'
        f"{focus_code}></label>"
        f'<label>{tr("Your name")}<input name="name" maxlength="200" autocomplete="nickname" '
        f'required value="{escape(page.name)}"{focus_name}></label>'
        f"<details><summary>{tr('I was here before')}</summary><p>{_COME_BACK}</p>"
        f'<label>{tr("Return word")}<input name="word" maxlength="40" autocomplete="off" '
        'spellcheck="false"></label></details>'
        f'<p><a href="/join?{escape(as_presenter)}">{tr("I am the presenter")}</a></p>'
    )


def _presenter_fields(page: DoorPage) -> str:
    key = (
        ""
        if page.ticket
        else f'<label>{tr("Presenter key")}<input name="key" type="password" maxlength="60" '
        'autocomplete="off" required autofocus></label>'
        f"<p>{tr('It stands in the terminal where the app was started.')}</p>"
    )
    name = escape(page.name or tr("Presenter"))
    once = f'<p class="told">{tr("This link lets the presenter in, once.")}</p>'
    field = f'<input name="name" maxlength="200" required value="{name}">'
    return f"{once if page.ticket else ''}{key}<label>{tr('Your name')}{field}</label>"
