// Token chips, drawn the same way wherever tokens appear. Token text is foreign: textContent only.

// Okabe-Ito, faint enough that the theme's text colour stays readable on it in both themes.
const ID_COLOURS = [
  "rgba(0,114,178,.26)", "rgba(230,159,0,.28)", "rgba(0,158,115,.26)",
  "rgba(204,121,167,.28)", "rgba(86,180,233,.28)", "rgba(213,94,0,.22)",
];

function makeChip(text, index) {
  const chip = document.createElement("span");
  chip.className = "chip";
  chip.dataset.testid = "chip";
  chip.dataset.index = index;
  chip.textContent = text;
  return chip;
}

// Adds chips to `parent` at once; a token that ends a line of text also ends a line of chips.
function addChips(parent, texts) {
  const fragment = document.createDocumentFragment();
  const chips = texts.map((text, index) => {
    const chip = fragment.appendChild(makeChip(text, index));
    if (text.endsWith("⏎")) fragment.append(document.createElement("br"));
    else fragment.append(document.createElement("wbr"));
    return chip;
  });
  parent.replaceChildren(fragment);
  return chips;
}

// Colours a chip by a place on the scale; null or undefined leaves it plain.
function paintChip(chip, value, colouring = cividis) {
  if (value === null || value === undefined) {
    chip.style.backgroundColor = chip.style.color = "";
    return;
  }
  const colour = colouring(value);
  chip.style.backgroundColor = rgb(colour);
  chip.style.color = inkOn(colour);
}

function paintById(chip, id) {
  chip.style.backgroundColor = ID_COLOURS[((id % 6) + 6) % 6];
  chip.style.color = "";
}
