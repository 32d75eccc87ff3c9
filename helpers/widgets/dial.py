"""NoObjectDial: how `eos_coef` shares the class loss out between objects and no-object, and what a
token feels.
"""

import math

import torch
import traitlets

from helpers.loss import SetCriterion
from helpers.widgets.parts import Piece, page

LIMITS = {"N": (1, 100), "T": (0, 100), "eos_coef": (0.0, 1.0), "p": (0.01, 0.99)}


def dial_numbers(N, T, eos_coef, p):
    """The weighted mean of the class loss of one image, in closed form.

    Args:
        N, T: tokens and objects, T <= N. T tokens are matched and weigh 1 each, the others
            `eos_coef`.
        eos_coef: the weight of no-object.
        p: what a token gives to "my object"; the rest, 1 - p, it gives to no-object.

    Returns a dict: "total", the sum of the weights; "objects", the share of it that matched tokens
    carry; "matched" and "unmatched", the size of the gradient on that token's class logit if it is
    matched (pulled up) or not (pushed down); "at_rest", the share of cases in which such a token is
    matched when both pulls balance on average.

    Source: the gradient of `torch.nn.functional.cross_entropy` with class weights, which
    `SetCriterion` uses.

    >>> numbers = dial_numbers(N=100, T=7, eos_coef=0.1, p=0.85)
    >>> {name: round(value, 3) for name, value in numbers.items()}
    {'total': 16.3, 'objects': 0.429, 'matched': 0.009, 'unmatched': 0.005, 'at_rest': 0.362}
    """
    total = T + eos_coef * (N - T)
    rest = eos_coef * p + 1 - p
    return {
        "total": total,
        "objects": T / total if total > 0 else 0.0,
        "matched": (1 - p) / total if T > 0 else 0.0,
        "unmatched": eos_coef * p / total if N > T and total > 0 else 0.0,
        "at_rest": eos_coef * p / rest if rest > 0 else 1.0,
    }


def measured_pulls(N, T, eos_coef, p):
    """The same "matched" and "unmatched" by autograd, through the real loss: N tokens that all say
    the same.

    >>> [round(pull, 3) for pull in measured_pulls(N=100, T=7, eos_coef=0.1, p=0.85)]
    [0.009, 0.005]
    """
    logits = torch.tensor([p, 1 - p], dtype=torch.float64).log().repeat(1, N, 1).requires_grad_()
    outputs = {"logits": logits, "pred_boxes": torch.full((1, N, 4), 0.5, dtype=torch.float64)}
    target = {
        "class_labels": torch.zeros(T, dtype=torch.int64),
        "boxes": torch.full((T, 4), 0.5, dtype=torch.float64),
    }
    order = torch.arange(T)
    criterion = SetCriterion(
        lambda outputs, targets: [(order, order)], 1, eos_coef, losses=("labels",)
    )
    (gradient,) = torch.autograd.grad(criterion(outputs, [target])["loss_ce"], logits)
    first, last = (
        float(gradient[0, 0, 0]),
        float(gradient[0, -1, 0]),
    )  # of a matched token, of an unmatched one
    return 0.0 - first if T > 0 else 0.0, last if N > T else 0.0


class NoObjectDial(Piece):
    """Sliders for N, T, `eos_coef` and a token's confidence p; see `dial_numbers` for what is
    shown.

    Args:
        N, T, eos_coef, p: 1 to 100; 0 to N; 0 to 1; 0.01 to 0.99. Values outside are moved to the
            nearest allowed one, NaN is refused.
        controls: which controls to offer, some of `CONTROLS`; default all. Reset is always there.
        large: for a projector.

    >>> round(NoObjectDial(N=100, T=7, eos_coef=0.1).numbers["objects"], 3)
    0.429
    """

    _esm, _css = page("dial", "axes")
    STATE = CHECKED = ("N", "T", "eos_coef", "p")
    CONTROLS = (*STATE, "presets")
    N = traitlets.Int(12).tag(sync=True)
    T = traitlets.Int(5).tag(sync=True)
    eos_coef = traitlets.Float(0.1).tag(sync=True)
    p = traitlets.Float(0.85).tag(sync=True)

    @traitlets.validate("N", "T", "eos_coef", "p")
    def _clamp(self, proposal):
        name, value = proposal["trait"].name, proposal["value"]
        if math.isnan(value):
            raise traitlets.TraitError(
                f"{name} is NaN; give a number from {LIMITS[name][0]} to {LIMITS[name][1]}."
            )
        low, high = LIMITS[name]
        return min(max(value, low), min(high, self.N) if name == "T" else high)

    @traitlets.observe("N")
    def _keep_objects_below(self, change):
        self.T = min(self.T, change["new"])

    @property
    def numbers(self):
        """`dial_numbers` of the present state."""
        return dial_numbers(self.N, self.T, self.eos_coef, self.p)

    def recompute(self):
        state = (self.N, self.T, self.eos_coef, self.p)
        numbers = dict(zip(("matched", "unmatched"), measured_pulls(*state)))
        return list((dial_numbers(*state) | numbers).values())

    @property
    def text(self):
        numbers = self.numbers
        if self.T == 0:
            return (
                f"{self.N} tokens and no object: all weigh the same, so eos_coef {self.eos_coef:g} "
                "changes nothing."
            )
        return (
            f"{self.T} of {self.N} tokens are matched and carry {numbers['objects']:.0%} of the "
            "weight at eos_coef "
            f"{self.eos_coef:g}. A token that rests at {self.p:.0%} is matched in "
            f"{numbers['at_rest']:.0%} of cases."
        )

    def figure(self):
        """The present state as a static figure: the weight of each token, and the pulls over the
        confidence.
        """
        from helpers import figures

        fig, (above, below) = figures.new_figure(
            10, 4.6, rows=2, gridspec_kw={"height_ratios": [1, 3]}
        )
        start = 0.0
        for token in range(self.N):
            matched = token < self.T
            width = 1.0 if matched else self.eos_coef
            style = (
                {"color": figures.MATCH} if matched else {"color": figures.NO_OBJECT, "hatch": "//"}
            )
            above.barh(0, width, left=start, edgecolor="white", **style)
            start += width
        above.set(xlim=(0, max(start, 1e-9)), yticks=[], xticks=[])
        above.set_title(f"Matched tokens carry {self.numbers['objects']:.0%} of the weight")
        ends = [dial_numbers(self.N, self.T, self.eos_coef, p) for p in (0, 1)]
        styles = {
            "matched": (figures.MATCH, "-", "o", "up"),
            "unmatched": (figures.NO_OBJECT, "--", "s", "down"),
        }
        for name, (colour, line, marker, verb) in styles.items():
            below.plot([0, 1], [end[name] for end in ends], color=colour, ls=line, lw=2.5)
            label = f"{name}: {verb} {self.numbers[name]:.3g}"
            below.plot(self.p, self.numbers[name], marker, color=colour, ms=9, label=label)
        below.axvline(self.p, color=figures.QUIET, lw=1)
        below.set(
            xlim=(0, 1),
            ylim=(0, None),
            xlabel="p: how sure the token says object",
            ylabel="gradient",
        )
        below.set_title("Pull on one token's class logit")
        below.legend()
        return fig
