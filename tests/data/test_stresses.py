"""The shipped stress library, files of one's own, and what a scenario must say."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from govkit import data
from govkit.errors import InputError
from govkit.records.stress import WORST_DAY, Scenario

# Names and days are those that the model's falls were measured in.
EVENTS = {
    "Black Thursday": ("2020-03-08", "2020-03-16"),
    "Sep 2020 DeFi sell-off": ("2020-09-02", "2020-09-08"),
    "Jan 2021 correction": ("2021-01-10", "2021-01-13"),
    "Feb 2021 correction": ("2021-02-21", "2021-02-25"),
    "May 2021 crash": ("2021-05-16", "2021-05-25"),
    "Dec 2021 flash crash": ("2021-12-02", "2021-12-06"),
    "UST and LUNA collapse": ("2022-05-07", "2022-05-14"),
    "Celsius and 3AC": ("2022-06-10", "2022-06-20"),
    "FTX collapse": ("2022-11-07", "2022-11-12"),
    "USDC depeg": ("2023-03-09", "2023-03-15"),
    "Curve exploit": ("2023-07-30", "2023-08-03"),
    "Aug 2023 flash crash": ("2023-08-17", "2023-08-19"),
    "Apr 2024 weekend sell-off": ("2024-04-12", "2024-04-16"),
    "CRV founder liquidation": ("2024-06-12", "2024-06-15"),
    "Yen carry unwind": ("2024-08-02", "2024-08-08"),
    "Apr 2025 tariff crash": ("2025-04-05", "2025-04-10"),
    "10 Oct 2025 cascade": ("2025-10-09", "2025-10-13"),
    "Feb 2026 crash": ("2026-01-29", "2026-02-08"),
}


def test_the_measured_events_keep_their_names_days_and_order() -> None:
    events = data.load_events()
    assert [(e.name, (e.first, e.last)) for e in events] == list(EVENTS.items())
    assert all(e.decides and e.plain for e in events)


def test_only_the_measured_events_decide() -> None:
    library = data.load_scenarios()
    assert [s.name for s in library if s.decides] == list(EVENTS)
    assert len({s.name for s in library}) == len(library)


def test_dated_entries_are_in_order_of_time_and_synthetic_ones_come_after() -> None:
    library = data.load_scenarios()
    dated = [s.first for s in library if s.first]
    assert [s.first for s in library[: len(dated)]] == dated
    # Two accounts of one event stand together, so weeks may overlap, years may not.
    years = [day[:4] for day in dated]
    assert years == sorted(years)
    assert not any(s.first for s in library[len(dated) :])


def test_the_numbers_of_the_method_are_in_the_library() -> None:
    found = {s.name: s for s in data.load_scenarios()}
    gaps = [found[f"Sudden fall of {g} %"] for g in (10, 20, 35, 50)]
    assert [s.falls for s in gaps] == [(0.1,), (0.2,), (0.35,), (0.5,)]
    assert all(s.horizons_hours[0] <= 1 / 12 for s in gaps)
    assert found["Depth times 0.1"].depth_factor == 0.1
    assert [found[f"Feed frozen for {h} h"].feed_frozen_hours for h in (1, 6)] == [1, 6]
    high = [found[f"Feed {bp} basis points high"].feed_high for bp in (31, 159, 500)]
    assert high == [0.0031, 0.0159, 0.05]
    assert found["Keepers out for 1 h"].keeper_outage_hours == 1
    assert found["Gas times six"].gas_factor == 6
    assert found["stETH discount of June 2022"].discount == pytest.approx(1 - 0.9322)
    assert found["Mango, October 2022"].falls[0] == pytest.approx(1 - 0.0382 / 0.91, abs=1e-4)
    assert found["wstETH under-reported, March 2026"].feed_low == 0.0285
    assert found["Order book of 10 Oct 2025"].depth_factor == pytest.approx(2 / 89, abs=5e-4)
    # A change of conditions alone is no stress.
    for one in found.values():
        assert one.measured or one.falls or one.falls_of in {WORST_DAY, *EVENTS}, one.name


def test_falls_that_were_measured_are_those_of_the_series(shared_data: Path) -> None:
    import pandas as pd

    from govkit.estimate.returns.history import event_fall

    found = {s.name: s for s in data.load_scenarios()}
    ust = pd.read_csv(shared_data / "prices" / "UST-1h-close.csv.gz", index_col=0)["close"]
    ust.index = pd.to_datetime(ust.index, utc=True)
    crv = pd.read_csv(shared_data / "prices" / "CRV-1h.csv.gz", index_col="timestamp")["close"]
    crv.index = pd.to_datetime(crv.index, utc=True) + pd.Timedelta("1h")
    for name, series, days in (
        ("Depeg to zero, UST in May 2022", ust, ("2022-05-07", "2022-05-14")),
        ("CRV short on Aave, November 2022", 1 / crv, ("2022-11-20", "2022-11-25")),
    ):
        measured = event_fall(name, series, *days)
        assert measured is not None
        known = dict(zip(measured.horizons_hours, measured.falls, strict=True))
        entry = found[name]
        for hours, fall in zip(entry.horizons_hours, entry.falls, strict=True):
            assert fall == pytest.approx(known[hours], abs=1e-4), (name, hours)


# --- by name and from a file ----------------------------------------------------------------


def test_a_scenario_by_name_in_any_case() -> None:
    (one,) = data.load_scenarios("keepers OUT for 1 h")
    assert one.name == "Keepers out for 1 h"
    with pytest.raises(InputError) as caught:
        data.load_scenarios("Black Friday")
    assert caught.value.message() == (
        "unknown scenario 'Black Friday'. Did you mean Black Thursday?"
    )


WHOLE = """
[[scenario]]
name = "Half at once"
channels = ["gap"]
decides = false
source = "mine"
horizons_hours = [0.1]
falls = [0.5]
"""


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(WHOLE + WHOLE.replace("Half", "Same"), encoding="utf-8")
    assert [s.name for s in data.load_scenarios(str(path))] == ["Half at once", "Same at once"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (WHOLE.replace('channels = ["gap"]\n', ""),
         "scenario 1 (Half at once): channels: field required"),
        (WHOLE.replace('["gap"]', "[]"),
         "scenario 1 (Half at once): channels: tuple should have at least 1 item"),
        (WHOLE.replace('["gap"]', '["luck"]'), "scenario 1 (Half at once): channels.0: input"),
        (WHOLE + WHOLE, "scenario 2 (Half at once): has the name of an earlier scenario"),
        (WHOLE.replace('name = "Half at once"', ""), "scenario 1: name: field required"),
        (WHOLE.replace("horizons_hours = [0.1]\nfalls = [0.5]", 'falls_of = "Black Thurday"'),
         "Half at once: falls_of: unknown event 'Black Thurday'. Did you mean Black Thursday?"),
        (WHOLE.replace("decides = false", "decides = true"),
         "only a dated event, replayed for all as it was, can decide"),
        ("", "holds no scenario. Every scenario is a [[scenario]] table"),
        ("scenario = 3", "holds no scenario"),
        ("scenario = [3]", "scenario 1: the whole: input should be"),
        ("[[scenario", "not valid TOML"),
    ],
    ids=["no channel", "empty channels", "unknown channel", "twice", "no name", "unknown event",
         "synthetic decider", "empty", "number", "list", "cut short"],
)  # fmt: skip
def test_a_file_that_cannot_be_used_names_file_and_entry(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        data.load_scenarios(str(path))
    shown = caught.value.message()
    assert shown.startswith(f"{path}: ")
    assert message in shown
    assert "\n" not in shown


def test_a_missing_file() -> None:
    with pytest.raises(InputError, match=r"no/such\.toml: no such scenario file"):
        data.load_scenarios("no/such.toml")


# --- what a scenario must say ---------------------------------------------------------------


def scenario(**values: Any) -> Scenario:
    given: dict[str, Any] = {
        "name": "asked", "channels": ("gap",), "decides": False, "source": "a test",
        "horizons_hours": (1.0, 24.0), "falls": (0.1, 0.2),
    }  # fmt: skip
    return Scenario(**given | values)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"falls": (), "horizons_hours": ()}, "says no fall"),
        ({"falls": (0.1,)}, "as many falls as horizons"),
        ({"falls": (0.2, 0.1)}, "cannot decrease"),
        ({"falls": (0.1, 1.0)}, "from 0 to below 1"),
        ({"horizons_hours": (24.0, 1.0)}, "horizons must increase"),
        ({"horizons_hours": (1.0, 49.0)}, "at most 48 hours"),
        ({"falls_of": WORST_DAY}, "one is needed"),
        ({"first": "2020-03-08"}, "both its first and its last day"),
        ({"first": "2020-03-08", "last": "2020-03-01"}, "the last day is before the first"),
        ({"first": "8 March", "last": "9 March"}, "should match pattern"),
        ({"decides": True}, "can decide"),
        ({"feed_high": 1.0}, "less than 1"),
        ({"depth_factor": 0.0}, "greater than 0"),
        ({"source": ""}, "at least 1 character"),
    ],
)
def test_a_scenario_that_contradicts_itself_is_refused(
    values: dict[str, Any], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        scenario(**values)


@pytest.mark.parametrize(
    "change",
    [
        {"depth_factor": 0.5},
        {"kinds": ("staking",)},
        {"assets": ("ETH",)},
        {"gas_factor": 2.0},
        {"discount": 0.1},
        {"feed_low": 0.01},
    ],
)
def test_a_dated_event_under_other_conditions_cannot_decide(change: dict[str, Any]) -> None:
    days: dict[str, Any] = {"first": "2020-03-08", "last": "2020-03-16", "falls": (),
                            "horizons_hours": ()}  # fmt: skip
    assert scenario(**days, decides=True).measured
    with pytest.raises(ValidationError, match="can decide"):
        scenario(**days, decides=True, **change)
