"""Asset, quote and interval: from the options, else the columns, else the file name."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from govkit.errors import InputError

DOLLARS = frozenset({"USD", "USDT", "USDC", "BUSD", "FDUSD", "DAI"})
"""Quotes taken as one dollar when two price tables are compared."""

INTERVALS = {"5m": 300, "15m": 900, "1h": 3600, "1d": 86400}
"""Known candle lengths in seconds."""

TETHER_VENUES = ("binance", "bybit")
DOLLAR_VENUES = ("yahoo", "coinbase", "bitstamp", "kraken", "coingecko", "investing")

_SPAN = "|".join(INTERVALS)
_TICKER = r"(?=[0-9]*[A-Za-z])[A-Za-z0-9]+"
_FILE = re.compile(
    rf"^(?P<asset>{_TICKER})(?:[-_](?P<quote>{_TICKER}))?[-_](?P<interval>{_SPAN})(?:[-_]|$)"
)
_INTERVAL = re.compile(rf"(?:^|[-_])({_SPAN})(?:[-_]|$)")


def split_pair(text: str) -> tuple[str, str]:
    """Split a market name into asset and quote; the quote is empty when there is none.

    ``ETH/USDT``, ``ETH-USD``, ``ETH_USDT`` and ``ETHUSDT`` are understood. A glued name is
    split only before a dollar quote, because STETH is an asset and not ST against ETH.
    """
    name = text.strip().upper().split(":")[0]
    parts = re.split(r"[/_-]", name)
    if len(parts) == 2 and all(parts):
        return parts[0], parts[1]
    for quote in ("FDUSD", "USDT", "USDC", "BUSD", "USD"):
        # crvUSD is a coin; SUSD, TUSD, GUSD and LUSD leave one letter and stay whole
        if name.endswith(quote) and len(name) - len(quote) >= 2 and name != "CRVUSD":
            return name[: -len(quote)], quote
    return name, ""


def same_asset(name: str, asset: str) -> bool:
    """Return whether a column's market name means `asset`."""
    return asset in (name.strip().upper(), split_pair(name)[0])


def from_file_name(stem: str) -> tuple[str, str, str]:
    """Return asset, quote and interval as the file name tells them; empty where it does not.

    Examples
    --------
    >>> from_file_name("STETH-ETH-1h-close")
    ('STETH', 'ETH', '1h')
    >>> from_file_name("2025-10-10-5m")
    ('', '', '5m')
    """
    found = _FILE.match(stem)
    if found is None:
        span = _INTERVAL.search(stem)
        return "", "", span.group(1) if span else ""
    if found["quote"]:
        return found["asset"].upper(), found["quote"].upper(), found["interval"]
    asset, quote = split_pair(found["asset"])
    return asset, quote, found["interval"]


def candle_quote(venues: Iterable[str], words: str) -> str:
    """Return USDT or USD by the venues named in a source column or in words.

    Parameters
    ----------
    venues:
        The venue of each row; the majority decides. May be empty.
    words:
        Any text that may name a venue, such as the source option and the file name.
    """
    votes = Counter(_venue_quote(venue) for venue in venues if venue)
    if votes:
        return votes.most_common(1)[0][0]
    lowered = words.lower()
    if any(v in lowered for v in DOLLAR_VENUES) and not any(v in lowered for v in TETHER_VENUES):
        return "USD"
    return "USDT"


def _venue_quote(venue: str) -> str:
    return "USDT" if venue.lower().startswith(TETHER_VENUES) else "USD"


def check_ticker(text: str, option: str) -> str:
    """Return a ticker in upper case, or refuse one that cannot stand in a file name."""
    if not re.fullmatch(r"[A-Za-z0-9.]{1,20}", text) or set(text) == {"."}:
        raise InputError(
            f"'{text}' is not a ticker",
            where=option,
            todo="Use letters and digits, such as WSTETH.",
        )
    return text.upper()
