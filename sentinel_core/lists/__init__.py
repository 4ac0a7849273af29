"""Block, trust and watch lists: typed by field, with expiry, author and reason."""

from sentinel_core.lists.index import ListIndex, Match
from sentinel_core.lists.parse import parse_list, parse_plain
from sentinel_core.lists.table import parse_csv
from sentinel_core.lists.watchlist import Entry, ListHeader, WatchList

__all__ = [
    "Entry",
    "ListHeader",
    "ListIndex",
    "Match",
    "WatchList",
    "parse_csv",
    "parse_list",
    "parse_plain",
]
