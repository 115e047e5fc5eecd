// A cell in words. Tokens are foreign: textContent only.
function tellCell(root, header, arrays, spot) {
  const where = root.querySelector(".where"), facts = root.querySelector(".facts"), list = root.querySelector(".candidates");
  if (!spot) {
    where.textContent = "";
    list.replaceChildren();
    facts.textContent = "";
    return;
  }
  const [row, column] = spot, cell = row * header.columns.length + column;
  const name = document.createElement("b");
  name.textContent = header.columns[column];
  const note = header.columnNotes[column] ? ` (${header.columnNotes[column]})` : "";
  const title = header.columnTitle ? `${header.columnTitle} ${column} ` : "";
  where.replaceChildren(`${header.rows[row]}, ${title}`, name, note);
  const many = header.candidates;
  list.replaceChildren(...Array.from({ length: many }, (_, k) => {
    const line = document.createElement("span"), bar = document.createElement("span"), word = document.createElement("span");
    const share = arrays.shares[cell * many + k];
    bar.className = "bar";
    bar.style.width = `${Math.max(1, Math.round(40 * share))}px`;
    word.className = "word";
    word.textContent = header.words[arrays.candidates[cell * many + k]];
    line.append(bar, word, ` ${percent(share)}`);
    return line;
  }));
  facts.textContent = header.facts
    .map(([title, how], i) => [title, how, arrays.facts[i][cell]])
    .filter(([, , value]) => !Number.isNaN(value))
    .map(([title, how, value]) => `${title}: ${shown(value, how)}`).join(" · ");
}

const percent = (share) => share >= 0.9995 ? "100%" : share < 0.0005 ? "<0.1%" : `${(100 * share).toFixed(1)}%`;

function shown(value, how) {
  if (how === "share") return percent(value);
  if (how === "rank") return Math.round(value).toLocaleString("en");
  const number = (how === "nats" ? value.toFixed(2) : String(Number(value.toPrecision(3)))).replace("-", "−");
  return how === "nats" ? tr`${number} nats` : number;
}
