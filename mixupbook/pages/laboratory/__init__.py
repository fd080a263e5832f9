"""The laboratory: standard training and Mixup, live in the reader's browser, side by side.

Its pages, notebooks and tests share the ES modules in this folder. `parameters` say what may be
set, `fallback` draws the static figure, `bundle` joins the modules for notebooks.
"""

from typing import Any

from mixupbook.pages.laboratory.parameters import settings

__all__ = ["laboratory"]


def laboratory(
    *,
    lam: float | Any = 0.7,
    label_lam: float | Any | None = None,
    rho: float | Any = 0.1,
    noise: float | Any = 0.15,
    overlap: float | Any = 1.0,
    stop: int | Any | None = None,
    steps: int | Any = 800,
    seed: int | Any = 1,
    run: bool | Any = False,
    controls: str | Any = "full",
) -> Any:
    """Two networks that train on the same 40 examples, one of them on their mixtures.

    The training runs in the reader's browser, in a live notebook as on the book's pages. What is
    fixed there (200 dimensions, 4 patches, 4 filters a class, learning rate 0.4) is `FIXED` of
    `engine.js`.

    Args:
        lam: l in [0.5, 1], share of the first example in a mixture.
        label_lam: l_y in [0.5, 1], its share in the label; None for the same as `lam`.
        rho: share of rare training examples, in [0, 0.5]; four of them at 0.1, as many in one class
            as in the other.
        noise: sigma in [0, 3], standard deviation of the noise.
        overlap: share of the rare examples, in [0, 1], whose feature stands in the patch where
            common ones have theirs.
        stop: the step from which Mixup goes on as standard training, in [0, 20000]; None for never.
        steps: how many steps are trained, in [50, 20000].
        seed: of the data and of the initial weights, in [0, 999999].
        run: whether it begins to train at once.
        controls: ``"full"``, or ``"few"`` for the button to train and the step at which Mixup
            stops.

    Returns:
        In a live kernel an anywidget, whose traits are the parameters above and, when a run rests,
        `step`, `standard_rare_error` and `mixup_rare_error` (fractions). Where ``MIXUPBOOK_STATIC``
        is set to 1, the HTML of the element with its static figure, for pages without a kernel.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: a value outside what is allowed.

    The model and its constants are our reconstruction of Zou, Cao, Li and Gu (ICML 2023).

    Example:
        >>> widget = laboratory(lam=0.8, stop=150)
        >>> widget.lam, widget.stop, widget.mixup_rare_error
        (0.8, 150, None)
    """
    from mixupbook.pages.explorers import is_static

    chosen = settings(
        lam=lam,
        label_lam=label_lam,
        rho=rho,
        noise=noise,
        overlap=overlap,
        stop=stop,
        steps=steps,
        seed=seed,
        run=run,
        controls=controls,
    )
    if is_static():
        from IPython.display import HTML

        from mixupbook.pages.laboratory.fallback import element

        return HTML(element(chosen))
    from mixupbook.pages.laboratory.widget import LaboratoryWidget

    return LaboratoryWidget(**chosen)
