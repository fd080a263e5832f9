"""The laboratory in a live notebook: one anywidget, on JupyterLab, Colab and wherever that runs."""

from typing import Any

import anywidget
import traitlets

from mixupbook.pages.laboratory.bundle import bundle
from mixupbook.pages.laboratory.parameters import CONTROLS, PARAMETERS

__all__ = ["LaboratoryWidget"]


def _number(name: str) -> traitlets.TraitType[Any, Any]:
    row = PARAMETERS[name]
    kind: Any = traitlets.Int if row.whole else traitlets.Float
    return kind(row.default, min=row.low, max=row.high, allow_none=bool(row.word)).tag(sync=True)


class LaboratoryWidget(anywidget.AnyWidget):
    """The laboratory as a widget; `mixupbook.pages.laboratory` makes it.

    Its traits are the parameters, which may be set from Python while it is shown, and the results.
    A run that a parameter changed begins anew; `run = True` begins one.

    Args:
        step: steps trained when the run last rested.
        standard_rare_error: fraction of rare test examples on which standard training errs then;
            None before the first rest, and where it diverged.
        mixup_rare_error: the same of Mixup.

    Raises:
        traitlets.TraitError: a value outside what is allowed.
    """

    _esm = bundle()

    lam = _number("lam")
    label_lam = _number("label_lam")
    rho = _number("rho")
    noise = _number("noise")
    overlap = _number("overlap")
    stop = _number("stop")
    steps = _number("steps")
    seed = _number("seed")
    run = traitlets.Bool(False).tag(sync=True)
    controls = traitlets.Enum(CONTROLS, CONTROLS[0]).tag(sync=True)

    step = traitlets.Int(0).tag(sync=True)
    standard_rare_error = traitlets.Float(None, allow_none=True).tag(sync=True)
    mixup_rare_error = traitlets.Float(None, allow_none=True).tag(sync=True)
