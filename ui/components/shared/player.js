// First, before, play, after, last, a slider and the keys: moves one number from 0 to `end`.

// `at()` tells the number, `go(to)` moves it and draws. `moreKeys` act besides the arrows.
// `root.timer` and `root.advance` outlive new data, so that playing goes on with it.
function addPlayer(root, { end, at, go, moreKeys = {} }) {
  const find = (name) => root.querySelector(name);
  const rest = () => { clearInterval(root.timer); root.timer = null; };
  function start() {
    rest();
    root.timer = setInterval(() => {
      if (root.isConnected) root.advance();
      else rest();
    }, 1000 / Number(find(".speed").value));
  }
  root.advance = () => {
    if (at() >= end) { rest(); go(end); }
    else go(at() + 1);
  };
  function toggle() {
    if (root.timer) { rest(); go(at()); return; }
    start();
    go(at() === end ? 0 : at());
  }
  const by = (act) => () => { rest(); act(); };
  const keys = {
    ArrowRight: () => go(at() + 1), ArrowLeft: () => go(at() - 1), Home: () => go(0), End: () => go(end), ...moreKeys,
  };
  find(".play").onclick = toggle;
  find(".first").onclick = by(keys.Home);
  find(".before").onclick = by(keys.ArrowLeft);
  find(".after").onclick = by(keys.ArrowRight);
  find(".last").onclick = by(keys.End);
  find(".speed").onchange = () => { if (root.timer) start(); };
  const slider = find(".slider");
  slider.max = end;
  slider.disabled = end === 0;
  slider.oninput = by(() => go(Number(slider.value)));
  root.onkeydown = (event) => {
    if (["SELECT", "INPUT"].includes(event.target.tagName) || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === " " && event.target.tagName !== "BUTTON") toggle();
    else if (keys[event.key]) by(keys[event.key])();
    else return;
    event.preventDefault();
  };

  // Where the number stands, as words and on the buttons.
  function show(words, spoken) {
    find(".fact").textContent = words;
    slider.value = at();
    slider.setAttribute("aria-valuetext", spoken);
    find(".first").disabled = find(".before").disabled = at() === 0;
    find(".last").disabled = find(".after").disabled = at() === end;
    find(".play").textContent = root.timer ? tr`❚❚ Pause` : tr`▶ Play`;
    find(".play").disabled = end === 0;
  }

  // A chart over the same numbers: a click or a drag goes to the nearest; `chart()` is null undrawn.
  function follow(box, chart) {
    box.onpointerdown = rest;
    box.onclick = (event) => { if (chart()) go(chart().nearest(event.clientX)); };
    box.onpointermove = (event) => { if ((event.buttons & 1) && chart()) go(chart().nearest(event.clientX)); };
  }
  return { show, follow, rest };
}
