"""Ten million accounts in one book: what goes in comes out, within a gigabyte of memory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ACCOUNTS = 10_000_000
GIB_KIB = 1024 * 1024

RUN = f"""
import json, re
import numpy as np
from govkit.simulate.engine import Book, Depth, Terms, run_book

trigger = np.linspace(1.0, 0.7, {ACCOUNTS})
debt = np.full({ACCOUNTS}, 100.0)
debt[::7] = 1e4
debt[::11] = 0.0
book = Book(trigger, debt, 0.8, float(debt.sum()))
terms = Terms(bonus=0.05, protocol_fee_share=0.1, deviation=0.0, swap_fee=0.0, gas_share=0.0,
              refill_steps=3.0, permanent_share=0.0)
deep = Depth(np.array([0.0, 1e18]), np.array([0.0, 1e-9]))
prices = np.empty((2, 24))
prices[0] = np.r_[np.linspace(1.0, 0.95, 4), np.full(20, 0.5)]  # a gap below every trigger
prices[1] = np.r_[np.linspace(1.0, 0.9, 12), np.linspace(0.9, 1.0, 12)]
found = run_book(prices, book, 0.8, terms, deep)
units = float((debt / trigger).sum()) / 0.8
reached = float(debt[trigger > 0.9].sum())
peak = re.search(r"VmHWM:\\s+(\\d+) kB", open("/proc/self/status").read())
names = ("bad_debt_usd", "repaid_usd", "written_off_usd", "bonus_usd", "fee_usd", "seized_usd")
print(json.dumps({{
    "debt": float(debt.sum()), "units": units, "reached": reached, "kernel": found.kernel,
    "peak_kib": int(peak.group(1)), **{{n: getattr(found, n).tolist() for n in names}},
}}))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_ten_million_accounts_add_up_within_a_gigabyte() -> None:
    done = subprocess.run(
        [sys.executable, "-c", RUN], capture_output=True, text=True, check=False, timeout=300
    )
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    fallen, mild = (
        {name: of[k] if isinstance(of, list) else of for name, of in found.items()} for k in (0, 1)
    )
    assert found["kernel"] == "blocks"
    # All are closed in full: every dollar is repaid or written off.
    assert fallen["repaid_usd"] + fallen["written_off_usd"] == pytest.approx(
        found["debt"], rel=1e-12
    )
    assert fallen["bad_debt_usd"] == pytest.approx(fallen["written_off_usd"], rel=1e-12, abs=1e-3)
    # Under the gap all collateral goes, at 0.5, and covers 1 / 1.05 of it at most.
    assert fallen["written_off_usd"] > 0.2 * found["debt"]
    assert 0.95 * found["units"] < fallen["seized_usd"] <= found["units"] * (1 + 1e-12)
    # The feed's lowest report is 0.9: accounts above it are repaid, the others left alone.
    assert mild["repaid_usd"] == pytest.approx(found["reached"], rel=1e-9)
    assert mild["bad_debt_usd"] == 0
    for path in (fallen, mild):
        assert path["bonus_usd"] == pytest.approx(0.05 * path["repaid_usd"], rel=1e-12)
        assert path["fee_usd"] == pytest.approx(0.1 * path["bonus_usd"], rel=1e-12)
    assert found["peak_kib"] < GIB_KIB
