from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.delivery.drawing import HEIGHT, WIDTH, draw
from harness.domain.chart import Chart, Mark, Part

VALUE = st.floats(0, 1e9, allow_nan=False)
PARTS = (Part("delivered", "good"), Part("silent", "quiet"), Part("failed", "bad"))


@given(st.lists(VALUE, min_size=1, max_size=60))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_line_stays_inside_its_picture(values: list[float]) -> None:
    drawn = draw(Chart("line", "S&P", tuple(Mark(str(n), (value,)) for n, value in enumerate(values))))
    if not any(values):
        assert (drawn.line, drawn.boxes) == ("", ())
        return
    places = [tuple(map(float, pair.split())) for pair in drawn.line.removeprefix("M").split("L")]
    assert len(places) == len(values)
    assert all(0 <= x <= WIDTH and 0 <= y <= HEIGHT for x, y in places)
    assert all(0 <= word.x <= WIDTH and 0 <= word.y <= HEIGHT for word in drawn.words)
    assert drawn.rises == (values[-1] >= values[0])


@given(st.lists(st.tuples(VALUE, VALUE, VALUE), min_size=1, max_size=20))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_bars_stand_on_the_axis_stacked_and_none_sticks_out(values: list[tuple[float, float, float]]) -> None:
    drawn = draw(Chart("bars", "Jobs", tuple(Mark(str(n), value) for n, value in enumerate(values)), parts=PARTS))
    assert all(box.x >= 0 and box.x + box.width <= WIDTH and 0 <= box.y <= HEIGHT for box in drawn.boxes)
    assert {part.name for part in drawn.legend} <= {"delivered", "silent", "failed"}
    assert len(drawn.boxes) == sum(value > 0 for mark in values for value in mark)


def test_every_part_of_a_bar_says_what_it_stands_for() -> None:
    drawn = draw(Chart("bars", "Jobs", (Mark("Sat 21", (51.0, 3.0, 1.0)),), parts=PARTS))
    assert [box.says for box in drawn.boxes] == ["Sat 21: 51 delivered", "Sat 21: 3 silent", "Sat 21: 1 failed"]
    assert [box.tone for box in drawn.boxes] == ["good", "quiet", "bad"]
    assert [part.name for part in drawn.legend] == ["delivered", "silent", "failed"]


def test_what_never_occurs_is_not_in_the_legend() -> None:
    drawn = draw(Chart("bars", "Jobs", (Mark("Sat 21", (51.0, 0.0, 1.0)),), parts=PARTS))
    assert [part.name for part in drawn.legend] == ["delivered", "failed"]


def test_only_a_web_address_becomes_a_link() -> None:
    marks = (Mark("a", (1.0,)), Mark("b", (2.0,)))
    assert draw(Chart("line", "x", marks, url="javascript:alert(1)")).url == ""
    assert draw(Chart("line", "x", marks, url="https://stooq.com/")).url == "https://stooq.com/"
