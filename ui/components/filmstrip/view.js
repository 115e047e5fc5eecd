// The film: one number, the frame, decides everything that is drawn.
const TELL_AFTER_MS = 500, SCALE = 65535;   // the server hears where one rests, not every frame

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const find = (name) => root.querySelector(name);
  const { header, values } = unpack(data);
  const { tokens, prompt, layers, heads, frames } = header;
  const stored = new Uint16Array(values), end = frames.length - 1, nRows = layers * heads;
  const lengthOf = (frame) => prompt + frame;
  const starts = [0];
  for (let frame = 0; frame <= end; frame++) starts.push(starts[frame] + nRows * lengthOf(frame));

  // What outlives new data: the frame, and whose rows paint the text.
  const now = root.now ??= { at: header.begin.at, by: header.begin.painted_by };
  let at = Math.min(end, now.at), chosen = header.layer * heads + header.head;
  let weights = new Float32Array(0), over = null, box = null;

  function tell() {
    clearTimeout(root.telling);
    root.telling = setTimeout(() => {
      if (root.timer || !root.isConnected) return;
      setTriggerValue("rest", [`${at},${now.by}`, Math.floor(chosen / heads), chosen % heads]);
    }, TELL_AFTER_MS);
  }

  function read() {
    weights = Float32Array.from(stored.subarray(starts[at], starts[at + 1]), (value) => value / SCALE);
  }

  // The row that paints the text: a head's, or the mean of a layer's or of all.
  function painting() {
    const length = lengthOf(at), layer = Math.floor(chosen / heads);
    const [from, to] = { head: [chosen, chosen + 1], layer: [layer * heads, (layer + 1) * heads], all: [0, nRows] }[now.by];
    const row = new Float32Array(length);
    for (let r = from; r < to; r++) for (let s = 0; s < length; s++) row[s] += weights[r * length + s] / (to - from);
    return row;
  }

  const chips = addChips(find(".chips"), tokens);
  chips.forEach((chip, s) => {
    chip.classList.toggle("written", s >= prompt);
    chip.onclick = () => { if (s >= prompt) { player.rest(); go(s - prompt); } };
    chip.onpointerenter = () => { over = { row: null, s }; say(); };
    chip.onpointerleave = () => { over = null; say(); };
  });

  function paintText() {
    const row = painting(), length = row.length;
    chips.forEach((chip, s) => {
      paintChip(chip, s < length ? Math.sqrt(row[s]) : null);
      chip.classList.toggle("current", s === length - 1);
      chip.classList.toggle("drawn", s === length);
      chip.classList.toggle("later", s > length);
      chip.dataset.weight = s < length ? row[s].toFixed(4) : "";
    });
    const box = find(".chips"), top = chips[length].offsetTop;
    if (top < box.scrollTop || top > box.scrollTop + box.clientHeight - 40) box.scrollTop = Math.max(0, top - box.clientHeight / 2);
    const [layer, head] = [Math.floor(chosen / heads), chosen % heads];
    const whose = { head: tr`layer ${layer}, head ${head}`, layer: tr`the mean of layer ${layer}`, all: tr`the mean of all heads` }[now.by];
    find(".painted").textContent = tr`Where ${whose} looked before the outlined token was drawn`;
    root.row = row;
  }

  function say() {
    const length = lengthOf(at);
    if (!over || over.s === null || over.s >= length) {
      find(".readout").textContent = tr`Click a row to open that head; click a written token to go to its frame.`;
      return;
    }
    const name = `${tokens[over.s].slice(0, 40)} (${over.s})`;
    find(".readout").textContent = over.row === null ? `${name}: ${root.row[over.s].toFixed(3)}` :
      tr`layer ${Math.floor(over.row / heads)}, head ${over.row % heads} → ${name}: ${weights[over.row * length + over.s].toFixed(3)}`;
  }

  function element(parent, tag, className, text) {
    const made = parent.appendChild(document.createElement(tag));
    made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  }
  const percent = (share) => `${(100 * share).toFixed(share < 0.01 ? 2 : 1)}%`;

  function drawBars() {
    const list = find(".bars");
    list.replaceChildren();
    for (const bar of frames[at].bars) {
      const row = element(list, "div", bar.chosen ? "row chosen" : "row");
      row.title = bar.told;
      element(row, "span", "", bar.chosen ? "▸" : "");
      element(row, "span", "label", bar.text);
      const track = element(row, "span", "track");
      element(track, "span", "fill own").style.width = percent(bar.own);
      element(track, "span", "fill drawn").style.width = percent(bar.drawn);
      element(row, "span", "value", percent(bar.drawn));
    }
    const depths = find(".depths");
    depths.replaceChildren();
    for (const depth of frames[at].depths) {
      const row = element(depths, "div", "row");
      element(row, "span", "muted", depth.name);
      element(row, "span", "label", depth.text);
      element(element(row, "span", "track"), "span", "fill depth").style.width = percent(depth.share);
      element(row, "span", "value", depth.told);
    }
  }

  function drawAllRows() {
    box = rowBox(find(".scroller").clientWidth, layers, heads, lengthOf(end));
    drawRows(find(".rows"), box, weights, lengthOf(at), layers, heads, chosen, themeOf(root));
  }

  function draw() {
    read();
    root.dataset.frame = at;
    const fact = frames[at].fact;
    player.show(tr`Frame ${at + 1} of ${end + 1}. ${fact}`, tr`frame ${at + 1}: ${fact}`);
    paintText();
    drawAllRows();
    drawBars();
    say();
  }

  function go(frame) {
    at = now.at = Math.min(end, Math.max(0, frame));
    draw();
    tell();
  }

  const player = addPlayer(root, { end, at: () => at, go });
  find(".by").value = now.by;
  find(".by").onchange = () => { now.by = find(".by").value; draw(); tell(); };

  const canvas = find(".rows");
  const under = (event) => {
    const frame = canvas.getBoundingClientRect();
    return rowAt(box, event.clientX - frame.left, event.clientY - frame.top, lengthOf(at), layers, heads);
  };
  canvas.onpointermove = (event) => { over = under(event); say(); };
  canvas.onpointerleave = () => { over = null; say(); };
  canvas.onclick = (event) => {
    const found = under(event);
    if (!found) return;
    chosen = found.row;
    if (now.by === "all") now.by = find(".by").value = "head";
    draw();
    tell();
  };

  find(".gradient").style.backgroundImage = `linear-gradient(to right, ${[0, 0.1, 0.25, 0.5, 0.75, 1].map((v) => `${rgb(cividis(Math.sqrt(v)))} ${100 * v}%`).join(",")})`;
  draw();
  let width = find(".scroller").clientWidth;
  const watcher = new ResizeObserver(() => {
    if (width === find(".scroller").clientWidth) return;
    width = find(".scroller").clientWidth;
    drawAllRows();
  });
  watcher.observe(find(".grid"));
  return () => watcher.disconnect();
}
