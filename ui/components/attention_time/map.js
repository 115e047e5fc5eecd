// One head's map, T × T, with token labels; queries are rows. Zero weight is dark, what is hidden is hatched.
const MAP_FONT = 12, MAP_LABEL = 92;

// Where things are, in CSS pixels. Labels take as much room as the longest token, up to a bound.
function mapBox(canvas, room, most, tokens, theme) {
  const pen = canvas.getContext("2d"), length = tokens.length;
  pen.font = `${MAP_FONT}px ${theme.code}`;
  const longest = tokens.reduce((width, token) => Math.max(width, pen.measureText(token).width), 0);
  const label = Math.max(62, Math.min(MAP_LABEL, room / 4, longest + 10));
  const space = Math.min(room, most) - label - 4;
  const cell = space / length >= 6 ? Math.min(40, Math.floor(space / length)) : space / length;
  return { label, cell, span: cell * length, size: label + cell * length + 4 };
}

// One pixel a weight: the picture of one snapshot.
function mapSheet(weights, length, sees) {
  const sheet = document.createElement("canvas");
  sheet.width = sheet.height = length;
  const pen = sheet.getContext("2d"), image = pen.createImageData(length, length);
  for (let t = 0; t < length; t++) {
    for (let s = 0; s <= t; s++) {
      if (!sees(t, s)) continue;
      image.data.set([...cividis(Math.sqrt(weights[t * length + s])), 255], 4 * (t * length + s));
    }
  }
  pen.putImageData(image, 0, 0);
  return sheet;
}

function drawMap(canvas, box, sheet, tokens, theme, query, spot) {
  const { label, cell, span, size } = box, pen = sizeCanvas(canvas, size, size);
  pen.fillStyle = hatch(pen, theme);
  pen.fillRect(label, label, span, span);
  pen.imageSmoothingEnabled = cell < 1;
  pen.drawImage(sheet, label, label, span, span);
  pen.strokeStyle = theme.border;
  pen.strokeRect(label - 0.5, label - 0.5, span + 1, span + 1);
  const outline = (x, y, width, height) => {
    for (const [thick, ink] of [[4, "#000"], [2, "#ff4fd8"]]) {
      pen.lineWidth = thick;
      pen.strokeStyle = ink;
      pen.strokeRect(x, y, width, height);
    }
  };
  if (query !== null) outline(label, label + query * cell, span, cell);
  if (spot) outline(label + spot[1] * cell, label + spot[0] * cell, cell, cell);
  pen.font = `${MAP_FONT}px ${theme.code}`;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  const every = Math.ceil((MAP_FONT + 2) / cell);
  tokens.forEach((token, i) => {
    for (const [row, marked] of [[true, i === query || i === spot?.[0]], [false, i === spot?.[1]]]) {
      const chosen = row ? [query, spot?.[0]] : [spot?.[1]];
      const near = chosen.some((c) => c !== null && c !== undefined && c !== i && Math.abs(c - i) * cell < MAP_FONT + 2);
      if (!marked && (i % every || near)) continue;
      pen.save();
      pen.translate(row ? label - 5 : label + (i + 0.5) * cell, row ? label + (i + 0.5) * cell : label - 5);
      if (!row) pen.rotate(Math.PI / 2);
      pen.fillStyle = marked ? theme.accent : theme.text;
      pen.fillText(fitText(pen, token, label - 8), 0, 0);
      pen.restore();
    }
  });
  pen.font = `${MAP_FONT}px ${theme.font}`;
  pen.fillStyle = theme.muted;
  pen.fillText(tr`keys →`, label - 8, label - 26);
  pen.fillText(tr`queries ↓`, label - 8, label - 10);
}

// The [query, key] under the pointer; null beside the picture.
function mapSpot(canvas, box, event, length) {
  const frame = canvas.getBoundingClientRect();
  const s = Math.floor((event.clientX - frame.left - box.label) / box.cell);
  const t = Math.floor((event.clientY - frame.top - box.label) / box.cell);
  return t >= 0 && t < length && s >= 0 && s < length ? [t, s] : null;
}
