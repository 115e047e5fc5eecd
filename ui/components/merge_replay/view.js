// The player: one number, the stage, decides everything that is drawn.
const TELL_AFTER_MS = 500;   // the server hears where the player rests, not every step

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".root");
  const find = (name) => root.querySelector(name);
  const box = find(".chips"), slider = find(".slider"), play = find(".play");
  if (!sameBytes(root.drawnData, data)) {
    const isFirst = !root.story;
    const before = isFirst ? null : root.story.merges(root.stage);
    root.drawnData = data.slice();
    clearInterval(root.timer);   // it would go on with the text before
    root.timer = null;
    const story = root.story = readStory(data);
    root.stage = story.stageOf(isFirst ? story.header.begin : before);
    root.chips = new Array(story.bytes);
    root.ends = new Int32Array(story.bytes);
    root.now = [];
    box.replaceChildren();
    slider.max = story.changes.length - 1;
  }
  const story = root.story;
  let curve = drawCurve(find(".curve"), story);

  // Chips that stay are left as they are; each has a place to break the line behind it.
  function drawChips() {
    const { chips, ends } = root;
    let next = null;
    for (let start = story.bytes - 1, end = story.bytes; start >= 0; start--) {
      if (!story.begins(start, root.stage)) {
        if (chips[start]) {
          chips[start].breaker.remove();
          chips[start].remove();
          chips[start] = undefined;
        }
        continue;
      }
      if (!chips[start] || ends[start] !== end) {
        const piece = story.piece(start, end), text = story.header.texts[piece];
        const fresh = !chips[start];
        const chip = chips[start] ??= makeChip("", start);
        chip.textContent = text;
        paintById(chip, piece);
        chip.breaker?.remove();
        chip.breaker = document.createElement(text.endsWith("⏎") ? "br" : "wbr");
        if (fresh) box.insertBefore(chip, next);
        box.insertBefore(chip.breaker, next);
        ends[start] = end;
      }
      next = chips[start];
      end = start;
    }
    for (const chip of root.now) chip.classList.remove("now");
    root.now = story.joined(root.stage).map(([start]) => root.chips[start]).filter(Boolean);
    for (const chip of root.now) chip.classList.add("now");
  }

  function tell() {
    const { header, counts } = story;
    const merges = story.merges(root.stage), joined = story.joined(root.stage);
    const changes = story.changesBy(root.stage), tokens = story.tokens[changes];
    find(".where").textContent = tr`merge ${merges.toLocaleString("en")} of ${header.merges.toLocaleString("en")}`;
    find(".figures").textContent = story.bytes
      ? tr`${tokens === 1 ? tr`1 token` : tr`${tokens.toLocaleString("en")} tokens`} · ${(story.bytes / tokens).toFixed(2)} bytes per token` : tr`no text`;
    const pair = find(".pair"), words = find(".words");
    pair.replaceChildren();
    words.replaceChildren();
    if (!root.stage) {
      pair.append(tr`No merge yet: every byte is a token of its own. Letters beyond ASCII are two to four bytes.`);
    } else {
      const [left, right] = story.pair(root.stage).map((piece) => header.texts[piece]);
      const count = counts[root.stage - 1];
      pair.append(chipOf(left), " + ", chipOf(right), " → ", chipOf(header.texts[255 + root.stage]),
        count < 0 ? " " : tr` · stood side by side ${count === 1 ? tr`1 time` : tr`${count.toLocaleString("en")} times`} in the training text`,
        joined.length ? tr` · joined in ${joined.length === 1 ? tr`1 place` : tr`${joined.length.toLocaleString("en")} places`} here` : tr` · stands nowhere in this text`);
      const whole = [...new Set(joined.filter((join) => join[2])
        .map(([start, end]) => header.texts[story.piece(start, end)]))];
      listWords(words, tr`Now one token in this text: `, whole);
      listWords(words, tr`Frequent in the corpus, and one token from now on: `, header.words[root.stage] ?? []);
    }
    slider.value = changes;
    slider.setAttribute("aria-valuetext", tr`merge ${merges} of ${header.merges}, ${tokens} tokens`);
    find(".first").disabled = find(".before").disabled = find(".minus").disabled = root.stage === 0;
    find(".last").disabled = find(".plus").disabled = root.stage === story.last;
    find(".after").disabled = changes === story.changes.length - 1;
    find(".minus").hidden = find(".plus").hidden = !header.all;
    root.dataset.merge = merges;
    root.dataset.tokens = tokens;
    play.textContent = root.timer ? tr`❚❚ Pause` : tr`▶ Play`;
  }

  function draw() {
    drawChips();
    tell();
    curve.mark(root.stage);
  }

  function go(stage) {
    root.stage = Math.min(story.last, Math.max(0, stage));
    draw();
    const now = root.now[0];
    if (now && (now.offsetTop < box.scrollTop || now.offsetTop > box.scrollTop + box.clientHeight - 30)) {
      box.scrollTop = now.offsetTop - 60;
    }
    clearTimeout(root.telling);
    root.telling = setTimeout(() => {
      if (!root.timer && root.isConnected) setStateValue("merge", story.merges(root.stage));
    }, TELL_AFTER_MS);
  }

  const change = (by) => {
    const here = story.changesBy(root.stage);
    const between = by < 0 && story.changes[here] < root.stage ? 0 : by;
    go(story.changes[Math.min(story.changes.length - 1, Math.max(0, here + between))]);
  };
  const rest = () => { clearInterval(root.timer); root.timer = null; };
  function start() {
    rest();
    const pace = 1000 / Number(find(".pace select").value);
    root.timer = setInterval(() => {
      if (!root.isConnected) return rest();
      change(1);
      if (story.changesBy(root.stage) === story.changes.length - 1) { rest(); go(root.stage); }
    }, pace);
  }
  function toggle() {
    if (root.timer) rest();
    else {
      if (story.changesBy(root.stage) === story.changes.length - 1) root.stage = 0;
      start();
    }
    go(root.stage);
  }
  const by = (act) => () => { rest(); act(); };

  play.onclick = toggle;
  find(".first").onclick = by(() => go(0));
  find(".last").onclick = by(() => go(story.last));
  find(".before").onclick = by(() => change(-1));
  find(".after").onclick = by(() => change(1));
  find(".minus").onclick = by(() => go(root.stage - 1));
  find(".plus").onclick = by(() => go(root.stage + 1));
  find(".pace select").onchange = () => { if (root.timer) start(); };
  slider.oninput = by(() => go(story.changes[Number(slider.value)]));
  find(".curve").onclick = by(() => {});
  find(".curve").onpointerdown = (event) => { rest(); go(story.stageOf(curve.mergesAt(event.clientX))); };
  find(".curve").onpointermove = (event) => {
    if (event.buttons & 1) go(story.stageOf(curve.mergesAt(event.clientX)));
  };
  root.onkeydown = (event) => {
    if (event.target.tagName === "SELECT" || event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      ArrowRight: () => (event.shiftKey ? change(1) : go(root.stage + 1)),
      ArrowLeft: () => (event.shiftKey ? change(-1) : go(root.stage - 1)),
      Home: () => go(0),
      End: () => go(story.last),
    };
    if (event.key === " " && event.target.tagName !== "BUTTON") toggle();
    else if (acts[event.key]) by(acts[event.key])();
    else return;
    event.preventDefault();
  };
  const watcher = new ResizeObserver(() => {
    curve = drawCurve(find(".curve"), story);
    curve.mark(root.stage);
  });
  watcher.observe(find(".curve"));
  draw();
  return () => watcher.disconnect();
}

function chipOf(text) {
  const chip = document.createElement("span");
  chip.className = "chip";
  chip.textContent = text;
  return chip;
}

function listWords(parent, title, texts) {
  if (!texts.length) return;
  const line = parent.appendChild(document.createElement("div"));
  line.append(title);
  for (const text of texts) line.append(chipOf(text), " ");
}
