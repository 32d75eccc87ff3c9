"""SetPlay in a real JupyterLab: it settles before anything runs, in step with Python, by mouse, keys and finger."""

import pytest
from conftest import IDLE
from hand_and_eye import drag, expect, expect_to_fit, middle, swipe
from pieces_in_lab import SIZES, choose_theme, keep_picture, on_projector, opened, run_all, show, store

NAME = "pieces_setplay"
CELLS = [
    "from helpers.widgets import SetPlay\nplay = SetPlay(start=2)\nplay",
    "print(play.step, play.rule, play.labels, f'{play.frame.set_loss:.2f}')",
]


@pytest.fixture(scope="module")
def stored(lab):
    store(lab, NAME, CELLS)


@pytest.fixture
def shown(page, lab, stored):
    """The notebook on a projector's page, opened and not run."""
    return on_projector(page, lab, NAME)


def step_of(play, step):
    expect(play.locator("h3")).to_have_text(f"Step {step}")


def play_on(play, to, speed="fast"):
    """Play until it halts by itself."""
    play.get_by_label("Speed").select_option(speed)
    play.get_by_label("Play or pause").click()
    expect(play.locator("h3")).to_have_text(f"Step {to}")
    expect(play.get_by_label("Play or pause")).to_have_text("Play")


@pytest.mark.quick
def test_a_set_settles_before_anything_runs(shown):
    play = show(shown, "setplay")
    step_of(play, 0)
    play.get_by_label("One step on").click()
    step_of(play, 1)
    play_on(play, 300)
    summary = play.locator(".summary")
    expect(summary).to_have_text("5 of 12 guesses claim an object; there are 5 targets.")
    expect(play.locator(".box.prediction:not(.idle)")).to_have_count(5)
    expect(play.locator(".badge")).to_have_text("computed in this page")

    play.get_by_role("button", name="argmin").click()
    play.get_by_role("button", name="Restart").click()
    step_of(play, 0)
    expect(play.locator(".key.before")).to_have_text("the run before, optimal")
    play_on(play, 300)
    expect(summary).to_contain_text("4 of 12 guesses claim an object")
    expect(summary).to_contain_text("wanted more than once")
    keep_picture(shown, "setplay-argmin")

    scrub = play.get_by_label("Step of this run")
    scrub.press("Home")
    step_of(play, 0)
    scrub.press("ArrowRight")
    step_of(play, 1)
    play.get_by_role("button", name="Reset").click()
    step_of(play, 0)
    expect(play.get_by_role("button", name="optimal")).to_have_attribute("aria-pressed", "true")
    expect(play.locator(".key.before")).to_be_hidden()
    assert shown.errors == []
    assert shown.outside == []


def test_targets_are_the_readers_own(shown):
    play = show(shown, "setplay")
    targets = play.locator(".box.target")
    play.get_by_label("Add a target").click()
    expect(targets).to_have_count(6)
    play.get_by_label("Label of this target").select_option("8")
    expect(play.locator(".charts .target").last).to_have_text("“8”")
    targets.last.focus()
    shown.keyboard.press("2")
    expect(play.locator(".charts .target").last).to_have_text("“2”")
    said = targets.last.get_attribute("aria-label")
    shown.keyboard.press("ArrowRight")
    expect(targets.last).not_to_have_attribute("aria-label", said)
    shown.keyboard.press("Delete")
    expect(targets).to_have_count(5)
    for _ in range(5):
        play.locator(".chip.target").first.click()
        play.get_by_role("button", name="Take it away").click()
    expect(targets).to_have_count(0)
    play_on(play, 300)
    expect(play.locator(".summary")).to_have_text("0 of 12 guesses claim an object; there are no targets.")
    assert shown.errors == []


def test_a_guess_follows_a_target_that_is_dragged_while_it_plays(shown):
    play = show(shown, "setplay")
    play_on(play, 300)
    start = middle(play.locator(".chip.target").first)
    play.get_by_label("Speed").select_option("normal")
    play.get_by_label("Play or pause").click()
    drag(shown, start, (60, -60))
    expect(play.locator("h3")).to_have_text("Step 600")
    target = play.get_by_role("button", name="Target “3”").get_attribute("aria-label")
    owner = target.rsplit(" ", 1)[1]
    places = [
        [float(word) for word in said.split("center ")[1].split(",")[0].split()]
        for said in (target, play.get_by_role("button", name=f"Prediction {owner}").get_attribute("aria-label"))
    ]
    assert places[0] == pytest.approx(places[1], abs=0.03)


def test_a_click_on_a_guess_shows_its_grade(shown):
    play = show(shown, "setplay")
    card = play.locator(".grade")
    play.locator(".box.prediction").first.focus()
    shown.keyboard.press("c")
    expect(card.locator("h4")).to_have_text("C owns nothing")
    expect(card).to_contain_text("No box term pulls at it")
    expect(card.locator(".line")).to_have_count(1)
    shown.keyboard.press("i")
    expect(card.locator("h4")).to_have_text("I owns “4”")
    expect(card.locator(".line")).to_have_count(3)


def test_with_a_kernel_page_and_python_agree(shown):
    run_all(shown, 2)
    shown.wait_for_selector(IDLE)
    play = show(shown, "setplay")
    agrees = play.locator(".badge.agree:not(.waiting)")
    agrees.wait_for()
    play_on(play, 300)
    agrees.wait_for()
    play.get_by_role("button", name="one-to-many").click()
    play.get_by_label("shuffle the labels").check()
    play.get_by_label("One step on").click()
    agrees.wait_for()
    last = shown.locator(".jp-CodeCell").nth(1)
    last.locator(".cm-content").click()
    shown.keyboard.press("Control+Enter")
    expect(last.locator(".jp-OutputArea-output")).to_contain_text("301 one-to-many [3, 1, 4, 1, 5]")
    assert shown.errors == []


def test_a_hidden_page_stops(shown):
    play = show(shown, "setplay")
    play.get_by_label("Speed").select_option("slow")
    play.get_by_label("Play or pause").click()
    expect(play.get_by_label("Play or pause")).to_have_text("Pause")
    shown.evaluate(
        "Object.defineProperty(document, 'hidden', { value: true });"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    expect(play.get_by_label("Play or pause")).to_have_text("Play")


def test_who_wants_no_motion_gets_the_end(new_page, lab, stored):
    play = show(on_projector(new_page(reduced_motion="reduce"), lab, NAME), "setplay")
    play.get_by_label("Play or pause").click()
    step_of(play, 300)


def test_a_finger_drags_a_target(new_page, lab, stored):
    page = opened(new_page(has_touch=True), lab, NAME)
    play = show(page, "setplay")
    box = play.get_by_role("button", name="Target “5”")
    (x, y), top = middle(box), play.bounding_box()["y"]
    swipe(page, middle(play.locator(".chip.target").last), (-30, -40))
    assert middle(box) == pytest.approx((x - 30, y - 40), abs=4)
    assert play.bounding_box()["y"] == top


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_nothing_is_cut_off(shown, width, height):
    shown.set_viewport_size({"width": width, "height": height})
    for theme in ("Light", "Dark"):
        choose_theme(shown, theme)
        found = show(shown, "setplay")
        keep_picture(shown, f"setplay-{width}-{theme}")
        expect_to_fit(found)
