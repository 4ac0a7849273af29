"""Figures as SVG inside a page: equal figures give equal bytes, colours follow the page.

matplotlib writes colours as hexadecimal numbers; those of `Ink` become variables of the style sheet,
so that one picture serves light, dark and paper.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any

from sentinel_pipelines.steps.report.elements import Markup, element

INK = "#101112"
MUTED = "#606162"
GRID = "#e0e1e2"
FRAUD = "#c05122"
GENUINE = "#205ac1"
SERIES = ("#205ac1", "#c05122", "#0f7f5a", "#9050a2")
"""Chosen to differ in lightness too; where there are more folds, lines differ by their dashes."""
DASHES = ("-", "--", "-.", ":")

_VARIABLES = {
    INK: "ink", MUTED: "muted", GRID: "grid",
    SERIES[0]: "series-1", SERIES[1]: "series-2", SERIES[2]: "series-3", SERIES[3]: "series-4",
}  # fmt: skip
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 9.5,
    "text.color": INK,
    "axes.titlesize": 9.5,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.minor.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "figure.constrained_layout.use": True,
}
"""Text stays text: it can be searched, read aloud and set in the page's own font."""


def draw(
    name: str, size: tuple[float, float], description: str, fill: Callable[[Any], None]
) -> Markup:
    """Draw a figure and return it as an ``svg`` element.

    Parameters
    ----------
    name : str
        Different for each figure of a page; it goes before each id in the figure.
    size : (width, height) in inches, of which 8 fill the page
    description : str
        For those who do not see it.
    fill : callable
        Draws on the matplotlib Figure it is given.
    """
    # Here and not above: the import takes half a second, which no other step should wait for.
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context(_STYLE | {"svg.hashsalt": name}):
        figure = Figure(figsize=size)
        fill(figure)
        written = io.StringIO()
        # Without a date and the library's version equal figures are equal bytes.
        figure.savefig(
            written, format="svg", transparent=True, metadata={"Date": None, "Creator": None}
        )
    return _embed(name, description, written.getvalue())


def _embed(name: str, description: str, document: str) -> Markup:
    opening = re.search(r"<svg[^>]*>", document)
    assert opening is not None, "matplotlib writes an svg element"
    body = document[opening.end() : document.rindex("</svg>")]
    # Metadata says nothing without date and creator; a style element would hold for the whole page.
    body = re.sub(r"\s*<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<style[^>]*>.*?</style>", "", body, flags=re.DOTALL)
    body = re.sub(r'(\bid="|href="#|url\(#)', rf"\g<1>{name}-", body)
    for colour, variable in _VARIABLES.items():
        body = body.replace(colour, f"var(--{variable})")
    box = re.search(r'viewBox="[^"]*"', opening[0])
    assert box is not None, "matplotlib writes a view box"
    spaces = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    title = element("title", description)
    return Markup(f'<svg {box[0]} {spaces} role="img">{title}{body}</svg>')
