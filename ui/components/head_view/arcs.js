// The text as one line of tokens, with an arc from a query to each key that it takes from.
// Only the part in sight is drawn, so that a long text costs no more than a short one.
const ARC_FONT = 14, ARC_HEIGHT = 128, TOKEN_HEIGHT = 26, ARC_PAD = 6, LEAST_ARC = 0.004, WIDEST_ARC = 7;

// Left ends of all tokens on the line, in CSS pixels, and the whole length as the last.
function tokenPlaces(pen, tokens, theme) {
  pen.font = `${ARC_FONT}px ${theme.code}`;
  const ends = [ARC_PAD];
  for (const token of tokens) {
    ends.push(ends[ends.length - 1] + Math.max(12, Math.min(150, pen.measureText(token).width)) + 9);
  }
  return ends;
}

// Draws what lies between `from` and `from + width` of the line. `share(s)` in [-1, 1] is how much
// the query takes from key s, null where it sees none; `paint` gives a share's colour.
function drawArcs(canvas, { tokens, ends, from, width, query, locked, pointed, share, paint, theme }) {
  const pen = sizeCanvas(canvas, width, ARC_HEIGHT + TOKEN_HEIGHT + ARC_PAD);
  const middle = (i) => (ends[i] + ends[i + 1] - 9) / 2 - from;
  pen.lineCap = "round";
  for (let s = 0; s <= query; s++) {
    const size = share(s);
    if (size === null || Math.abs(size) < LEAST_ARC) continue;
    const a = middle(query), b = middle(s);
    if (Math.max(a, b) < 0 || Math.min(a, b) > width) continue;
    pen.globalAlpha = s === pointed ? 1 : 0.35 + 0.6 * Math.sqrt(Math.abs(size));
    pen.lineWidth = Math.max(1, WIDEST_ARC * Math.abs(size));
    pen.strokeStyle = s === pointed ? theme.text : paint(size);
    pen.beginPath();
    if (s === query) pen.ellipse(a, ARC_HEIGHT - 10, 7, 10, 0, 0, 2 * Math.PI);
    else {
      const rise = Math.min(ARC_HEIGHT - 8, 16 + 0.42 * Math.abs(a - b));
      pen.ellipse((a + b) / 2, ARC_HEIGHT, Math.abs(a - b) / 2, rise, 0, Math.PI, 2 * Math.PI);
    }
    pen.stroke();
  }
  pen.globalAlpha = 1;
  drawTokens(pen, { tokens, ends, from, width, query, locked, pointed, theme });
}

function drawTokens(pen, { tokens, ends, from, width, query, locked, pointed, theme }) {
  pen.font = `${ARC_FONT}px ${theme.code}`;
  pen.textBaseline = "middle";
  pen.textAlign = "left";
  for (let i = 0; i < tokens.length; i++) {
    const left = ends[i] - from, wide = ends[i + 1] - ends[i] - 3;
    if (left + wide < 0 || left > width) continue;
    const chosen = i === query;
    pen.fillStyle = chosen && locked ? theme.accent : theme.panel;
    pen.beginPath();
    pen.roundRect(left, ARC_HEIGHT + 2, wide, TOKEN_HEIGHT - 4, 4);
    pen.fill();
    if (chosen || i === pointed) {
      pen.lineWidth = 2;
      pen.strokeStyle = chosen ? theme.accent : theme.text;
      pen.setLineDash(chosen ? [] : [3, 2]);
      pen.stroke();
      pen.setLineDash([]);
    }
    pen.fillStyle = chosen && locked ? theme.background : i > query ? theme.muted : theme.text;
    pen.fillText(fitText(pen, tokens[i], wide - 5), left + 3, ARC_HEIGHT + TOKEN_HEIGHT / 2);
  }
}

// The token at this place of the line, null beyond the last.
function tokenAt(ends, place) {
  const found = ends.findIndex((end, i) => place >= end && place < ends[i + 1]);
  return found < 0 ? null : found;
}
