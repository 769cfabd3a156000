"""Several assets in one book: losses of the same episode, added up."""

from __future__ import annotations

from pydantic import Field

from govkit.records.base import Record


class JointAsset(Record):
    """One asset's part in the joint book; where a family is asked, the family's part."""

    asset: str
    family: str
    threshold: float = Field(description="recommended threshold it runs at")
    debt_usd: float = Field(description="debt of its family at full supply caps")
    floor_usd: float = Field(description="bad debt that counts in its book alone")
    p_bad_debt: float = Field(description="chance of bad debt above the floor, its book alone")
    es_share: float = Field(
        description="expected shortfall at the appetite's level of its book alone, over its debt"
    )
    es_part: float | None = Field(
        description="part of the joint expected shortfall at that level that is its loss; parts "
        "add up to 1; none where the joint expected shortfall is 0"
    )


class JointShortfall(Record):
    """Expected shortfalls, the mean of the worst 1 - level of all episodes, over all debt.

    Where losses happen in fewer than 1 - level of the episodes, every shortfall is the mean loss
    over 1 - level. Means add up however assets are tied, so nothing is diversified there.
    """

    level: float
    es_share: float = Field(description="of the joint loss")
    es_low: float = Field(description="95 % interval of the simulation")
    es_high: float
    es_sum_share: float = Field(description="sum of those of the assets' books alone")
    es_share_correlation_one: float = Field(
        description="of the joint loss, were all assets driven by the same numbers"
    )
    diversification: float | None = Field(
        description="1 - es_share / es_sum_share; none where the sum is 0"
    )


class JointCheck(Record):
    """Losses of all proposed assets in one book, at the recommended thresholds.

    All assets start in their trigger states at once; falls are joint by the model's copula.
    Chances are per such common episode; shares are over the debt of all.
    """

    assets: tuple[JointAsset, ...]
    debt_usd: float
    floor_usd: float = Field(description="bad debt that counts in the joint book")
    horizon_hours: float
    paths: int
    p_bad_debt: float = Field(description="chance that the joint loss exceeds the floor")
    p_low: float = Field(description="95 % interval of the simulation")
    p_high: float
    p_any: float = Field(description="chance that any asset's own loss exceeds its own floor")
    p_independent: float = Field(description="chance that any asset's does, were they independent")
    p_all: float = Field(description="chance that every asset's does in the same episode")
    p_all_independent: float = Field(description="the same, were they independent")
    tail: JointShortfall = Field(description="at the appetite's level")
    rare: JointShortfall = Field(description="at a rarer level, where losses do not just add up")
    p_limit: float
    es_limit: float
    passed: bool = Field(description="whether p_bad_debt and tail.es_share are within their limits")
    left_out: tuple[str, ...] = Field((), description="assets not in the joint book, with reasons")
