"""A report as one HTML file that stands alone: no request, no script, every text escaped.

Sections come ready; this module knows no measures.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any

_STYLE = """
:root { color-scheme: light dark; --text: #1b1b1b; --page: #fff; --soft: #666; --line: #ccc;
  --c0: #0072B2; --c1: #999; --c2: #E69F00; }
@media (prefers-color-scheme: dark) { :root { --text: #eee; --page: #161616; --soft: #aaa;
  --line: #444; --c0: #56B4E9; --c1: #888; } }
body { max-width: 46rem; margin: 2rem auto; padding: 0 1rem; color: var(--text);
  background: var(--page); font: 17px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { font-size: 2rem; line-height: 1.2; margin-bottom: .2em; } h2 { margin-top: 2.2em; }
.soft { color: var(--soft); }
table { border-collapse: collapse; margin: 1em 0; font-size: 15px; }
th, td { padding: .3em .8em .3em 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; }
th { white-space: nowrap; }
pre { white-space: pre-wrap; padding: 1em; border: 1px solid var(--line); border-radius: 8px;
  font: 15px/1.5 ui-monospace, monospace; }
figure { margin: 0; } svg { width: 100%; height: auto; margin: .5em 0; }
svg text { fill: var(--text); font: 14px system-ui, sans-serif; }
svg .tick { fill: var(--soft); font-size: 12px; }
svg rect.series-0 { fill: var(--c0); } svg rect.series-1 { fill: var(--c1); }
svg rect.series-2 { fill: var(--c2); }
svg .axis { stroke: var(--line); } svg .interval { stroke: var(--text); stroke-width: 2; }
svg .mark { stroke: var(--c2); stroke-width: 4; }
svg .line { fill: none; stroke-width: 2; } svg .line.series-0 { stroke: var(--c0); }
svg .line.series-1 { stroke: var(--c2); } svg .line.series-2 { stroke: var(--c1); }
svg .dashed { stroke-dasharray: 5 4; }
"""


@dataclass(frozen=True)
class Section:
    """One question answered.

    told: sentences. rows: a table, the first row its head. charts: SVG of `slm.lab.svg`.
    texts: written by a model or a person, shown as typed. data: the same in JSON values.
    """

    key: str
    title: str
    told: Sequence[str]
    data: Mapping[str, Any] = field(default_factory=dict)
    rows: Sequence[Sequence[str]] = ()
    charts: Sequence[str] = ()
    texts: Sequence[str] = ()


def page(title: str, subtitle: str, sections: Sequence[Section]) -> str:
    """The whole file."""
    body = "\n".join(_section(section) for section in sections)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1>{escape(title)}</h1>
<p class="soft">{escape(subtitle)}</p>
{body}
</body>
</html>
"""


def _section(section: Section) -> str:
    parts = [f'<section id="{escape(section.key)}">', f"<h2>{escape(section.title)}</h2>"]
    parts += [f"<p>{escape(sentence)}</p>" for sentence in section.told]
    parts += [f"<figure>{chart}</figure>" for chart in section.charts]
    if section.rows:
        head, *rest = section.rows
        named = "".join(f"<th>{escape(cell)}</th>" for cell in head) if any(head) else ""
        parts.append(f"<table><tr>{named}</tr>" if named else "<table>")
        parts += [f"<tr>{''.join(f'<td>{escape(c)}</td>' for c in row)}</tr>" for row in rest]
        parts.append("</table>")
    parts += [f"<pre>{escape(text)}</pre>" for text in section.texts]
    return "\n".join([*parts, "</section>"])
