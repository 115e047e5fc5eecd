"""Opens every view in the language that marks its texts, and writes what each one shows to a file.

A process of its own, since the language of a server is fixed when it starts.
"""

import ast
import json
import sys
from pathlib import Path
from typing import Any

from streamlit.testing.v1 import AppTest

ROOT = Path(__file__).parents[2]
LABELLED = ("button", "checkbox", "multiselect", "number_input", "radio", "select_slider")
LABELLED += ("selectbox", "slider", "text_area", "text_input", "toggle", "metric", "expander")
SAID = ("title", "header", "subheader", "caption", "markdown", "info", "warning", "success")
SAID += ("error",)
CHOSEN = ("multiselect", "radio", "segmented_control", "pills", "select_slider", "selectbox")
PATIENCE_SECONDS = 120


def views_of(page: Path) -> list[str]:
    """The keys of the page's VIEWS, or nothing."""
    for node in ast.walk(ast.parse(page.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VIEWS":
            assert isinstance(node.value, ast.Dict)
            return [ast.literal_eval(key) for key in node.value.keys if key is not None]
    return [""]


def shown(app: AppTest) -> list[tuple[str, str]]:
    """(kind of element, text) of all that is shown."""
    found: list[tuple[str, str]] = []
    for kind in LABELLED:
        found += [(kind, each.label) for each in app.get(kind) if each.label]
    for kind in SAID:
        found += [(kind, str(each.value)) for each in app.get(kind)]
    for kind in CHOSEN:
        found += [
            (f"option of {kind}", each) for app_each in app.get(kind) for each in app_each.options
        ]
    found += [("tab", each.label) for each in app.tabs]
    for table in app.dataframe:
        named = json.loads(table.proto.columns or "{}")
        titles = {str(name): named.get(str(name), {}).get("label") for name in table.value.columns}
        found += [("column", title or name) for name, title in titles.items()]
    for kind in ("button", "selectbox", "slider", "number_input", "toggle"):
        found += [(f"help of {kind}", each.help) for each in app.get(kind) if each.help]
    return found


def kept(app: AppTest) -> dict[str, Any]:
    """What the widgets hold, by their keys."""
    return {
        each.key: each.value
        for kind in CHOSEN
        for each in app.get(kind)
        if each.key and isinstance(each.value, str | list)
    }


def main() -> None:
    """Each page, each view of it."""
    told: list[dict[str, Any]] = []
    for page in sorted((ROOT / "pages").glob("*.py")):
        for view in views_of(page):
            app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=PATIENCE_SECONDS)
            if view:
                app.query_params["view"] = view
            app.run()
            app.switch_page(f"pages/{page.name}").run()
            raised = [str(each.value) for each in app.exception]
            told.append(
                {
                    "page": page.stem,
                    "view": view,
                    "shown": shown(app),
                    "raised": raised,
                    "kept": kept(app),
                }
            )
    Path(sys.argv[1]).write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
