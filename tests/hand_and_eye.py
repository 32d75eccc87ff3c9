"""What a hand does in a page, and how an eye waits for what comes of it.

A piece paints with the next frame, and a busy machine takes its time: what is read once, right after a press, may be
what stood there before. So what shall come is waited for with `expect`, and what shall stay is read after `drawn`.
"""

import time

PATIENCE = 60_000  # milliseconds that anything gets
FRAMES = "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))"
# If an element is wider inside than outside: it, and those in it that reach beyond its right edge, by how many pixels.
STICKING_OUT = """e => e.scrollWidth - e.clientWidth <= 1 ? [] : [["all of it", e.scrollWidth - e.clientWidth],
  ...[...e.querySelectorAll("*")].map((inner) => [
    `${inner.tagName} ${inner.getAttribute("class") ?? ""}`,
    inner.getBoundingClientRect().right - e.getBoundingClientRect().right,
  ]).filter(([, by]) => by > 1)]"""


def expect(what):
    """Playwright's `expect`, which looks again until it is so. Imported here, as a machine may lack Playwright."""
    from playwright import sync_api

    sync_api.expect.set_options(timeout=PATIENCE)
    return sync_api.expect(what)


def drawn(page):
    """Wait two frames: what was done before is painted."""
    page.evaluate(FRAMES)


def expect_to_fit(piece):
    """Wait until nothing of a piece sticks out at its side; what does all the same is named."""
    end = time.monotonic() + PATIENCE / 1000
    while out := piece.evaluate(STICKING_OUT):
        assert time.monotonic() < end, out
        rested(piece.page, 100)


def rested(page, milliseconds=500):
    """Wait by the page's own clock: what the page has put off for less is done, however busy it is."""
    page.evaluate(f"new Promise((done) => setTimeout(done, {milliseconds}))")
    drawn(page)


def drag(page, start, by, steps=5):
    """Press the mouse at a point, move it by so many pixels and let go."""
    x, y = start
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=steps)
    page.mouse.up()
    drawn(page)


def middle(locator):
    """The point in the middle of what is found."""
    area = locator.bounding_box()
    return area["x"] + area["width"] / 2, area["y"] + area["height"] / 2


def swipe(page, start, by, steps=12):
    """Put a finger down, move it and lift it, as the browser would report it."""
    session = page.context.new_cdp_session(page)

    def send(kind, *points):
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]})

    send("touchStart", start)
    for step in range(1, steps + 1):
        send("touchMove", tuple(place + way * step / steps for place, way in zip(start, by)))
    send("touchEnd")
    drawn(page)
