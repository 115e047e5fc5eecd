// The player: one number, the moment, decides everything that is drawn.
const TELL_AFTER_MS = 400;   // the server hears where one rests, not every moment
const MAP_PIXELS = 408;

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".root");
  const find = (name) => root.querySelector(name);
  const { header, values } = unpack(data);
  const { steps, measures, heads, tokens, stops, names, kinds } = header;
  const length = tokens.length, nHeads = heads[0] * heads[1], end = steps.length - 1;
  let read = 0;
  const take = (Kind, count) => {
    const taken = new Kind(values, read, count);
    read += count * Kind.BYTES_PER_ELEMENT;
    return taken;
  };
  const scores = take(Float32Array, steps.length * nHeads * measures.length);
  const nats = take(Float32Array, steps.length * (length - 1));
  const tops = take(Uint32Array, steps.length * stops.length * length);
  const maps = fromHalf(take(Uint16Array, steps.length * length * length));
  const shares = fromHalf(take(Uint16Array, tops.length));
  const kindOf = take(Uint8Array, steps.length * nHeads);

  // What stays while a training goes on. The server sends the place that it knows: one that it was told
  // from here moves nothing (the next may be on its way already), any other was asked for elsewhere.
  const asked = JSON.stringify(header.begin), fresh = root.told === undefined;
  root.told ??= [];
  if (root.told.includes(asked)) root.told.splice(0, root.told.indexOf(asked) + 1);
  else if (asked !== root.asked) {
    const [step, query, measure] = header.begin;
    root.now = { step, query, measure };
  }
  root.asked = asked;
  const now = root.now;
  let at = now.step === null ? end : Math.max(0, steps.findLastIndex((step) => step <= now.step));
  let measure = Math.max(0, measures.findIndex((each) => each.id === now.measure));
  if (now.query !== null && now.query >= length) now.query = null;
  const chosen = header.open[0] * heads[1] + header.open[1];
  root.classList.remove("waiting");
  const scoreOf = (moment, head) => scores[(moment * nHeads + head) * measures.length + measure];
  const natsOf = (moment, i) => nats[moment * (length - 1) + i - 1];
  const weightOf = (t, s) => maps[(at * length + t) * length + s];
  const sees = (t, s) => s <= t && (header.window === null || t - s < header.window);
  const nameOf = (head) => tr`layer ${Math.floor(head / heads[1])}, head ${head % heads[1]}`;

  const toldPlace = (head) => [now.step, Math.floor(head / heads[1]), head % heads[1], now.query, measures[measure]?.id ?? ""];
  function tellNow(head) {
    const place = toldPlace(head), begin = JSON.stringify([place[0], place[3], place[4]]);
    if (begin !== (root.told.at(-1) ?? root.asked)) root.told.push(begin);
    setStateValue("place", place);
  }
  function tell() {
    clearTimeout(root.telling);
    root.telling = setTimeout(() => { if (!root.timer && root.isConnected) tellNow(chosen); }, TELL_AFTER_MS);
  }
  function open(head) {
    if (head === null || head === chosen) return;
    clearTimeout(root.telling);
    root.classList.add("waiting");
    tellNow(head);
  }

  let chips = [], loss = null, course = null, pick = () => null, spot = null, box = null;
  const sheets = new Map();
  const sheetAt = (moment) => {
    if (!sheets.has(moment)) {
      sheets.set(moment, mapSheet(maps.subarray(moment * length * length, (moment + 1) * length * length), length, sees));
    }
    return sheets.get(moment);
  };

  function paintMap() {
    const theme = themeOf(root);
    box = mapBox(find(".map"), find(".left").clientWidth, MAP_PIXELS, tokens, theme);
    drawMap(find(".map"), box, sheetAt(at), tokens, theme, now.query, spot);
    const seen = find(".seen");
    if (spot && sees(...spot)) {
      const [t, s] = spot;
      seen.textContent = tr`${t} “${tokens[t]}” gives ${weightOf(t, s).toFixed(3)} to ${s} “${tokens[s]}”`;
    } else if (now.query !== null) {
      const t = now.query;
      let best = 0;
      for (let s = 1; s <= t; s++) if (sees(t, s) && weightOf(t, s) > weightOf(t, best)) best = s;
      seen.textContent = tr`${t} “${tokens[t]}” gives most, ${weightOf(t, best).toFixed(3)}, to ${best} “${tokens[best]}”`;
    } else seen.textContent = tr`Rest the pointer on a cell; a click keeps its query.`;
  }

  function paintText() {
    chips.forEach((chip, i) => {
      paintChip(chip, i ? natsOf(at, i) / header.even : null);
      chip.classList.toggle("locked", i === now.query);
    });
    const i = root.over, told = find(".told");
    if (i === null || i === undefined || i >= length) {
      told.textContent = tr`rest the pointer on a token; a click chooses it`;
      return;
    }
    if (i === 0) { told.textContent = tr`${tokens[0]}: the first token, nothing comes before it`; return; }
    const change = natsOf(at, i) - natsOf(0, i);
    told.textContent = tr`${tokens[i]}: ${natsOf(at, i).toFixed(2)} nats, expected with ${percent(Math.exp(-natsOf(at, i)))}` +
      (at ? tr`; ${change <= 0 ? "−" : "+"}${Math.abs(change).toFixed(2)} since the first snapshot` : "");
  }

  function paintLens() {
    const position = now.query ?? length - 1;
    const next = position + 1 < length ? tr`; in the text comes “${tokens[position + 1]}”` : "";
    find(".lens-title").textContent = tr`Likeliest after ${position} “${tokens[position]}”, by depth${next}`;
    drawLens(find(".lens"), stops, stops.map((_, depth) => {
      const place = (at * stops.length + depth) * length + position;
      return { name: names[tops[place]], share: shares[place] };
    }));
  }

  function paintHeads() {
    const { most } = measures[measure], here = Float32Array.from({ length: nHeads }, (_, head) => scoreOf(at, head));
    pick = drawHeads(find(".heads"), find(".right").clientWidth, heads, here, most, chosen, themeOf(root));
    find(".kinds").textContent = countKinds(kinds, kindOf.subarray(at * nHeads, (at + 1) * nHeads));
    [...find(".which").options].forEach((option, head) => {
      option.textContent = tr`Layer ${Math.floor(head / heads[1])}, head ${head % heads[1]}: ${kinds[kindOf[at * nHeads + head]]}`;
    });
    if (root.overHead === undefined || root.overHead === null) readHead(null);
  }

  function readHead(head) {
    root.overHead = head;
    const shown = head ?? chosen;
    find(".over").textContent = tr`${nameOf(shown)}: ${scoreOf(at, shown).toFixed(2)} now, ${kinds[kindOf[at * nHeads + shown]]}`;
    for (const line of find(".course").querySelectorAll("path.one")) line.classList.toggle("over", Number(line.dataset.line) === head);
  }

  function drawCharts() {
    loss = drawLoss(find(".loss"), header, 130);
    loss.mark(at);
    const { most, title, rise, words, meaning } = measures[measure];
    const lines = Array.from({ length: nHeads }, (_, head) => steps.map((_, moment) => scoreOf(moment, head)));
    const steepest = rise && { head: rise[0] * heads[1] + rise[1], place: rise[2] };
    course = drawCourse(find(".course"), header, lines, chosen, most, title.toLowerCase(), steepest, 180);
    course.mark(at);
    for (const line of find(".course").querySelectorAll("path.one")) {
      const head = Number(line.dataset.line);
      line.onpointerenter = () => readHead(head);
      line.onpointerleave = () => readHead(null);
      line.onclick = (event) => { event.stopPropagation(); open(head); };
    }
    find(".words").textContent = words;
    find(".meaning").textContent = meaning;
    find(".there").hidden = !rise;
    find(".there").onclick = () => {
      player.rest();
      go(steepest.place);
      open(steepest.head);
    };
  }

  function draw() {
    root.dataset.step = steps[at];
    player.show(header.facts[at], header.facts[at]);
    loss?.mark(at);
    course?.mark(at);
    paintMap();
    paintText();
    paintLens();
    paintHeads();
    find(".wrote").textContent = header.samples[at] ?? "";
  }

  function go(moment) {
    at = Math.min(end, Math.max(0, moment));
    now.step = at === end ? null : steps[at];
    draw();
    tell();
  }
  function ask(query) {
    now.query = query === now.query ? null : query;
    paintMap();
    paintText();
    paintLens();
    tell();
  }

  const player = addPlayer(root, {
    end,
    at: () => at,
    go,
    moreKeys: {
      ArrowDown: () => ask(Math.min(length - 1, (now.query ?? -1) + 1)),
      ArrowUp: () => ask(Math.max(0, (now.query ?? length) - 1)),
    },
  });
  player.follow(find(".loss"), () => loss);
  player.follow(find(".course"), () => course);

  function fill(select, titles, value, act) {
    select.replaceChildren(...titles.map((title, i) => Object.assign(document.createElement("option"), { value: i, textContent: title })));
    select.value = value;
    select.onchange = () => act(Number(select.value));
  }
  fill(find(".which"), Array.from({ length: nHeads }, (_, head) => nameOf(head)), chosen, open);
  fill(find(".measure"), measures.map((each) => each.title), measure, (i) => {
    measure = i;
    now.measure = measures[i].id;
    drawCharts();
    paintHeads();
    tell();
  });
  chips = addChips(find(".chips"), tokens);
  chips.forEach((chip, i) => {
    chip.onpointerenter = () => { root.over = i; paintText(); };
    chip.onpointerleave = () => { root.over = null; paintText(); };
    chip.onclick = () => ask(i);
  });
  for (const bar of root.querySelectorAll(".gradient")) bar.style.backgroundImage = CIVIDIS_GRADIENT;
  find(".scale .most").textContent = tr`${header.even.toFixed(1)} nats: no better than guessing evenly`;
  find(".wrote-head").hidden = find(".wrote").hidden = !header.samples.length;
  const map = find(".map");
  map.setAttribute("aria-label", tr`Attention of ${nameOf(chosen)}. Up and down choose a query, left and right a snapshot.`);
  map.onpointermove = (event) => { spot = mapSpot(map, box, event, length); paintMap(); };
  map.onpointerleave = () => { spot = null; paintMap(); };
  map.onclick = (event) => { const hit = mapSpot(map, box, event, length); if (hit) ask(hit[0]); };
  const grid = find(".heads");
  grid.onpointermove = (event) => readHead(pick(event));
  grid.onpointerleave = () => readHead(null);
  grid.onclick = (event) => open(pick(event));

  drawCharts();
  draw();
  if (fresh && header.echo) tell();
  let width = 0;
  const watcher = new ResizeObserver(([entry]) => {
    const wide = Math.round(entry.contentRect.width);
    if (width && wide !== width) { drawCharts(); draw(); }
    width = wide;
  });
  watcher.observe(find(".grid"));
  return () => watcher.disconnect();
}
