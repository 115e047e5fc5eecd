"""The report: one page that asks nobody for anything, and shows foreign text as typed."""

import json
from html.parser import HTMLParser

import pytest

from slm.jobs import StoppedError
from slm.lab import evaluation_report as reports
from slm.lab.evaluation import EvaluateConfig, evaluate_run
from slm.lab.evaluation_report import SECTIONS, evaluation_report
from slm.lab.report_page import Section, page
from slm.lab.report_sections import ReportConfig

QUICK = ReportConfig(max_tokens=1_500, questions=10, samples=1, sample_tokens=20)


class Tags(HTMLParser):
    """Every tag and attribute of a page; complains of tags that are not closed."""

    def __init__(self, text):
        super().__init__()
        self.names, self.attributes, self.open = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.names.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def run(tiny_workspace):
    return tiny_workspace.runs.get("tiny")


@pytest.fixture(scope="module")
def made(tiny_workspace, run, tmp_path_factory):
    out = tmp_path_factory.mktemp("report") / "report.html"
    return evaluation_report(tiny_workspace, run, QUICK, out=out), out.read_text()


def test_every_section_is_measured_and_is_json(made):
    told, _ = made
    assert [key for key, _, _ in SECTIONS if "not_measured" in told[key]] == []
    json.dumps(told, allow_nan=False)


def test_the_page_stands_alone(made):
    """No script, no picture, no link: nothing that a browser would fetch."""
    _, text = made
    tags = Tags(text)
    assert not tags.open
    assert not {"script", "img", "link", "iframe", "a", "object"} & set(tags.names)
    assert not {"src", "href", "onload", "onclick"} & {name for name, _ in tags.attributes}
    assert "http:" not in text and "https:" not in text and "url(" not in text
    assert "default-src 'none'" in text
    assert [title for _, title, _ in SECTIONS if f"<h2>{title}</h2>" not in text] == []


def test_the_perplexity_is_the_one_that_the_verb_evaluate_finds(made, tiny_workspace, run):
    told, _ = made
    found = evaluate_run(tiny_workspace, run, EvaluateConfig(max_tokens=1_500))
    assert told["perplexity"]["model"] == found["model"]
    assert told["perplexity"]["bigram"] == found["bigram"]
    assert told["slices"]["slices"] == found["slices"]


def test_foreign_text_appears_as_typed():
    text = page("<b>", "&", [Section("s", "<i>", ["<p>"], {}, [("<", ">")], [], ["<script>"])])
    assert "script" not in Tags(text).names and "&lt;script&gt;" in text
    assert "b" not in Tags(text).names and "i" not in Tags(text).names


def test_what_cannot_be_measured_says_why_and_leaves_the_rest(workspace_env):
    import shutil

    shutil.rmtree(workspace_env.tokens.folder)
    run = workspace_env.runs.get("tiny")
    told = evaluation_report(workspace_env, run, QUICK.replace(copying=False))
    assert "gone" in told["perplexity"]["not_measured"]
    assert "not asked for" in told["copying"]["not_measured"]
    assert told["tasks"]["scores"] and told["samples"]["texts"] and told["curves"]["val_nats"]


def test_a_text_of_ones_own_is_measured_instead(tiny_workspace, run, tmp_path):
    path = tmp_path / "own.txt"
    path.write_text("The fox met the bear. " * 20, encoding="utf-8")
    config = QUICK.replace(text_file=path, copying=False, samples=0)
    told = evaluation_report(tiny_workspace, run, config)
    assert told["perplexity"]["model"]["perplexity"] > 1
    assert told["samples"]["texts"] == []


def test_a_stop_leaves_no_page(tiny_workspace, run, tmp_path):
    class Stopping:
        def __call__(self, fraction, message="", *, stage=None, **facts):
            assert 0 <= fraction <= 1

        def plan(self, stages):
            pass

        def should_stop(self):
            return True

    out = tmp_path / "report.html"
    with pytest.raises(StoppedError):
        evaluation_report(tiny_workspace, run, QUICK, out=out, report=Stopping())
    assert not out.exists()


def test_a_new_measure_is_one_line(monkeypatch, tiny_workspace, run):
    mine = ("mine", "My measure", lambda m: Section("mine", "My measure", [], {"ids": len(m.ids)}))
    monkeypatch.setattr(reports, "SECTIONS", (mine,))
    assert evaluation_report(tiny_workspace, run, QUICK)["mine"] == {"ids": 1_500}
