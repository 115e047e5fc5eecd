// The player: one number, the moment, decides everything that is drawn.
const TELL_AFTER_MS = 500;   // the server hears where one rests, not every moment

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".root");
  const find = (name) => root.querySelector(name);
  const { header, values } = unpack(data);
  const { steps, texts, measures, heads } = header;
  const numbers = new Float32Array(values);
  let read = 0;
  const take = (count) => numbers.subarray(read, read += count);
  for (const text of texts) text.nats = take(steps.length * text.scored);
  const perMoment = heads[0] * heads[1] * measures.length, scores = take(steps.length * perMoment);
  const end = steps.length - 1, nHeads = heads[0] * heads[1];

  // What stays while a training goes on: the moment by its step, unless it was the newest.
  const now = root.now ??= {
    step: header.begin.step, text: header.begin.text, measure: header.begin.measure,
    chosen: header.begin.layer === null || header.begin.head === null ? null : header.begin.layer * heads[1] + header.begin.head,
  };
  let at = now.step === null ? end : Math.max(0, steps.findLastIndex((step) => step <= now.step));
  let text = Math.min(now.text, texts.length - 1);
  let measure = Math.max(0, measures.findIndex((each) => each.id === now.measure));
  const scoreOf = (moment, head, which = measure) => scores[(moment * nHeads + head) * measures.length + which];
  let chosen = now.chosen !== null && now.chosen < nHeads ? now.chosen : strongest();

  function strongest() {
    let best = 0;
    for (let head = 1; head < nHeads; head++) if (scoreOf(end, head) > scoreOf(end, best)) best = head;
    return best;
  }

  function tell() {
    clearTimeout(root.telling);
    root.telling = setTimeout(() => {
      if (root.timer || !root.isConnected) return;
      const head = now.chosen === null ? "," : `${Math.floor(now.chosen / heads[1])},${now.chosen % heads[1]}`;
      setStateValue("place", `${now.step ?? ""},${now.text},${now.measure},${head}`);
    }, TELL_AFTER_MS);
  }

  let chips = [], loss = null, course = null, pick = () => null;

  function drawText() {
    chips = addChips(find(".chips"), texts[text].tokens);
    chips.forEach((chip, i) => {
      chip.onpointerenter = () => { root.over = i; readToken(); };
      chip.onpointerleave = () => { root.over = null; readToken(); };
    });
  }
  const natsOf = (moment, i) => texts[text].nats[moment * texts[text].scored + i - 1];

  function paintText() {
    chips.forEach((chip, i) => paintChip(chip, i ? natsOf(at, i) / header.even : null));
    readToken();
  }

  function readToken() {
    const i = root.over, box = find(".left > .readout");
    if (i === null || i === undefined || i >= chips.length) {
      const { scored } = texts[text];
      let sum = 0;
      for (let k = 1; k <= scored; k++) sum += natsOf(at, k);
      box.textContent = scored ? tr`This text: ${(sum / scored).toFixed(2)} nats per token. Rest the pointer on a token.` : "";
      return;
    }
    const token = texts[text].tokens[i];
    if (i === 0) { box.textContent = tr`${token}: the first token, nothing comes before it`; return; }
    const nats = natsOf(at, i), change = nats - natsOf(0, i);
    const share = 100 * Math.exp(-nats);
    box.textContent = tr`${token}: ${nats.toFixed(2)} nats (expected with ${share < 0.1 ? "<0.1" : share.toFixed(1)}%)` +
      (at ? tr`, ${change <= 0 ? "−" : "+"}${Math.abs(change).toFixed(2)} since the first snapshot` : "");
  }

  function drawWrote() {
    const box = find(".wrote"), sample = header.samples[at];
    addChips(box, sample);
    if (!sample.length) box.textContent = tr`nothing`;
  }

  function drawHeadScores() {
    if (!measures.length) return;
    const { most } = measures[measure], theme = themeOf(root);
    const shown = Float32Array.from({ length: nHeads }, (_, head) => scoreOf(at, head));
    pick = drawHeads(find(".heads"), find(".right").clientWidth, heads, shown, most, chosen, theme);
    readHead(chosen);
    course?.mark(at);
  }

  function readHead(head) {
    const value = scoreOf(at, head), first = scoreOf(0, head);
    find(".which").textContent = tr`layer ${Math.floor(head / heads[1])}, head ${head % heads[1]}: ` +
      `${value.toFixed(2)}${at ? tr`, ${value < first ? "−" : "+"}${Math.abs(value - first).toFixed(2)} since the first snapshot` : ""}`;
  }

  function drawCharts() {
    loss = drawLoss(find(".loss"), header);
    loss.mark(at);
    if (!measures.length) return;
    const lines = Array.from({ length: nHeads }, (_, head) => steps.map((_, moment) => scoreOf(moment, head)));
    course = drawCourse(find(".course"), header, lines, chosen, measures[measure].most, measures[measure].title.toLowerCase());
    course.mark(at);
    for (const line of find(".course").querySelectorAll("path.one")) {
      line.onpointerdown = (event) => { event.stopPropagation(); choose(Number(line.dataset.line)); };
    }
  }

  function draw() {
    root.dataset.step = steps[at];
    player.show(header.facts[at], header.facts[at]);
    loss?.mark(at);
    paintText();
    drawWrote();
    drawHeadScores();
  }

  function go(moment) {
    at = Math.min(end, Math.max(0, moment));
    now.step = at === end ? null : steps[at];
    draw();
    tell();
  }
  function choose(head) {
    if (head === null) return;
    chosen = now.chosen = head;
    drawCharts();
    drawHeadScores();
    tell();
  }

  const player = addPlayer(root, { end, at: () => at, go });
  player.follow(find(".loss"), () => loss);
  player.follow(find(".course"), () => course);

  function fill(select, titles, value, act) {
    select.replaceChildren(...titles.map((title, i) => Object.assign(document.createElement("option"), { value: i, textContent: title })));
    select.value = value;
    select.onchange = () => act(Number(select.value));
  }
  fill(find(".text"), texts.map((each) => each.title), text, (i) => { text = now.text = i; drawText(); paintText(); tell(); });
  fill(find(".measure"), measures.map((each) => each.title), measure, (i) => {
    measure = i;
    now.measure = measures[i].id;
    if (now.chosen === null) chosen = strongest();
    find(".meaning").textContent = measures[i].meaning;
    drawCharts();
    drawHeadScores();
    tell();
  });
  find(".right").hidden = !measures.length;
  find(".meaning").textContent = measures[measure]?.meaning ?? "";
  find(".prompt").textContent = header.prompt ? tr`after “${header.prompt}”` : tr`at the beginning of a new text`;
  find(".scale .gradient").style.backgroundImage = CIVIDIS_GRADIENT;
  find(".scale .most").textContent = tr`${header.even.toFixed(1)} nats: no better than guessing evenly`;
  const canvas = find(".heads");
  canvas.onpointermove = (event) => { const head = pick(event); if (head !== null) readHead(head); };
  canvas.onpointerleave = () => { if (measures.length) readHead(chosen); };
  canvas.onclick = (event) => choose(pick(event));

  drawText();
  drawCharts();
  draw();
  let width = 0;
  const watcher = new ResizeObserver(([entry]) => {
    const fresh = Math.round(entry.contentRect.width);
    if (width && fresh !== width) { drawCharts(); drawHeadScores(); }
    width = fresh;
  });
  watcher.observe(find(".grid"));
  return () => watcher.disconnect();
}
