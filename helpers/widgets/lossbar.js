// The three terms of the loss, stacked, and their sum.

const TERM_NAMES = { class: "class", l1: "L1", giou: "1 − GIoU" };

// `paint` takes what `lossTerms` gives. The scale only grows, until `rescale`.
function makeLossBar() {
  const parts = TERMS.map((name) => make("i", { class: name }));
  const keys = TERMS.map((name) => make("span", { class: `key ${name}` }));
  const [before, total] = [make("span", { class: "was" }), make("b", { class: "loss-total" })];
  const now = make("span", { class: "loss-now" }, before, total);
  const was = makeMemory();
  const track = make("div", { class: "track", role: "img" }, ...parts);
  const element = make(
    "div",
    { class: "loss" },
    make("div", { class: "loss-head" }, make("h4", {}, "Loss of this match"), ...keys, now),
    track,
  );
  let scale = 0;
  return {
    element,
    // For another scene.
    rescale() {
      scale = 0;
      was.forget();
    },
    paint(losses, hidden) {
      element.classList.toggle("hidden", hidden);
      scale = scale === 0 ? 2 * losses.total : Math.max(scale, losses.total);
      TERMS.forEach((name, i) => {
        const value = LOSS_WEIGHTS[name] * losses[name];
        parts[i].style.width = `${(100 * value) / (scale || 1)}%`;
        keys[i].textContent =
          `${TERM_NAMES[name]}: ${LOSS_WEIGHTS[name]} × ${losses[name].toFixed(2)} = ${value.toFixed(2)}`;
      });
      total.textContent = losses.total.toFixed(2);
      before.textContent = was(total.textContent);
      const terms = keys.map((key) => key.textContent).join(", ");
      track.setAttribute("aria-label", `Loss ${losses.total.toFixed(2)}: ${terms}`);
    },
  };
}
