from __future__ import annotations

import math
import re

import pytest
from matplotlib import font_manager
from matplotlib.figure import Figure

from govkit.records.evidence import AssetEvidence
from govkit.render import facts, numbers, why
from govkit.render.charts import all_charts, charts_of, style
from govkit.render.charts.drawing import png, register, svg
from govkit.render.environment import template_folder
from tests.render import sample

FONTS = template_folder() / "report" / "fonts"
CHANGING = [sample.weth(), sample.wbtc(), sample.aave(), sample.link(), sample.wsteth(),
            sample.usdt()]  # fmt: skip
PAIRS = [(chart, asset) for asset in CHANGING for chart in charts_of(asset)]
IDS = [f"{asset.asset}-{chart.NAME}" for chart, asset in PAIRS]


def chart(name: str) -> object:
    return next(chart for chart in all_charts() if name == chart.NAME)


def test_charts_are_found_in_order() -> None:
    names = [chart.NAME for chart in all_charts()]
    assert names == [
        "waterfall", "tornado", "loss", "tail", "slippage", "frontier", "stress",
    ]  # fmt: skip
    assert charts_of(sample.usdc()) == []


@pytest.mark.parametrize(("chart", "asset"), PAIRS, ids=IDS)
def test_title_states_a_finding_and_alt_a_sentence_of_numbers(
    chart: object, asset: AssetEvidence
) -> None:
    title, alt = chart.title(asset), chart.alt(asset)  # type: ignore[attr-defined]
    assert re.search(r"\d", title)
    assert len(re.findall(r"\d+(?:\.\d+)?", alt)) >= 4
    assert len(alt) < 500


def test_alt_of_losses_reads_the_grid() -> None:
    asset = sample.aave()
    alt = chart("loss").alt(asset)  # type: ignore[attr-defined]
    for threshold in (0.76, 0.73):
        point = facts.nearest(asset.grid, threshold)
        assert f"at {numbers.setting(threshold)} the chance" in alt
        for value in (point.p_bad_debt, point.p_low, point.p_high, point.es_share):
            assert numbers.percent(value) in alt


def test_alt_of_the_sale_reads_the_clearing() -> None:
    asset = sample.weth()
    alt = chart("slippage").alt(asset)  # type: ignore[attr-defined]
    assert asset.clearing is not None
    assert numbers.usd(asset.clearing.chunk_usd) in alt
    assert numbers.usd(asset.clearing.sale_usd) in alt
    assert numbers.percent(asset.clearing.chunk_slippage) in alt


@pytest.mark.parametrize(
    ("asset", "source"),
    [
        (sample.weth(), "quotes"),
        (sample.link(), "reserves of a constant-product pool"),
        (sample.usdt(), "reserves of a StableSwap pool"),
        (sample.aave(), "a law of traded volume"),
    ],
)
def test_alt_of_the_sale_names_the_source_of_the_curve(asset: AssetEvidence, source: str) -> None:
    alt = chart("slippage").alt(asset)  # type: ignore[attr-defined]
    assert f"size sold at once, from {source} of 2025-03-14: " in alt


def labels(name: str, asset: AssetEvidence) -> dict[str, tuple[float, float]]:
    """Return the labels of a chart with where the text begins and its baseline, in pixels."""
    figure = Figure(figsize=(style.WIDTH, style.HEIGHT), dpi=style.DPI)
    chart(name).draw(figure, asset, sample.evidence(asset))  # type: ignore[attr-defined]
    figure.draw_without_rendering()
    return {
        text.get_text(): (text.get_window_extent().x0, text.get_window_extent().y0)
        for axes in figure.axes
        for text in axes.texts
    }


def test_the_range_of_quotes_is_drawn_where_there_are_quotes() -> None:
    assert "quiet depth and range of quotes" in labels("slippage", sample.weth())
    assert "quiet depth" in labels("slippage", sample.aave())


def test_the_appetite_stands_where_the_curve_does_not() -> None:
    """AAVE's loss crosses the line in its left half, WBTC's in the right half."""
    for asset, on_the_left in ((sample.wbtc(), True), (sample.aave(), False)):
        figure = Figure(figsize=(style.WIDTH, style.HEIGHT), dpi=style.DPI)
        chart("loss").draw(figure, asset, sample.evidence(asset))  # type: ignore[attr-defined]
        axes = figure.axes[0]
        (label,) = [text for text in axes.texts if text.get_text().startswith("appetite")]
        middle = sum(axes.get_xlim()) / 2
        assert bool(label.xy[0] < middle) is on_the_left


def test_ticks_are_dense_where_few_decades_are_shown() -> None:
    figure = Figure()
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_xlim(1.5e6, 300e6)
    style.log_ticks(axes.xaxis)
    seen = [tick for tick in axes.get_xticks() if 1.5e6 <= tick <= 300e6]
    assert seen == pytest.approx([2e6, 5e6, 10e6, 20e6, 50e6, 100e6, 200e6])
    axes.set_xlim(1e3, 1e9)
    style.log_ticks(axes.xaxis)
    seen = [tick for tick in axes.get_xticks() if 1e3 <= tick <= 1e9]
    assert all(round(math.log10(tick), 6) % 1 == 0 for tick in seen)


def test_no_loss_in_the_paths_is_told_with_its_upper_limit() -> None:
    title = chart("loss").title(sample.usdt()).replace(numbers.SPACE, " ")  # type: ignore[attr-defined]
    assert title == "At 78 %, the chance of bad debt is 0 % per trigger episode, at most 0.018 %"


def test_the_widest_bar_of_the_tornado_is_told_first() -> None:
    asset = sample.weth()
    title, alt = (getattr(chart("tornado"), part)(asset) for part in ("title", "alt"))
    assert title.replace(numbers.SPACE, " ") == (
        "Volatility moves the supported threshold most: from 77 % to 86 %"
    )
    assert alt.replace(numbers.SPACE, " ") == (
        "Supported threshold over the range of each input: yearly volatility at triggers from "
        "61 % to 104 % gives 86 % to 77 %, 53.7 % of the variance; exposure from $90M to $360M "
        "gives 82.8 % to 78.8 %, 21.4 % of the variance"
    )


def test_the_tornado_shows_the_value_that_the_justification_is_about() -> None:
    asset = sample.weth()
    said = labels("tornado", asset)
    assert f"supported {numbers.percent(0.8189)}" in said
    assert f"now {numbers.setting(0.83)}" in said
    lower = asset.model_copy(update={"justification": None})
    assert asset.support is not None
    assert why.supported(lower) == asset.support.bound


def test_the_frontier_names_every_appetite_and_its_hollow_points() -> None:
    said = labels("frontier", sample.aave())
    for words in ("now 76 %", "proposed 73 %", "conservative 67 %", "aggressive 75.1 %"):
        assert words.replace(" %", f"{numbers.SPACE}%") in said
    assert "hollow: another threshold is better" in said
    base = sample.aave()
    assert base.justification is not None
    points = tuple(p for p in base.justification.frontier if not p.dominated)
    asset = base.model_copy(
        update={"justification": base.justification.model_copy(update={"frontier": points})}
    )
    assert "hollow: another threshold is better" not in labels("frontier", asset)


def test_costs_far_beyond_the_appetite_do_not_flatten_the_frontier() -> None:
    base = sample.aave()
    assert base.justification is not None
    far = base.justification.frontier[-1].model_copy(update={"es_share": 0.31})
    points = (*base.justification.frontier[:-1], far)
    asset = base.model_copy(
        update={"justification": base.justification.model_copy(update={"frontier": points})}
    )
    figure = Figure(figsize=(style.WIDTH, style.HEIGHT), dpi=style.DPI)
    chart("frontier").draw(figure, asset, sample.evidence(asset))  # type: ignore[attr-defined]
    assert figure.axes[0].get_xlim()[1] < 0.01


def test_alt_of_the_tail_reads_survival_and_history() -> None:
    asset = sample.aave()
    alt = chart("tail").alt(asset)  # type: ignore[attr-defined]
    assert asset.implied_current is not None
    assert numbers.chance(asset.implied_current.survival) in alt
    assert "(2021-05-19)" in alt


@pytest.mark.parametrize(
    ("before", "after", "verb"), [(0.76, 0.73, "falls"), (0.73, 0.76, "rises")]
)
def test_title_of_losses_follows_the_sign(before: float, after: float, verb: str) -> None:
    base = sample.aave()
    asset = base.model_copy(
        update={
            "in_force": sample.in_force(0.6, before, 0.075, 1),
            "recommended": base.recommended.model_copy(update={"threshold": after}),
        }
    )
    assert f" {verb} from " in chart("loss").title(asset)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("chart", "asset"), PAIRS, ids=IDS)
def test_labels_neither_meet_nor_leave_the_picture(chart: object, asset: AssetEvidence) -> None:
    import matplotlib

    register(FONTS)
    with matplotlib.rc_context():
        matplotlib.rcParams.update(style.SETTINGS)
        figure = Figure(figsize=(style.WIDTH, style.HEIGHT), dpi=style.DPI, layout="constrained")
        chart.draw(figure, asset, sample.evidence(asset))  # type: ignore[attr-defined]
        figure.suptitle(chart.title(asset))  # type: ignore[attr-defined]
        figure.draw_without_rendering()
        texts = [
            text
            for axes in figure.axes
            for text in [
                *axes.texts,
                axes.title,
                axes._left_title,
                axes.xaxis.label,
                axes.yaxis.label,
            ]
            if text.get_text().strip()
        ]
        boxes = [(text.get_text(), text.get_window_extent()) for text in texts]
    whole = figure.bbox
    for label, box in boxes:
        assert min(box.x0, box.y0) >= -1, label
        assert max(box.x1 - whole.x1, box.y1 - whole.y1) <= 1, label
    for i, (one, a) in enumerate(boxes):
        for other, b in boxes[i + 1 :]:
            width = min(a.x1, b.x1) - max(a.x0, b.x0)
            height = min(a.y1, b.y1) - max(a.y0, b.y0)
            assert not (width > 2 and height > 2), f"{one!r} meets {other!r}"


def test_losses_of_zero_are_drawn() -> None:
    base = sample.wbtc()
    grid = tuple(
        point.model_copy(update={"p_bad_debt": 0.0, "p_low": 0.0, "es_share": 0.0, "es_low": 0.0})
        if point.threshold < 0.8
        else point
        for point in base.grid
    )
    asset = base.model_copy(update={"grid": grid})
    assert png(chart("loss"), asset, sample.evidence(asset), FONTS)  # type: ignore[arg-type]
    assert "the chance of bad debt is 0 %" in chart("loss").title(asset).replace(numbers.SPACE, " ")  # type: ignore[attr-defined]


def test_only_shipped_fonts_are_named() -> None:
    asset = sample.aave()
    text = svg(chart("tail"), asset, sample.evidence(asset), FONTS).decode()  # type: ignore[arg-type]
    assert "Inter Govkit" in text
    assert ">2021-05-19 May 2021 sell-off" in text, "text must stay text"
    assert "<dc:date>" not in text
    found = font_manager.findfont(style.FAMILY, fallback_to_default=False)
    assert found.endswith("Inter-Regular.ttf")


def test_settings_of_the_reader_change_nothing() -> None:
    import matplotlib

    asset = sample.weth()
    expected = png(chart("loss"), asset, sample.evidence(asset), FONTS)  # type: ignore[arg-type]
    with matplotlib.rc_context({"axes.grid": False, "font.size": 30, "lines.linewidth": 9}):
        assert png(chart("loss"), asset, sample.evidence(asset), FONTS) == expected  # type: ignore[arg-type]
        assert matplotlib.rcParams["font.size"] == 30
