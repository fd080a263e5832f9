"""Small tables of finished text, which a notebook shows in the pages' own style."""

import html
from collections.abc import Mapping, Sequence

import xarray as xr

__all__ = ["Table", "map_table"]

# What is longer may wrap in the page.
SHORT = 30


class Table:
    """Rows of text under named columns.

    Args:
        rows: mappings with the same keys, the columns; at least one.

    Raises:
        ValueError: no rows, or rows with different columns.

    Example:
        >>> Table([{"method": "Mixup", "seeds": 8}, {"method": "hard label", "seeds": 10}])
        method      seeds
        Mixup       8
        hard label  10
    """

    def __init__(self, rows: Sequence[Mapping[str, object]]) -> None:
        if not rows:
            raise ValueError("rows must hold at least one row, got none")
        self.columns = list(rows[0])
        for row in rows:
            if list(row) != self.columns:
                raise ValueError(
                    f"rows must have the same columns, got {list(row)} and {self.columns}"
                )
        self.rows = [[str(value) for value in row.values()] for row in rows]

    def __repr__(self) -> str:
        lines = [self.columns, *self.rows]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        padded = (
            "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True))
            for line in lines
        )
        return "\n".join(line.rstrip() for line in padded)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{html.escape(name)}</th>" for name in self.columns)
        body = "".join("<tr>" + "".join(_cell(text) for text in row) + "</tr>" for row in self.rows)
        return (
            f'<div class="mxb-scroll"><table class="mxb-table"><thead><tr>{head}</tr></thead>'
            f"<tbody>{body}</tbody></table></div>"
        )


def _cell(text: str) -> str:
    mark = ' class="mxb-long"' if len(text) > SHORT else ""
    return f"<td{mark}>{html.escape(text)}</td>"


def map_table(values: xr.DataArray) -> Table:
    """The numbers of a map, such as a sweep returns, without decimals.

    Args:
        values: with one dimension, or with two, of which the second goes across.

    Raises:
        ValueError: another number of dimensions.

    Example:
        >>> error = [[41.2, 3.0], [9.6, 0.0]]
        >>> axes = {"rare_fraction": [0.1, 0.2], "noise_std": [0.05, 0.3]}
        >>> map_table(xr.DataArray(error, coords=axes))
        rare_fraction ↓ noise_std →  0.05  0.3
        0.1                          41    3
        0.2                          10    0
    """
    if values.ndim not in (1, 2):
        raise ValueError(f"values must have one or two dimensions, got {values.dims}")
    down, *across = values.dims
    if across:
        heads = [f"{down} ↓ {across[0]} →", *map(str, values[across[0]].values.tolist())]
    else:
        heads = [str(down), "value" if values.name in (None, down) else str(values.name)]
    places = [str(place) for place in values[down].values.tolist()]
    lines = values.to_numpy().reshape(len(places), -1)
    return Table(
        [
            dict(zip(heads, [place, *(f"{value:.0f}" for value in line)], strict=True))
            for place, line in zip(places, lines, strict=True)
        ]
    )
