"""Outputs of cells are compared with some room for numbers, and none for anything else."""

import pytest
from outputs import adopt, agree


@pytest.mark.parametrize(
    ("found", "held"),
    [
        ("'-3.2 [-4.6, -1.9]'", "'-3.3 [-4.6, -1.9]'"),
        ("0.2 [0.0, 0.4] points\n", "0.2 [-0.1, 0.4] points\n"),
        ("-57 [-64, -42]", "-56 [-64, -36]"),
        ("after 12,700 steps, 3.1e-05", "after 12,800 steps, 3.3e-05"),
        ("<td>29 of 30</td>", "<td>30 of 30</td>"),
        ("iVBO9e999 1", "iVBO9e999 2"),
    ],
)
def test_close_numbers_agree(found, held):
    assert agree(found, held)
    assert adopt([{"data": {"text/plain": found}}], [{"data": {"text/plain": held}}]) == [
        {"data": {"text/plain": held}}
    ]


@pytest.mark.parametrize(
    ("found", "held"),
    [
        ("supported", "mixed"),
        ("3 points", "3 percent"),
        ("1 2", "1 2 3"),
        ("8.9 [7.6, 10.1]", "12.1 [10.8, 13.5]"),
        ("1.5", "1.1"),
        ("-0.5", "0.5"),
        ("27 %", "27.0 %"),
        ("12 of 30", "30 of 30"),
        ("3.1e-05", "3.1e-06"),
        ("nan", "3"),
        ("iVBO9e999", "iVBO8e999"),
    ],
)
def test_others_do_not(found, held):
    assert not agree(found, held)
    assert adopt({"claim": {"measured": found}}, {"claim": {"measured": held}}) == {
        "claim": {"measured": found}
    }


def test_outputs_of_another_number_or_kind_stay_as_they_are():
    assert adopt([{"text": "1"}], []) == [{"text": "1"}]
    assert adopt({"text": "1", "name": "stdout"}, {"text": "2"}) == {"text": "2", "name": "stdout"}
    assert adopt([1.5, None], [1.6, "none"]) == [1.5, None]
