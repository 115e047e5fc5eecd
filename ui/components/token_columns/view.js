// A grid: a column for each tokenizer, a row for each line of the text. Chips alternate in colour, so
// that cuts are seen; ids of different tokenizers have nothing to do with each other.
export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".root");
  if (sameBytes(root.drawnData, data)) return;
  root.drawnData = data.slice();
  const { header } = unpack(data);
  const table = root.querySelector(".table"), note = root.querySelector(".note");
  table.style.gridTemplateColumns = `repeat(${header.names.length}, minmax(150px, 1fr))`;
  table.style.maxHeight = `${header.height}px`;
  const fragment = document.createDocumentFragment();
  const chips = [];   // of all columns, with the bytes they stand for

  header.names.forEach((name, column) => {
    const head = element("div", column ? "head" : "head first");
    head.append(element("div", "name", name), element("div", "facts muted", header.facts[column]));
    fragment.append(head);
  });
  const counts = header.names.map(() => 0);
  for (const row of header.rows) {
    row.forEach((tokens, column) => {
      const cell = element("div", column ? "cell" : "cell first");
      tokens.texts.forEach((text, i) => {
        const chip = makeChip(text, chips.length);
        paintById(chip, counts[column]++);
        chips.push({ chip, column, id: tokens.ids[i], text, start: tokens.starts[i], end: tokens.ends[i] });
        cell.append(chip, document.createElement("wbr"));
      });
      fragment.append(cell);
    });
  }
  table.replaceChildren(fragment);

  let marked = [];
  const hint = tr`Point at a token to see which ones share its text in the other columns.`;
  note.textContent = hint;
  const clear = () => {
    for (const { chip } of marked) chip.classList.remove("same");
    marked = [];
    note.textContent = hint;
  };
  table.onpointerover = (event) => {
    const here = chips[event.target.closest?.(".chip")?.dataset.index];
    if (!here) return;
    clear();
    marked = chips.filter((each) => each === here || (each.start < here.end && each.end > here.start));
    for (const { chip } of marked) chip.classList.add("same");
    note.textContent = header.names.map((name, column) => {
      const tokens = marked.filter((each) => each.column === column);
      return `${name}: ${tokens.map(({ text, id }) => `${text} (${id})`).join(" ") || "–"}`;
    }).join("  |  ");
  };
  table.onpointerleave = clear;
}

function element(tag, name, text) {
  const made = document.createElement(tag);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}
