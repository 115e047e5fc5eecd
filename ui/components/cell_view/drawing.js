// Pictures of one cell. All that share dimensions, or keys, begin at the same pixel: a line links them.
const LABEL = 168, GAP = 3, ROW = 24, PLOT = 92, FOOT = 62;

// What every picture of a column has: where its numbers begin and how wide each is.
function frameOf(pen, names, width, count, theme) {
  pen.font = `14px ${theme.font}`;
  const widest = Math.max(30, ...names.map((name) => pen.measureText(name).width));
  const left = Math.min(LABEL, Math.ceil(widest) + 10);
  return { left, span: width - left - 1, each: (width - left - 1) / count, count };
}

const indexAt = (box, x) => Math.min(box.count - 1, Math.max(0, Math.floor((x - box.left) / box.each)));

function mostOf(lists) {
  let most = 0;
  for (const values of lists) for (const value of values) if (Math.abs(value) > most) most = Math.abs(value);
  return most || 1;
}

// A line around one place, from top to bottom.
function markPlace(pen, box, at, height, colour) {
  if (at === null || at === undefined) return;
  pen.strokeStyle = colour;
  pen.lineWidth = 1.5;
  pen.strokeRect(box.left + at * box.each, 0.75, Math.max(2, box.each), height - 1.5);
}

// Rows of coloured cells. With more numbers than pixels a pixel shows the one farthest from zero.
function drawRows(canvas, rows, box, width, theme, over, most) {
  const height = rows.length * (ROW + GAP);
  const pen = sizeCanvas(canvas, width, height), colour = diverging(channels(theme.background));
  pen.font = `14px ${theme.font}`;
  pen.textBaseline = "middle";
  rows.forEach(([name, values], at) => {
    const y = at * (ROW + GAP), pixels = Math.min(values.length, Math.round(box.span));
    pen.fillStyle = theme.text;
    pen.fillText(fitText(pen, name, box.left - 8), 0, y + ROW / 2);
    for (let p = 0; p < pixels; p++) {
      let value = 0;
      const first = Math.floor((p * values.length) / pixels), end = Math.ceil(((p + 1) * values.length) / pixels);
      for (let i = first; i < end; i++) if (Math.abs(values[i]) >= Math.abs(value)) value = values[i];
      pen.fillStyle = rgb(colour(value / most));
      pen.fillRect(box.left + (p * box.span) / pixels, y, box.span / pixels + 0.5, ROW);
    }
    pen.lineWidth = 1;
    pen.strokeStyle = theme.border;
    pen.strokeRect(box.left + 0.5, y + 0.5, box.span - 1, ROW - 1);
  });
  markPlace(pen, box, over, height - GAP, theme.text);
  return colour;
}

// Columns up and down from zero. `hidden` places are hatched, `marked` is the chosen one.
function drawColumns(canvas, values, box, width, theme, { over, marked, hidden, names, share, axis }) {
  const seen = (i) => !hidden || !hidden(i);
  const told = Array.from(values).filter((value, i) => seen(i) && Number.isFinite(value));
  const low = Math.min(0, ...told), high = Math.max(0, ...told), span = high - low || 1;
  const named = names && box.each >= 13, height = PLOT + (named ? FOOT : 0);
  const pen = sizeCanvas(canvas, width, height);
  const y = (value) => 6 + ((high - value) / span) * (PLOT - 12);
  pen.font = `12px ${theme.font}`;
  pen.fillStyle = theme.muted;
  pen.textBaseline = "middle";
  pen.textAlign = "right";
  for (const tick of high > 0 && low < 0 ? [high, 0, low] : high > 0 ? [high, 0] : [0, low]) {
    if (tick === 0 && (y(0) < 18 || y(0) > PLOT - 18) && low < 0 && high > 0) continue;
    pen.fillText(share ? tick.toFixed(2) : shortNumber(tick), box.left - 6, Math.min(PLOT - 6, Math.max(7, y(tick))));
  }
  pen.textAlign = "left";
  pen.fillText(fitText(pen, axis, box.left - 44), 0, PLOT / 2);
  const striped = hatch(pen, theme), slim = box.each > 4 ? 1 : 0;
  for (let i = 0; i < values.length; i++) {
    const x = box.left + i * box.each;
    if (!seen(i)) {
      pen.fillStyle = striped;
      pen.fillRect(x, 0, box.each, PLOT);
      continue;
    }
    const top = Math.min(y(values[i]), y(0));
    pen.fillStyle = i === marked ? MARKED : share ? SHARE : rgb(values[i] < 0 ? BELOW : ABOVE);
    pen.fillRect(x + slim / 2, top, Math.max(1, box.each - slim), Math.max(1, Math.abs(y(values[i]) - y(0))));
  }
  pen.strokeStyle = theme.muted;
  pen.lineWidth = 1;
  pen.beginPath();
  pen.moveTo(box.left, Math.round(y(0)) + 0.5);
  pen.lineTo(box.left + box.span, Math.round(y(0)) + 0.5);
  pen.stroke();
  if (named) drawNames(pen, names, box, theme, marked);
  markPlace(pen, box, marked, PLOT, MARKED);
  markPlace(pen, box, over, PLOT, theme.text);
}

const MARKED = "#E69F00", SHARE = "#0072B2";

function drawNames(pen, names, box, theme, marked) {
  pen.font = `12px ${theme.code}`;
  pen.textAlign = "right";
  pen.textBaseline = "middle";
  names.forEach((name, i) => {
    pen.save();
    pen.translate(box.left + (i + 0.5) * box.each, PLOT + 5);
    pen.rotate(-Math.PI / 2);
    pen.fillStyle = i === marked ? theme.accent : theme.text;
    pen.fillText(fitText(pen, name, FOOT - 6), 0, 0);
    pen.restore();
  });
}
