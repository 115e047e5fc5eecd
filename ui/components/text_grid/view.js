// A grid of texts with headings that stay. Every text is foreign: textContent only.
export default function ({ data, parentElement }) {
  const { header } = unpack(data);
  const root = parentElement.querySelector(".root"), table = root.querySelector(".table");
  const count = header.n_samples;
  root.shown = Math.min(root.shown ?? 0, count - 1);
  root.querySelector(".low").textContent = `${header.measure} ${header.low}`;
  root.querySelector(".high").textContent = header.high;
  root.querySelector(".gradient").style.background = CIVIDIS_GRADIENT;
  root.querySelector(".legend").style.display = header.low === "" ? "none" : "";
  root.querySelector(".back").onclick = () => turn(-1);
  root.querySelector(".next").onclick = () => turn(1);
  root.onkeydown = (event) => {
    const steps = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!steps || event.target.closest(".scroller")) return;
    event.preventDefault();
    turn(steps);
  };
  const texts = [];
  build();
  fill();

  function element(parent, name, text = "", role = "") {
    const made = parent.appendChild(document.createElement("div"));
    made.className = name;
    made.textContent = text;
    if (role) made.setAttribute("role", role);
    return made;
  }

  function build() {
    table.replaceChildren();
    table.style.gridTemplateColumns = `minmax(112px, max-content) repeat(${header.columns.length}, minmax(190px, 1fr))`;
    element(table, "head corner muted", header.corner, "columnheader");
    for (const column of header.columns) element(table, "head", column, "columnheader");
    header.rows.forEach((row, at) => {
      element(table, "side", row, "rowheader");
      for (const cell of header.cells.slice(at * header.columns.length, (at + 1) * header.columns.length)) {
        const box = element(table, "cell", "", "cell");
        box.dataset.testid = "text-grid-cell";
        const value = element(box, "value", cell.value);
        if (cell.place !== null) {
          const colour = cividis(cell.place);
          value.style.backgroundColor = rgb(colour);
          value.style.color = inkOn(colour);
        }
        texts.push({ cell, text: element(box, "text"), told: element(box, "told muted") });
      }
    });
  }

  function fill() {
    root.querySelector(".which").textContent = tr`text ${root.shown + 1} of ${count} · ${header.seeds[root.shown]}`;
    root.querySelector(".back").disabled = root.shown === 0;
    root.querySelector(".next").disabled = root.shown >= count - 1;
    for (const { cell, text, told } of texts) {
      const sample = cell.samples[root.shown], shared = document.createElement("span");
      shared.className = "shared";
      shared.textContent = sample.shared;
      text.replaceChildren(shared, sample.rest);
      told.textContent = sample.told;
    }
  }

  function turn(steps) {
    const next = Math.min(count - 1, Math.max(0, root.shown + steps));
    if (next === root.shown) return;
    root.shown = next;
    fill();
  }
}
