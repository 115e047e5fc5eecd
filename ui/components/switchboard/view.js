// A board of switches. What a visitor does is drawn at once and told to Python as the whole board.
export default function ({ data, parentElement, setTriggerValue }) {
  const { header, values } = unpack(data);
  const root = parentElement.querySelector(".root"), find = (name) => root.querySelector(name);
  const grid = find(".board"), scroller = find(".scroller"), readout = find(".readout"), factor = find("input");
  const parts = partsOf(header), worths = new Float32Array(values);
  const colour = diverging(channels(themeOf(root).background));

  // What was done here since Python heard of it outlives an older answer.
  const shape = `${header.layers}x${header.heads}`;
  const isNew = root.shape !== shape;
  if (isNew) {
    Object.assign(root, { shape, sent: header.heard, chosen: new Set(), cells: makeBoard(grid, header, parts), at: null });
    factor.value = "0.5";
  }
  if (isNew || header.heard >= root.sent) {
    root.sent = header.heard;
    root.states = readStates(header.parts);
  }
  root.at ??= header.chosen;   // the part that was touched last
  let drag = null, pointed = null;

  const look = () => ({ header, parts, states: root.states, chosen: root.chosen, colour, worths });
  // What the buttons act on: all that is chosen, or the part touched last.
  const targets = () => root.chosen.size ? [...root.chosen].sort((a, b) => a - b) : root.at === null ? [] : [root.at];

  function show() {
    const now = look();
    root.cells.forEach((cell, part) => showCell(cell, part, now));
    showActs();
    say();
  }

  function showActs() {
    const wanted = targets(), line = find(".chosen");
    line.classList.toggle("none", !wanted.length);
    line.textContent = root.chosen.size ? tr`${countWords(wanted, parts)} chosen:`
      : wanted.length ? `${partName(root.at, parts)}:` : tr`Click a switch; drag to choose several.`;
    for (const button of root.querySelectorAll("[data-act]")) button.disabled = !wanted.length;
    find("[data-act=scale]").disabled ||= !isFactor();
    find("[data-act=uniform]").disabled ||= !wanted.some(parts.isHead);
    find(".reset").disabled = !root.states.size;
  }

  const isFactor = () => factor.value !== "" && Number.isFinite(factor.valueAsNumber) && Math.abs(factor.valueAsNumber) <= 1000;

  function say() {
    const part = pointed ?? root.at;
    readout.textContent = part === null ? "" : cellWords(part, look());
  }

  function change(states) {
    root.states = states;
    root.sent += 1;
    show();
    setTriggerValue("edit", { count: root.sent, parts: writeStates(states), at: root.at });
  }

  function choose(wanted, { more = false } = {}) {
    root.chosen = new Set(more ? [...root.chosen, ...wanted] : wanted);
    show();
  }

  // One cell can be reached by Tab; arrows move on from there.
  const reachable = (part) => root.cells.forEach(({ cell }, each) => { cell.tabIndex = each === part ? 0 : -1; });
  function stand(part, { focus = true } = {}) {
    root.at = part;
    reachable(part);
    if (focus) root.cells[part].cell.focus({ preventScroll: true });
  }

  const partOf = (event) => {
    const cell = event.target.closest?.(".part");
    return cell ? Number(cell.dataset.part) : null;
  };

  grid.onpointerdown = (event) => {
    const part = partOf(event);
    if (part === null || event.button !== 0) return;
    const extend = event.shiftKey && root.at !== null;
    if (event.pointerType !== "touch") event.preventDefault();   // no text is selected, no picture dragged
    drag = { from: extend ? root.at : part, to: part, moved: extend, more: event.ctrlKey || event.metaKey };
    if (extend) choose(parts.between(root.at, part));
    else stand(part);
  };
  grid.onpointerover = (event) => {
    const part = partOf(event);
    pointed = part;
    if (drag && (event.buttons & 1) && event.pointerType !== "touch" && part !== null && part !== drag.to) {
      drag.to = part;
      drag.moved = true;
      choose(parts.between(drag.from, part));
    } else say();
  };
  grid.onpointerleave = () => { pointed = null; say(); };
  grid.onpointerup = (event) => {
    const part = partOf(event), done = drag;
    drag = null;
    if (!done || done.moved || part !== done.from) return;
    if (done.more) {
      const next = new Set(root.chosen);
      if (!next.delete(part)) next.add(part);
      choose(next);
      return;
    }
    root.chosen = new Set();
    change(toggled(root.states, [part], parts));
  };
  grid.onpointercancel = () => { drag = null; };
  // Let go outside the board: the next press begins anew.
  window.addEventListener("pointerup", forget);
  function forget(event) { if (!event.composedPath().includes(grid)) drag = null; }

  grid.onclick = (event) => {
    const head = event.target.closest?.(".head");
    if (!head) return;
    const [what, at] = head.dataset.pick.split(" ");
    const every = Array.from({ length: parts.count }, (_, part) => part);
    const wanted = what === "all" ? every : what === "row" ? parts.row(Number(at)) : parts.column(Number(at));
    const all = root.chosen.size === wanted.length && wanted.every((part) => root.chosen.has(part));
    stand(wanted[0], { focus: false });
    choose(all ? [] : wanted, { more: event.shiftKey || event.ctrlKey || event.metaKey });
  };

  grid.onkeydown = (event) => {
    const part = partOf(event);
    if (part === null || event.altKey) return;
    if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "a") choose(Array.from({ length: parts.count }, (_, each) => each));
    else if (event.ctrlKey || event.metaKey) return;
    else if (event.key === " " || event.key === "Enter") {
      change(toggled(root.states, root.chosen.has(part) ? targets() : [part], parts));
    } else if (event.key === "Escape") { choose([]); root.corner = null; }
    else {
      const row = parts.layer(part), place = parts.place(part), last = parts.width - 1;
      const next = {
        ArrowUp: [row - 1, place], ArrowDown: [row + 1, place], ArrowLeft: [row, place - 1], ArrowRight: [row, place + 1],
        Home: [row, 0], End: [row, last], PageUp: [0, place], PageDown: [header.layers - 1, place],
      }[event.key];
      if (!next) return;
      const to = parts.number(Math.min(header.layers - 1, Math.max(0, next[0])), Math.min(last, Math.max(0, next[1])));
      if (event.shiftKey) root.corner ??= part;
      else root.corner = null;
      stand(to);
      reveal(to);
      if (event.shiftKey) choose(parts.between(root.corner, to));
      else { showActs(); say(); }
    }
    event.preventDefault();
  };
  grid.onfocusin = (event) => { if (partOf(event) !== null) { root.at = partOf(event); showActs(); say(); } };

  // Scrolls as little as it takes to have the cell clear of the headers, which stay in place.
  function reveal(part) {
    const cell = root.cells[part].cell.getBoundingClientRect(), frame = scroller.getBoundingClientRect();
    scroller.scrollLeft += Math.min(0, cell.left - frame.left - 48) || Math.max(0, cell.right - frame.right + 20);
    scroller.scrollTop += Math.min(0, cell.top - frame.top - 30) || Math.max(0, cell.bottom - frame.bottom + 20);
  }

  for (const button of root.querySelectorAll("[data-act]")) {
    button.onclick = () => change(applied(root.states, targets(), button.dataset.act, factor.valueAsNumber, parts));
  }
  factor.oninput = showActs;
  factor.onkeydown = (event) => { if (event.key === "Enter") find("[data-act=scale]").click(); };
  find(".reset").onclick = () => { root.chosen = new Set(); change(new Map()); };

  const presets = find(".presets");
  const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
  presets.replaceChildren(
    option("", tr`Presets …`), option("only", tr`Only this head on`), ...header.presets.map((preset, i) => option(String(i), preset.name)));
  presets.onchange = () => {
    const wanted = presets.value;
    presets.value = "";
    root.chosen = new Set();
    if (wanted === "only") {
      const heads = Array.from({ length: parts.count }, (_, part) => part).filter(parts.isHead);
      const kept = root.at !== null && parts.isHead(root.at) ? root.at : heads[0];
      stand(kept, { focus: false });
      change(applied(new Map(), heads.filter((part) => part !== kept), "off", 1, parts));
    } else if (wanted) change(readStates(header.presets[Number(wanted)].parts));
  };

  find(".kinds").replaceChildren(...header.kinds.map((kind) => {
    const button = document.createElement("button"), dot = document.createElement("i");
    button.type = "button";
    button.title = tr`Choose them: such a head ${kind.meaning}.`;
    dot.style.background = kind.colour;
    button.append(dot, `${kind.name} ${kind.count}`);
    button.onclick = (event) => choose(
      header.kindsOf.flatMap((name, head) => name === kind.name ? [parts.number(Math.floor(head / header.heads), head % header.heads)] : []),
      { more: event.shiftKey || event.ctrlKey || event.metaKey });
    return button;
  }));
  find(".unnamed").hidden = !header.naming;

  const scale = find(".scale");
  scale.hidden = !header.most;
  if (header.most) {
    const words = document.createElement("span");
    words.className = "muted";
    words.textContent = header.scaleTitle;
    scale.replaceChildren(words, legend(header.most, colour));
  }

  const fit = () => fitBoard(grid, header, scroller.clientWidth);
  fit();
  reachable(root.at ?? 0);
  show();
  if (isNew && root.at !== null) reveal(root.at);
  const watcher = new ResizeObserver(fit);
  watcher.observe(scroller);
  return () => { watcher.disconnect(); window.removeEventListener("pointerup", forget); };
}
