// Pictures made of elements: bars, tables, arrows. Labels may be foreign: textContent only.
function element(parent, tag, className, text) {
  const made = parent.appendChild(document.createElement(tag));
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function drawBars(box, picture, take) {
  const values = take(picture.values), list = element(box, "div", "bars");
  const low = Math.min(0, ...values), high = Math.max(0, ...values), span = high - low || 1;
  values.forEach((value, i) => {
    const row = element(list, "div", i === picture.marked ? "row marked" : "row");
    element(row, "span", "label", picture.labels[i]).title = picture.labels[i];
    const track = element(row, "span", "track");
    const bar = element(track, "span", value < 0 ? "fill below" : "fill");
    bar.style.left = `${(100 * (Math.min(0, value) - low)) / span}%`;
    bar.style.width = `${(100 * Math.abs(value)) / span}%`;
    element(row, "span", "value", picture.shown[i]);
  });
}

function drawTable(box, picture) {
  const frame = element(box, "div", "scroll"), table = element(frame, "table");
  const head = element(element(table, "thead"), "tr");
  for (const name of picture.head) element(head, "th", "", name);
  const body = element(table, "tbody");
  for (const cells of picture.rows) {
    const row = element(body, "tr");
    for (const cell of cells) element(row, "td", "", cell);
  }
}

function drawTurns(box, picture, take) {
  const before = take(picture.before), after = take(picture.after), radians = take(picture.radians);
  const longest = Math.max(1e-9, ...Array.from(radians, (_, i) => Math.hypot(before[2 * i], before[2 * i + 1])));
  const frame = element(box, "div", "turns");
  radians.forEach((angle, i) => {
    const card = element(frame, "div", "turn");
    const svg = card.appendChild(svgElement("svg", { viewBox: "-52 -52 104 104" }));
    svg.append(svgElement("circle", { r: 46, class: "rim" }));
    for (const [vector, name] of [[before, "old"], [after, "new"]]) {
      const [x, y] = [46 * vector[2 * i] / longest, -46 * vector[2 * i + 1] / longest];
      svg.append(svgElement("line", { x1: 0, y1: 0, x2: x, y2: y, class: name }));
      svg.append(svgElement("circle", { cx: x, cy: y, r: name === "new" ? 4 : 3, class: `${name} tip` }));
    }
    element(card, "span", "muted", `${shortNumber((angle * 180) / Math.PI)}°`);
  });
}

function svgElement(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
