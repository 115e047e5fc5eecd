// One head in full: hover and arrows read weights, click or Enter locks a query, wheel zooms.
function renderHead(root, { header, values }, send) {
  const { tokens, layer, head, window: reach } = header;
  const length = tokens.length;
  const weights = new Float32Array(values);
  const find = (name) => root.querySelector(name);
  const sees = (t, s) => s <= t && (reach === null || t - s < reach);

  // What the user set by hand outlives new data: zoom, colour curve, the cell under the pointer.
  const view = (root.view ??= { zoom: 1, x: 0, y: 0, curve: "root", at: null, text: null });
  const text = find(".chips");
  const joined = tokens.join("\u0000");
  if (view.text !== joined) {
    Object.assign(view, { zoom: 1, x: 0, y: 0, at: null, text: joined });
    root.chips = addChips(text, tokens);
  }
  const chips = root.chips;
  let locked = header.query;
  const theme = themeOf(root);   // a change of theme renders anew
  let paintedRow = null;
  let places = null;   // where the chips are; measured once, since measuring is slow
  let scrolled = text.scrollTop;
  const colour = (weight) => cividis(CURVES[view.curve](weight));
  let sheet = paintMatrix(weights, length, sees, colour);
  Object.assign(find(".stage canvas").dataset, { layer, head });
  const stage = matrixStage({
    find, tokens, height: header.height, view, theme,
    now: () => ({ sheet, locked }), onMove: () => { say(); paintText(); }, onLock: lock,
  });

  // The words for one cell: weight to three decimals, both tokens, rank among the visible keys.
  function say() {
    const readout = find(".readout");
    const pair = find(".pair");
    pair.replaceChildren();
    find(".weight").textContent = find(".rank").textContent = "";
    if (!view.at) {
      delete readout.dataset.weight;
      pair.textContent = tr`Point at a cell to read its weight. Click to lock a query.`;
      return;
    }
    const [t, s] = view.at;
    const weight = weights[t * length + s];
    Object.assign(readout.dataset, { query: t, key: s, weight: sees(t, s) ? String(weight) : "" });
    const bold = (content) => { const b = document.createElement("b"); b.textContent = content; return b; };
    pair.append(tr`query ${t} `, bold(tokens[t]), " → ", tr`key ${s} `, bold(tokens[s]));
    if (!sees(t, s)) {
      find(".weight").textContent = tr`masked`;
      find(".rank").textContent = s > t ? tr`a token cannot look at a later one` : tr`beyond the window of ${reach}`;
      return;
    }
    const first = reach === null ? 0 : Math.max(0, t - reach + 1);
    const row = weights.subarray(t * length + first, t * length + t + 1);
    find(".weight").textContent = Number.isFinite(weight) ? weight.toFixed(3) : tr`not a number`;
    const rank = 1 + row.reduce((above, other) => above + (other > weight ? 1 : 0), 0);
    find(".rank").textContent = row.length > 1
      ? tr`rank ${rank} of ${row.length} visible keys` : tr`rank ${rank} of ${row.length} visible key`;
  }

  // The row of one query as colours of the text: the locked one, else the hovered, else the last.
  function paintText() {
    const t = locked ?? view.at?.[0] ?? length - 1;
    const row = `${t} ${locked} ${view.curve}`;
    if (row === paintedRow) return;   // the pointer moved along the same row
    paintedRow = row;
    chips.forEach((chip, s) => {
      const weight = weights[t * length + s];
      paintChip(chip, !sees(t, s) || !Number.isFinite(weight) ? null : CURVES[view.curve](weight));
      chip.classList.toggle("masked", !sees(t, s));
      chip.classList.toggle("locked", s === locked);
      chip.classList.toggle("current", s === t && s !== locked);
      chip.dataset.weight = sees(t, s) ? weight : "";
    });
    places ??= { tops: chips.map((chip) => chip.offsetTop - text.offsetTop), height: text.clientHeight };
    const from = places.tops[t];
    if (scrolled > from || scrolled + places.height < from + 34) text.scrollTop = scrolled = Math.max(0, from - 40);
    const state = locked === null ? tr`click a token to lock it` : tr`locked; click it again to free it`;
    find(".painted").textContent = tr`Where token ${t} looks (${state}):`;
  }

  function refresh() { stage.draw(); say(); paintText(); }

  function lock(t) {
    locked = t === locked ? null : t;
    refresh();
    send([layer, head, locked]);
  }

  find(".curve").value = view.curve;
  find(".curve").onchange = (event) => {
    view.curve = event.target.value;
    sheet = paintMatrix(weights, length, sees, colour);
    legend();
    refresh();
  };
  text.onclick = (event) => {
    const chip = event.target.closest(".chip");
    if (chip) lock(Number(chip.dataset.index));
  };
  // Pointing at the text points at the same key of the painted row.
  text.onpointerover = (event) => {
    const chip = event.target.closest(".chip");
    if (chip) stage.move([locked ?? length - 1, Number(chip.dataset.index)]);
  };
  text.onpointerleave = () => stage.move(null);
  text.onscroll = () => { scrolled = text.scrollTop; };

  function legend() {
    find(".gradient").style.backgroundImage = CIVIDIS_GRADIENT;
    const ticks = view.curve === "root" ? [0, 0.1, 0.25, 0.5, 1] : [0, 0.25, 0.5, 0.75, 1];
    find(".ticks").replaceChildren(...ticks.map((tick) => {
      const mark = document.createElement("span");
      mark.textContent = tick;
      mark.style.left = `${100 * CURVES[view.curve](tick)}%`;
      return mark;
    }));
  }

  find(".name").textContent = tr`Layer ${layer}, head ${head}${header.title ? `: ${header.title}` : ""}`;
  find(".unsound").hidden = !header.unsound;
  find(".unsound").textContent = tr`${header.unsound} weights are not numbers (red cells).`;
  legend();
  refresh();
  const watcher = new ResizeObserver(() => { places = null; });
  watcher.observe(text);
  return () => { stage.end(); watcher.disconnect(); };
}
