// Which heads, in which order: a score, its least value, a kind. Kept in the address by Python.
function renderArrangement(root, header, tell, changed) {
  const { heads, kinds, kindsOf, columns } = header;
  const find = (name) => root.querySelector(name);
  const score = find(".score"), order = find(".order"), least = find(".least input"), group = find(".kinds");
  // What was chosen here outlives new data, unless Python asks for something else than it was told.
  if (root.arrangement === undefined || header.arrangement !== root.toldArrangement) {
    root.arrangement = readArrangement(header.arrangement);
    root.toldArrangement = header.arrangement;
  }
  const now = root.arrangement;
  const choice = {
    get large() { return root.largeThumbnails === true; },
    get column() { return columns.find((column) => column.measure === now.measure); },
    get order() { return choice.column ? now.order : "layers"; },
    kindOf: (head) => (kindsOf ? kinds.find((kind) => kind.name === kindsOf[Math.floor(head / heads)][head % heads]) : undefined),
    told: ([layer, head]) => choice.column.values[layer * heads + head].toFixed(2),
    fits(head) {
      if (now.kind && kindsOf && choice.kindOf(head)?.name !== now.kind) return false;
      return !choice.column || choice.column.values[head] >= now.least;
    },
    sorted() {
      const values = choice.column.values, sign = now.order === "lowest" ? 1 : -1;
      const fitting = values.map((_, head) => head).filter((head) => choice.fits(head));
      return fitting.sort((a, b) => sign * (values[a] - values[b]) || a - b);
    },
  };

  function change(parts, done = true) {
    Object.assign(now, parts);
    show();
    changed();
    if (!done) return;
    root.toldArrangement = writeArrangement(now);
    tell(root.toldArrangement);
  }

  function show() {
    const column = choice.column;
    score.value = column ? column.measure : "";
    order.disabled = !column;
    order.value = choice.order;
    find(".least").hidden = !column;
    least.max = column ? column.most : 1;
    least.step = column ? column.most / 100 : 0.01;
    least.value = now.least;
    find(".least output").textContent = now.least.toFixed(2);
    find(".size").setAttribute("aria-pressed", choice.large);
    for (const button of group.children) button.setAttribute("aria-pressed", button.dataset.kind === now.kind);
    root.classList.toggle("large", choice.large);
  }

  const option = (value, text) => Object.assign(document.createElement("option"), { value, textContent: text });
  score.replaceChildren(option("", "none"), ...columns.map((column) => option(column.measure, column.title)));
  score.onchange = () => change({ measure: score.value, order: score.value ? (now.order === "layers" ? "highest" : now.order) : "layers", least: 0 });
  order.onchange = () => change({ order: order.value });
  least.oninput = () => change({ least: Number(least.value) }, false);
  least.onchange = () => change({ least: Number(least.value) });
  find(".size").onclick = () => { root.largeThumbnails = !choice.large; change({}, false); };
  group.replaceChildren(...kinds.map((kind) => {
    const button = document.createElement("button"), dot = document.createElement("i");
    button.type = "button";
    button.dataset.kind = kind.name;
    button.title = tr`This head ${kind.meaning}.`;
    dot.style.background = kind.colour;
    button.append(dot, `${kind.name} ${kind.count}`);
    button.onclick = () => change({ kind: now.kind === kind.name ? "" : kind.name });
    return button;
  }));
  find(".unnamed").hidden = kindsOf !== null;
  find(".arrange").hidden = header.layers * heads < 2;
  show();
  return choice;
}

// The same form as in Python: measure, order, least, kind.
function readArrangement(text) {
  const [measure = "", order = "", least = "", kind = ""] = text.split(",");
  return { measure, order: order || "layers", least: Number(least) || 0, kind };
}

function writeArrangement({ measure, order, least, kind }) {
  return [measure, measure ? order : "layers", measure ? Number(least.toPrecision(4)) : 0, kind].join(",");
}
