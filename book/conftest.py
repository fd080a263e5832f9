"""How outputs are compared with the notebook's: by `tools/outputs.py`."""

from nbval.plugin import IPyNbCell
from outputs import adopt

compare_exactly = IPyNbCell.compare_outputs


def compare(cell, test, ref, skip_compare=None):
    """Leave numbers some room, and note where they are not the same."""
    adopted = adopt(test, ref)
    same = compare_exactly(cell, adopted, ref, skip_compare)
    if same and not compare_exactly(cell, test, ref, skip_compare):
        cell.user_properties.append(("other last digits", True))
    return same


IPyNbCell.compare_outputs = compare


def pytest_terminal_summary(terminalreporter):
    """Say which cells gave other digits than the notebook holds."""
    cells = [
        report.nodeid
        for report in terminalreporter.stats.get("passed", [])
        if ("other last digits", True) in report.user_properties
    ]
    if cells:
        terminalreporter.section("Other last digits than in the notebook")
        for cell in cells:
            terminalreporter.line(cell)
