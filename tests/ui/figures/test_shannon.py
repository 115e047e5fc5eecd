from ui.figures.shannon import players_chart
from ui.view_models.shannon import PlayerRow


def test_a_player_is_a_range_and_a_machine_a_point_too():
    rows = [
        PlayerRow("person", "You", 0.5, 1.5, None, 0.7),
        PlayerRow("model", "This model", 0.2, 0.2, 0.3, 0.9),
    ]
    bars, points = players_chart(rows).data
    assert list(bars.base) == [0.5, 0.2] and bars.x[0] == 1.0
    assert bars.x[1] > 0, "a range of no width must still be seen"
    assert (list(points.x), list(points.y)) == ([0.3], ["This model"])
