import sys

import pytest

from helpers.training.processes import run_ranks

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform == "win32", reason="gloo wants a Unix here")]


def test_every_rank_divides_by_the_mean_and_gets_the_gradient_of_one_process():
    balanced, empty, few = run_ranks([2, 10], [0, 10], [1, 2])
    assert [rank["ours"]["num_boxes"] for rank in balanced] == pytest.approx([6, 6], rel=1e-5)
    assert [rank["reference"]["num_boxes"] for rank in balanced] == pytest.approx([3, 3], rel=1e-5)
    assert [rank["ours"]["num_boxes"] for rank in empty] == [None, pytest.approx(5, rel=1e-5)]
    for rank in balanced + empty:
        assert rank["ours"]["gradient"] == pytest.approx(1, rel=1e-5)
        assert rank["reference"]["gradient"] == pytest.approx(2, rel=1e-5)
    # 1.5 objects on average, divided by 2 again: the reference stops at 1.
    assert [rank["ours"]["gradient"] for rank in few] == pytest.approx([1, 1], rel=1e-5)
    assert [rank["reference"]["num_boxes"] for rank in few] == pytest.approx([1, 1], rel=1e-5)
    assert [rank["reference"]["gradient"] for rank in few] == pytest.approx([1.5, 1.5], rel=1e-5)


def test_a_rank_that_fails_has_the_last_word():
    with pytest.raises(RuntimeError, match="ValueError"):
        run_ranks(["two"])
