"""The tables of the reference page: for each a title, a text, the columns and the rows that were measured."""

import importlib.metadata
from dataclasses import dataclass

from benchmarks.reference import divisors, evaluators, not_finite, ports, solvers, targets


@dataclass
class Table:
    """A table of the page. A row is its cells as text; the first one names it."""

    title: str
    packages: tuple  # whose versions the page states
    text: str
    columns: tuple
    rows: list
    after: str = ""

    def lines(self):
        """The rows in Markdown."""
        return ["| " + " | ".join(row) + " |" for row in self.rows]

    def versions(self):
        """What the installed packages call their versions."""
        return ", ".join(f"{package} {importlib.metadata.version(package)}" for package in self.packages)


def solver_table():
    """What nine solvers do with infinity, with tall matrices, with close totals."""
    rows = [[f"`{name}`", *answers] for name, answers in solvers.facts().items()]
    return Table(
        "Solvers",
        ("scipy", "lapx", "fastlap"),
        "All find an optimum on ordinary costs, and our matcher takes each as `assign=`. They part at the edges. "
        "*An infinite cost, avoidable*: `[[inf, 1], [1, 5]]`. *Needed*: `[[inf, inf], [1, 2]]`, where every full match "
        "holds one. *Sorted*: whether a tall matrix, more guesses than targets, comes back sorted by guess. *Totals "
        "1e-9 apart*: whether a solver still takes the smaller one; `lapjvs` computes in float32 unless told "
        "otherwise.",
        ("solver", "infinite, avoidable", "infinite, needed", "sorted", "totals 1e-9 apart"),
        rows,
    )


def tie_table(trials=200):
    """How often scipy's choice among equal totals depends on how the matrix is written."""
    changed = solvers.ties(trials)
    return Table(
        "Ties",
        ("scipy",),
        f"{trials} integer matrices of 6 x 4, costs 0 to 2, so that many matches cost the same. SciPy's choice among "
        "them depends on the order of rows and columns, and not on whether the matrix lies on its side.",
        ("the same matrix", f"other pairs, of {trials}"),
        [[name, str(count)] for name, count in changed.items()],
        "So a tie is no result: where two guesses are equally good, who gets the target is a matter of numbering.",
    )


def limit_table():
    """What `cost_limit=4` means to two libraries."""
    rows = [[f"`{library}`", str(list(pairs))] for library, pairs in solvers.limits().items()]
    return Table(
        "A limit on the cost",
        ("lapx", "fastlap"),
        "`cost_limit=4` on `[[0, 3], [3, 9]]`; the answer gives the column of each row, -1 for none. In lapx it is a "
        "*price*: leaving a row and a column alone costs 4 together, which is less than 3 + 3. In fastlap it is a "
        "*gate*: pairs above 4 are forbidden, and 3 + 3 is the best of the rest.",
        ("library", "columns of the two rows"),
        rows,
    )


def divisor_table():
    """The divisors of the box terms, for 2 objects in one process and 10 in the other."""
    alone, with_state, without = divisors.alone(), divisors.together(), divisors.together(state=False)
    rows = [
        [name, f"{alone[name]:g}", *(", ".join(f"{value:g}" for value in both[name]) for both in (with_state, without))]
        for name in alone
    ]
    matched, (deim, d_fine) = divisors.pairs_in_evaluation(), divisors.union_of_layers().values()
    return Table(
        "By what the box terms are divided",
        ("transformers", "accelerate", "torch"),
        "One process with 3 objects; then two processes, one with 2 objects and one with 10. Data-parallel training "
        "averages gradients over processes, so 6 and 6 gives every object the same weight; 3 and 3 doubles every "
        "step, and 2 and 10 gives an object in the emptier half five times the weight.",
        ("loss of", "alone, 3", "2 and 10, accelerate's state", "2 and 10, no state"),
        rows,
        f"In `eval()` LW-DETR and RF-DETR still match in 13 groups: {matched} pairs for two objects, since the "
        f"criterion is made anew in each call and is always in training mode. So their evaluation loss is not "
        f"one-to-one. DEIMv2 grades boxes on the union of all layers' matches: with seven layers that match different "
        f"guesses, {deim[0]} guesses for two objects, divided by {deim[1]:g}. transformers' D-FINE grades {d_fine[0]}, "
        f"divided by {d_fine[1]:g} (its authors' repository takes the union; read, not run).",
    )


def evaluator_table():
    """AP of the same boxes, by each evaluator that is installed."""
    facts = evaluators.facts()
    names = list(next(iter(facts.values())))
    rows = [[case, *(f"{found[name]:g}" for name in names)] for case, found in facts.items()]
    return Table(
        "Evaluators",
        ("pycocotools", "torchmetrics", "faster-coco-eval", "hotcoco"),
        "AP of the same boxes. torchmetrics numbers all annotations anew, from 1, and gives pycocotools thresholds "
        "made by `torch.linspace(...).tolist()`: float32, a little above 0.55 and 0.6. -1 is pycocotools' word for "
        "*no value*; ours is NaN.",
        ("case", *names),
        rows,
        "Report the evaluator and its version beside AP. Two papers' numbers can be compared to the second decimal "
        "when both name pycocotools, and not at all when one of them numbered its annotations from 0.",
    )


def target_table():
    """What the image processor makes of awkward annotations."""
    facts = targets.facts().items()
    labels = targets.labels_after_albumentations() or {}
    after = "; ".join(f"{name}: {kind}" for name, kind in labels.items())
    return Table(
        "From annotation to target",
        ("transformers", "torchvision", "albumentations"),
        "`YolosImageProcessorPil`, and `YolosImageProcessor`, which needs torchvision (its Python part alone was "
        "run), on a picture of 100 x 100; the box is (x, y, w, h) = (10, 20, 30, 40) where the row says nothing else. "
        "They part at numbers written as text. `helpers.targets.coco_target` makes what the first makes of numbers, "
        "and does without `area`.",
        ("annotation", *(f"target, {backend}" for backend in targets.backends())),
        [[case, usual, *("the same" if made == usual else made for made in more)] for case, (usual, *more) in facts],
        f"albumentations returns integer labels as floats ({after}), which no loss takes for class labels; "
        "convert them with `torch.as_tensor(labels).long()`.",
    )


def not_finite_table():
    """One number that is not finite."""
    return Table(
        "A number that is not finite",
        ("transformers", "torch"),
        "Four guesses, two targets, and one value that is not finite. The docstrings of transformers' matcher speak of "
        "no error; a box raises one, a class score passes in silence to a loss that is NaN.",
        ("where", "transformers", "helpers"),
        [[case, found["transformers"], found["helpers"]] for case, found in not_finite.facts().items()],
    )


def port_table():
    """What fine-tuning one of DETR's children meets."""
    facts = ports.facts()
    alone, beside = facts["best score alone, beside another"]
    with_2, with_200 = facts["loss with 2, with 200"]
    costs, points = facts["costs, points"]
    limits = facts["infinite from"].items()
    infinite = ", ".join(f"{wrong} and {right} in {dtype}" for dtype, (wrong, right) in limits)
    rows = [
        ["LW-DETR, RF-DETR: class loss", f"infinite from one logit, of a wrong class and of the right one: {infinite}"],
        [
            "RT-DETR: `post_process_object_detection(use_focal_loss=False)`",
            f"softmax over the batch: the best score is {alone:g} alone, {beside:g} beside another image",
        ],
        [
            "Conditional DETR: instance post-processing",
            f"five classes, each sure once: returns {facts['classes returned']}, never the last",
        ],
        [
            "Conditional DETR: segmentation",
            f"matched by softmax, trained by sigmoid: of 200 random images {facts['matched otherwise']} match anew",
        ],
        ["Conditional, DAB DETR: `cls_loss_coefficient`", f"read by no loss: {with_2} with 2 and {with_200} with 200"],
        [
            "RF-DETR: segmentation",
            f"masks compared at {points} random points (batch x queries x 4 // 16), drawn again each call, in `eval()` "
            f"too: {costs} costs in ten calls for one image",
        ],
        [
            "Grounding DINO: images with different phrases",
            f"the words of three images begin at 0, 10 and 20; the goals taught are {facts['words taught']}",
        ],
    ]
    return Table(
        "Ports",
        ("transformers",),
        "Each on small tensors, in float32 where nothing else is said.",
        ("what", "seen"),
        rows,
    )


TABLES = (
    *(solver_table, tie_table, limit_table, divisor_table, evaluator_table, target_table),
    *(not_finite_table, port_table),
)
