// One head in full: hover and arrows read weights, click or Enter locks a query, wheel zooms.
function renderHead(root, { header, values }, send) {
  const { tokens, layer, head, window: reach } = header;
  const length = tokens.length;
  const weights = new Float32Array(values);
  const find = (name) => root.querySelector(name);
  const stage = find(".stage"), canvas = stage.querySelector("canvas");
  const sees = (t, s) => s <= t && (reach === null || t - s < reach);

  // What the user set by hand outlives new data: zoom, colour curve, the cell under the pointer.
  const view = (root.view ??= { zoom: 1, x: 0, y: 0, curve: "root", at: null, text: null });
  const text = find(".chips");
  const joined = tokens.join("\u0000");
  if (view.text !== joined) {
    Object.assign(view, { zoom: 1, x: 0, y: 0, at: null, text: joined });
    root.chips = addChips(text, tokens);
  }
  const chips = root.chips;
  let locked = header.query;
  const theme = themeOf(root);   // a change of theme renders anew
  let width = stage.clientWidth;
  let box = null;
  let paintedRow = null;
  let places = null;   // where the chips are; measured once, since measuring is slow
  let scrolled = text.scrollTop;
  let sheet = paintMatrix(weights, length, sees, CURVES[view.curve]);

  function draw() {
    const measure = canvas.getContext("2d");
    box = layOut(measure, tokens, width, header.height, view, theme);
    const pen = sizeCanvas(canvas, box.left + box.span + 2, box.top + box.span + 2);
    drawMatrix(pen, sheet, box, view, tokens, theme, view.at, locked);
    const { left, top, cell } = box;
    Object.assign(canvas.dataset, { left, top, cell, x: view.x, y: view.y, tokens: length, layer, head });
    find(".in").disabled = cell >= LARGEST_CELL;
    find(".out").disabled = find(".fit").disabled = cell <= box.fit;
  }

  // The words for one cell: weight to three decimals, both tokens, rank among the visible keys.
  function say() {
    const readout = find(".readout");
    const pair = find(".pair");
    pair.replaceChildren();
    find(".weight").textContent = find(".rank").textContent = "";
    if (!view.at) {
      delete readout.dataset.weight;
      pair.textContent = "Point at a cell to read its weight. Click to lock a query.";
      return;
    }
    const [t, s] = view.at;
    const weight = weights[t * length + s];
    Object.assign(readout.dataset, { query: t, key: s, weight: sees(t, s) ? String(weight) : "" });
    const bold = (content) => { const b = document.createElement("b"); b.textContent = content; return b; };
    pair.append(`query ${t} `, bold(tokens[t]), " → ", `key ${s} `, bold(tokens[s]));
    if (!sees(t, s)) {
      find(".weight").textContent = "masked";
      find(".rank").textContent = s > t ? "a token cannot look at a later one" : `beyond the window of ${reach}`;
      return;
    }
    const first = reach === null ? 0 : Math.max(0, t - reach + 1);
    const row = weights.subarray(t * length + first, t * length + t + 1);
    find(".weight").textContent = Number.isFinite(weight) ? weight.toFixed(3) : "not a number";
    const rank = 1 + row.reduce((above, other) => above + (other > weight ? 1 : 0), 0);
    find(".rank").textContent = `rank ${rank} of ${row.length} visible key${row.length > 1 ? "s" : ""}`;
  }

  // The row of one query as colours of the text: the locked one, else the hovered, else the last.
  function paintText() {
    const t = locked ?? view.at?.[0] ?? length - 1;
    const row = `${t} ${locked} ${view.curve}`;
    if (row === paintedRow) return;   // the pointer moved along the same row
    paintedRow = row;
    chips.forEach((chip, s) => {
      const weight = weights[t * length + s];
      paintChip(chip, !sees(t, s) || !Number.isFinite(weight) ? null : CURVES[view.curve](weight));
      chip.classList.toggle("masked", !sees(t, s));
      chip.classList.toggle("locked", s === locked);
      chip.classList.toggle("current", s === t && s !== locked);
      chip.dataset.weight = sees(t, s) ? weight : "";
    });
    places ??= { tops: chips.map((chip) => chip.offsetTop - text.offsetTop), height: text.clientHeight };
    const from = places.tops[t];
    if (scrolled > from || scrolled + places.height < from + 34) text.scrollTop = scrolled = Math.max(0, from - 40);
    const state = locked === null ? "click a token to lock it" : "locked; click it again to free it";
    find(".painted").textContent = `Where token ${t} looks (${state}):`;
  }

  function refresh() { draw(); say(); paintText(); }

  function move(next) {
    if (String(next) === String(view.at)) return;
    view.at = next;
    refresh();
  }

  function lock(t) {
    locked = t === locked ? null : t;
    refresh();
    send([layer, head, locked]);
  }

  function zoomBy(factor, x = box.left + box.span / 2, y = box.top + box.span / 2) {
    const before = box.cell;
    view.zoom = Math.min(LARGEST_CELL / box.fit, Math.max(1, (before / box.fit) * factor));
    const after = box.fit * view.zoom;
    view.x = (view.x + x - box.left) * (after / before) - (x - box.left);
    view.y = (view.y + y - box.top) * (after / before) - (y - box.top);
    draw();
  }

  const spot = (event) => {
    const frame = canvas.getBoundingClientRect();
    return [event.clientX - frame.left, event.clientY - frame.top];
  };
  function cellAt(event) {
    const [x, y] = spot(event);
    if (x < box.left || y < box.top || x >= box.left + box.span || y >= box.top + box.span) return null;
    const inside = (v) => Math.min(length - 1, Math.floor(v / box.cell));
    return [inside(y - box.top + view.y), inside(x - box.left + view.x)];
  }

  let drag = null;
  canvas.onpointerdown = (event) => {
    drag = { x: event.clientX, y: event.clientY, fromX: view.x, fromY: view.y, moved: false };
    canvas.setPointerCapture(event.pointerId);
  };
  canvas.onpointermove = (event) => {
    if (!drag) return move(cellAt(event));
    const dx = event.clientX - drag.x, dy = event.clientY - drag.y;
    drag.moved ||= Math.hypot(dx, dy) > 4;
    if (!drag.moved || !box.slack) return;
    view.x = drag.fromX - dx;
    view.y = drag.fromY - dy;
    draw();
  };
  canvas.onpointerup = (event) => {
    const clicked = drag && !drag.moved ? cellAt(event) : null;
    drag = null;
    if (clicked) lock(clicked[0]);
  };
  canvas.onpointercancel = () => { drag = null; };
  canvas.onpointerleave = () => { if (!drag) move(null); };
  // The page keeps its own wheel: zoom takes Ctrl (a pinch on touchpads), or a matrix zoomed in.
  canvas.onwheel = (event) => {
    if (event.ctrlKey || event.metaKey) zoomBy(event.deltaY < 0 ? 1.25 : 0.8, ...spot(event));
    else if (box.slack) {
      const was = [view.x, view.y];
      view.x += event.deltaX;
      view.y += event.deltaY;
      draw();
      if (was[0] === view.x && was[1] === view.y) return;   // at the edge the page scrolls on
    } else return;
    event.preventDefault();
  };
  canvas.onkeydown = (event) => {
    const [t, s] = view.at ?? [locked ?? length - 1, 0];
    const inside = (value) => Math.min(length - 1, Math.max(0, value));
    const next = {
      ArrowUp: [t - 1, s], ArrowDown: [t + 1, s], ArrowLeft: [t, s - 1], ArrowRight: [t, s + 1],
      Home: [t, 0], End: [t, t],
    }[event.key];
    if (next) {
      const [row, column] = next.map(inside);
      reveal(row, column);
      move([row, column]);
    } else if (event.key === "Enter" || event.key === " ") lock(t);
    else if (event.key === "Escape") move(null);
    else if (event.key === "+" || event.key === "=") zoomBy(1.5);
    else if (event.key === "-") zoomBy(1 / 1.5);
    else if (event.key === "0") find(".fit").onclick();
    else return;
    event.preventDefault();
  };
  function reveal(t, s) {
    view.x = Math.min(s * box.cell, Math.max(view.x, (s + 1) * box.cell - box.span));
    view.y = Math.min(t * box.cell, Math.max(view.y, (t + 1) * box.cell - box.span));
  }

  find(".in").onclick = () => zoomBy(1.5);
  find(".out").onclick = () => zoomBy(1 / 1.5);
  find(".fit").onclick = () => { Object.assign(view, { zoom: 1, x: 0, y: 0 }); draw(); };
  find(".curve").value = view.curve;
  find(".curve").onchange = (event) => {
    view.curve = event.target.value;
    sheet = paintMatrix(weights, length, sees, CURVES[view.curve]);
    legend();
    refresh();
  };
  text.onclick = (event) => {
    const chip = event.target.closest(".chip");
    if (chip) lock(Number(chip.dataset.index));
  };
  // Pointing at the text points at the same key of the painted row.
  text.onpointerover = (event) => {
    const chip = event.target.closest(".chip");
    if (chip) move([locked ?? length - 1, Number(chip.dataset.index)]);
  };
  text.onpointerleave = () => move(null);
  text.onscroll = () => { scrolled = text.scrollTop; };

  function legend() {
    find(".gradient").style.backgroundImage = CIVIDIS_GRADIENT;
    const ticks = view.curve === "root" ? [0, 0.1, 0.25, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
    find(".ticks").replaceChildren(...ticks.map((tick) => {
      const mark = document.createElement("span");
      mark.textContent = tick;
      mark.style.left = `${100 * CURVES[view.curve](tick)}%`;
      return mark;
    }));
  }

  find(".name").textContent = `Layer ${layer}, head ${head}${header.title ? `: ${header.title}` : ""}`;
  find(".unsound").hidden = !header.unsound;
  find(".unsound").textContent = `${header.unsound} weights are not numbers (red cells).`;
  legend();
  refresh();
  const watcher = new ResizeObserver(() => {
    if (width === stage.clientWidth) return;
    width = stage.clientWidth;
    places = null;
    draw();
  });
  watcher.observe(stage);
  return () => watcher.disconnect();
}
