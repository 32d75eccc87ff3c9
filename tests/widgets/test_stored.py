"""A stored piece opens, whichever side is late: the page, the kernel's answers, or a kernel that never answers."""

import pytest
from hand_and_eye import drawn
from pieces_in_lab import store

NAME = "pieces_stored"
LATE = {
    # The widget manager looks every 100 ms and gives up after two seconds, without a look after its last pause: what
    # comes in that pause is lost for good. A busy page makes the pause longer, this one long enough.
    "the page": "const set = setTimeout; setTimeout = (f, ms, ...rest) => set(f, ms === 100 ? 20000 : ms, ...rest);",
    "the kernel": "WebSocket = class extends WebSocket {"
    " set onmessage(hear) { super.onmessage = (event) => setTimeout(() => hear(event), 3000); } };",
    "the kernel for ever": "WebSocket = class extends WebSocket { set onmessage(hear) {} };",
}


@pytest.fixture(scope="module")
def stored(lab):
    """A trusted notebook with one piece."""
    store(lab, NAME, ["from helpers.widgets import NoObjectDial\nNoObjectDial()"])


@pytest.mark.parametrize("late", LATE)
def test_a_stored_piece_opens(page, lab, stored, late):
    page.add_init_script(LATE[late])
    page.goto(f"{lab.url}/lab/workspaces/{NAME}/tree/notebooks/{NAME}.ipynb?reset")
    page.locator(".dial .summary").wait_for()
    drawn(page)
    assert page.get_by_text("model not found").count() == 0
    assert page.outside == []
