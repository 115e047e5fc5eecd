const NEGATIVE = [0, 114, 178], POSITIVE = [213, 94, 0];   // Okabe-Ito blue and vermillion
const LABELS = 74, AXIS = 18, LEAST_LABEL = 11;

// Cells of a matrix as colours: zero is the page's own background, both signs grow away from it.
export default function ({ data, parentElement }) {
  const { header, values } = unpack(data);
  const [rows, columns] = header.cells;
  const cells = fromHalf(new Uint16Array(values));
  const root = parentElement.querySelector(".root");
  const canvas = root.querySelector("canvas"), readout = root.querySelector("output");
  const theme = themeOf(root);
  const zero = rgbOf(theme.background);
  canvas.setAttribute("aria-label", tr`${header.label}. Arrow keys move between cells.`);
  const colour = (value) => header.shares
    ? cividis(value / header.limit)
    : mix(zero, value < 0 ? NEGATIVE : POSITIVE, Math.min(1, Math.abs(value) / header.limit));
  drawScale();

  const image = document.createElement("canvas");
  image.width = columns; image.height = rows;
  const pixels = new ImageData(columns, rows);
  cells.forEach((value, i) => {
    if (Number.isNaN(value)) return;   // stays transparent: what is not there
    const [r, g, b] = colour(value);
    pixels.data.set([r, g, b, 255], 4 * i);
  });
  image.getContext("2d").putImageData(pixels, 0, 0);

  let spot = null;
  const size = () => {
    const width = Math.max(180, root.clientWidth);
    const left = header.rowNames.length ? LABELS : 4;
    const wide = width - left - 4;
    const square = header.rowNames.length && header.columnNames.length;
    const high = Math.max(24, Math.min(header.height - AXIS,
      square ? wide * rows / columns : Math.max(rows * (header.rowNames.length ? 16 : 2), Math.min(header.height, wide * rows / columns))));
    return { width, left, wide, high, top: header.columnNames.length ? AXIS : 2 };
  };

  function render() {
    const { width, left, wide, high, top } = size();
    const height = top + high + AXIS;
    const pen = sizeCanvas(canvas, width, height);
    pen.imageSmoothingEnabled = false;
    if (cells.some(Number.isNaN)) { pen.fillStyle = hatch(pen, theme); pen.fillRect(left, top, wide, high); }
    pen.drawImage(image, left, top, wide, high);
    pen.strokeStyle = theme.border;
    pen.strokeRect(left - 0.5, top - 0.5, wide + 1, high + 1);
    pen.fillStyle = theme.text;
    const row = high / rows, column = wide / columns;
    pen.font = `12px ${theme.code}`;
    const skip = Math.ceil(LEAST_LABEL / row);
    pen.textAlign = "right"; pen.textBaseline = "middle";
    header.rowNames.forEach((name, i) => {
      if (i % skip === 0) pen.fillText(fitText(pen, name, left - 8), left - 5, top + (i + 0.5) * row);
    });
    pen.textAlign = "center"; pen.textBaseline = "alphabetic";
    const every = Math.ceil(34 / column);
    header.columnNames.forEach((name, i) => {
      if (i % every === 0) pen.fillText(fitText(pen, name, every * column - 3), left + (i + 0.5) * column, top - 5);
    });
    pen.font = `12px ${theme.font}`;
    pen.fillStyle = theme.muted;
    pen.fillText(fitText(pen, header.axis, wide), left + wide / 2, top + high + 13);
    if (spot) {
      pen.lineWidth = 2; pen.strokeStyle = theme.accent;
      pen.strokeRect(left + spot[1] * column, top + spot[0] * row, Math.max(2, column), Math.max(2, row));
    }
  }

  function tell() {
    if (!spot) { readout.textContent = ""; return; }
    const [i, j] = spot;
    const value = cells[i * columns + j];
    const place = (names, title, index, block, all) => {
      if (names.length) return `${title} ${index} “${names[index]}”`;
      const first = index * block, last = Math.min(all, first + block) - 1;
      return last > first ? `${title}s ${first}–${last}` : `${title} ${first}`;
    };
    const where = `${place(header.rowNames, header.rowTitle, i, header.block[0], header.size[0])}, ${place(header.columnNames, header.columnTitle, j, header.block[1], header.size[1])}`;
    const many = header.block[0] * header.block[1] > 1 ? tr` (${header.cell} of the cell)` : "";
    readout.textContent = Number.isNaN(value) ? tr`${where}: not looked at` : `${where}: ${Number(value.toPrecision(4))}${many}`;
  }

  function drawScale() {
    const shown = String(Number(header.limit.toPrecision(3)));
    root.querySelector(".low").textContent = header.shares ? "0" : `−${shown}`;
    root.querySelector(".high").textContent = shown;
    root.querySelector(".what").textContent = header.cell && header.block[0] * header.block[1] > 1
      ? tr`a cell: ${header.block[0]} × ${header.block[1]} numbers, their ${header.cell}` : tr`a cell: one number`;
    root.querySelector(".ramp").style.background = header.shares ? CIVIDIS_GRADIENT
      : `linear-gradient(to right, ${rgb(NEGATIVE)}, ${rgb(zero)}, ${rgb(POSITIVE)})`;
  }

  const move = (next) => { spot = next; render(); tell(); };
  canvas.onpointermove = (event) => {
    const { left, wide, high, top } = size();
    const box = canvas.getBoundingClientRect();
    const j = Math.floor((event.clientX - box.left - left) / wide * columns), i = Math.floor((event.clientY - box.top - top) / high * rows);
    move(i >= 0 && i < rows && j >= 0 && j < columns ? [i, j] : null);
  };
  canvas.onpointerleave = () => move(null);
  canvas.onkeydown = (event) => {
    const way = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
    if (!way) return;
    const [i, j] = spot ?? [0, 0];
    move([Math.min(rows - 1, Math.max(0, i + way[0])), Math.min(columns - 1, Math.max(0, j + way[1]))]);
    event.preventDefault();
  };
  const watcher = new ResizeObserver(render);
  watcher.observe(root);
  render();
  tell();
  return () => watcher.disconnect();
}

const mix = (from, to, share) => from.map((value, i) => Math.round(value + (to[i] - value) * share));

// A CSS colour as [red, green, blue].
function rgbOf(colour) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}
