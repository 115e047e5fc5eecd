const SVG = "http://www.w3.org/2000/svg";

// The model: its map at the left, one block opened at the right, the residual stream between.
export default function ({ data, parentElement, setTriggerValue }) {
  const { header: model } = unpack(data);
  const root = parentElement.querySelector(".root");
  const svg = root.querySelector("svg"), note = root.querySelector(".note");
  const places = layOut(model);
  const nodes = [...model.before, ...model.block, ...model.after];
  const focused = parentElement.activeElement?.dataset?.place;
  root.zoom ??= "all";
  svg.style.height = `${model.height}px`;
  svg.setAttribute("aria-label", tr`The model: ${model.n_layers} blocks. Arrow keys move between parts, Enter opens one.`);
  svg.replaceChildren();

  const pick = (part, layer) => { if (model.canPick) setTriggerValue("pick", [part, layer]); };
  drawLens();
  model.groups.forEach(drawFrame);
  drawStream();
  drawWires();
  drawMap();
  for (const node of nodes) drawPart(node);
  if (focused) svg.querySelector(`[data-place="${focused}"]`)?.focus();

  // The opened block is a magnified bar of the map.
  function drawLens() {
    const bar = places.layers[model.layer];
    draw("path", "lens", { d: `M${bar.x + bar.w} ${bar.y} L${LINE - 14} 2 V${places.height - 2} L${bar.x + bar.w} ${bar.y + bar.h} Z` });
  }

  function drawFrame(group) {
    const frame = places.frames[group.name];
    draw("rect", "frame", { x: frame.x, y: frame.y, width: frame.w, height: frame.h, rx: 10 });
    text("title", group.title, frame.x + 12, frame.y + 16);
    const detail = text("small muted", group.detail, frame.x + frame.w - 12, frame.y + 16);
    detail.setAttribute("text-anchor", "end");
  }

  // The stream runs from top to bottom; a branch leaves it before its norm and comes back at a plus.
  function drawStream() {
    draw("path", "stream", { d: `M${LINE} 2 V${places.height - 2}` });
    const ends = { attention: ["attention_norm", "attention_output", "attention_add"], feed_forward: ["mlp_norm", "down", "mlp_add"] };
    for (const [norm, last, add] of Object.values(ends)) {
      const from = middle(norm), to = middle(last), plus = middle(add);
      draw("path", "branch", { d: `M${LINE} ${from} H${places.boxes[norm].x}` });
      draw("circle", "head", { cx: places.boxes[norm].x - 3, cy: from, r: 3.5 });
      draw("path", "branch", { d: `M${places.boxes[last].x} ${to} H${LINE + 16} V${plus} H${LINE}` });
      draw("circle", "plus", { cx: LINE, cy: plus, r: 10 });
      const sign = text("title", "+", LINE, plus + 5);
      sign.setAttribute("text-anchor", "middle");
      draw("path", "branch", { d: `M${LINE + 10} ${plus} H${places.boxes[add].x}`, "stroke-dasharray": "2 3" });
    }
    const top = middle("stream");
    draw("path", "branch", { d: `M${LINE} ${top} H${places.boxes.stream.x}`, "stroke-dasharray": "2 3" });
  }

  function middle(name) { return places.boxes[name].y + BOX / 2; }

  // A wire goes straight down where the boxes overlap, else in two bends.
  function drawWires() {
    for (const [from, to] of model.edges) {
      const a = places.boxes[from], b = places.boxes[to];
      const low = Math.max(a.x, b.x), high = Math.min(a.x + a.w, b.x + b.w);
      const x = (low + high) / 2;
      draw("path", "wire", { d: `M${x} ${a.y + a.h} V${b.y - 2}` });
      draw("path", "head", { d: `M${x - 4} ${b.y - 6} L${x + 4} ${b.y - 6} L${x} ${b.y} Z` });
    }
  }

  function drawMap() {
    const centre = MAP / 2;
    text("small muted", model.tokens, centre, TOP + 18).setAttribute("text-anchor", "middle");
    draw("path", "stream", { d: `M${centre} ${TOP + 24} V${places.height - TOP - 20}` });
    const logits = text("small muted", "logits", centre, places.height - TOP - 4);
    logits.setAttribute("text-anchor", "middle");
    places.layers.forEach((bar, layer) => {
      const open = layer === model.layer;
      const group = draw("g", `part${open ? " open" : ""}`, {});
      Object.assign(group.dataset, { place: `layer-${layer}`, testid: `layer-${layer}` });
      group.setAttribute("role", "button");
      group.setAttribute("aria-label", tr`Block ${layer}${open ? tr`, opened` : ""}`);
      group.setAttribute("tabindex", open ? "0" : "-1");
      draw("rect", "box", { x: bar.x, y: bar.y, width: bar.w, height: bar.h, rx: Math.min(5, bar.h / 3) }, group);
      const half = bar.w / 2;
      draw("rect", "tint attention", { x: bar.x, y: bar.y, width: half, height: bar.h }, group);
      draw("rect", "tint feed_forward", { x: bar.x + half, y: bar.y, width: half, height: bar.h }, group);
      if (bar.h >= 15) text("small", tr`Block ${layer}`, centre, bar.y + bar.h / 2 + 4, group).setAttribute("text-anchor", "middle");
      group.spot = bar;
      group.told = tr`Block ${layer} of ${model.n_layers}: attention, then feed-forward; ${model.block_parameters} parameters each.`;
      group.act = () => pick(model.part ?? "stream", layer);
    });
  }

  function drawPart(node) {
    const box = places.boxes[node.name];
    const inBlock = model.block.includes(node);
    const group = draw("g", `part${node.name === model.part ? " open" : ""}`, {});
    Object.assign(group.dataset, { place: node.name, testid: `part-${node.name}` });
    group.setAttribute("role", "button");
    group.setAttribute("tabindex", node.name === (model.part ?? "stream") ? "0" : "-1");
    group.setAttribute("aria-label", tr`${node.title}, gives ${node.sizes}`);
    draw("rect", "box", { x: box.x, y: box.y, width: box.w, height: box.h, rx: 7 }, group);
    draw("rect", `tint ${node.group || "outer"}`, { x: box.x, y: box.y, width: box.w, height: box.h, rx: 7 }, group);
    const narrow = box.w < 250;
    const title = text("title", node.title, narrow ? box.x + box.w / 2 : box.x + 12, box.y + (narrow ? 15 : 22), group);
    const sizes = text("sizes", narrow || !inBlock ? node.sizes : `${node.letters}  ${node.sizes}`,
      narrow ? box.x + box.w / 2 : box.x + box.w - 12, box.y + (narrow ? 29 : 22), group);
    title.setAttribute("text-anchor", narrow ? "middle" : "start");
    sizes.setAttribute("text-anchor", narrow ? "middle" : "end");
    if (narrow) { fit(title, box.w - 8, 14); fit(sizes, box.w - 8, 13); }
    group.spot = box;
    group.told = tr`${node.title}: ${node.note} Gives ${node.letters} = ${node.sizes}.` + (node.parameters ? tr` ${node.parameters} parameters.` : "");
    group.act = () => pick(node.name, model.layer);
  }

  // Shrinks a label that is wider than its box.
  function fit(label, room, size) {
    const length = label.getComputedTextLength?.() || label.textContent.length * size * 0.55;
    if (length > room) label.style.fontSize = `${Math.max(8, size * room / length)}px`;
  }

  function draw(tag, name, attributes, parent = svg) {
    const element = document.createElementNS(SVG, tag);
    element.setAttribute("class", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return parent.appendChild(element);
  }

  function text(name, content, x, y, parent = svg) {
    const element = draw("text", name, { x, y }, parent);
    element.textContent = content;
    return element;
  }

  // What a part does, where the pointer or the focus is; else the open part.
  const partAt = (event) => event.target.closest?.("g.part");
  const rest = () => svg.querySelector(`[data-place="${model.part ?? "stream"}"]`)?.told ?? "";
  const tell = (group) => { note.textContent = group?.told ?? rest(); };
  svg.onpointerover = (event) => tell(partAt(event));
  svg.onpointerleave = () => tell(null);
  svg.onfocus = null;
  svg.onclick = (event) => { const group = partAt(event); if (group) { tell(group); group.act(); } };
  const onFocus = (event) => tell(partAt(event));
  svg.addEventListener("focusin", onFocus);
  tell(null);

  // Arrow keys move to the nearest part in that direction.
  svg.onkeydown = (event) => {
    const here = partAt(event);
    if (!here) return;
    const way = { ArrowDown: [0, 1], ArrowUp: [0, -1], ArrowRight: [1, 0], ArrowLeft: [-1, 0] }[event.key];
    if (event.key === "Enter" || event.key === " ") here.act();
    else if (event.key === "Escape") zoomTo("all");
    else if (way) nearest(here, way)?.focus();
    else return;
    event.preventDefault();
  };

  function nearest(here, [dx, dy]) {
    const centre = (box) => [box.x + box.w / 2, box.y + box.h / 2];
    const [x, y] = centre(here.spot);
    let best = null, least = Infinity;
    for (const other of svg.querySelectorAll("g.part")) {
      const [ox, oy] = centre(other.spot);
      const ahead = (ox - x) * dx + (oy - y) * dy, aside = Math.abs((ox - x) * dy) + Math.abs((oy - y) * dx);
      if (other === here || ahead < 2) continue;
      const far = ahead + 3 * aside;
      if (far < least) { least = far; best = other; }
    }
    return best;
  }

  // Zooming moves the window over the drawing; at once where motion is not wanted.
  const buttons = root.querySelectorAll("[data-zoom]");
  const calm = window.matchMedia("(prefers-reduced-motion: reduce)").matches;
  function zoomTo(zoom) {
    root.zoom = zoom;
    buttons.forEach((button) => button.setAttribute("aria-pressed", button.dataset.zoom === zoom));
    const to = windowOf(places, zoom);
    const from = root.window ?? to;
    cancelAnimationFrame(root.moving);
    if (calm || from.every((value, i) => Math.abs(value - to[i]) < 1)) { place(to); return; }
    const begun = performance.now();
    const step = (now) => {
      const t = Math.min(1, (now - begun) / 260), ease = t * t * (3 - 2 * t);
      place(from.map((value, i) => value + (to[i] - value) * ease));
      if (t < 1) root.moving = requestAnimationFrame(step);
    };
    root.moving = requestAnimationFrame(step);
  }
  function place(view) {
    root.window = view;
    svg.setAttribute("viewBox", view.join(" "));
    svg.setAttribute("preserveAspectRatio", "xMidYMin meet");
  }
  buttons.forEach((button) => { button.onclick = () => zoomTo(button.dataset.zoom); });
  svg.ondblclick = (event) => {
    const node = model.block.find((each) => each.name === partAt(event)?.dataset.place);
    zoomTo(node?.group && root.zoom === "all" ? node.group : "all");
  };
  root.querySelector(".hint").textContent = model.canPick ? tr`Click a part to open it.` : "";
  zoomTo(root.zoom);
  return () => { svg.removeEventListener("focusin", onFocus); cancelAnimationFrame(root.moving); };
}
