"""What a piece says of helpers: nothing before a kernel computed anything, and nothing old after a change."""

import pytest
from hand_and_eye import expect
from pieces_in_lab import PIECES, on_projector, run_all, show, store_all

NAME = "pieces_badge"
# Change the state of a piece by hand, and read its badge before anybody can have answered.
CHANGE = """root => {
    const box = root.querySelector('.box.prediction'), slider = root.querySelector('input[type=range]');
    const right = new KeyboardEvent('keydown', { bubbles: true, key: 'ArrowRight' });
    if (root.matches('.setplay')) root.querySelector('[aria-label="One step on"]').click();
    else if (root.matches('.boxlab')) box.dispatchEvent(right);
    else if (root.matches('.reports')) {
        const answers = root.querySelector('select');
        answers.selectedIndex = (answers.selectedIndex % (answers.options.length - 1)) + 1;
        answers.dispatchEvent(new Event('change', { bubbles: true }));
    }
    else {
        slider.value = +slider.value + (+slider.step || 1);
        slider.dispatchEvent(new Event('input', { bubbles: true }));
    }
    return root.querySelector('.badge').innerText;
}"""


@pytest.fixture
def shown(page, lab):
    """A stored notebook with the pieces, opened and not run."""
    store_all(lab, NAME)
    return on_projector(page, lab, NAME)


def test_a_badge_says_only_what_was_compared(shown):
    for name in PIECES:
        expect(show(shown, name).locator(".badge")).to_have_text("computed in this page")
        assert show(shown, name).evaluate(CHANGE) == "computed in this page"
    run_all(shown, len(PIECES) + 1)
    for name in PIECES:
        piece = show(shown, name)
        piece.locator(".badge.agree").wait_for()
        assert piece.evaluate(CHANGE).strip() == "helpers checks"
        piece.locator(".badge.agree", has_text="helpers agrees (difference").wait_for()
    assert shown.errors == []
