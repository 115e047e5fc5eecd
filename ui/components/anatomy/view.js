// Bars for each filter side by side, a token a row. Rows keep their places while sliders move, so
// that bars grow and shrink where they are.
export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  const { labels_N: labels, columns_S: columns, counts_N: counts, draws } = header;
  const root = parentElement.querySelector(".root");
  const table = root.querySelector(".table"), canvas = root.querySelector("canvas");
  const shape = JSON.stringify([labels, columns.map((c) => [c.name, c.acts])]);
  const lastActing = columns.map((c) => c.acts).lastIndexOf(true);

  if (root.shape !== shape) {
    root.shape = shape;
    build();
  }
  fill();
  const theme = themeOf(root);   // a change of theme renders anew
  const redraw = () => drawLine(canvas, header, Math.max(100, root.clientWidth), theme);
  redraw();
  canvas.setAttribute("aria-label", tr`The number ${header.uniform.toFixed(3)} falls on ${header.drawn}`);
  const watcher = new ResizeObserver(redraw);
  watcher.observe(root);
  return () => watcher.disconnect();

  function element(parent, name, text = "") {
    const made = parent.appendChild(document.createElement("div"));
    made.className = name;
    made.textContent = text;
    return made;
  }

  function build() {
    table.replaceChildren();
    const widths = columns.map((c) => (c.acts ? "minmax(74px, 1fr)" : "18px"));
    table.style.gridTemplateColumns = `minmax(96px, 108px) ${widths.join(" ")} minmax(74px, 1fr)`;
    element(table, "cell head");
    columns.forEach((column, place) => heading(column, place));
    const tally = element(table, "cell head");
    element(tally, "title", tr`${draws} draws`);
    element(tally, "setting", tr`how often each came`);
    root.bars = [];
    for (let row = 0; row <= labels.length; row++) {
      const others = row === labels.length;
      if (others && !header.n_others) break;
      element(table, "cell token", others ? tr`${header.n_others.toLocaleString("en")} others` : labels[row]).title = others ? "" : labels[row];
      root.bars.push([...columns, null].map((column, place) => bar(column, place)));
    }
    element(table, "cell foot muted", tr`entropy · kept · cut here`);
    root.feet = columns.map((c) => element(table, `cell foot${c.acts ? "" : " off"}`));
    element(table, "cell foot");
  }

  function heading(column, place) {
    const head = element(table, `cell head${column.acts ? "" : " off"}`);
    if (place) {
      head.draggable = true;
      head.dataset.testid = `anatomy-filter-${column.name}`;
      head.title = column.acts ? "" : tr`${column.title}: off`;
      head.ondragstart = (event) => event.dataTransfer.setData("text/plain", String(place));
      head.ondragover = (event) => { event.preventDefault(); head.classList.add("over"); };
      head.ondragleave = () => head.classList.remove("over");
      head.ondrop = (event) => {
        event.preventDefault();
        head.classList.remove("over");
        const from = Number(event.dataTransfer.getData("text/plain"));
        if (from && from !== place) send(columns[from].name, place - from);
      };
    }
    element(head, "title", column.acts ? column.title : column.short);
    if (!column.acts) return;
    element(head, "setting");
    if (!place) return;
    const arrows = element(head, "arrows");
    for (const [sign, steps, words] of [["◀", -1, "earlier"], ["▶", 1, "later"]]) {
      const button = arrows.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = sign;
      button.setAttribute("aria-label", `${column.title}: ${words}`);
      button.disabled = place + steps < 1 || place + steps >= columns.length;
      button.onclick = () => send(column.name, steps);
    }
  }

  function send(name, steps) { setTriggerValue("move", [name, steps]); }

  function bar(column, place) {
    if (column && !column.acts) {
      const cell = element(table, "cell through");
      cell.append(document.createElement("i"));
      return { cell };
    }
    const cell = element(table, `cell${column ? (place === lastActing ? " last" : "") : " tally"}`);
    const track = element(cell, "track");
    return { cell, fill: element(track, "fill"), value: element(cell, "value") };
  }

  function fill() {
    table.querySelectorAll(".head .setting").forEach((each, i) => {
      const acting = columns.filter((c) => c.acts);
      if (acting[i]) each.textContent = acting[i].setting;
    });
    const most = Math.max(0.01, ...columns.flatMap((c) => [...c.shares_N, c.share_others]));
    const mostDrawn = Math.max(1, ...counts, header.count_others);
    table.querySelectorAll(".token").forEach((token, row) => token.classList.toggle("drawn", row === (header.drawn_place ?? labels.length)));
    root.bars.forEach((cells, row) => {
      const others = row === labels.length;
      cells.forEach(({ cell, fill: inside, value }, place) => {
        const column = columns[place];
        const share = !column ? (others ? header.count_others : counts[row]) / draws
          : others ? column.share_others : column.shares_N[row];
        cell.classList.toggle("gone", share < 0);
        if (!inside) return;
        inside.style.width = `${(100 * Math.max(0, share)) / (column ? most : mostDrawn / draws)}%`;
        value.textContent = column ? percent(share) : String(Math.round(share * draws));
        cell.dataset.share = share;
      });
    });
    root.feet.forEach((foot, place) => {
      const column = columns[place];
      foot.replaceChildren();
      if (!column.acts) return;
      for (const text of [column.entropy, tr`${column.kept} kept`, place ? tr`cut: ${column.cut}` : ""]) element(foot, "", text);
    });
  }

  function percent(share) {
    if (share < 0) return "cut";
    return share >= 0.0995 ? `${Math.round(100 * share)}%` : share >= 0.0005 ? `${(100 * share).toFixed(1)}%` : share > 0 ? "<0.1%" : "0%";
  }
}
