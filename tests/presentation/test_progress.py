"""Progress of long work: plain lines at most every ten seconds, a bar on a terminal, lengths and sizes in words."""

import io

import pytest

from simulator.presentation.progress import duration, progress_of, rate_text, size_text


class Clock:
    """A clock that is set by hand."""

    now = 100.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_lines_come_every_ten_seconds_with_rate_and_time_left():
    clock, stream = Clock(), io.StringIO()
    with progress_of(1000, "points", stream, clock) as report:
        for seconds, done in ((1, 10), (9.9, 90), (10, 100), (15, 150), (19, 190), (20, 400), (30, 1000)):
            clock.now = 100.0 + seconds
            report(done)
    assert stream.getvalue().splitlines() == [
        "100 of 1,000 points, 10.0 points/s, 1 min 30 s left",
        "400 of 1,000 points, 20.0 points/s, 30 s left",
        "1,000 of 1,000 points, 33.3 points/s, 0 s left",
    ]


def test_nothing_done_yet_tells_no_time_left():
    clock, stream = Clock(), io.StringIO()
    with progress_of(10, "points", stream, clock) as report:
        clock.now += 11
        report(0)
    assert stream.getvalue() == "0 of 10 points, 0.0 points/s, unknown left\n"


def test_a_terminal_shows_a_bar_with_the_same_figures():
    clock, stream = Clock(), Terminal()
    with progress_of(200, "points", stream, clock) as report:
        clock.now += 5
        report(50)
        clock.now += 5
        report(200)
    shown = stream.getvalue()
    assert "200/200" in shown and "20.0 points/s" in shown


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0 s"),
        (44.6, "45 s"),
        (60, "1 min"),
        (200, "3 min 20 s"),
        (3600, "1 h"),
        (7500, "2 h 5 min"),
        (273_600, "3 d 4 h"),
    ],
)
def test_a_length_of_time_in_its_two_greatest_units(seconds, text):
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("done", "seconds", "text"), [(10, 4, "2.5 points/s"), (1, 4, "15.0 points/min"), (0, 9, "0.0 points/s")]
)
def test_a_rate(done, seconds, text):
    assert rate_text(done, seconds, "points") == text


@pytest.mark.parametrize(
    ("size", "text"), [(512, "512 bytes"), (4_140, "4.14 kB"), (2.5e6, "2.5 MB"), (1.234e9, "1.23 GB")]
)
def test_a_size(size, text):
    assert size_text(size) == text
