// One head as a matrix, as painted text and as arcs. Pointing at one shows in all three; a click
// on a token or a row locks it as the query.
export default function ({ data, parentElement, setTriggerValue }) {
  const { header, values: bytes } = unpack(data);
  const { tokens, window: reach, shown, most } = header;
  const length = tokens.length, values = new Float32Array(bytes);
  const root = parentElement.querySelector(".root");
  const find = (name) => root.querySelector(name);
  const sees = (t, s) => s <= t && (reach === null || t - s < reach);
  const theme = themeOf(root);   // a change of theme renders anew
  const text = find(".chips"), strip = find(".strip"), arcs = strip.querySelector("canvas");

  // What the user set by hand outlives new data: zoom, colour curve, the cell under the pointer.
  const view = (root.view ??= { zoom: 1, x: 0, y: 0, curve: "root", at: null, text: null });
  const joined = tokens.join("\u0000");
  if (view.text !== joined) {
    Object.assign(view, { zoom: 1, x: 0, y: 0, at: null, text: joined });
    root.chips = addChips(text, tokens);
    strip.scrollLeft = 0;
  }
  const chips = root.chips;
  let locked = header.query;
  const two = shown.diverging ? diverging(channels(theme.background)) : null;
  const bend = (share) => Math.sign(share) * CURVES[view.curve](Math.abs(share));
  const share = (value) => Math.max(-1, Math.min(1, value / most));
  const colour = (value) => (two ? two(share(value)) : cividis(bend(share(value))));
  let sheet = paintMatrix(values, length, sees, colour);
  const stage = matrixStage({
    find, tokens, height: header.height, view, theme,
    now: () => ({ sheet, locked }), onMove: tell, onLock: lock, onEscape: free,
  });
  const ends = tokenPlaces(arcs.getContext("2d"), tokens, theme);
  strip.querySelector(".spacer").style.width = `${ends[length]}px`;

  // The query whose row is painted: the locked one, else the one pointed at, else the last.
  const query = () => locked ?? view.at?.[0] ?? length - 1;
  const pointed = () => (view.at && view.at[0] === query() ? view.at[1] : null);
  const valueOf = (t, s) => values[t * length + s];
  // Three decimals; of values that would then read 0, the digits that they have.
  function number(value) {
    if (!Number.isFinite(value)) return tr`not a number`;
    return value === 0 || Math.abs(value) >= 0.0005 ? value.toFixed(3).replace("-", "−") : shortNumber(value);
  }

  function say() {
    const readout = find(".readout"), pair = find(".pair");
    pair.replaceChildren();
    find(".value").textContent = find(".rank").textContent = "";
    for (const name of ["query", "key", "value"]) delete readout.dataset[name];
    if (!view.at) {
      pair.textContent = tr`Point at a cell or a token. Click one to lock it as the query.`;
      return;
    }
    const [t, s] = view.at, value = valueOf(t, s);
    Object.assign(readout.dataset, { query: t, key: s, value: sees(t, s) ? String(value) : "" });
    const bold = (content) => { const b = document.createElement("b"); b.textContent = content; return b; };
    pair.append(tr`query ${t} `, bold(tokens[t]), " → ", tr`key ${s} `, bold(tokens[s]));
    if (!sees(t, s)) {
      find(".value").textContent = tr`masked`;
      find(".rank").textContent = s > t ? tr`a token cannot look at a later one` : tr`beyond the window of ${reach}`;
      return;
    }
    find(".value").textContent = `${number(value)}${shown.unit ? ` ${shown.unit}` : ""}`;
    const row = visibleRow(t);
    const rank = 1 + row.reduce((above, [, other]) => above + (other > value ? 1 : 0), 0);
    find(".rank").textContent = row.length > 1
      ? tr`rank ${rank} of ${row.length} visible keys` : tr`rank ${rank} of ${row.length} visible key`;
  }

  function visibleRow(t) {
    const first = reach === null ? 0 : Math.max(0, t - reach + 1);
    return Array.from({ length: t - first + 1 }, (_, i) => [first + i, valueOf(t, first + i)]);
  }

  let paintedRow = null, marked = null;

  function paintText() {
    const t = query(), at = pointed();
    chips[marked]?.classList.remove("pointed");
    marked = at === t ? null : at;
    chips[marked]?.classList.add("pointed");
    const row = `${t} ${locked} ${view.curve}`;
    if (row === paintedRow) return;   // the pointer moved along the same row
    paintedRow = row;
    chips.forEach((chip, s) => {
      const value = valueOf(t, s), seen = sees(t, s);
      const sound = seen && Number.isFinite(value);
      paintChip(chip, sound ? value : null, colour);
      chip.classList.toggle("masked", !seen);
      chip.classList.toggle("locked", s === locked);
      chip.classList.toggle("current", s === t && s !== locked);
      chip.dataset.value = seen ? value : "";
    });
    const state = locked === null ? tr`a click on a token locks it` : tr`locked; click it again, or press Escape, to free it`;
    const name = document.createElement("b");
    name.textContent = tokens[t];
    find(".painted").replaceChildren(tr`Query ${t} `, name, ` (${state}):`);
    const best = visibleRow(t).filter(([, v]) => Number.isFinite(v))
      .sort((a, b) => Math.abs(b[1]) - Math.abs(a[1])).slice(0, 3);
    const line = find(".most");
    line.replaceChildren(`${shown.most}: `);
    best.forEach(([s, value], i) => {
      const b = document.createElement("b");
      b.textContent = tokens[s];
      line.append(i ? ", " : "", b, ` (${s}) ${number(value)}`);
    });
  }

  function drawStrip() {
    const t = query();
    arcs.dataset.query = t;
    drawArcs(arcs, {
      tokens, ends, from: strip.scrollLeft, width: Math.max(50, strip.clientWidth), query: t, theme,
      locked: locked !== null, pointed: pointed(),
      share: (s) => (sees(t, s) && Number.isFinite(valueOf(t, s)) ? share(valueOf(t, s)) : null),
      paint: (size) => (two ? rgb(two(Math.sign(size))) : theme.accent),
    });
  }

  function revealInStrip(t) {
    const left = ends[t], right = ends[t + 1];
    if (left < strip.scrollLeft || right > strip.scrollLeft + strip.clientWidth) {
      strip.scrollLeft = Math.max(0, right - strip.clientWidth * 0.8);
    }
  }

  function tell() { say(); paintText(); drawStrip(); }
  function refresh() { stage.draw(); tell(); }

  function lock(t) {
    locked = t === locked ? null : t;
    refresh();
    setTriggerValue("pick", locked === null ? -1 : locked);
  }
  function free() {
    if (view.at) stage.move(null);
    else if (locked !== null) lock(locked);
  }
  // A token pointed at is a key of the locked query; where none is locked it is the query itself.
  const point = (i) => stage.move(i === null ? null : locked === null ? [i, i] : [locked, i]);

  text.onclick = (event) => {
    const chip = event.target.closest(".chip");
    if (chip) lock(Number(chip.dataset.index));
  };
  text.onpointerover = (event) => {
    const chip = event.target.closest(".chip");
    if (chip) point(Number(chip.dataset.index));
  };
  text.onpointerleave = () => point(null);
  const spot = (event) => tokenAt(ends, event.clientX - strip.getBoundingClientRect().left + strip.scrollLeft);
  arcs.onpointermove = (event) => point(spot(event));
  arcs.onpointerleave = () => point(null);
  arcs.onclick = (event) => { const i = spot(event); if (i !== null) lock(i); };
  strip.onscroll = drawStrip;
  strip.onkeydown = (event) => {
    const here = query(), next = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") lock(here);
    else if (event.key === "Escape") free();
    else if (next >= 0 && next < length) {
      if (locked === null) stage.move([next, next]);
      else { locked = null; lock(next); }
      revealInStrip(next);
    } else return;
    event.preventDefault();
  };

  find(".curve").value = view.curve;
  find(".curve").parentElement.hidden = Boolean(two);
  find(".curve").onchange = (event) => {
    view.curve = event.target.value;
    sheet = paintMatrix(values, length, sees, colour);
    legend();
    refresh();
  };

  function legend() {
    const first = two ? -1 : 0;
    const stops = Array.from({ length: 21 }, (_, i) => rgb(colour(most * (first + ((1 - first) * i) / 20))));
    find(".gradient").style.backgroundImage = `linear-gradient(to right, ${stops.join(",")})`;
    const ticks = two ? [-1, -0.5, 0, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
    find(".ticks").replaceChildren(...ticks.map((tick, i) => {
      const mark = document.createElement("span");
      mark.textContent = shortNumber(tick * most) + (i === ticks.length - 1 && shown.unit ? ` ${shown.unit}` : "");
      mark.style.left = `${(100 * (tick - first)) / (1 - first)}%`;
      return mark;
    }));
  }

  find(".name").textContent = shown.title;
  find(".unsound").hidden = !header.unsound;
  find(".unsound").textContent = tr`${header.unsound} values are not numbers (red cells).`;
  legend();
  refresh();
  if (locked !== null) revealInStrip(locked);
  else strip.scrollLeft = strip.scrollLeft || Math.max(0, ends[length] - strip.clientWidth);
  const watcher = new ResizeObserver(drawStrip);
  watcher.observe(strip);
  return () => { stage.end(); watcher.disconnect(); };
}
