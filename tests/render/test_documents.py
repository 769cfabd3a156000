from __future__ import annotations

import re
import struct
from collections.abc import Callable

import pytest

from govkit.records.evidence import AssetEvidence, Evidence, Reason
from govkit.records.market import HumanText
from govkit.render.documents import proposal, render_documents
from govkit.render.numbers import SPACE
from tests.render import sample

CASES: dict[str, Callable[[], Evidence]] = {
    "keep-and-lower": sample.evidence,
    "refuse": lambda: sample.evidence(sample.usdc()),
    "raise": lambda: sample.evidence(sample.link()),
    "breach": lambda: sample.evidence(sample.aave(), passed=False),
    "everything": sample.everything,
}


ABOVE = {"current": 0.78, "bound": 0.8}


def spoken(evidence: Evidence) -> str:
    """Return the post with plain spaces, to look phrases up."""
    return proposal(evidence, "forum").replace(SPACE, " ")


def with_reason(code: str, texts: dict[str, str] | None = None, **values: float) -> AssetEvidence:
    reason = Reason(code=code, numbers=values, texts=texts or {})
    return sample.weth().model_copy(update={"reasons": (reason,)})


@pytest.mark.parametrize("name", [name for name in CASES if name != "everything"])
def test_golden(name: str, golden: Callable[[str, str], None]) -> None:
    golden(f"{name}.md", proposal(CASES[name](), "forum"))


@pytest.mark.parametrize("name", CASES)
def test_shape_of_the_post(name: str) -> None:
    text = proposal(CASES[name](), "forum")
    assert "\n\n\n" not in text
    assert not re.search(r"[ \t]+$", text, re.MULTILINE)
    assert not re.search(r"  | \.|\bNone\b|\bnan\b|Undefined|-0\b|TODO", text)
    assert not re.findall(r"^(#+ .*)\n\n(?=#{1,2} )", text, re.MULTILINE), "an empty section"
    assert text.count("[details=") == text.count("[/details]")
    for block in text.strip().split("\n\n"):
        first = block.lstrip()[:1]
        if first not in "#|-`[!" and not re.match(r"\d+\. ", block):
            assert "\n" not in block, f"a paragraph over several lines: {block}"
    for table in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        bars = {len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}
        assert len(bars) == 1, table


def test_order_of_sections() -> None:
    sections = re.findall(r"^## (.*)$", spoken(sample.evidence()), re.MULTILINE)
    assert sections == [
        "Summary", "Decision requested", "Motivation", "Method", "Inputs", "WETH: keep 83 %",
        "AAVE: lower 76 → 73 %", "Impact on users", "Stress", "How often this was wrong before",
        "Guard-rails", "Specification", "Limits of this analysis", "Disclosure",
        "Check it yourself", "Copyright",
    ]  # fmt: skip


def test_two_assets_fit_into_a_post() -> None:
    assert len(proposal(sample.evidence(sample.aave(), sample.link()), "forum")) <= 32_000


def test_title_knows_the_decision() -> None:
    first = spoken(sample.everything()).splitlines()[0]
    assert first == (
        "# Liquidation thresholds, first quarter: lower AAVE 76 → 73 %; raise LINK 71 → 72 %; "
        "keep WETH 83 %, WBTC 78 %; no recommendation for USDC"
    )
    assert spoken(sample.evidence()).startswith(
        "# WETH and AAVE liquidation thresholds, Aave v3 Ethereum: lower AAVE 76 → 73 %"
    )


def test_title_of_many_assets_is_counted() -> None:
    many = [sample.weth().model_copy(update={"asset": f"ASSET{i:02d}"}) for i in range(20)]
    first = spoken(sample.evidence(*many, text=HumanText(title="Review"))).splitlines()[0]
    assert first == "# Review: keep 20"


@pytest.mark.parametrize(
    ("asset", "present", "absent"),
    [
        (sample.aave(), "down from 76 % to 73 %", " up from "),
        (sample.link(), "up from 71 % to 72 %", " down from "),
        (sample.weth(), "LTV unchanged at 80.5 %", " down from "),
    ],
)
def test_direction_follows_the_sign(asset: AssetEvidence, present: str, absent: str) -> None:
    text = spoken(sample.evidence(asset))
    assert present in text
    assert absent not in text


@pytest.mark.parametrize(
    ("current", "bound", "word"), [(0.83, 0.82, "above"), (0.83, 0.84, "below")]
)
def test_side_of_the_bound_follows_the_values(current: float, bound: float, word: str) -> None:
    asset = with_reason(
        "within_band", current=current, bound=bound, difference_points=100 * (bound - current),
        band_points=2,
    )  # fmt: skip
    text = spoken(sample.evidence(asset))
    said = f"The value in force, 83 %, lies 1 point {word} the supported {100 * bound:.0f} %"
    assert said in text


@pytest.mark.parametrize(
    ("code", "texts", "values", "phrase"),
    [
        ("raise_blocked", {"why": "ltv_zero"}, ABOVE, "the LTV in force is zero"),
        ("raise_blocked", {"why": "book"}, ABOVE, "no book of real accounts was given"),
        ("raise_blocked", {"why": "stress"}, ABOVE, "a dated stress event"),
        ("raise_blocked", {"why": "interval"}, ABOVE, "lower end"),
        ("raise_blocked", {"why": "models"}, ABOVE, "not every market model"),
        ("raise_blocked", {"why": "offboarding"}, ABOVE, "wound down"),
        ("refuse_history", {"reason": "constant prices"}, {}, "a threshold: constant prices."),
        ("refuse_pegged", {}, {"events": 1}, "holds 1 such event, too few"),
        ("refuse_pegged", {}, {"events": 0}, "holds no such events, too few"),
        ("refuse_liquidity", {}, {"bonus": 0.05, "slippage": 0.07}, "does not pay for the 7 %"),
        ("refuse_horizon", {}, {"hours": 51, "limit_hours": 24}, "would take 51 h"),
        ("refuse_fit", {}, {}, "No market model fits"),
        ("refuse_data", {}, {}, "Data that the analysis needs are missing"),
    ],
)  # fmt: skip
def test_every_reason_has_words(
    code: str, texts: dict[str, str], values: dict[str, float], phrase: str
) -> None:
    assert phrase in spoken(sample.evidence(with_reason(code, texts, **values)))


def test_far_support_is_said_in_full() -> None:
    assert (
        "Market risk over T supports up to 86.1 % (90 % interval 84 to 87.5 %). Not modelled: "
        "custody of the wrapped coins, concentration of holders. Decision: keep."
    ) in spoken(sample.everything())


def test_refusal_names_what_was_not_done_and_the_levers_in_order() -> None:
    text = spoken(sample.evidence(sample.usdc()))
    assert "in this order: supply cap, bonus, close rule and oracle." in text
    assert "- liquidity: no quotes for USDC in the snapshot." in text
    assert "Nothing changes on chain." in text
    assert "No parameter changes; there is nothing to execute." in text


def test_missing_statements_are_named() -> None:
    text = spoken(sample.evidence())
    for field in ("Author", "Date", "Paid by", "Interests that could bias the author"):
        assert f"- {field}: not stated (required before sealing)" in text
    assert "not stated" not in spoken(sample.everything())


def test_breach_is_said_first_and_nothing_is_asked() -> None:
    text = spoken(sample.evidence(sample.aave(), passed=False))
    assert text.count("breaches a guard-rail and may not be executed") >= 2
    assert text.index("may not be executed") < text.index("## Summary")
    assert "Approve the specification" not in text


def test_raw_and_human_values_stand_together() -> None:
    text = spoken(sample.evidence())
    assert "| AAVE | liquidation threshold | 76 % | 73 % | `7600` | `7300` | basis points |" in text


def test_picture_links_and_alternative_texts_are_the_same_in_both_media() -> None:
    evidence = sample.everything()
    forum = re.findall(r"!\[(.*)\|690x388\]\((\S+)\.png\)", proposal(evidence, "forum"))
    report = re.findall(r"!\[(.*)\]\((\S+)\.svg \".*\"\)", proposal(evidence, "report"))
    assert forum == report
    assert len(forum) == 16


def test_prose_is_the_same_in_both_media() -> None:
    def prose(medium: str) -> list[str]:
        text = proposal(sample.everything(), medium)  # type: ignore[arg-type]
        lines = [re.sub(r'^#### |^\[details="|"\]$', "", line) for line in text.splitlines()]
        return [line for line in lines if line and not line.startswith(("![", "[/details"))]

    assert prose("forum") == prose("report")


def test_files_and_their_limits() -> None:
    documents = render_documents(sample.evidence())
    assert next(iter(documents)) == "proposal.md"
    text = documents["proposal.md"].decode()
    pictures = [name for name in documents if name.endswith(".png")]
    assert sorted(pictures) == sorted(re.findall(r"charts/[a-z-]+\.png", text))
    for name in pictures:
        data = documents[name]
        assert struct.unpack(">II", data[16:24]) == (1380, 776)
        assert len(data) < 150_000, name
        assert name.replace(".png", ".svg") in documents


def test_equal_evidence_gives_equal_bytes() -> None:
    assert render_documents(sample.evidence(sample.aave())) == render_documents(
        sample.evidence(sample.aave())
    )


def test_names_of_files_are_safe_and_distinct() -> None:
    odd = [sample.usdc().model_copy(update={"asset": name}) for name in ("A/B", "a b", "Ω", "..")]
    odd = [
        asset.model_copy(
            update={"waterfall": sample.weth().waterfall, "recommended": sample.weth().recommended}
        )
        for asset in odd
    ]
    names = [name for name in render_documents(sample.evidence(*odd)) if name.endswith(".svg")]
    assert names == [
        f"charts/{stem}-waterfall.svg" for stem in ("a-b", "a-b-2", "asset", "asset-2")
    ]
