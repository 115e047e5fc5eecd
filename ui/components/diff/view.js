// Passages in which what went is <del> and what came is <ins>, so that a screen reader tells them.
const TAGS = { same: "span", removed: "del", added: "ins" };

export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  const root = parentElement.querySelector(".root");
  const isChanged = (card) => card.pieces.some(([kind]) => kind !== "same");
  root.querySelector(".legend").hidden = !header.cards.some(isChanged);
  root.querySelector(".cards").replaceChildren(...header.cards.map((card) => makeCard(card, header)));
  root.onclick = (event) => {
    const button = event.target.closest("button");
    if (button) setTriggerValue("open", Number(button.dataset.document));
  };
}

function makeCard(card, header) {
  const element = document.createElement("section");
  element.className = card.note ? "card dropped" : "card";
  const head = element.appendChild(document.createElement("div"));
  head.className = "head";
  head.appendChild(document.createElement("span")).textContent = card.label;
  if (card.note) {
    const note = head.appendChild(document.createElement("span"));
    note.className = "note";
    note.textContent = card.note;
  }
  if (header.can_open && card.document >= 0) {
    const button = head.appendChild(document.createElement("button"));
    button.type = "button";
    button.dataset.document = card.document;
    button.textContent = tr`Whole document`;
    button.setAttribute("aria-label", tr`${card.label}: whole document`);
  }
  const text = element.appendChild(document.createElement("div"));
  text.className = "text";
  text.tabIndex = 0;
  text.style.maxHeight = `${header.height}px`;
  for (const [kind, content] of card.pieces) {
    const piece = text.appendChild(document.createElement(TAGS[kind]));
    piece.textContent = content;
    if (kind !== "same" && /^[·→⏎\s]*$/.test(content)) piece.className = "blanks";
  }
  return element;
}
