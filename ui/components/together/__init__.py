"""One view on all screens: the presenter's button, and the bar by which the others follow.

``together(presents=…)`` stands in the sidebar of every page of a shared room. It asks the door
every two seconds, so that no page is drawn anew while nothing happens. What it says to this
visitor about where they were stays in the tab.
"""

from pathlib import Path

from ui.components.assets import register
from ui.components.payload import pack

_mount = register(
    "slm_together", Path(__file__).parent, shared=("base.css", "payload.js", "canvas.js")
)


def together(*, presents: bool, key: str = "together") -> None:
    """Follow what the presenter shows, or show it."""
    _mount(key=key, data=pack({"presents": presents}))
