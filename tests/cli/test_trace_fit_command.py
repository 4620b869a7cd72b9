"""`breakeven trace fit`: what it prints, writes and refuses."""

import numpy as np
import pytest
import yaml

from simulator.domain.traffic import Traffic


@pytest.fixture
def sums(tmp_path):
    """A week of requests in steps of ten minutes, a bell every day, as a file of sums."""
    hours = (np.arange(7 * 144) + 0.5) / 6
    shape = 0.3 + 1.5 * np.exp(-0.5 * ((hours % 24 - 14) / 3) ** 2)
    requests = np.random.default_rng(1).poisson(2_000 * shape * np.where(hours // 24 >= 5, 0.3, 1.0))
    rows = [f"{600 * step},{count},," for step, count in enumerate(requests)]
    path = tmp_path / "week.csv"
    path.write_text("\n".join(["offset_s,requests,input_tokens,output_tokens", *rows]) + "\n")
    return path


def assert_refused(result, message):
    assert result.status == 2
    assert result.stdout == ""
    assert "Traceback" not in result.stderr
    assert message in result.stderr.splitlines()[-1]


def test_the_section_is_one_that_a_scenario_takes(breakeven, sums, tmp_path):
    result = breakeven("trace", "fit", sums, "--start", "2025-03-03", "-o", "traffic.yaml", "--no-chart")
    assert (result.status, result.stderr) == (0, "")
    text = (tmp_path / "traffic.yaml").read_text()
    section = yaml.safe_load(text)["traffic"]
    section = {key: tuple(map(float, value)) if isinstance(value, list) else value for key, value in section.items()}
    section["requests_per_month"] = float(section["requests_per_month"])
    traffic = Traffic.model_validate(section | {"noise": None})  # whole numbers of YAML are made floats by its reader
    assert int(np.argmax(traffic.weekday_hours)) in (13, 14)
    assert "week.csv" in text
    assert "7 days from 2025-03-03 00:00" in text
    assert sorted(path.name for path in tmp_path.iterdir()) == ["traffic.yaml", "week.csv"]


def test_the_card_has_intervals_what_is_unknown_and_the_recording_beside_the_model(breakeven, sums):
    lines = breakeven("trace", "fit", sums, "-o", "traffic.yaml", "--no-chart").stdout.splitlines()
    volume = next(line for line in lines if line.startswith("requests_per_month"))
    value, low, _, high = volume.split()[1:5]
    assert float(low) < float(value) < float(high)
    assert "Not known" in lines
    assert any("give --start" in line for line in lines)
    peak = next(line for line in lines if line.startswith("peak/mean, 60 min"))
    recorded, model = (float(text) for text in peak.split()[3:5])
    assert model == pytest.approx(recorded, rel=0.05)


def test_a_chart_goes_beside_the_section_as_png_and_pdf(breakeven, sums, tmp_path):
    result = breakeven("trace", "fit", sums, "-o", "out/traffic.yaml")
    assert (result.status, result.stderr) == (0, "")
    assert (tmp_path / "out" / "traffic.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "out" / "traffic.pdf").read_bytes()[:4] == b"%PDF"
    assert result.stdout.splitlines()[-1] == "Written: out/traffic.yaml, out/traffic.png, out/traffic.pdf"


@pytest.mark.parametrize("name", ["traffic.yaml", "traffic.png"])
def test_existing_files_are_kept_unless_forced(breakeven, sums, tmp_path, name):
    (tmp_path / name).write_text("mine")
    assert_refused(breakeven("trace", "fit", sums, "-o", "traffic.yaml"), f"{name}: exists already")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "week.csv"])
    assert (tmp_path / name).read_text() == "mine"
    assert breakeven("trace", "fit", sums, "-o", "traffic.yaml", "--force").status == 0
    assert (tmp_path / name).read_bytes() != b"mine"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--start", "yesterday"), "is 'yesterday', must be a date and time such as 2026-03-01T09:00"),
        (("--timezone", "Mars/Olympus"), "--timezone: is 'Mars/Olympus', must be an IANA name"),
        (("--step-s", "7"), "--step-s: is 7, must be whole minutes"),
    ],
)
def test_an_option_that_cannot_be_is_refused_by_its_name(breakeven, sums, tmp_path, options, message):
    assert_refused(breakeven("trace", "fit", sums, *options, "-o", "traffic.yaml"), message)
    assert [path.name for path in tmp_path.iterdir()] == ["week.csv"]


def test_a_recording_too_short_to_fit_is_refused_by_its_name(breakeven, tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("offset_s,requests,input_tokens,output_tokens\n0,100,,\n60,90,,\n")
    assert_refused(breakeven("trace", "fit", path, "-o", "traffic.yaml"), "short.csv: requests: are known in 2 steps")
    assert not (tmp_path / "traffic.yaml").exists()


def test_a_file_that_is_not_there_or_a_folder_is_refused(breakeven, tmp_path):
    assert_refused(breakeven("trace", "fit", "nothing.csv", "-o", "traffic.yaml"), "nothing.csv")
    assert_refused(breakeven("trace", "fit", tmp_path, "-o", "traffic.yaml"), str(tmp_path))


def test_an_output_that_is_no_yaml_file_is_refused(breakeven, sums):
    assert_refused(
        breakeven("trace", "fit", sums, "-o", "traffic.png"), "--output: is 'traffic.png', must end in .yaml"
    )
