// All heads as thumbnails in one canvas: rows are layers, columns heads. Click or Enter opens one.
const FONT = 13, GAP = 10, LEFT = 34, TOP = 22, SMALLEST = 60, LARGEST = 104;

function renderOverview(root, { header, values }, query, send) {
  const { layers, heads, side, labels } = header;
  const stage = root.querySelector(".scroller");
  const canvas = stage.querySelector("canvas");
  const readout = root.querySelector(".which");
  const pixels = paintThumbnails(new Uint8Array(values), layers * heads, side);
  const theme = themeOf(root);   // a change of theme renders anew
  let width = stage.clientWidth;
  let open = [header.layer, header.head];
  let at = null;   // the head under the pointer or chosen by arrows
  let size = 0;    // side of a thumbnail in CSS pixels
  let textHeight = 2;   // room for a head's label: none, one line or two

  const place = (layer, head) => [
    LEFT + head * (size + GAP), TOP + layer * (size + GAP + textHeight),
  ];

  function draw() {
    const room = Math.floor((width - LEFT - 4) / heads - GAP);
    size = Math.max(SMALLEST, Math.min(LARGEST, room));
    const measure = canvas.getContext("2d");
    measure.font = `${FONT}px ${theme.font}`;
    const lines = labels ? Math.max(...labels.flat().map((l) => twoLines(measure, l, size).length)) : 0;
    textHeight = lines * (FONT + 3) + 4;
    const pen = sizeCanvas(canvas, LEFT + heads * (size + GAP), TOP + layers * (size + GAP + textHeight));
    Object.assign(canvas.dataset, { size, left: LEFT, top: TOP, stepX: size + GAP, stepY: size + GAP + textHeight });
    pen.font = `${FONT}px ${theme.font}`;
    pen.textBaseline = "alphabetic";
    pen.fillStyle = theme.text;
    pen.imageSmoothingEnabled = side > size;
    pen.textAlign = "center";
    for (let head = 0; head < heads; head++) pen.fillText(`H${head}`, place(0, head)[0] + size / 2, TOP - 7);
    for (let layer = 0; layer < layers; layer++) {
      pen.textAlign = "left";
      pen.fillStyle = theme.text;
      pen.fillText(`L${layer}`, 2, place(layer, 0)[1] + size / 2 + 4);
      for (let head = 0; head < heads; head++) drawOne(pen, layer, head);
    }
  }

  function drawOne(pen, layer, head) {
    const [x, y] = place(layer, head);
    const isOpen = layer === open[0] && head === open[1];
    const isAt = at && layer === at[0] && head === at[1];
    pen.fillStyle = theme.panel;
    pen.fillRect(x, y, size, size);
    pen.drawImage(pixels, 0, (layer * heads + head) * side, side, side, x, y, size, size);
    pen.lineWidth = isOpen ? 4 : isAt ? 2 : 1;
    pen.strokeStyle = isOpen || isAt ? theme.accent : theme.border;
    const out = isOpen ? 3 : 1;
    pen.strokeRect(x - out + 0.5, y - out + 0.5, size + 2 * out - 1, size + 2 * out - 1);
    if (!labels) return;
    pen.fillStyle = isOpen ? theme.text : theme.muted;
    pen.textAlign = "left";
    twoLines(pen, labels[layer][head], size).forEach((text, line) => {
      pen.fillText(text, x, y + size + FONT + 4 + line * (FONT + 3));
    });
  }

  function say() {
    const [layer, head] = at ?? open;
    const label = labels?.[layer][head];
    const what = `Layer ${layer}, head ${head}${label ? `: ${label}` : ""}`;
    readout.textContent = at && String(at) !== String(open) ? `${what} · click or Enter to open` : `${what} · open`;
    readout.dataset.layer = layer;
    readout.dataset.head = head;
  }

  function choose(next) {
    if (String(next) === String(at)) return;
    at = next;
    draw();
    say();
  }

  function headAt(event) {
    const frame = canvas.getBoundingClientRect();
    const head = Math.floor((event.clientX - frame.left - LEFT + GAP / 2) / (size + GAP));
    const layer = Math.floor((event.clientY - frame.top - TOP + GAP / 2) / (size + GAP + textHeight));
    return layer >= 0 && layer < layers && head >= 0 && head < heads ? [layer, head] : null;
  }

  function pick(chosen) {
    if (!chosen || String(chosen) === String(open)) return;
    open = chosen;   // shown at once; Python answers with the head in full
    draw();
    say();
    send([...chosen, query]);
  }

  canvas.onpointermove = (event) => choose(headAt(event));
  canvas.onpointerleave = () => choose(null);
  canvas.onclick = (event) => pick(headAt(event));
  canvas.onkeydown = (event) => {
    const move = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[event.key];
    if (move) {
      const [layer, head] = at ?? open;
      const inside = (value, count) => Math.min(count - 1, Math.max(0, value));
      choose([inside(layer + move[0], layers), inside(head + move[1], heads)]);
      const [x, y] = place(...at);
      stage.scrollLeft = Math.min(x - LEFT, Math.max(stage.scrollLeft, x + size + GAP - stage.clientWidth));
      stage.scrollTop = Math.min(y - TOP, Math.max(stage.scrollTop, y + size + textHeight + GAP - stage.clientHeight));
    } else if (event.key === "Enter" || event.key === " ") pick(at);
    else return;
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

// All thumbnails under each other, one pixel a value. What a query may not see stays transparent.
function paintThumbnails(values, count, side) {
  const sheet = document.createElement("canvas");
  sheet.width = side;
  sheet.height = side * count;
  const pen = sheet.getContext("2d");
  const image = pen.createImageData(side, side * count);
  const table = Array.from({ length: 256 }, (_, v) => cividis(v / 255));
  for (let i = 0; i < values.length; i++) {
    const column = i % side, row = Math.floor(i / side) % side;
    if (column > row) continue;
    const colour = table[values[i]];
    image.data.set(colour, 4 * i);
    image.data[4 * i + 3] = 255;
  }
  pen.putImageData(image, 0, 0);
  return sheet;
}
