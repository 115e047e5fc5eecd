from ui.figures.tasks import learned_chart, tasks_chart
from ui.view_models.tasks import LearnedRow, LearnedView, TaskRow


def test_chance_and_the_interval_stand_beside_right_answers():
    row = TaskRow("number", "Was or were", 3, 4, 0.75, 0.3, 0.95, 0.5, "yes", "")
    bars, chance = tasks_chart([row]).data
    assert (list(bars.x), list(chance.x)) == ([0.75], [0.5])
    assert bars.error_x.array[0] == 0.95 - 0.75 and bars.error_x.arrayminus[0] == 0.75 - 0.3


def test_snapshots_are_columns_and_a_gap_has_no_figure():
    view = LearnedView((0, 2000), (LearnedRow("Was or were", None, (0.75, None), (0.5, None)),), "")
    (table,) = learned_chart(view).data
    assert list(table.x) == ["0", "2,000"]
    assert [list(row) for row in table.text] == [["75%", ""]]
