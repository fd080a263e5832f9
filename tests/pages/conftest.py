"""What the tests of figures share."""

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from mixupbook.pages.figures import use_style


@pytest.fixture
def style():
    """The house's style without a window, and no figure left open."""
    with mpl.rc_context():
        mpl.use("Agg")
        use_style()
        yield
    plt.close("all")
