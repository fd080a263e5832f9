"""The timeline in a live notebook: an anywidget."""

import anywidget
import traitlets

from mixupbook.pages.laboratory.bundle import bundle

__all__ = ["TimelineWidget"]


class TimelineWidget(anywidget.AnyWidget):
    """The timeline as a widget; `mixupbook.pages.timeline.timeline` makes it.

    Args:
        record: what it shows, as `mixupbook.pages.timeline.record` returns it.
    """

    _esm = bundle("timeline.js")

    record = traitlets.Dict().tag(sync=True)
