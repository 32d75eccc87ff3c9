"""The clinic's report: a screen of text, the same for programs, and a page to keep."""

import html
import json
from dataclasses import dataclass, field
from textwrap import fill

from helpers.clinic.catalogue import ERROR

WIDTH = 110


@dataclass
class Report:
    """What was found. Printed, it is the text; as JSON, `{"findings": [...]}` and nothing else."""

    findings: list
    facts: dict = field(default_factory=lambda: {"lines": [], "classes": [], "objects": []})

    @property
    def status(self):
        """What the command exits with: 1 if there is an error, else 0."""
        return int(any(finding.level == ERROR for finding in self.findings))

    def as_dict(self):
        return {"findings": [finding.as_dict() for finding in self.findings]}

    def json(self):
        return json.dumps(self.as_dict(), indent=1)

    def screen(self):
        """The data set in a few lines, and a line for each finding."""
        lines = [*self.facts["lines"], "", self.verdict]
        lines += [
            f"  {f.level:5}  {f.name:32} {f.count:>9,} {f.unit}{_examples(f)}"
            for f in self.findings
        ]
        return "\n".join(lines)

    def text(self):
        """The screen, and below it what each finding means and how to mend it."""
        lines = [self.screen()]
        for finding in self.findings:
            lines += ["", f"{finding.name} ({finding.level}, {finding.count:,} {finding.unit})"]
            lines += [
                fill(said, WIDTH, initial_indent="  ", subsequent_indent="  ")
                for said in _said(finding)
            ]
        return "\n".join(lines)

    __str__ = __repr__ = text

    @property
    def verdict(self):
        """How many errors and notes, in a sentence."""
        errors = sum(finding.level == ERROR for finding in self.findings)
        notes = len(self.findings) - errors
        if not self.findings:
            return "Nothing was found."
        said = [
            f"{n} {word}{'s' * (n > 1)}" for n, word in ((errors, "error"), (notes, "note")) if n
        ]
        return f"{' and '.join(said)}:"

    def html(self, title="Clinic"):
        """A page that stands alone."""
        facts = "".join(f"<li>{html.escape(line)}</li>" for line in self.facts["lines"])
        head = "<tr><th>Level<th>Finding<th>Count<th>Where<th>What it does, and the cure</tr>"
        rows = "".join(_row(finding) for finding in self.findings)
        objects = [(str(n), count) for n, count in enumerate(self.facts["objects"][:120])]
        parts = [
            '<!doctype html><html lang="en"><meta '
            f'charset="utf-8"><title>{html.escape(title)}</title>{STYLE}',
            f"<h1>{html.escape(title)}</h1><ul>{facts}</ul><h2>{html.escape(self.verdict)}</h2>",
            f"<table>{head}{rows}</table>" if rows else "",
            _bars("Objects of each class", self.facts["classes"][:60]),
            _bars("Images with so many objects", objects),
        ]
        return "\n".join(parts)


STYLE = """<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; color: #222;
padding: 0 1rem; } table { border-collapse: collapse; width: 100%; }
td, th { text-align: left; vertical-align: top; padding: .4rem .6rem; }
td, th { border-bottom: 1px solid #ccc; }
.error { color: #a33c00; font-weight: bold; } code { background: #f2f2f2; }
.bars td { padding: 0 .6rem; border: 0; } .bars td:first-child { width: 12rem; text-align: right; }
.bar { display: inline-block; background: #0072B2; height: .8rem; margin-right: .4rem; }
</style>"""


def _said(finding):
    return (finding.consequence, f"Cure: {finding.cure}")


def _examples(finding, most=2):
    said = [
        f"image {image}" + ("" if annotation is None else f" annotation {annotation}")
        for image, annotation in finding.examples[:most]
    ]
    return f": {', '.join(said)}{', ...' if finding.count > len(said) else ''}" if said else ""


def _row(finding):
    where = html.escape(_examples(finding, 5).lstrip(": "))
    said = " ".join(html.escape(one) for one in _said(finding)).replace("Cure:", "<br><b>Cure:</b>")
    return (
        f'<tr><td class="{finding.level}">{finding.level}<td><code>{finding.name}</code>'
        f"<td>{finding.count:,} "
        f"{finding.unit}<td>{where}<td>{said}</tr>"
    )


def _bars(title, values):
    """A bar for each (name, number)."""
    most = max((number for _, number in values), default=0)
    if not most:
        return ""
    bar = '<tr><td>{}<td><span class="bar" style="width:{:.2f}rem"></span>{:,}</tr>'
    rows = "".join(
        bar.format(html.escape(name), 30 * number / most, number) for name, number in values
    )
    return f'<h2>{html.escape(title)}</h2><table class="bars">{rows}</table>'
