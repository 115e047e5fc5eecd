// The stepper: the step is the browser's, the numbers of a token, head and block are the server's.
const TELL_AFTER_MS = 400;   // the server hears where one rests, not every step
const DRAWERS = {
  strips: drawStrips, matrix: drawMatrix, columns: drawColumns, bars: drawBars, turns: drawTurns, table: drawTable,
};

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const find = (name) => root.querySelector(name);
  const { header, values } = unpack(data);
  const { steps, tokens, place } = header;
  const numbers = new Float32Array(values);
  const take = ([at, count]) => numbers.subarray(at, at + count);
  const first = steps.findIndex((step) => step.group.startsWith(tr`Block`));
  const last = steps.findLastIndex((step) => step.group.startsWith(tr`Block`));
  const inner = last - first + 1;
  const index = (id) => Math.max(0, steps.findIndex((step) => step.id === id));

  if (root.step === undefined) root.step = place.step;
  if (root.asked) { root.step = root.asked.step ?? root.step; root.asked = null; }
  root.classList.remove("busy");

  // Another token, head, block or key: the server has the numbers.
  function ask(changes) {
    if (root.asked) return;
    const same = Object.entries(changes).every(([name, value]) => name === "step" || place[name] === value);
    if (same) { if (changes.step) show(changes.step); return; }
    clearTimeout(root.telling);
    root.asked = { step: root.step, ...changes };
    root.classList.add("busy");
    setTriggerValue("go", root.asked);
  }

  function show(id) {
    root.step = id;
    draw();
    clearTimeout(root.telling);
    root.telling = setTimeout(() => { if (root.isConnected && !root.asked) setTriggerValue("go", { step: root.step }); }, TELL_AFTER_MS);
  }

  // The walk in a row: what is before the blocks, every block, what is behind them.
  function stopOf(at) {
    if (at < first) return at;
    if (at <= last) return at + place.layer * inner;
    return at + (header.layers - 1) * inner;
  }
  const stops = steps.length + (header.layers - 1) * inner;
  function goTo(stop) {
    if (stop < 0 || stop >= stops) return;
    if (stop < first) return ask({ step: steps[stop].id, layer: place.layer });
    const layer = Math.floor((stop - first) / inner);
    if (layer < header.layers) return ask({ step: steps[first + ((stop - first) % inner)].id, layer });
    ask({ step: steps[stop - (header.layers - 1) * inner].id, layer: place.layer });
  }
  const go = (by) => goTo(stopOf(index(root.step)) + by);

  const chips = addChips(find(".chips"), tokens);
  chips.forEach((chip, i) => {
    chip.classList.toggle("locked", i === place.token);
    chip.title = tr`position ${i}`;
    chip.tabIndex = 0;
    chip.setAttribute("role", "button");
    chip.onclick = () => ask({ token: i, key: null });
    chip.onkeydown = (event) => { if (event.key === "Enter") ask({ token: i, key: null }); };
  });

  function fill(select, count, name) {
    select.replaceChildren();
    for (let i = 0; i < count; i++) element(select, "option", "", String(i)).value = i;
    select.value = place[name];
    select.disabled = count < 2;
    select.onchange = () => ask({ [name]: Number(select.value), ...(name === "head" ? { key: null } : {}) });
  }
  fill(find(".layer"), header.layers, "layer");
  fill(find(".head"), header.heads, "head");

  function drawList() {
    const list = find(".steps"), jump = find(".jump");
    list.replaceChildren();
    jump.replaceChildren();
    let group = null, options = null;
    steps.forEach((step) => {
      if (step.group !== group) {
        group = step.group;
        const named = group.startsWith(tr`Block`) && header.layers > 1 ? tr`${group} (of 0 to ${header.layers - 1})` : group;
        element(list, "div", "group", named);
        options = jump.appendChild(document.createElement("optgroup"));
        options.label = named;
      }
      const button = element(list, "button", step.id === root.step ? "now" : "", step.title);
      button.type = "button";
      if (step.id === root.step) button.setAttribute("aria-current", "step");
      button.onclick = () => show(step.id);
      const option = element(options, "option", "", step.title);
      option.value = step.id;
    });
    jump.value = root.step;
    jump.onchange = () => show(jump.value);
  }

  function draw() {
    const at = index(root.step), step = steps[at];
    root.step = step.id;
    root.dataset.step = step.id;
    drawList();
    find(".stop").textContent = tr`${stopOf(at) + 1} of ${stops}`;
    find(".back").disabled = stopOf(at) === 0;
    find(".next").disabled = stopOf(at) === stops - 1;
    find(".title").textContent = step.title;
    find(".formulas").replaceChildren(...step.formula.map(formula));
    find(".why").textContent = step.why;
    find(".numbers").textContent = step.told;
    find(".shape").textContent = tr`Shape ${step.shape}`;
    find(".terms").replaceChildren();
    for (const [term, meaning] of step.terms) {
      const word = element(find(".terms"), "span", "term", term);
      word.title = meaning;
      word.tabIndex = 0;
      word.onfocus = word.onpointerenter = () => { find(".meaning").textContent = `${term}: ${meaning}`; };
    }
    find(".meaning").textContent = "";
    find(".function").textContent = step.source;
    find(".line").textContent = step.line;
    drawPictures(step);
  }

  function drawPictures(step) {
    const box = find(".pictures");
    box.replaceChildren();
    const look = { theme: themeOf(root), width: Math.max(240, box.clientWidth - 2), tokens, place, ask };
    for (const picture of step.pictures) {
      const frame = element(box, "figure", picture.kind);
      element(frame, "figcaption", "", picture.title);
      DRAWERS[picture.kind](frame, picture, take, look);
    }
  }

  find(".back").onclick = () => go(-1);
  find(".next").onclick = () => go(1);
  const keys = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (["SELECT", "INPUT", "TEXTAREA"].includes(event.composedPath()[0]?.tagName)) return;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    go(by);
  };
  root.onkeydown = keys;
  const elsewhere = (event) => { if (document.activeElement === document.body) keys(event); };
  document.addEventListener("keydown", elsewhere);

  let width = 0;
  const watcher = new ResizeObserver(([entry]) => {
    const now = Math.round(entry.contentRect.width);
    if (width && now !== width) drawPictures(steps[index(root.step)]);
    width = now;
  });
  watcher.observe(find(".pictures"));
  draw();
  return () => { watcher.disconnect(); document.removeEventListener("keydown", elsewhere); };
}
