"""Each rule on a text of which the answer is plain; and what all rules keep to."""

import textwrap
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from slm.data.cleaning.rules import DEFAULT_RULES, RULES, chosen
from slm.data.cleaning.rules_filter import Dropped
from slm.data.cleaning.rules_html import strip_html
from slm.data.cleaning.rules_lines import Boilerplate, unwrap_lines
from slm.data.cleaning.rules_private import mask_pii
from slm.errors import DataError


@pytest.mark.parametrize(
    ("rule", "before", "after"),
    [
        ("unicode_nfc", "cafe\u0301", "café"),
        ("unicode_nfc", "ﬁne x²", "ﬁne x²"),
        ("unicode_nfkc", "ﬁne x²", "fine x2"),
        ("mojibake", "cafÃ© “quoted”\nnaïve — fine", "café “quoted”\nnaïve — fine"),
        ("straight_quotes", "“It’s «so»”", '"It\'s "so""'),
        ("whitespace", "    def  f():\tpass  \n\u00a0x", "    def f(): pass\n x"),
        ("control_characters", "a\x00b\r\nc\td\x85\ufeff", "ab\nc\td"),
        ("blank_lines", "\n\na\n \n\n\nb\n\nc\n", "a\n\nb\n\nc"),
        ("lower_case", "ÀB", "àb"),
        ("min_length", "too short", None),
        ("min_length", "just long enough now", "just long enough now"),
        ("min_length=9", "too short", "too short"),
        ("min_length=10", "too short " + " " * 99, None),
        ("max_length=9", "too short", "too short"),
        ("max_length=8", "too short", None),
        ("exact_duplicates", "once", "once"),
        ("scripts", "mostly latin, ένα", "mostly latin, ένα"),
        ("scripts", "ένα δύο, one", None),
        ("scripts=Latin+Greek", "ένα δύο, one", "ένα δύο, one"),
        ("scripts=han", "1 + 1 = 2", "1 + 1 = 2"),  # no letters, nothing against it
        ("repetition", "a\nb\nc\na", "a\nb\nc\na"),  # 1 of 4 lines: 0.25
        ("repetition=0.2", "a\nb\nc\n\na", None),
        ("strip_html", "1 < 2 &amp; 3", "1 < 2 & 3"),
        ("strip_html", "if a<b and List<int>: x", "if a<b and List<int>: x"),
        ("strip_html", "/// <summary> T[] Of<T>()", "/// <summary> T[] Of<T>()"),
        ("strip_html", "<p>a</p><![x]> b", "a\n\nb"),
        ("strip_html", "<ul><li>one<li>two</ul><table><td>x<td>y", "one\ntwo\n\nx\ty"),
        ("strip_html", "<div>a <b> b </b>c</div>d<br><br>e", "a b c\nd\n\ne"),
        ("strip_html", "<p>so:</p><pre>def f():\n    pass</pre>", "so:\n\ndef f():\n    pass"),
        (
            "strip_html",
            "<p>One <b>bold</b>\nword</p><script>evil()</script><p>Two</p>",
            "One bold word\n\nTwo",
        ),
    ],
)
def test_a_rule_does_what_it_says(rule, before, after):
    made = chosen(rule).start()(before)
    assert (None if isinstance(made, Dropped) else made) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ada.l+x@mail.example.org.", "<EMAIL>."),
        ("@ada, see a@b", "@ada, see a@b"),
        ("192.168.0.1, version 1.2.3.4.5", "<IP>, version 1.2.3.4.5"),
        ("at 2001:db8::ff00:42:8329, 12:30:45, std::x", "at <IP>, 12:30:45, std::x"),
        ("4111-1111-1111-1111", "<CARD>"),  # passes Luhn
        ("3782 822463 10005", "<CARD>"),
        ("4111-1111-1111-1112", "4111-1111-1111-1112"),
        ("GB82 WEST 1234 5698 7654 32", "<IBAN>"),  # the standard's example
        ("GB83 WEST 1234 5698 7654 32", "GB83 WEST 1234 5698 7654 32"),
        ("DE89370400440532013000", "<IBAN>"),
        ("+44 20 7946 0958 or (030) 1234567", "<PHONE> or <PHONE>"),
        ("555-010-1234", "<PHONE>"),
        ("in 1999, 12 345 678 people, 3.14159265, 2026-11-22", None),
        ("ISBN 978-3-16-148410-0", None),
    ],
)
def test_personal_data_is_known_by_its_form_and_checks(before, after):
    assert mask_pii(before) == (before if after is None else after)


PROSE = (
    "It was a bright cold day in spring and the clocks of the small town were striking one "
    "after another, while the mail coach waited before the inn for its passengers to come."
)


def test_wrapped_prose_becomes_whole_paragraphs():
    wrapped = "\n\n".join(textwrap.fill(PROSE, width) for width in (60, 72, 80))
    assert unwrap_lines(wrapped) == "\n\n".join([PROSE] * 3)
    indented = textwrap.fill(PROSE, 66, initial_indent="   ")
    assert unwrap_lines(f"{indented}\n{indented}") == f"   {PROSE}\n   {PROSE}"


def test_words_broken_at_a_line_end_are_joined_and_real_hyphens_stay():
    text = (
        "They spoke of the old well in the garden behind the house and of the well-\n"
        "known story that a fox had once lived in it. A well-known story, and a com-\n"
        "plicated one, as the teller of it would never tire of saying to them."
    )
    joined = unwrap_lines(text)
    assert "the well-known story" in joined
    assert "a complicated one" in joined
    assert "\n" not in joined


@pytest.mark.parametrize(
    "text",
    [
        "Shall I compare thee to a summer's day?\nThou art more lovely and more temperate:\n"
        "Rough winds do shake the darling buds of May,\nAnd summer's lease hath all too short",
        "- one thing that must be bought today before the shops close\n- another thing to buy",
        "def f(x):\n    return x\n\nclass A:\n    pass",
        "| a long cell of a table that is quite wide | b |\n| another long cell of the table | c |",
        "```\na line that is long enough to look like a line of prose here\nand goes on\n```",
        "A heading\nand a short line",
        "> a quotation that goes on for a while and is wrapped at the margin\n> of its page",
    ],
)
def test_verse_lists_tables_and_code_keep_their_lines(text):
    assert unwrap_lines(text) == text


def test_unwrapping_keeps_who_speaks_on_a_line_of_its_own():
    assert unwrap_lines("ANNA:\n" + textwrap.fill(PROSE, 60)) == f"ANNA:\n{PROSE}"


def test_lines_that_many_documents_share_are_boilerplate():
    """8 documents; "Home | News" stands in all, "Yes." in 3: at least 5 and 50% are needed."""
    texts = [f"Home | News\nStory {'x' * i}\n{'Yes.' if i < 3 else 'No?' * i}" for i in range(8)]
    rule = Boilerplate(50)
    rule.learn(texts)
    cleaned = [rule(text) for text in texts]
    assert not any("Home" in text for text in cleaned)
    assert sum("Yes." in text for text in cleaned) == 3
    assert all("Story" in text for text in cleaned)


def test_without_a_look_ahead_boilerplate_is_seen_a_few_times_first():
    rule = Boilerplate(50)
    cleaned = [rule(f"Page {i} of the journal\nStory {'x' * i}") for i in range(8)]
    assert ["journal" in text for text in cleaned] == [True] * 4 + [False] * 4


def test_known_phrases_go_at_once_and_only_as_whole_lines():
    text = "Skip to main content\nWe use cookies to be helpful.\nShe said: all rights reserved.\nx"
    assert Boilerplate(20)(text) == "She said: all rights reserved.\nx"


def test_boilerplate_remembers_boundedly(monkeypatch):
    monkeypatch.setattr("slm.data.cleaning.rules_lines._MOST_LINES", 50)
    rule = Boilerplate(50)
    for i in range(300):
        rule(f"Home | News\nline {'ab' * i}")
    assert len(rule._counts) <= 50
    assert rule("Home | News\nnew") == "new"


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("<div>" * 50_000 + "deep", "deep"),
        ("<b>" * 50_000 + "<p>x" * 50, "x"),
        ("<div/>" * 50_000 + "deep", "deep"),
        ("<svg><path/><title></title>" + "<path/>" * 50_000, ""),
        ("<p>x</p><" + "a" * 100_000, "x"),
        ("<a " * 20_000, ""),
        ("<p>" + "&lt;" * 20_000, "<<"),
        ("<table><tr><td>" * 300 + "cell", "cell"),
    ],
)
def test_pages_made_to_take_long_do_not(page, words):
    assert words in strip_html(page)


@pytest.mark.parametrize("open_element", ["<p>", "<LI class=x>", "<option>", "<track>", "<dd>"])
def test_elements_that_close_themselves_are_no_depth(open_element):
    """1,500 paragraphs without </p> are a plain old page: its scripts are not shown."""
    page = f"{open_element}word\n" * 1_500 + "<script>track(1)</script>"
    cleaned = strip_html(page)
    assert cleaned.split() == ["word"] * 1_500


def test_a_long_indent_takes_linear_time():
    """Tried for a line's end from each of its places, such a run takes seconds."""
    indent = " " * 60_000
    began = time.process_time()
    assert RULES["whitespace"].apply(f"{indent}x\n{indent}\ny") == f"{indent}x\n\ny"
    assert time.process_time() - began < 2


def test_a_thousand_lines_that_announce_stay_and_what_they_announce_is_joined():
    speakers = "\n".join(f"SPEAKER {n}:" for n in range(1_500))
    assert unwrap_lines(speakers) == speakers
    wrapped = textwrap.fill(PROSE, 60)
    assert unwrap_lines(f"{speakers}\n{wrapped}") == f"{speakers}\n{PROSE}"


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=120)
PIECES = st.lists(
    st.sampled_from(
        [
            *("\n", " ", "\t", "<p>", "</b>", "&amp;", "a", "Word ", "wrapped line ", "-\n", "é"),
            *("e\u0301", "İ", "Σ", "cafÃ©", "1", "0171 555", "+49 30 ", "a@b.org", ":", "“", "\r"),
            *("\xa0", "\u2028", "1.2.3.4", "- ", "    ", "ﬁ", "ΣΑ", "Skip to content", "\x85"),
            textwrap.fill(PROSE, 60),
        ]
    ),
    max_size=14,
).map("".join)


@settings(deadline=None, max_examples=60)
@given(st.one_of(ANY_TEXT, PIECES))
@example("")
@example("\x00")
@example("<!")
@example("<p")
@example("=" * 60 + "\n=")
def test_rules_take_any_text_and_those_that_say_so_leave_their_own_work_alone(text):
    for rule in RULES.values():
        cleaned = rule.apply(text)
        assert cleaned is None or isinstance(cleaned, str)
        if cleaned is not None and rule.idempotent:
            assert rule.apply(cleaned) == cleaned, rule.name


def test_an_entry_names_a_rule_and_its_value():
    assert chosen("min_length").value == 20
    assert chosen("min_length=100").entry == "min_length=100"
    assert chosen("scripts=greek+LATIN").entry == "scripts=Greek+Latin"
    assert chosen("near_duplicates=0.80").entry == "near_duplicates"
    assert all(chosen(name).entry == name for name in RULES)
    assert set(DEFAULT_RULES) <= set(RULES)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ("shine", r"no cleaning rule 'shine'.*unicode_nfc"),
        ("lower_case=3", r"lower_case takes no value; write lower_case alone"),
        (
            "min_length=x",
            r"rule min_length \(No scraps\): it takes a whole number from 1 to .*, not 'x'",
        ),
        ("min_length=0", r"from 1 to 1,000,000"),
        ("near_duplicates=nan", r"it takes a number from 0\.3 to 1, not 'nan'"),
        ("scripts=Klingon", r"no script 'Klingon' in Unicode"),
        ("scripts=", r"no script ''"),
        ("scripts=Latin}[", r"no script 'Latin}\['"),
    ],
)
def test_a_wrong_entry_says_what_would_be_right(entry, message):
    with pytest.raises(DataError, match=message):
        chosen(entry)


def test_every_rule_says_what_it_does():
    for name, rule in RULES.items():
        assert rule.name == name
        assert rule.title and rule.description.endswith(".")
        assert "!" not in rule.description
