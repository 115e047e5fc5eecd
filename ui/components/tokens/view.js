const FIRST_CHIPS = 500, MORE_CHIPS = 1500;   // at once, and in each frame after

// Chips for a list of tokens; hover, focus or arrows show id, bytes and notes of one.
export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  const root = parentElement.querySelector(".root");
  const box = root.querySelector(".chips");
  const tip = root.querySelector(".tip");
  const total = header.texts.length;
  box.style.maxHeight = `${header.height}px`;
  root.classList.toggle("scaled", Boolean(header.scale));

  const text = header.texts.join("\u0000");
  const { background } = themeOf(root);   // a change of theme renders anew
  const colouring = header.scale?.diverging ? diverging(channels(background)) : cividis;
  const paint = (chip, i) => {
    if (header.scale) paintChip(chip, header.values[i], colouring);
    else paintById(chip, header.ids[i]);
  };
  root.paint = paint;
  root.selected = header.selected;
  if (root.drawnText !== text) {
    cancelAnimationFrame(root.adding);
    root.drawnText = text;
    root.drawnData = data.slice();
    root.chips = [];
    root.current = null;
    root.pending = 0;
    tip.hidden = true;
    box.replaceChildren();
    add(FIRST_CHIPS);
  } else if (!sameBytes(root.drawnData, data) || root.drawnOn !== background) {
    // Many reruns send the same tokens again; ten thousand chips are then left as they are.
    root.drawnData = data.slice();
    root.chips.forEach(paint);
  }
  root.drawnOn = background;
  const chips = root.chips;

  // Adds chips up to `end`, and the others in the frames that follow: what is seen comes first.
  function add(end) {
    const fragment = document.createDocumentFragment();
    const last = Math.min(end, total);
    for (; root.pending < last; root.pending++) {
      const shown = header.texts[root.pending];
      const chip = fragment.appendChild(makeChip(shown, root.pending));
      root.paint(chip, root.pending);
      if (root.pending === root.selected) chip.classList.add("locked");
      fragment.append(document.createElement(shown.endsWith("⏎") ? "br" : "wbr"));
      root.chips.push(chip);
    }
    box.append(fragment);
    if (last < total) root.adding = requestAnimationFrame(() => add(last + MORE_CHIPS));
  }

  root.querySelector(".chip.locked")?.classList.remove("locked");
  if (header.selected !== null) chips[header.selected]?.classList.add("locked");
  drawLegend(root.querySelector(".legend"), header.scale, colouring);

  function line(name, content) {
    const element = tip.appendChild(document.createElement("div"));
    element.className = name;
    element.textContent = content;
  }

  // Show the tip of one chip, beneath it, or above where the window ends; null hides it.
  function show(index) {
    chips[root.current]?.classList.remove("current");
    root.current = index;
    tip.hidden = index === null;
    if (index === null) return;
    chips[index].classList.add("current");
    tip.replaceChildren();
    tip.dataset.index = index;
    line("shown", header.texts[index]);
    line("", tr`id ${header.ids[index]} · token ${index + 1} of ${total}`);
    const bytes = header.bytes[index];
    line("bytes", bytes.length > 95 ? `${bytes.slice(0, 95)} …` : bytes);
    for (const note of header.notes[index] ?? []) line("", note);
    const frame = root.getBoundingClientRect();
    const spot = chips[index].getClientRects()[0] ?? chips[index].getBoundingClientRect();
    const left = Math.min(spot.left - frame.left, frame.width - tip.offsetWidth - 4);
    const below = spot.bottom + tip.offsetHeight + 12 < window.innerHeight;
    tip.style.left = `${Math.max(0, left)}px`;
    tip.style.top = `${(below ? spot.bottom + 6 : spot.top - tip.offsetHeight - 6) - frame.top}px`;
  }

  const indexOf = (event) => {
    const chip = event.target.closest?.(".chip");
    return chip ? Number(chip.dataset.index) : null;
  };
  box.onpointerover = (event) => { const i = indexOf(event); if (i !== null) show(i); };
  box.onpointerleave = () => show(null);
  box.onblur = () => show(null);
  box.onscroll = () => { if (document.activeElement !== root.getRootNode().host) show(null); };
  box.onclick = (event) => { const i = indexOf(event); if (i !== null) setTriggerValue("pick", i); };
  box.onkeydown = (event) => {
    const here = root.current ?? header.selected;
    const next = { ArrowRight: (here ?? -1) + 1, ArrowLeft: (here ?? 1) - 1, Home: 0, End: total - 1 }[event.key];
    if (event.key === "Enter" && root.current !== null) setTriggerValue("pick", root.current);
    else if (event.key === "Escape") show(null);
    else if (next >= 0 && next < total) {
      if (next >= chips.length) add(total);
      chips[next].scrollIntoView({ block: "nearest" });
      show(next);
    } else return;
    event.preventDefault();
  };
}

function drawLegend(legend, scale, colouring) {
  legend.hidden = !scale?.title;
  if (legend.hidden) return;
  const unit = scale.unit ? ` ${scale.unit}` : "";
  const sign = scale.diverging ? "+" : "";
  const first = scale.diverging ? -1 : 0;
  const stops = Array.from({ length: 21 }, (_, i) => rgb(colouring(first + (1 - first) * i / 20)));
  legend.querySelector(".title").textContent = scale.title;
  legend.querySelector(".low").textContent = shortNumber(scale.low) + unit;
  legend.querySelector(".high").textContent = sign + shortNumber(scale.high) + unit;
  legend.querySelector(".gradient").style.backgroundImage = `linear-gradient(to right, ${stops.join(",")})`;
}
