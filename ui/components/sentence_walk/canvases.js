// Pictures drawn as pixels: strips of numbers, matrices, columns. Each tells what the pointer is on.
const MATRIX = 300;   // pixels, unless cells would be too small to click
const STRIP = { tall: 26, thin: 13, gap: 3, label: 170 };
const onCanvas = (canvas, event) => {
  const frame = canvas.getBoundingClientRect();
  return [event.clientX - frame.left, event.clientY - frame.top];
};

function makeCanvas(box, label) {
  const canvas = element(box, "canvas");
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", label);
  const under = element(box, "div", "under");
  const readout = element(under, "span", "readout", "\u00a0");
  canvas.onpointerleave = () => { readout.textContent = "\u00a0"; };
  return { canvas, under, readout };
}

function mostOf(lists) {
  let most = 0;
  for (const values of lists) for (const v of values) if (Math.abs(v) > most) most = Math.abs(v);
  return most || 1;
}

// Rows of cells. Where a pixel has to hold several numbers it shows the one farthest from zero.
function drawStrips(box, picture, take, look) {
  const rows = picture.rows.map(([name, ...where]) => [name, take(where)]);
  const { canvas, under, readout } = makeCanvas(box, picture.title);
  const thin = rows.length > 8, height = thin ? STRIP.thin : STRIP.tall, gap = thin ? 1 : STRIP.gap;
  const { theme, width } = look, most = mostOf(rows.map(([, values]) => values));
  const pen = sizeCanvas(canvas, width, rows.length * (height + gap));
  pen.font = `${thin ? 11 : 14}px ${picture.picks ? theme.code : theme.font}`;
  const widest = Math.max(...rows.map(([name]) => pen.measureText(name).width));
  const left = Math.min(STRIP.label, Math.ceil(widest) + 10), span = width - left;
  const colour = diverging(channels(theme.background));
  rows.forEach(([name, values], at) => {
    const y = at * (height + gap), pixels = Math.min(values.length, Math.round(span));
    pen.fillStyle = picture.picks && at === look.place.token ? theme.accent : theme.text;
    pen.textBaseline = "middle";
    pen.fillText(fitText(pen, name, left - 8), 0, y + height / 2);
    for (let p = 0; p < pixels; p++) {
      let value = 0;
      const first = Math.floor((p * values.length) / pixels), end = Math.ceil(((p + 1) * values.length) / pixels);
      for (let i = first; i < end; i++) if (Math.abs(values[i]) >= Math.abs(value)) value = values[i];
      pen.fillStyle = rgb(colour(value / most));
      const x = left + (p * span) / pixels;
      pen.fillRect(x, y, span / pixels + 0.5, height);
    }
    pen.strokeStyle = picture.picks && at === look.place.token ? theme.accent : theme.border;
    if (!thin || (picture.picks && at === look.place.token)) pen.strokeRect(left + 0.5, y + 0.5, span - 1, height - 1);
  });
  under.append(legend(most, colour));
  const find = (event) => {
    const [x, y] = onCanvas(canvas, event);
    const at = Math.min(rows.length - 1, Math.max(0, Math.floor(y / (height + gap))));
    const values = rows[at][1];
    return [at, Math.min(values.length - 1, Math.max(0, Math.floor(((x - left) / span) * values.length)))];
  };
  canvas.onpointermove = (event) => {
    const [at, i] = find(event);
    readout.textContent = tr`${rows[at][0]}, number ${i}: ${shortNumber(rows[at][1][i])}`;
  };
  if (picture.picks) {
    canvas.style.cursor = "pointer";
    canvas.onclick = (event) => look.ask({ token: find(event)[0], key: null });
  }
}

// A cell for each query (row) and key (column); a click chooses both.
function drawMatrix(box, picture, take, look) {
  const values = take(picture.values), hidden = picture.hidden && take(picture.hidden);
  const { tokens, theme, place } = look, n = tokens.length;
  const { canvas, under, readout } = makeCanvas(box, picture.title);
  const measure = canvas.getContext("2d");
  measure.font = `12px ${theme.code}`;
  const left = Math.min(96, Math.ceil(Math.max(...tokens.map((t) => measure.measureText(t).width))) + 8);
  const cell = Math.max(5, Math.min(24, Math.floor(Math.min(look.width - left, MATRIX) / n)));
  const pen = sizeCanvas(canvas, left + n * cell + 1, n * cell + 1);
  const seen = (i) => !hidden || !hidden[i];
  const most = mostOf([values.filter((_, i) => seen(i))]);
  const paint = diverging(channels(theme.background));
  const colour = picture.share ? (v) => cividis(Math.sqrt(v)) : (v) => paint(v / most);
  pen.textBaseline = "middle";
  const striped = hatch(pen, theme);
  for (let t = 0; t < n; t++) {
    pen.fillStyle = t === place.token ? theme.accent : theme.text;
    pen.font = `${cell >= 8 && t !== place.token ? Math.min(12, cell + 2) : 12}px ${theme.code}`;
    if (cell >= 8 || t === place.token) pen.fillText(fitText(pen, tokens[t], left - 6), 0, t * cell + cell / 2);
    for (let s = 0; s < n; s++) {
      pen.fillStyle = seen(t * n + s) ? rgb(colour(values[t * n + s])) : striped;
      pen.fillRect(left + s * cell, t * cell, cell, cell);
    }
  }
  pen.lineWidth = 2;
  pen.strokeStyle = theme.accent;
  pen.strokeRect(left + 1, place.token * cell, n * cell - 2, cell);
  if (place.key !== null) pen.strokeRect(left + place.key * cell, place.token * cell, cell, cell);
  if (!picture.share) under.append(legend(most, paint));
  const find = (event) => onCanvas(canvas, event).map((at, i) =>
    Math.min(n - 1, Math.max(0, Math.floor((at - (i ? 0 : left)) / cell)))).reverse();
  canvas.style.cursor = "pointer";
  canvas.onpointermove = (event) => {
    const [t, s] = find(event), value = values[t * n + s];
    const told = !seen(t * n + s) ? tr`may not look` : picture.share ? value.toFixed(3) : shortNumber(value);
    readout.textContent = `${tokens[t]} (${t}) → ${tokens[s]} (${s}): ${told}`;
  };
  canvas.onclick = (event) => { const [t, s] = find(event); look.ask({ token: t, key: s }); };
}

// Numbers side by side; labels below where there is room for them.
function drawColumns(box, picture, take, look) {
  const values = take(picture.values), { theme, width } = look;
  const { canvas, readout } = makeCanvas(box, picture.title);
  const each = Math.min(36, width / values.length), named = picture.picks && each >= 13;
  const low = Math.min(0, ...values), high = Math.max(0, ...values), span = high - low || 1;
  const foot = named ? 66 : 4, height = 90;
  const pen = sizeCanvas(canvas, width, height + foot + 16);
  const y = (value) => 8 + ((high - value) / span) * height;
  values.forEach((value, i) => {
    pen.fillStyle = i === picture.marked ? theme.accent : rgb(value < 0 ? BELOW : ABOVE);
    const top = Math.min(y(value), y(0));
    pen.fillRect(i * each + 1, top, Math.max(1, each - 2), Math.max(1, Math.abs(y(value) - y(0))));
    if (!named) return;
    pen.save();
    pen.translate(i * each + each / 2 + 4, height + 14);
    pen.rotate(-Math.PI / 2);
    pen.font = `12px ${theme.code}`;
    pen.textAlign = "right";
    pen.fillStyle = i === picture.marked ? theme.accent : theme.text;
    pen.fillText(fitText(pen, picture.labels[i], foot), 0, 0);
    pen.restore();
  });
  pen.strokeStyle = theme.muted;
  pen.beginPath();
  pen.moveTo(0, y(0));
  pen.lineTo(each * values.length, y(0));
  pen.stroke();
  const find = (event) => Math.min(values.length - 1, Math.max(0, Math.floor(onCanvas(canvas, event)[0] / each)));
  canvas.onpointermove = (event) => {
    const i = find(event);
    readout.textContent = `${picture.labels[i]}${picture.picks ? ` (${i})` : ""}: ${shortNumber(values[i])}`;
  };
  if (picture.picks) {
    canvas.style.cursor = "pointer";
    canvas.onclick = (event) => look.ask({ key: find(event) });
  }
}
