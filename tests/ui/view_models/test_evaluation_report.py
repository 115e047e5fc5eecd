from slm.lab.evaluation_report import SECTIONS
from ui.view_models.evaluation_report import contents, report_code


def test_what_could_not_be_measured_says_why():
    """Long sections are left out of a job's result; those are there all the same."""
    lines = contents({"copying": {"not_measured": "no corpus"}, "tasks": {"scores": {}}})
    assert [line.title for line in lines] == [title for _, title, _ in SECTIONS]
    assert {line.title: line.problem for line in lines if line.problem} == {
        "Is it only copying?": "no corpus"
    }


def test_code_lines_are_python(tiny_workspace):
    (run,) = tiny_workspace.runs.list()
    compile(report_code(run, 100, 50), "lines", "exec")
