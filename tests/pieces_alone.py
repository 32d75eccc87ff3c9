"""A piece in a page of its own, without JupyterLab: as a site or a slide has it, or with helpers to answer it."""

from benchmarks.pieces import answers_of, page_with
from helpers.widgets.scenelab import data_script

GROUNDS = {"light": "#fff", "dark": "#111"}  # as in JupyterLab
BESIDE = "<script>document.documentElement.dataset.detector = 'detector.js'</script>"
PHONE = {"width": 390, "height": 844}


def alone(page, piece, folder, theme="light", answered=False):
    """The piece's root, in a page of this folder. `answered`: helpers does; if not, SceneLab's data lies beside."""
    (folder / "detector.js").write_text("" if answered else data_script(), encoding="utf-8")
    body = f"<body data-jp-theme-light='{str(theme == 'light').lower()}' style='background:{GROUNDS[theme]}'>"
    html = page_with(piece).replace("<div", body + BESIDE + "<div", 1)
    (folder / "piece.html").write_text(html, encoding="utf-8")
    page.expose_function("ask", answers_of(piece) if answered else lambda question: [])
    page.goto((folder / "piece.html").as_uri())
    page.wait_for_function("window.ready")
    return page.locator(".spl")
