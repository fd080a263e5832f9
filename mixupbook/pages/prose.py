"""Numbers in prose: computed in a cell, shown in the text by the book's ``glue`` role."""

from IPython.display import display

from mixupbook.intervals import Interval

__all__ = ["glue", "percent", "with_interval"]

# The form in which MyST-NB finds a value by its name. Written here so that a chapter runs where
# the book's build tools are not installed.
GLUE_PREFIX = "application/papermill.record/"


def glue(name: str, text: str) -> None:
    """Stores an already rounded text under a name, for ``{glue:text}`` in the chapter's prose.

    Raises:
        TypeError: `text` is not a string: what prose shows is rounded first.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be a string, rounded as prose shall show it, got {text!r}")
    display(
        {f"{GLUE_PREFIX}text/plain": repr(text)},
        raw=True,
        metadata={"scrapbook": {"name": name, "mime_prefix": GLUE_PREFIX}},
    )


def percent(fraction: float, digits: int = 1) -> str:
    """A fraction as per cent.

    Example:
        >>> percent(0.0825)
        '8.2 %'
    """
    return f"{100 * fraction:z.{digits}f} %"


def with_interval(interval: Interval, digits: int = 1, unit: str = "") -> str:
    """A mean and its interval as text.

    Example:
        >>> with_interval(Interval(8.25, 7.5, 9.0, 10), unit="%")
        '8.2 % [7.5, 9.0]'
    """
    unit = f" {unit}" if unit else ""
    return (
        f"{interval.mean:z.{digits}f}{unit} "
        f"[{interval.low:z.{digits}f}, {interval.high:z.{digits}f}]"
    )
