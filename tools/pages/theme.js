// The pieces to move know JupyterLab's mark for a dark page; Furo's button and the system's setting decide it here.
// SceneLab finds there what it needs in place of a kernel.
document.documentElement.dataset.detector = new URL("detector.js", document.currentScript.src).href;
const dark = window.matchMedia("(prefers-color-scheme: dark)");

function mark() {
  const { theme } = document.body.dataset;
  document.body.dataset.jpThemeLight = theme === "auto" ? !dark.matches : theme !== "dark";
}

document.addEventListener("DOMContentLoaded", () => {
  if (window.MathJax) MathJax.Hub ??= { Queue() {} }; // ipywidgets shows its texts to an older MathJax
  mark();
  new MutationObserver(mark).observe(document.body, { attributeFilter: ["data-theme"] });
  dark.addEventListener("change", mark);
});
