from __future__ import annotations

import pytest

from harness.domain.signals import FORM, Signal, faults_of, signals_in


def signal(line: str) -> Signal:
    (found,) = signals_in(f"## Signals\n\n{line}")
    return found


def faults(line: str) -> list[str]:
    return [f"{fault.problem}{fault.aside}" for fault in faults_of(signal(line), needs_stop=True, wait_below=60.0)]


def test_the_form_that_is_taught_is_the_form_that_is_read() -> None:
    taught = (
        FORM.replace("entry N", "entry 123.4").replace("stop N", "stop 119").replace("confidence N", "confidence 65")
    )
    assert faults(taught.replace("target N", "target 1,131.0")) == []


@pytest.mark.parametrize(
    ("line", "side", "entry", "stop", "confidence"),
    [
        ("- **NVDA** long · entry 123.4 · stop 119.0 · confidence 65 %", "long", 123.4, 119.0, 65.0),
        ("- **NVDA** short: entry $1,234.50, stop-loss at $1,300, 70% confidence", "short", 1234.5, 1300.0, 70.0),
        ("- Buy NVDA at 123.4, stop below 119, confidence: high (75 %)", "long", 123.4, 119.0, 75.0),
        ("- Go short ES near 5,100 with a stop at 5,150 (confidence of 61 %)", "short", 5100.0, 5150.0, 61.0),
        ("- **EURUSD** long | entry: 1.0850 | stop: 1.0790 | confidence 66 percent", "long", 1.085, 1.079, 66.0),
    ],
)
def test_a_signal_is_read_in_the_ways_people_write_it(
    line: str, side: str, entry: float, stop: float, confidence: float
) -> None:
    found = signal(line)
    assert (found.side, found.entry, found.stop, found.confidence) == (side, entry, stop, confidence)
    assert faults(line) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("- **A** long · entry 10 · confidence 70 %", "names an entry and no stop"),
        ("- **A** long · entry 10 · stop: none · target 12 · confidence 70 %", "names an entry and no stop"),
        (
            "- **A** long · entry 10 · stop 10 · confidence 70 %",
            "has its stop on the wrong side, long, entry 10, stop 10",
        ),
        (
            "- **A** short · entry 10 · stop 9 · confidence 70 %",
            "has its stop on the wrong side, short, entry 10, stop 9",
        ),
        (
            "- **A** entry 10 · stop 9 · confidence 70 %",
            "says neither long nor short, so that nobody can tell on which side its stop belongs",
        ),
        ("- **A** long · entry 10 · stop 9", "names no confidence in percent"),
        (
            "- **A** long · entry 10 · stop 9 · confidence 59.9 %",
            "enters where it is to wait, confidence 59.9 %, at least 60 % needed",
        ),
        ("- **A** wait · entry 10 · stop 9 · long", "says to wait and names an entry"),
        ("- **A** long · stop 9 · confidence 70 %", "names no entry, and does not say to wait"),
    ],
)
def test_what_is_wrong_with_a_signal_is_said(line: str, problem: str) -> None:
    assert faults(line) == [problem]


@pytest.mark.parametrize("line", ["- **A** wait · confidence 55 %", "- **A** long: wait for a close above the high"])
def test_waiting_needs_neither_entry_nor_stop(line: str) -> None:
    assert [
        found
        for each in signals_in(f"## Signals\n\n{line}")
        for found in faults_of(each, needs_stop=True, wait_below=60.0)
    ] == []


@pytest.mark.parametrize(
    "text",
    ["Buy NVDA at 123.4 now.", "An entry at 5,100 looks good.", "We go long at 12.", "**A** short · 12.5 · stop 13"],
)
def test_a_trade_with_a_price_is_a_signal_wherever_it_stands(text: str) -> None:
    assert len(signals_in(f"## Facts\n\n{text}")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "The 10-year long bond yields 4.2 %.",
        "Short-term rates are at 5.1 %.",
        "Short interest rose 12 %.",
        "As long as 5,000 holds, nothing changes.",
        "A long 3 weeks.",
        "Buybacks of $5bn were announced.",
        "## Signals\n\nNo signals today.",
        "## Signals\n\n- No signal: wait.",
        "Short sellers lost $5bn.",
        "Buy-side desks at 3 banks agree.",
    ],
)
def test_what_only_sounds_like_a_trade_is_no_signal(text: str) -> None:
    assert signals_in(text) == ()


@pytest.mark.parametrize(
    "text",
    [
        "EURUSD long · entry 1,0850 · stop 1,0900 · confidence 80 %",
        "DAX long · entry 19.234,5 · stop 19.300,0 · confidence 80 %",
        "Enter AMD at 150, confidence 80 %.",
        "We are buying AMD near 150, confidence 80 %.",
        "Entry for AMD lies at 150.",
        "AMD entry zone 148–150, target 170.",
        "AMD: entry (150), entry → 150, entry [150](https://a.example)",
        "- AMD long · entry 150 · stop 140 · confidence 80 %; NVDA long · entry 190 · confidence 80 %",
        "## Signals\n\n| Symbol | Entry | Confidence |\n|---|---|---|\n| AMD | 150 | 80 % |",
        "## Signals\n\nAMD long from here, confidence 80 %.",
        "## Signals\n\n- AMD long at market, no need to wait",
    ],
)
def test_an_entry_is_found_and_faulted_however_it_is_written(text: str) -> None:
    (found,) = signals_in(text)
    assert list(faults_of(found, needs_stop=True, wait_below=60.0)) != []


@pytest.mark.parametrize(
    "text",
    [
        "As markets enter 2027, rates matter.",
        "China will buy 25 million tonnes of beans.",
        "A barrier to entry of 5 firms.",
        "## Signals\n\n- AMD: wait, no entry (3 reasons)",
        "## Signals\n\n| Symbol | What | Confidence |\n|---|---|---|\n| AMD | wait | 55 % |",
        "## Signals\n\n### Context\n\n| VIX | 17.2 |",
    ],
)
def test_what_is_no_entry_is_not_faulted(text: str) -> None:
    assert [list(faults_of(found, needs_stop=True, wait_below=60.0)) for found in signals_in(text)] in ([], [[]])
