// The board as elements: made once for a model, brought up to date after that, so that focus stays.
const SMALLEST = 36, WORTH_FROM = 78, NAME_FROM = 104, LARGEST = 168, SIDE = 44;

function makeBoard(grid, { layers, heads }, parts) {
  const make = (tag, role, classes, text = "") => {
    const made = document.createElement(tag);
    made.setAttribute("role", role);
    made.className = classes;
    made.textContent = text;
    return made;
  };
  const head = (role, classes, text, label, pick) => {
    const made = make("button", role, `head ${classes}`, text);
    made.type = "button";
    made.tabIndex = -1;
    made.setAttribute("aria-label", label);
    made.dataset.pick = pick;
    return made;
  };
  grid.style.setProperty("--heads", heads);
  const top = make("div", "row", "line");
  top.append(head("columnheader", "top side", "all", tr`Choose all parts`, "all"));
  for (let place = 0; place < heads; place++) top.append(head("columnheader", "top", `H${place}`, tr`Choose head ${place} of every layer`, `column ${place}`));
  top.append(head("columnheader", "top", "FF", tr`Choose the feed-forward part of every layer`, `column ${heads}`));
  const cells = [], lines = [top];
  for (let layer = 0; layer < layers; layer++) {
    const line = make("div", "row", "line");
    line.append(head("rowheader", "side", `L${layer}`, tr`Choose all of layer ${layer}`, `row ${layer}`));
    for (let place = 0; place <= heads; place++) {
      const cell = make("div", "gridcell", "part");
      const pill = make("span", "none", "pill"), badge = make("span", "none", "badge");
      const worth = make("span", "none", "worth"), name = make("span", "none", "name");
      cell.append(pill, badge, worth, name);
      cell.dataset.part = cells.length;
      cell.dataset.testid = "switch";
      cell.tabIndex = -1;
      cells.push({ cell, badge, worth, name });
      line.append(cell);
    }
    lines.push(line);
  }
  grid.replaceChildren(...lines);
  return cells;
}

// As wide as the room allows, never too small to point at; what has no room is told when it is pointed at.
function fitBoard(grid, { heads, labels }, room) {
  const cell = Math.max(SMALLEST, Math.min(LARGEST, Math.floor((room - SIDE - 24) / (heads + 1)) - 3));
  const named = cell >= NAME_FROM && labels !== null;
  grid.style.setProperty("--cell", `${cell}px`);
  grid.style.setProperty("--tall", named ? "46px" : "31px");
  grid.classList.toggle("narrow", cell < WORTH_FROM);
  grid.classList.toggle("medium", cell >= WORTH_FROM && !named);
}

// One switch: its state, its colour, its words. Names are ours, yet textContent all the same.
function showCell({ cell, badge, worth, name }, part, look) {
  const { header, parts, states, chosen, colour, worths } = look;
  const state = states.get(part), head = parts.layer(part) * header.heads + parts.place(part);
  const label = parts.isHead(part) ? header.labels?.[head] ?? "" : "feed-forward";
  const kind = parts.isHead(part) ? header.kinds.find((each) => each.name === header.kindsOf?.[head]) : null;
  const value = worths[part], known = Number.isFinite(value);
  cell.className = `part${parts.isHead(part) ? "" : " last"}${state?.act === "off" ? " off" : state ? " changed" : ""}`;
  cell.dataset.state = state ? (state.act === "scale" ? `x${state.factor}` : state.act) : "on";
  cell.setAttribute("aria-selected", chosen.has(part));
  cell.style.setProperty("--kind", kind?.colour ?? "");
  const fill = known ? colour(value / header.most) : null;
  cell.style.background = fill ? rgb(fill) : "";
  cell.style.color = fill ? inkOn(fill) : "";
  cell.style.setProperty("--ink", fill ? inkOn(fill) : "");
  badge.textContent = state && state.act !== "off" ? badgeText(state) : "";
  worth.textContent = known ? signedText(value) : "";
  name.textContent = label;
  cell.setAttribute("aria-label", cellWords(part, look));
}

function cellWords(part, { header, parts, states, worths }) {
  const head = parts.layer(part) * header.heads + parts.place(part);
  const label = parts.isHead(part) ? header.labels?.[head] : "";
  const value = worths[part];
  const worth = Number.isFinite(value) ? tr` · ${header.without} ${signedText(value)} nats per token` : "";
  return `${partName(part, parts)}${label ? `: ${label}` : ""} · ${stateWords(states.get(part))}${worth}`;
}

function signedText(value) {
  const text = Math.abs(value).toFixed(2);
  return Number(text) === 0 ? text : `${value < 0 ? "−" : "+"}${text}`;
}
