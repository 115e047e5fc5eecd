// All heads as thumbnails in one canvas: by layers, or in the order of a score. Click or Enter opens one.
const FONT = 13, SMALL_FONT = 11, LEFT = 34, TOP = 22, LARGEST = 104, SMALLEST = 26, SMALLEST_NUMBERED = 44;
const NAMED_FROM = 64;   // narrower thumbnails have no room for a name: a bar in the kind's colour stands for it

function renderOverview(root, { header, values }, query, send) {
  const { layers, heads, labels } = header;
  const stage = root.querySelector(".scroller");
  const canvas = stage.querySelector("canvas");
  const readout = root.querySelector(".which");
  const sheet = thumbnailSheet(root, new Uint8Array(values), header);
  const base = document.createElement("canvas");   // everything but what is open or pointed at
  const theme = themeOf(root);   // a change of theme renders anew
  let width = stage.clientWidth;
  let open = [header.layer, header.head];
  let at = null;   // the head under the pointer or chosen by arrows
  let grid = null;
  const choice = renderArrangement(root, header, (text) => send.arrange(text), () => { at = null; draw(); say(); });

  const number = ([layer, head]) => layer * heads + head;
  const box = (place) => [grid.left + place[1] * grid.stepX, grid.top + place[0] * grid.stepY];

  function draw() {
    grid = layOutGrid(base.getContext("2d"), header, choice, width, theme);
    const wide = grid.left + grid.columns * grid.stepX, high = grid.top + grid.rows * grid.stepY;
    const pen = sizeCanvas(base, wide, high);
    pen.textBaseline = "alphabetic";
    pen.imageSmoothingEnabled = header.side > grid.size;
    if (choice.order === "layers") drawNumbers(pen, grid, layers, heads, theme);
    for (const head of grid.order) drawOne(pen, head);
    const { size, left, top, stepX, stepY, columns } = grid;
    Object.assign(canvas.dataset, { size, left, top, stepX, stepY, columns, shown: grid.matching, tokens: header.tokens });
    canvas.dataset.order = grid.order.join(" ");
    show();
  }

  // Moving the pointer copies the picture and outlines two heads; nothing else is drawn anew.
  function show() {
    const pen = sizeCanvas(canvas, parseFloat(base.style.width), parseFloat(base.style.height));
    pen.drawImage(base, 0, 0, parseFloat(base.style.width), parseFloat(base.style.height));
    for (const [chosen, thick] of [[at, 2], [open, 4]]) {
      if (!chosen || !grid.places.has(number(chosen))) continue;
      const [x, y] = box(grid.places.get(number(chosen))), out = thick / 2 + 1;
      pen.lineWidth = thick;
      pen.strokeStyle = theme.accent;
      pen.strokeRect(x - out, y - out, grid.size + 2 * out, grid.size + 2 * out);
    }
  }

  function drawOne(pen, head) {
    const [x, y] = box(grid.places.get(head)), { size } = grid;
    pen.globalAlpha = choice.fits(head) ? 1 : 0.14;
    pen.fillStyle = theme.panel;
    pen.fillRect(x, y, size, size);
    const { side } = header;
    pen.drawImage(sheet, (head % heads) * side, Math.floor(head / heads) * side, side, side, x, y, size, size);
    pen.lineWidth = 1;
    pen.strokeStyle = theme.border;
    pen.strokeRect(x - 0.5, y - 0.5, size + 1, size + 1);
    let below = y + size;
    const kind = choice.kindOf(head);
    if (kind) {
      pen.fillStyle = kind.colour;
      pen.fillRect(x, below + (grid.named ? 6 : 3), size, 4);
    }
    below += grid.barHeight;
    pen.textAlign = "left";
    pen.fillStyle = theme.text;
    if (grid.numbered) {
      pen.font = `600 ${SMALL_FONT}px ${theme.font}`;
      pen.fillText(fitText(pen, `L${Math.floor(head / heads)} H${head % heads}`, size + 2), x, below + SMALL_FONT);
      below += SMALL_FONT + 3;
    }
    pen.font = `${FONT}px ${theme.font}`;
    (grid.lines.get(head) ?? []).forEach((text, line) => pen.fillText(text, x, below + FONT + line * (FONT + 2)));
    pen.globalAlpha = 1;
  }

  function say() {
    const [layer, head] = at ?? open;
    const label = labels?.[layer][head];
    const score = choice.column ? ` · ${choice.column.title.toLowerCase()} ${choice.told([layer, head])}` : "";
    const what = tr`Layer ${layer}, head ${head}${label ? `: ${label}` : ""}${score}`;
    const state = at && String(at) !== String(open) ? tr`click or Enter to open` : "open";
    readout.textContent = grid.matching ? `${what} · ${state}` : tr`No head is like that. Choose another kind, or a lower score.`;
    readout.dataset.layer = layer;
    readout.dataset.head = head;
  }

  function choose(next) {
    if (String(next) === String(at)) return;
    at = next;
    show();
    say();
  }

  function headAt(event) {
    const frame = canvas.getBoundingClientRect();
    const column = Math.floor((event.clientX - frame.left - grid.left + grid.gap / 2) / grid.stepX);
    const row = Math.floor((event.clientY - frame.top - grid.top + grid.gap / 2) / grid.stepY);
    const head = column >= 0 && column < grid.columns && row >= 0 ? grid.order[row * grid.columns + column] : undefined;
    return head === undefined ? null : [Math.floor(head / heads), head % heads];
  }

  function pick(chosen) {
    if (!chosen || String(chosen) === String(open)) return;
    open = chosen;   // shown at once; Python answers with the head in full
    show();
    say();
    send.pick([...chosen, query]);
  }

  function step(key) {
    const last = grid.order.length - 1;
    const now = Math.max(0, grid.order.indexOf(number(at ?? open)));
    const column = now % grid.columns;
    const next = {
      ArrowUp: now - grid.columns, ArrowDown: now + grid.columns, Home: 0, End: last,
      ArrowLeft: choice.order === "layers" && column === 0 ? now : now - 1,
      ArrowRight: choice.order === "layers" && column === grid.columns - 1 ? now : now + 1,
    }[key];
    if (next === undefined) return false;
    const head = grid.order[next >= 0 && next <= last ? next : now];
    if (head === undefined) return true;
    choose([Math.floor(head / heads), head % heads]);
    const [x, y] = box(grid.places.get(head));
    stage.scrollLeft = Math.min(x - grid.left, Math.max(stage.scrollLeft, x + grid.stepX - stage.clientWidth));
    stage.scrollTop = Math.min(y - grid.top, Math.max(stage.scrollTop, y + grid.stepY - stage.clientHeight));
    return true;
  }

  canvas.onpointermove = (event) => choose(headAt(event));
  canvas.onpointerleave = () => choose(null);
  canvas.onclick = (event) => pick(headAt(event));
  canvas.onkeydown = (event) => {
    if (event.key === "Enter" || event.key === " ") pick(at);
    else if (!step(event.key)) return;
    event.preventDefault();
  };

  draw();
  say();
  const watcher = new ResizeObserver(() => {
    if (width === stage.clientWidth) return;
    width = stage.clientWidth;
    draw();
  });
  watcher.observe(stage);
  return () => watcher.disconnect();
}

// Numbers of the heads above, of the layers at the side.
function drawNumbers(pen, grid, layers, heads, theme) {
  pen.font = `${grid.size < 34 ? SMALL_FONT : FONT}px ${theme.font}`;
  pen.fillStyle = theme.text;
  pen.textAlign = "center";
  for (let head = 0; head < heads; head++) {
    pen.fillText(grid.size < 34 ? head : `H${head}`, grid.left + head * grid.stepX + grid.size / 2, TOP - 7);
  }
  pen.textAlign = "left";
  for (let layer = 0; layer < layers; layer++) pen.fillText(`L${layer}`, 2, grid.top + layer * grid.stepY + grid.size / 2 + 4);
}

// Where the heads stand, in CSS pixels. By layers every head keeps its place; by a score those that fit follow each other.
function layOutGrid(pen, header, choice, width, theme) {
  const { layers, heads, labels, height } = header;
  const numbered = choice.order !== "layers";
  const order = numbered ? choice.sorted() : Array.from({ length: layers * heads }, (_, i) => i);
  const left = numbered ? 4 : LEFT, top = numbered ? 6 : TOP;
  const room = width - left - 8;
  pen.font = `${FONT}px ${theme.font}`;
  const words = (head) => {
    const at = [Math.floor(head / heads), head % heads];
    return choice.column ? `${choice.told(at)} ${choice.kindOf(head)?.name ?? ""}`.trim() : labels?.[at[0]][at[1]] ?? "";
  };

  function sized(wanted) {
    const gap = Math.min(wanted, numbered ? wanted : room / heads - 10) >= NAMED_FROM ? 10 : 4;
    const columns = numbered ? Math.max(1, Math.min(order.length, Math.floor((room + gap) / (wanted + gap)))) : heads;
    const size = numbered ? wanted : Math.max(SMALLEST, choice.large ? NAMED_FROM + 8 : 0, Math.min(wanted, Math.floor(room / heads - gap)));
    const rows = numbered ? Math.ceil(order.length / columns) : layers;
    const named = size >= NAMED_FROM, barHeight = named ? 12 : 8;
    const lines = named ? new Map(order.map((head) => [head, words(head) ? twoLines(pen, words(head), size) : []])) : new Map();
    const most = Math.max(0, ...[...lines.values()].map((each) => each.length));
    const textHeight = barHeight + (numbered ? SMALL_FONT + 3 : 0) + (most ? most * (FONT + 2) + 3 : 0);
    return { size, gap, columns, rows, named, barHeight, lines, stepX: size + gap, stepY: size + gap + textHeight };
  }

  // The largest that shows all heads without scrolling; never too small to point at.
  let grid = sized(LARGEST);
  for (let wanted = LARGEST - 2; !choice.large && wanted >= (numbered ? SMALLEST_NUMBERED : SMALLEST) && top + grid.rows * grid.stepY > height; wanted -= 2) grid = sized(wanted);
  const places = new Map(order.map((head, i) => [head, [Math.floor(i / grid.columns), i % grid.columns]]));
  const matching = order.filter((head) => choice.fits(head)).length;
  return { ...grid, order, places, matching, left, top, numbered };
}

// All thumbnails as they stand in the model, one pixel a value; painted once for each set of weights.
function thumbnailSheet(root, values, { layers, heads, side }) {
  if (root.painted && root.painted.heads === heads && sameBytes(values, root.painted.values)) return root.painted.sheet;
  const sheet = document.createElement("canvas");
  sheet.width = side * heads;
  sheet.height = side * layers;
  const pen = sheet.getContext("2d");
  const image = pen.createImageData(sheet.width, sheet.height);
  const colours = new Uint32Array(image.data.buffer);
  const bytes = new Uint8Array(4), word = new Uint32Array(bytes.buffer);
  const table = Array.from({ length: 256 }, (_, v) => { bytes.set([...cividis(v / 255), 255]); return word[0]; });
  let i = 0;
  for (let one = 0; one < layers * heads; one++) {
    const start = Math.floor(one / heads) * side * sheet.width + (one % heads) * side;
    for (let row = 0; row < side; row++, i += side) {
      // What a query may not see stays transparent.
      for (let column = 0; column <= row; column++) colours[start + row * sheet.width + column] = table[values[i + column]];
    }
  }
  pen.putImageData(image, 0, 0);
  root.painted = { values, sheet, heads };
  return sheet;
}
