"""HTML elements whose text is always escaped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

_WITHOUT_END = frozenset({"meta"})


class Markup(str):
    """Text that is HTML already; any other text is escaped where it enters an element."""

    __slots__ = ()


Content = str | Markup


def element(name: str, /, *content: Content, **attributes: str | None) -> Markup:
    """Build one element.

    Parameters
    ----------
    content : str
        Escaped unless it is Markup.
    attributes : str, optional
        Escaped; ``class_`` stands for class, ``_`` within a name for a hyphen; None leaves it out.

    Examples
    --------
    >>> element("p", "a < b", class_="note")
    '<p class="note">a &lt; b</p>'
    """
    given = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _WITHOUT_END:
        return Markup(f"<{name}{given}>")
    return Markup(f"<{name}{given}>{join(content)}</{name}>")


def join(content: Iterable[Content], between: str = "") -> Markup:
    """Put contents one after the other, escaping what is not Markup."""
    return Markup(between.join(c if isinstance(c, Markup) else escape(c) for c in content))


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[Content]]) -> Markup:
    """Build a table with a caption, whose first column names the rows.

    Parameters
    ----------
    caption : str
        Also names the region that scrolls where the table is wider than the page.
    columns : sequence of str
        A name that begins with ``#`` is of a column of numbers, which end at the right.
    rows : iterable of sequences
        Where a row has fewer cells than there are columns, its last one runs to the end, in words.
    """
    kinds = ["number" if name.startswith("#") else None for name in columns]
    named = zip(columns, kinds, strict=True)
    head = [element("th", name.lstrip("#"), scope="col", class_=kind) for name, kind in named]
    body = [element("tr", *_cells(row, kinds)) for row in rows]
    made = element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *head)),
        element("tbody", join(body, "\n")),
    )
    return element("div", made, class_="wide", role="region", aria_label=caption, tabindex="0")


def _cells(row: Sequence[Content], kinds: Sequence[str | None]) -> Iterable[Markup]:
    yield element("th", row[0], scope="row")
    missing = len(kinds) - len(row)
    whole = len(row) - 1 if missing else len(row)
    for place in range(1, whole):
        yield element("td", row[place], class_=kinds[place])
    if missing:
        yield element("td", row[-1], colspan=str(missing + 1))
