// Geometry and drawing of one T×T matrix with token labels. Knows no events and no readout.
const LABEL_FONT = 13, LASER_FONT = 20, WIDEST_LABEL = 120, LARGEST_CELL = 44, MARK = "#ff4fd8", CURVES = { root: Math.sqrt, plain: (w) => w };

// One pixel a value; what a query may not see stays transparent, what is no number turns red.
// `colour` gives [red, green, blue] of a value.
function paintMatrix(values, length, sees, colour) {
  const sheet = document.createElement("canvas");
  sheet.width = sheet.height = length;
  const pen = sheet.getContext("2d");
  const image = pen.createImageData(length, length);
  for (let t = 0; t < length; t++) {
    for (let s = 0; s <= t; s++) {
      if (!sees(t, s)) continue;
      const value = values[t * length + s], o = 4 * (t * length + s);
      image.data.set(Number.isFinite(value) ? colour(value) : [220, 30, 30], o);
      image.data[o + 3] = 255;
    }
  }
  pen.putImageData(image, 0, 0);
  return sheet;
}

// Where things are, in CSS pixels. The matrix fills a square window; zooming moves what is in it.
function layOut(pen, texts, width, height, view, theme) {
  const font = theme.laser ? LASER_FONT : LABEL_FONT;
  pen.font = `${font}px ${theme.code}`;
  const longest = texts.reduce((most, text) => Math.max(most, pen.measureText(text).width), 0);
  const widest = Math.ceil(Math.min(WIDEST_LABEL * font / LABEL_FONT, longest + 10));
  const left = Math.max(84, widest + 8), top = Math.max(48, widest + 8);
  const length = texts.length;
  const room = Math.min(width - left - 2, height - top - 2) / length;
  // Whole pixels look crisp; small cells take what there is.
  const fit = Math.min(LARGEST_CELL, room >= 8 ? Math.floor(room) : Math.max(0.5, room));
  const cell = Math.max(fit, Math.min(LARGEST_CELL, fit * view.zoom));
  const span = fit * length;
  const slack = Math.max(0, cell * length - span);
  view.x = Math.min(slack, Math.max(0, view.x));
  view.y = Math.min(slack, Math.max(0, view.y));
  return { left, top, fit, cell, span, slack, widest, length };
}

function drawMatrix(pen, sheet, box, view, texts, theme, at, locked) {
  const { left, top, cell, span, length } = box;
  pen.save();
  pen.beginPath();
  pen.rect(left, top, span, span);
  pen.clip();
  pen.fillStyle = hatch(pen, theme);
  pen.fillRect(left, top, span, span);
  pen.imageSmoothingEnabled = cell < 1;
  pen.drawImage(sheet, left - view.x, top - view.y, cell * length, cell * length);
  if (locked !== null) band(pen, left, top - view.y + locked * cell, span, cell, MARK);
  if (at) {
    const x = left - view.x + at[1] * cell, y = top - view.y + at[0] * cell;
    band(pen, left, y, span, cell, "#fff");
    band(pen, x, top, cell, span, "#fff");
    band(pen, x, y, cell, cell, MARK);
  }
  pen.restore();
  if (at && theme.laser) {
    laser(pen, left - view.x + (at[1] + 0.5) * cell, top - view.y + (at[0] + 0.5) * cell, cell, theme);
  }
  pen.strokeStyle = theme.border;
  pen.lineWidth = 1;
  pen.strokeRect(left - 0.5, top - 0.5, span + 1, span + 1);
  drawLabels(pen, box, view, texts, theme, at, locked);
}

// An outline that shows on every colour of the scale: a line between two dark ones.
function band(pen, x, y, width, height, colour) {
  const lines = Math.min(width, height) < 12 ? [[3, "#000"], [1, colour]] : [[4, "#000"], [2, colour]];
  for (const [thick, ink] of lines) {
    pen.lineWidth = thick;
    pen.strokeStyle = ink;
    pen.strokeRect(x, y, width, height);
  }
}

// A ring around the cell that is pointed at, seen from the back row.
function laser(pen, x, y, cell, theme) {
  for (const [thick, ink] of [[9, "#fff"], [5, theme.laser]]) {
    pen.beginPath();
    pen.arc(x, y, Math.max(18, cell), 0, 2 * Math.PI);
    pen.lineWidth = thick;
    pen.strokeStyle = ink;
    pen.stroke();
  }
}

// Labels as chips on both sides, thinned so that none touch; the chosen ones are always shown,
// and larger while somebody presents.
function drawLabels(pen, box, view, texts, theme, at, locked) {
  const { left, top, cell, span, widest, length } = box;
  const every = Math.max(1, Math.ceil((LABEL_FONT + 4) / cell));
  const chosenRows = new Set([locked, at?.[0]].filter((i) => i !== null && i !== undefined));
  const chosenColumns = new Set(at ? [at[1]] : []);
  const chosenFont = theme.laser ? LASER_FONT : LABEL_FONT;
  pen.textBaseline = "middle";
  for (const [chosen, offset, isRow] of [[chosenRows, view.y, true], [chosenColumns, view.x, false]]) {
    const free = (i) => [...chosen].every((c) => Math.abs(c - i) * cell >= (LABEL_FONT + chosenFont) / 2 + 4);
    for (let i = 0; i < length; i++) {
      const isChosen = chosen.has(i);
      const middle = (i + 0.5) * cell - offset;
      if (middle < 0 || middle > span || !(isChosen || (i % every === 0 && free(i)))) continue;
      pen.save();
      if (isRow) pen.translate(left - 5, top + middle);
      else { pen.translate(left + middle, top - 5); pen.rotate(Math.PI / 2); }
      const size = isChosen ? chosenFont : LABEL_FONT;
      pen.font = `${size}px ${theme.code}`;
      label(pen, fitText(pen, texts[i], widest - 8), size, isChosen, theme);
      pen.restore();
    }
  }
  pen.font = `${LABEL_FONT}px ${theme.font}`;
  pen.textAlign = "right";
  pen.fillStyle = theme.muted;
  pen.fillText(tr`keys →`, left - 8, top - 30);
  pen.fillText(tr`queries ↓`, left - 8, top - 12);
}

// One chip whose right end is at the pen's origin.
function label(pen, text, size, isChosen, theme) {
  const width = pen.measureText(text).width + 6;
  pen.fillStyle = isChosen ? theme.accent : theme.panel;
  pen.beginPath();
  pen.roundRect(-width, -size / 2 - 1.5, width, size + 3, 4);
  pen.fill();
  pen.fillStyle = isChosen ? theme.background : theme.text;
  pen.textAlign = "right";
  pen.fillText(text, -3, 0.5);
}
