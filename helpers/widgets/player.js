// Play and pause, and beside it a step back and a step on: what all pieces that play have.

// `begins` may be left out. `tick(seconds)` is told how long since the frame before, and says whether there is more to
// come; `ends` hears of every end, but for a `stop(false)`. `step(by)` goes one back or on; `what` is what it goes by.
export function makePlayer({ begins = () => {}, tick, ends = () => {}, step, what }) {
  let [frame, before] = [null, null];
  const press = () => (frame === null ? play() : stop());
  const main = button("Play", "Play or pause", press, "primary");
  const beside = (sign, way, by) =>
    button(sign, `One ${what} ${way}`, () => {
      stop();
      step(by);
    });
  function stop(tells = true) {
    if (frame === null) return;
    cancelAnimationFrame(frame);
    frame = null;
    main.textContent = "Play";
    if (tells) ends();
  }
  function play() {
    before = null;
    main.textContent = "Pause";
    begins();
    frame = requestAnimationFrame(run);
  }
  function run(now) {
    const seconds = before === null ? 0 : (now - before) / 1000;
    before = now;
    frame = requestAnimationFrame(run);
    if (!tick(seconds)) stop();
  }
  const back = beside("‹", "back", -1);
  const row = make("span", { class: "together" }, back, main, beside("›", "on", 1));
  return { element: row, play, stop, plays: () => frame !== null };
}
