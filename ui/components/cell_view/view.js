// One weight from query and key to the head's output. Dimensions are linked on the left and in the
// mixture, keys in the row of scores, the row of weights and the text.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const find = (name) => root.querySelector(name);
  const { header, values } = unpack(data);
  const { tokens, query, key, steps } = header;
  const numbers = new Float32Array(values);
  let read = 0;
  const take = (count) => numbers.subarray(read, read += count);
  const n = tokens.length, width = header.width;
  const vectors = header.vectors.map((name) => [name, take(width)]);
  const products = take(width), scores = take(n), visible = take(n), weights = take(n);
  const mixture = header.values.map((name) => [name, take(width)]);
  const hidden = (s) => !visible[s];
  const theme = themeOf(root);
  let dimension = null, place = null;   // under the pointer: a number of the head, a key
  root.classList.remove("busy");
  Object.assign(root.dataset, { query, key });

  function ask(nextQuery, nextKey) {
    const inside = (at) => at === null || (at >= 0 && at < n);
    if (!inside(nextQuery) || !inside(nextKey) || (nextQuery === query && nextKey === key)) return;
    root.classList.add("busy");
    setTriggerValue("go", [nextQuery, nextKey]);
  }

  function element(parent, tag, className, text) {
    const made = parent.appendChild(document.createElement(tag));
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }

  // Words around the pictures; what a family lacks (turning) stays empty and is not shown.
  let number = 0;
  for (const section of root.querySelectorAll("section")) {
    const step = steps[section.dataset.step], canvas = section.querySelector("canvas");
    section.replaceChildren();
    if (!step) continue;
    const title = element(section, "h4", "");
    element(title, "span", "place", String(++number));
    title.append(step.title);
    element(section, "div", "formulas").append(...step.formula.map(formula));
    if (canvas) section.append(canvas);
    if (canvas) { canvas.setAttribute("role", "img"); canvas.setAttribute("aria-label", step.title); }
    if (canvas) element(element(section, "div", "under"), "span", "readout", "\u00a0");
    element(section, "p", "told", step.told);
    for (const [term, meaning] of step.terms) {
      const word = element(section, "span", "term", term);
      word.title = meaning;
      word.tabIndex = 0;
    }
  }
  const inside = (step, name) => root.querySelector(`[data-step=${step}] ${name}`);

  const chips = addChips(find(".chips"), tokens);
  chips.forEach((chip, s) => {
    paintChip(chip, hidden(s) ? null : Math.sqrt(weights[s]));
    chip.classList.toggle("masked", hidden(s));
    chip.classList.toggle("locked", s === query);
    chip.classList.toggle("key", s === key);
    chip.title = hidden(s) ? tr`position ${s}: masked` : tr`position ${s}: weight ${weights[s].toFixed(3)}`;
    chip.onclick = (event) => (event.shiftKey ? ask(s, null) : ask(query, s));
    chip.onpointerenter = () => point(dimension, s);
    chip.onpointerleave = () => point(dimension, null);
  });
  const text = find(".chips"), from = chips[key].offsetTop - text.offsetTop;
  if (from < text.scrollTop || from > text.scrollTop + text.clientHeight - 30) text.scrollTop = Math.max(0, from - 36);
  find(".sentence").textContent = header.sentence;

  let boxes = null, room = 0;
  function layOut() {
    room = find(".left").clientWidth;
    const pen = inside("vectors", "canvas").getContext("2d");
    const names = [...header.vectors, tr`disagree −9.99`];
    boxes = {
      dimensions: frameOf(pen, names, room, width, theme),
      keys: frameOf(pen, [tr`weight 0.00 `], room, n, theme),
      mixture: frameOf(pen, header.values, room, width, theme),
    };
  }

  function draw() {
    const { dimensions, keys, mixture: mixed } = boxes;
    const most = mostOf(vectors.map(([, row]) => row)), mostMixed = mostOf(mixture.map(([, row]) => row));
    const colour = drawRows(inside("vectors", "canvas"), vectors, dimensions, room, theme, dimension, most);
    drawColumns(inside("products", "canvas"), products, dimensions, room, theme, { over: dimension, axis: "product" });
    drawColumns(inside("mask", "canvas"), scores, keys, room, theme, { over: place, marked: key, hidden, axis: "score" });
    drawColumns(inside("softmax", "canvas"), weights, keys, room, theme,
      { over: place, marked: key, hidden, names: tokens, share: true, axis: "weight" });
    drawRows(inside("mix", "canvas"), mixture, mixed, room, theme, dimension, mostMixed);
    legendOf("vectors", most, colour);
    legendOf("mix", mostMixed, colour);
  }

  function legendOf(step, most, colour) {
    inside(step, ".under .legend")?.remove();
    inside(step, ".under").append(legend(most, colour));
  }

  function say() {
    const d = dimension, s = place;
    const row = (name) => vectors.findLast(([each]) => each.startsWith(name))[1];
    const pair = d === null ? "\u00a0" :
      tr`dimension ${d}: query ${shortNumber(row("query")[d])} × key ${shortNumber(row("key")[d])} = ${shortNumber(products[d])}`;
    inside("vectors", ".readout").textContent = inside("products", ".readout").textContent = pair;
    inside("mix", ".readout").textContent = d === null ? "\u00a0" :
      tr`dimension ${d}: strongest value ${shortNumber(mixture[0][1][d])}, output ${shortNumber(mixture.at(-1)[1][d])}`;
    const name = s === null ? "" : `${tokens[s].slice(0, 40)} (${s}): `;
    inside("mask", ".readout").textContent = s === null ? "\u00a0" :
      tr`${name}score ${shortNumber(scores[s])}${hidden(s) ? tr`, masked: −∞` : ""}`;
    inside("softmax", ".readout").textContent = s === null ? "\u00a0" :
      `${name}${hidden(s) ? tr`masked, weight 0` : tr`weight ${weights[s].toFixed(4)}`}`;
  }

  function point(nextDimension, nextPlace) {
    if (nextDimension === dimension && nextPlace === place) return;
    dimension = nextDimension;
    place = nextPlace;
    draw();
    say();
  }

  const across = (event) => event.clientX - event.currentTarget.getBoundingClientRect().left;
  for (const [step, box] of [["vectors", "dimensions"], ["products", "dimensions"], ["mix", "mixture"]]) {
    const canvas = inside(step, "canvas");
    canvas.onpointermove = (event) => point(indexAt(boxes[box], across(event)), place);
    canvas.onpointerleave = () => point(null, place);
  }
  for (const step of ["mask", "softmax"]) {
    const canvas = inside(step, "canvas");
    canvas.classList.add("picks");
    canvas.onpointermove = (event) => point(dimension, indexAt(boxes.keys, across(event)));
    canvas.onpointerleave = () => point(dimension, null);
    canvas.onclick = (event) => ask(query, indexAt(boxes.keys, across(event)));
  }
  const valueRows = inside("mix", "canvas");
  valueRows.classList.add("picks");
  valueRows.onclick = (event) => {
    const y = event.clientY - valueRows.getBoundingClientRect().top;
    const s = header.value_keys[Math.min(mixture.length - 1, Math.max(0, Math.floor(y / (ROW + GAP))))];
    if (s !== null) ask(query, s);
  };

  const moves = {
    ".query-back": [query - 1, null], ".query-next": [query + 1, null],
    ".key-back": [query, key - 1], ".key-next": [query, key + 1], ".key-best": [query, null],
  };
  const best = weights.reduce((at, weight, s) => (weight > weights[at] ? s : at), 0);
  for (const [name, [q, k]] of Object.entries(moves)) {
    const button = find(name);
    button.disabled = q < 0 || q >= n || (k !== null && (k < 0 || k >= n)) || (name === ".key-best" && key === best);
    button.onclick = () => ask(q, k);
  }
  root.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const next = { ArrowLeft: ".key-back", ArrowRight: ".key-next", ArrowUp: ".query-back", ArrowDown: ".query-next", Home: ".key-best" }[event.key];
    if (!next || (event.target.tagName === "BUTTON" && event.key === "Home")) return;
    event.preventDefault();
    if (!find(next).disabled && !root.classList.contains("busy")) ask(...moves[next]);
  };

  layOut();
  draw();
  say();
  const watcher = new ResizeObserver(() => {
    if (find(".left").clientWidth === room) return;
    layOut();
    draw();
  });
  watcher.observe(root);
  return () => watcher.disconnect();
}
