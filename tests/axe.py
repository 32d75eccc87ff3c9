"""axe-core in a page: what would keep people from reading it or using it, with eyes, ears, keys or fingers.

It comes from npm once, in a fixed version, into `build/axe`, which git ignores; only tests need it.
"""

import shutil
from subprocess import CalledProcessError

from missing import skip_without

from tools.notebooks import ROOT
from tools.vendor import fetch

PACKAGE, SCRIPT = "axe-core@4.14.1", "axe.min.js"
FOLDER = ROOT / "build" / "axe"
LEVELS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
ALSO = {"target-size": {"enabled": True}}  # 24 pixels for a finger: axe leaves it out unless it is asked
RUN = """async ([include, exclude, options]) => {
  const { violations } = await axe.run({ include, exclude }, options);
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, failureSummary }) => `${id}: ${target.join(" ")}: ${failureSummary.split("\\n")[1].trim()}`));
}"""


def violations(page, inside="body", but=()):
    """A sentence for each thing that axe-core finds wrong: which rule, where, and what it measured.

    Args: `inside` and `but`: the selector of what is looked at, and selectors of what is left out.
    """
    page.add_script_tag(path=script())
    options = {"runOnly": LEVELS, "rules": ALSO, "resultTypes": ["violations"]}
    return page.evaluate(RUN, [[inside], [[selector] for selector in but], options])


def script():
    """Where axe-core lies; the test is skipped where it can neither be found nor fetched."""
    if not (FOLDER / SCRIPT).exists():
        try:
            if shutil.which("npm") is None:
                raise FileNotFoundError("npm")
            FOLDER.mkdir(parents=True, exist_ok=True)
            fetch(PACKAGE, (SCRIPT, "LICENSE"), FOLDER)
        except (FileNotFoundError, CalledProcessError):
            skip_without("axe-core")
    return FOLDER / SCRIPT
