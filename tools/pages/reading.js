// A reader's comfort: figures that fill the screen, and a place that stays where the address says.

// At a click or Enter a figure fills the screen, and at the next it goes back. Without this its link opens the picture.
const view = document.createElement("dialog");
view.className = "enlarged";
view.setAttribute("aria-label", "The figure, enlarged");
view.innerHTML = '<button type="button">Close</button>';
view.addEventListener("click", () => view.close());

function enlarge(event) {
  const link = event.target.closest("a.enlarge");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  view.querySelector("img")?.remove();
  view.prepend(link.querySelector("img").cloneNode());
  view.showModal();
}

// Pieces and formulas grow after the page has come. Until the reader moves, what the address names stays in view.
function keepPlace() {
  const place = () => document.getElementById(decodeURIComponent(location.hash.slice(1)));
  const watch = new ResizeObserver(() => place()?.scrollIntoView({ behavior: "instant" }));
  const start = () => place() && watch.observe(document.querySelector("article"));
  const moves = ["wheel", "touchmove", "keydown", "pointerdown"];
  for (const kind of moves) addEventListener(kind, () => watch.disconnect(), { passive: true });
  addEventListener("hashchange", start);
  start();
}

// On a narrow page a formula gets smaller letters rather than a scroll bar; what is wide all the same, keys can scroll.
function fitWidth() {
  for (const formula of document.querySelectorAll('mjx-container[display="true"]'))
    for (let share = 100; share >= 50; share -= 5) {
      formula.style.fontSize = `${share}%`;
      if (formula.scrollWidth <= formula.clientWidth) break;
    }
  for (const wide of document.querySelectorAll(".table-wrapper, pre.columns"))
    wide.tabIndex = wide.scrollWidth > wide.clientWidth ? 0 : -1;
}

// The list of pages begins with the one that is read in view.
function showCurrentPage() {
  const [list, now] = [".sidebar-scroll", ".sidebar-tree .current-page"].map((one) => document.querySelector(one));
  if (!now) return;
  const [around, place] = [list, now].map((one) => one.getBoundingClientRect());
  if (place.bottom > around.bottom) list.scrollTop += place.top - around.top - around.height / 2;
}

document.addEventListener("DOMContentLoaded", () => {
  new ResizeObserver(fitWidth).observe(document.body);
  window.MathJax?.startup?.promise?.then(fitWidth);
  document.body.append(view);
  document.addEventListener("click", enlarge);
  keepPlace();
  showCurrentPage();
});
