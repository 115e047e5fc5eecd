const ROW = 27, NAMES = 24, NOTES = 20, WIDEST = 150, PAD = 6;

// A table of coloured cells. The sheet has the size of the whole table; the canvas has that of the
// window on it, stays in place while one scrolls, and draws what is in sight, names always.
export default function ({ data, parentElement, setTriggerValue }) {
  const { header, values } = unpack(data);
  const rows = header.rows.length, columns = header.columns.length, cells = rows * columns;
  const arrays = readArrays(header, values, cells);
  const root = parentElement.querySelector(".root"), scroller = root.querySelector(".scroller");
  const sheet = root.querySelector(".sheet"), canvas = root.querySelector("canvas");
  const HEAD = NAMES + (header.columnNotes.length ? NOTES : 0);
  const theme = themeOf(root), colour = colouring(header.scale, theme);
  canvas.setAttribute("aria-label", tr`${header.label} Arrow keys move between cells, Enter opens one.`);
  root.querySelector(".title").textContent = header.scale.title;
  root.querySelector(".low").textContent = header.scale.low;
  root.querySelector(".high").textContent = header.scale.high;
  root.querySelector(".ramp").style.background = gradient(header.scale, colour);
  root.querySelector(".mark").hidden = !header.markMeans;
  root.querySelector(".means").textContent = header.markMeans;
  root.querySelector(".hint").textContent = header.hint;
  root.querySelector(".readout").classList.toggle("short", !header.candidates);

  let spot = header.chosen, pointed = false;
  const measure = () => {
    const pen = canvas.getContext("2d");
    pen.font = `14px ${theme.font}`;
    const widest = Math.max(...header.rows.map((name) => pen.measureText(name).width), 20);
    const left = Math.ceil(Math.min(widest, 150)) + 2 * PAD;
    const room = Math.max(60, scroller.clientWidth - left);
    const column = Math.max(header.cellWidth, Math.min(WIDEST, room / columns));
    return { left, column, width: left + column * columns, height: HEAD + ROW * rows };
  };

  function render() {
    const size = measure();
    const bar = size.width > scroller.clientWidth ? 16 : 2;   // a scroll bar below takes room
    scroller.style.maxHeight = `${header.height}px`;
    scroller.style.height = `${size.height + bar}px`;
    sheet.style.width = `${size.width}px`;
    sheet.style.height = `${size.height}px`;
    const wide = Math.min(scroller.clientWidth, Math.ceil(size.width)), high = Math.min(scroller.clientHeight, size.height);
    const pen = sizeCanvas(canvas, Math.max(1, wide), Math.max(1, high));
    const dx = scroller.scrollLeft, dy = scroller.scrollTop;
    const firstColumn = Math.max(0, Math.floor(dx / size.column)), lastColumn = Math.min(columns, Math.ceil((dx + wide - size.left) / size.column));
    const firstRow = Math.max(0, Math.floor(dy / ROW)), lastRow = Math.min(rows, Math.ceil((dy + high - HEAD) / ROW));
    pen.direction = "ltr";
    pen.textBaseline = "middle";
    const empty = hatch(pen, theme);
    pen.save();
    pen.beginPath(); pen.rect(size.left, HEAD, wide - size.left, high - HEAD); pen.clip();
    for (let i = firstRow; i < lastRow; i++) for (let j = firstColumn; j < lastColumn; j++) {
      const cell = i * columns + j, x = size.left + j * size.column - dx, y = HEAD + i * ROW - dy;
      const place = arrays.places[cell], known = !Number.isNaN(place);
      const fill = known ? colour(place) : null;
      pen.fillStyle = known ? rgb(fill) : empty;
      pen.fillRect(x, y, size.column - 1, ROW - 1);
      const word = header.words[arrays.words[cell]];
      if (word !== undefined) {
        pen.font = `14px ${theme.code}`;
        pen.textAlign = "center";
        pen.fillStyle = known ? inkOn(fill) : theme.text;
        pen.fillText(fitText(pen, word, size.column - PAD), x + (size.column - 1) / 2, y + ROW / 2);
      }
      if (arrays.marks[cell]) {
        pen.lineWidth = 2; pen.strokeStyle = known ? inkOn(fill) : theme.text;
        pen.strokeRect(x + 2, y + 2, size.column - 5, ROW - 5);
      }
      frame(header.chosen, i, j, x, y, 4);
      if (pointed) frame(spot, i, j, x, y, 2);
    }
    pen.restore();
    pen.textAlign = "center";
    pen.font = `14px ${theme.code}`;
    pen.fillStyle = theme.text;
    pen.save();
    pen.beginPath(); pen.rect(size.left, 0, wide - size.left, HEAD); pen.clip();
    for (let j = firstColumn; j < lastColumn; j++) {
      const x = size.left + j * size.column - dx;
      pen.fillStyle = theme.text;
      pen.fillText(fitText(pen, header.columns[j], size.column - 3), x + size.column / 2, NAMES / 2 + 1);
      if (!header.columnNotes[j]) continue;
      pen.fillStyle = theme.muted;
      pen.fillText(fitText(pen, header.columnNotes[j], size.column - 3), x + size.column / 2, NAMES + NOTES / 2 - 3);
    }
    pen.restore();
    pen.textAlign = "right";
    pen.font = `14px ${theme.font}`;
    pen.save();
    pen.beginPath(); pen.rect(0, HEAD, size.left, high - HEAD); pen.clip();
    for (let i = firstRow; i < lastRow; i++) {
      pen.fillText(fitText(pen, header.rows[i], size.left - PAD), size.left - PAD, HEAD + (i + 0.5) * ROW - dy);
    }
    pen.restore();

    function frame(which, i, j, x, y, line) {
      if (!which || which[0] !== i || which[1] !== j) return;
      pen.lineWidth = line; pen.strokeStyle = theme.accent;
      pen.strokeRect(x + line / 2, y + line / 2, size.column - 1 - line, ROW - 1 - line);
    }
  }

  const tell = () => tellCell(root, header, arrays, spot);
  const move = (next) => { spot = next ?? header.chosen; pointed = Boolean(next); render(); tell(); };
  const cellAt = (event) => {
    const box = canvas.getBoundingClientRect(), size = measure();
    const x = event.clientX - box.left - size.left, y = event.clientY - box.top - HEAD;
    const i = Math.floor((y + scroller.scrollTop) / ROW), j = Math.floor((x + scroller.scrollLeft) / size.column);
    return x >= 0 && y >= 0 && i < rows && j < columns ? [i, j] : null;
  };
  canvas.onpointermove = (event) => move(cellAt(event));
  canvas.onpointerleave = () => move(null);
  canvas.onclick = (event) => { const cell = cellAt(event); if (cell) setTriggerValue("pick", cell); };
  canvas.onkeydown = (event) => {
    const way = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
    if (way) {
      const [i, j] = spot ?? [0, 0];
      const next = [Math.min(rows - 1, Math.max(0, i + way[0])), Math.min(columns - 1, Math.max(0, j + way[1]))];
      reveal(next);
      move(next);
    } else if ((event.key === "Enter" || event.key === " ") && spot) setTriggerValue("pick", spot);
    else return;
    event.preventDefault();
  };

  // Scrolls as little as it takes to have the cell in sight.
  function reveal([i, j]) {
    const size = measure(), right = scroller.clientWidth - size.left, below = scroller.clientHeight - HEAD;
    scroller.scrollLeft = Math.min(j * size.column, Math.max(scroller.scrollLeft, (j + 1) * size.column - right));
    scroller.scrollTop = Math.min(i * ROW, Math.max(scroller.scrollTop, (i + 1) * ROW - below));
  }

  scroller.onscroll = render;
  const watcher = new ResizeObserver(render);
  watcher.observe(scroller);
  render();
  const noted = header.columnNotes.findIndex(Boolean);
  const first = header.chosen ?? (noted >= 0 ? [0, Math.min(columns - 1, noted + 2)] : null);
  if (first) { reveal(first); render(); }
  tell();
  return () => watcher.disconnect();
}

// The arrays behind the header, in the order in which they were packed.
function readArrays(header, values, cells) {
  let at = 0;
  const take = (Kind, count) => { const part = new Kind(values, at, count); at += 4 * count; return part; };
  const many = header.candidates;
  return {
    places: take(Float32Array, cells), words: take(Int32Array, cells), marks: take(Int32Array, cells),
    candidates: take(Int32Array, cells * many), shares: take(Float32Array, cells * many),
    facts: header.facts.map(() => take(Float32Array, cells)),
  };
}
