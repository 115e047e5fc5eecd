// A matrix that one can point at, zoom into and move: hover and arrows choose a cell, click or
// Enter locks a query, Ctrl and the wheel zoom. Knows no values and no readout.
//
// `view` {zoom, x, y, at} outlives new data: the caller keeps it. `now()` gives what is drawn,
// {sheet, locked}; `onMove` is told of another cell (view.at), `onLock` of a query;
// Escape points at nothing, unless `onEscape` has another meaning for it.
function matrixStage({ find, tokens, height, view, theme, now, onMove, onLock, onEscape }) {
  const stage = find(".stage"), canvas = stage.querySelector("canvas"), length = tokens.length;
  let width = stage.clientWidth;
  let box = null;

  function draw() {
    const measure = canvas.getContext("2d"), { sheet, locked } = now();
    box = layOut(measure, tokens, width, height, view, theme);
    const pen = sizeCanvas(canvas, box.left + box.span + 2, box.top + box.span + 2);
    drawMatrix(pen, sheet, box, view, tokens, theme, view.at, locked);
    const { left, top, cell } = box;
    Object.assign(canvas.dataset, { left, top, cell, x: view.x, y: view.y, tokens: length });
    find(".in").disabled = cell >= LARGEST_CELL;
    find(".out").disabled = find(".fit").disabled = cell <= box.fit;
  }

  function move(next) {
    if (String(next) === String(view.at)) return;
    view.at = next;
    draw();
    onMove();
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
    if (!clicked) return;
    const isTap = event.pointerType === "touch";   // a finger rests nowhere: its tap also points
    if (!isTap || now().locked !== clicked[0]) onLock(clicked[0]);
    if (isTap) move(clicked);
  };
  canvas.onpointercancel = () => { drag = null; };
  canvas.onpointerleave = (event) => { if (!drag && event.pointerType !== "touch") move(null); };
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
    const [t, s] = view.at ?? [now().locked ?? length - 1, 0];
    const inside = (value) => Math.min(length - 1, Math.max(0, value));
    const next = {
      ArrowUp: [t - 1, s], ArrowDown: [t + 1, s], ArrowLeft: [t, s - 1], ArrowRight: [t, s + 1],
      Home: [t, 0], End: [t, t],
    }[event.key];
    if (next) {
      const [row, column] = next.map(inside);
      reveal(row, column);
      move([row, column]);
    } else if (event.key === "Enter" || event.key === " ") onLock(t);
    else if (event.key === "Escape") (onEscape ?? (() => move(null)))();
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

  const watcher = new ResizeObserver(() => {
    if (width === stage.clientWidth) return;
    width = stage.clientWidth;
    draw();
  });
  watcher.observe(stage);
  return { draw, move, end: () => watcher.disconnect() };
}
