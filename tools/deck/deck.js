// Starts reveal.js, and makes what is on a slide fit: smaller pictures first, then smaller letters, then a scroll bar.
const SIZE = { width: 1280, height: 720 };
const PICTURES = [540, 500, 460, 420, 380]; // the tallest that pictures may be, in pixels
const ALONE = [700, 685, 670, 655, 640, 620, 600, 580, 560]; // where a picture has the slide to itself
const LETTERS = [1, 0.95, 0.9, 0.85, 0.8, 0.75, 0.7, 0.65, 0.6];
const TRIALS = [
  ...PICTURES.map((picture) => ({ picture, zoom: 1 })),
  ...LETTERS.slice(1).map((zoom) => ({ picture: 380, zoom })),
];

// SceneLab finds there what it needs in place of a kernel.
document.documentElement.dataset.detector = new URL("detector.js", document.currentScript.src || document.baseURI).href;

// A slide's content gets a box of its own, whose letters can be made smaller.
function wrap(section) {
  const page = document.createElement("div");
  page.className = "page";
  page.append(...section.childNodes);
  const words = page.querySelectorAll("p:not(.running-head), li, summary");
  page.classList.toggle("words", words.length && !page.querySelector("img, pre:not(details pre), table, .jupyter-widgets"));
  const piece = page.querySelector(".jupyter-widgets") && !page.querySelector("img, pre:not(details pre)");
  section.classList.toggle("piece", Boolean(piece));
  const shown = "h1, h2, p:not(.running-head), li, pre, table, details, mjx-container, .jupyter-widgets";
  const more = [...page.querySelectorAll(shown)].filter((part) => !part.matches("aside *, .jp-OutputArea p"));
  section.classList.toggle("figure", page.querySelector(".picture") && !more.length);
  section.append(page);
  new ResizeObserver(() => fit(section)).observe(page);
  page.addEventListener("toggle", () => fit(section), true);
}

function overflows(section) {
  const scale = Reveal.getScale();
  const { top, bottom } = section.firstElementChild.getBoundingClientRect();
  const margins = section.matches(".piece") ? 20 : section.matches(".figure") ? 10 : 52;
  return (bottom - top) / scale > SIZE.height - margins || section.scrollWidth > SIZE.width;
}

function fit(section) {
  const page = section.firstElementChild;
  if (!page.offsetHeight) return; // not shown
  section.classList.remove("scrolls");
  const alone = section.matches(".figure") ? ALONE.map((picture) => ({ picture, zoom: 1 })) : [];
  for (const { picture, zoom } of [...alone, ...TRIALS]) {
    page.style.setProperty("--picture", `${picture}px`);
    page.style.zoom = zoom;
    if (!overflows(section)) return;
  }
  section.classList.add("scrolls");
}

const slides = [...document.querySelectorAll(".slides section")].filter((section) => !section.querySelector("section"));
slides.forEach(wrap);
document.querySelectorAll(".jupyter-widgets").forEach((piece) => piece.setAttribute("data-prevent-swipe", ""));
document.addEventListener("keydown", ({ key }) => key.startsWith("Page") && document.activeElement.blur(), true);
MathJax.Hub ??= { Queue() {} }; // ipywidgets shows its texts to an older MathJax
Reveal.initialize({
  ...SIZE,
  margin: 0,
  center: false,
  hash: true,
  slideNumber: "c/t",
  // Keys inside a piece are the piece's; the keys of a presenter's remote always turn the slide.
  keyboardCondition: ({ key, target }) => key.startsWith("Page") || !target.closest?.(".jupyter-widgets"),
  transition: "none",
  pdfSeparateFragments: false,
  plugins: [RevealNotes],
});
Reveal.on("ready", ({ currentSlide }) => fit(currentSlide));
Reveal.on("slidechanged", ({ currentSlide }) => fit(currentSlide));
Reveal.on("pdf-ready", () => slides.forEach(fit));
