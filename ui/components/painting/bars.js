// The bars: elements, not a canvas, so that each can be focused, named and read aloud.
const THIN = 15, FINGER = 28, WIDE = 84, NAMES_ACROSS = 46, VALUES_FROM = 34, HIDDEN_ROOM = 150;
const SCALES = {
  plain: { to: (share) => share, from: (height) => height, ticks: [0, 0.25, 0.5, 0.75, 1] },
  root: { to: Math.sqrt, from: (height) => height * height, ticks: [0, 0.01, 0.05, 0.25, 0.5, 1] },
};

function part(parent, tag, className) {
  const made = parent.appendChild(document.createElement(tag));
  made.className = className;
  return made;
}

// One column a key, with the untouched weight as an outline. `first` is the first that can be painted.
function buildColumns(box, words, untouched, first) {
  box.querySelectorAll(".column").forEach((old) => old.remove());
  return Array.from(untouched, (weight, s) => {
    const column = part(box, "div", s < first ? "column hidden" : "column");
    column.dataset.key = s;
    const track = part(column, "div", "track");
    track.dataset.testid = "painting-track";
    part(column, "div", "name").textContent = words[s];
    if (s < first) { column.title = tr`Outside the window: this query cannot look there.`; return column; }
    part(track, "i", "fill");
    part(track, "i", "was");
    part(track, "span", "value");
    column.setAttribute("role", "slider");
    column.setAttribute("aria-orientation", "vertical");
    column.setAttribute("aria-label", tr`Weight of ${words[s]}, position ${s}`);
    column.setAttribute("aria-valuemin", 0);
    column.setAttribute("aria-valuemax", 1);
    return column;
  });
}

// As wide as there is room for, as thin as can still be hit; longer rows scroll. Keys that cannot be
// painted take little room together.
function columnWidths(room, count, hidden) {
  const least = matchMedia("(pointer: coarse)").matches ? FINGER : THIN;
  const aside = Math.min(HIDDEN_ROOM, hidden * least);
  const wide = Math.max(least, Math.min(WIDE, (room - aside) / (count - hidden)));
  return { wide, slim: hidden ? Math.min(wide, HIDDEN_ROOM / hidden) : 0 };
}

const percent = (share) => {
  const digits = share > 0 && share < 0.0995 ? 1 : 0;
  return `${(100 * share).toFixed(digits)}%`;
};

// Heights, values and what is read aloud, for all columns.
function showShares(columns, row, untouched, first, scale) {
  columns.forEach((column, s) => {
    if (s < first) return;
    column.querySelector(".fill").style.height = `${100 * scale.to(row[s])}%`;
    column.querySelector(".was").style.height = `${100 * scale.to(untouched[s])}%`;
    column.querySelector(".value").textContent = percent(row[s]);
    column.setAttribute("aria-valuenow", row[s].toFixed(4));
    column.setAttribute("aria-valuetext", tr`${percent(row[s])}, untouched ${percent(untouched[s])}`);
  });
}

// Numbers beside the bars, lines behind them.
function showAxis(axis, lines, scale) {
  axis.replaceChildren();
  lines.replaceChildren();
  for (const tick of scale.ticks) {
    const at = `${100 * scale.to(tick)}%`;
    const label = part(axis, "span", "tick");
    label.textContent = String(tick);
    label.style.bottom = at;
    part(lines, "i", "line").style.bottom = at;
  }
}
