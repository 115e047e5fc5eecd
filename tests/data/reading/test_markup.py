"""Words out of HTML, Word and PDF, in reading order."""

import io

import docx
import pytest

from slm.data.reading import markup
from slm.data.reading.content import Content, Tally
from slm.data.reading.markup import html_text
from slm.data.reading.pdf_pages import page_count, pdf_lines
from slm.data.reading.word_documents import docx_lines
from tests.data.reading.hostile_files import pdf


def text_of(html: str) -> str:
    return html_text(Content.of_bytes(html.encode(), "a.html"), Tally()).text


@pytest.mark.parametrize(
    ("html", "text"),
    [
        (
            "<h1>A  title</h1><p>One <b>bold</b>\n word.<p>Two.",
            "A title\n\nOne bold word.\n\nTwo.\n",
        ),
        ("<div>a</div><div>b</div>", "a\nb\n"),
        ("one<br>two<br><br>three", "one\ntwo\n\nthree\n"),
        ("<ul><li>a<li>b</ul>c", "a\nb\n\nc\n"),
        ("<table><tr><td>1</td><td>2<tr><td>3", "1\t2\n3\n"),
        ("<pre>def f():\n    pass</pre>", "def f():\n    pass\n"),
        ("a&nbsp;b &lt;i&gt; &#233;", "a\u00a0b <i> é\n"),
        ("<p>a<script>x()</script><style>p{}</style><!-- no --> b", "a b\n"),
        ("<head><title>T</title></head><body>b", "b\n"),
        ("so<i>me</i>thing", "something\n"),
        ("one <i> two </i> three", "one two three\n"),
    ],
)
def test_blocks_are_lines_and_what_a_screen_needs_is_left_out(html, text):
    assert text_of(html) == text


def test_what_is_nested_too_deep_keeps_its_text(monkeypatch):
    monkeypatch.setattr(markup, "MAX_DEPTH", 3)
    deep = "<p>a</p>" + "<div>" * 9 + "b" + "</div>" * 9 + "<p>c</p>"
    assert text_of(deep).split() == ["a", "b", "c"]


def test_a_drawing_of_many_lines_takes_no_tags_from_what_follows_it():
    drawing = "<svg>" + "<path d='M0 0'/>" * 1_000 + "</svg>"
    page = f"<div>{drawing}<p>a<script>x()</script><div>b</div></div>"
    assert text_of(page) == "a\n\nb\n"


def test_the_page_says_how_its_letters_are_written():
    data = '<meta charset="windows-1251"><p>Жил-был старик'.encode("cp1251")
    assert html_text(Content.of_bytes(data, "a.html"), Tally()).text == "Жил-был старик\n"


def test_a_word_document_gives_paragraphs_lists_and_tables_in_order():
    document = docx.Document()
    document.add_heading("A title", 1)
    document.add_paragraph("One.")
    document.add_paragraph("")
    document.add_paragraph("Two.")
    table = document.add_table(2, 2)
    for place, cell in enumerate(cell for row in table.rows for cell in row.cells):
        cell.text = str(place)
    document.add_paragraph("Three.")
    held = io.BytesIO()
    document.save(held)
    lines = docx_lines(Content.of_bytes(held.getvalue(), "a.docx"))
    assert "".join(lines) == "\nA title\n\nOne.\n\nTwo.\n\n0\t1\n2\t3\n\nThree.\n"


def test_pages_come_one_after_another_and_blank_ones_are_counted():
    content, tally = Content.of_bytes(pdf("One (1).", "", "Three."), "a.pdf"), Tally()
    assert page_count(content) == 3
    assert [line.strip() for line in pdf_lines(content, tally) if line.strip()] == [
        "One (1).",
        "Three.",
    ]
    assert tally.pages_without_text == 1
