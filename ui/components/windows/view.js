// Windows under each other, places from left to right. Document text is foreign: drawn, never parsed.
const OKABE_ITO = [[0, 114, 178], [230, 159, 0], [0, 158, 115], [204, 121, 167], [86, 180, 233], [213, 94, 0]];
const LEFT = 40, TOP = 20, HIGH = 20, LOW = 6, STEP = 26, FONT = 13, TOOTH = 4;

export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  const { rows, places, beginnings } = header;
  const root = parentElement.querySelector(".root");
  const stage = root.querySelector(".stage");
  const canvas = stage.querySelector("canvas");
  const note = root.querySelector(".note");
  const theme = themeOf(root);
  let width = stage.clientWidth;
  let open = header.selected;
  let at = null;   // [row, place] under the pointer or chosen by arrows

  const scale = () => (width - LEFT - 2) / places;
  const x = (place) => LEFT + place * scale();
  const y = (row) => TOP + row * STEP;

  function draw() {
    const pen = sizeCanvas(canvas, width, TOP + rows.length * STEP + 2);
    const hatched = hatch(pen, theme);
    Object.assign(canvas.dataset, { left: LEFT, top: TOP, step: STEP, scale: scale() });
    pen.textBaseline = "middle";
    drawAxis(pen);
    rows.forEach((row, i) => drawRow(pen, row, i, hatched));
  }

  function drawAxis(pen) {
    pen.font = `${FONT - 1}px ${theme.font}`;
    pen.fillStyle = theme.muted;
    for (let part = 0; part <= 4; part++) {
      const place = Math.round((places - 1) * part / 4);
      pen.textAlign = part === 0 ? "left" : part === 4 ? "right" : "center";
      pen.fillText(part === 4 ? tr`${place.toLocaleString("en")} tokens` : place.toLocaleString("en"), x(place) + (part === 4 ? scale() : 0), 8);
    }
  }

  function drawRow(pen, row, i, hatched) {
    const top = y(i);
    pen.font = `${FONT}px ${theme.font}`;
    pen.textAlign = "right";
    pen.fillStyle = row.number === open ? theme.accent : theme.muted;
    pen.fillText(row.number.toLocaleString("en"), LEFT - 8, top + HIGH / 2 + 1);
    if (row.held < places) {
      pen.fillStyle = hatched;
      pen.fillRect(x(row.held), top, x(places) - x(row.held), HIGH);
    }
    for (const segment of row.segments) drawSegment(pen, segment, top);
    if (row.again) {   // a low strip is left of what an earlier window asked for
      pen.fillStyle = theme.background;
      pen.fillRect(x(0) - 1, top - 1, x(row.again + 1) - x(0) + 1, HIGH + 1 - LOW);
    }
    for (const segment of row.segments) label(pen, segment, row, top);
    pen.fillStyle = theme.text;
    const thick = Math.max(2, Math.min(4, scale()));
    for (const mark of row.marks) pen.fillRect(x(mark) + (scale() - thick) / 2, top - 1, thick, HIGH + 2);
    const lit = at && at[0] === i;
    if (row.number === open || lit) {
      pen.lineWidth = row.number === open ? 3 : 1.5;
      pen.strokeStyle = theme.accent;
      pen.strokeRect(x(0) - 1, top - 1.5, x(places) - x(0) + 2, HIGH + 3);
    }
  }

  function drawSegment(pen, [number, first, length, , , begins, ends], top) {
    const from = x(first), to = x(first + length);
    pen.fillStyle = rgb(OKABE_ITO[(number - 1) % OKABE_ITO.length]);
    pen.beginPath();
    edge(pen, from, top, begins ? 0 : 1, true);
    edge(pen, to, top, ends ? 0 : -1, false);
    pen.closePath();
    pen.fill();
  }

  // A straight edge, or a torn one where the document was cut; down on the right, up on the left.
  function edge(pen, at, top, inward, up) {
    for (let i = 0; i <= 6; i++) {
      const down = (up ? 6 - i : i) / 6 * HIGH;
      const tooth = inward && i % 2 ? inward * TOOTH : 0;
      pen.lineTo(at + tooth, top + down);
    }
  }

  // A segment's name stands where there is more room: in its full part, or above its low strip.
  function label(pen, [number, first, length, , , begins], row, top) {
    const edge = Math.min(first + length, Math.max(first, row.again ? row.again + 1 : 0));
    const low = edge - first, full = first + length - edge;
    const from = x(full >= low ? edge : first) + 7;
    const room = Math.max(low, full) * scale() - 15;
    if (room < 16) return;
    pen.font = `${full >= low ? FONT : FONT - 1}px ${theme.font}`;
    pen.textAlign = "left";
    pen.fillStyle = full >= low ? inkOn(OKABE_ITO[(number - 1) % OKABE_ITO.length]) : theme.text;
    const words = begins && room > 120 ? `${number} · ${beginnings[number]}` : `${number}`;
    pen.fillText(fitText(pen, words, room), from, top + (full >= low ? HIGH / 2 + 1 : (HIGH - LOW) / 2));
  }

  function say() {
    canvas.title = "";
    if (!at) {
      note.textContent = tr`Each row is one window; each colour, one document. Point at a row to read what it holds, click it to see its tokens.`;
      delete note.dataset.window;
      return;
    }
    const row = rows[at[0]], place = at[1];
    const head = tr`Window ${row.number.toLocaleString("en")}, place ${(place + 1).toLocaleString("en")} of ${places.toLocaleString("en")}: `;
    note.dataset.window = row.number;
    note.dataset.place = place;
    if (place >= row.held) {
      note.textContent = tr`${head}padding. ${(places - row.held).toLocaleString("en")} places of this window hold no token, and none is asked for there.`;
      return;
    }
    const segment = row.segments.find(([, first, length]) => place >= first && place < first + length);
    const [number, first, , from, of] = segment;
    const token = from + place - first;
    const kind = row.marks.includes(place) ? tr`the separator behind document` : tr`document`;
    const again = place > 0 && place <= row.again ? tr` An earlier window asked for it too.` : "";
    note.textContent = tr`${head}${kind} ${number.toLocaleString("en")}, token ${token.toLocaleString("en")} of ${of.toLocaleString("en")}.${again} It begins: ${beginnings[number] ?? ""}`;
  }

  function move(next) {
    if (String(next) === String(at)) return;
    const otherRow = next?.[0] !== at?.[0];
    at = next;
    if (otherRow) draw();
    say();
  }

  function placeAt(event) {
    const frame = canvas.getBoundingClientRect();
    const row = Math.floor((event.clientY - frame.top - TOP) / STEP);
    const place = Math.floor((event.clientX - frame.left - LEFT) / scale());
    return row >= 0 && row < rows.length && place >= 0 && place < places ? [row, place] : null;
  }

  function pick() {
    if (!at || rows[at[0]].number === open) return;
    open = rows[at[0]].number;   // shown at once; Python answers with its tokens
    draw();
    setTriggerValue("pick", open);
  }

  canvas.onpointermove = (event) => move(placeAt(event));
  canvas.onpointerleave = () => move(null);
  canvas.onclick = (event) => { move(placeAt(event)); pick(); };
  canvas.onkeydown = (event) => {
    const inside = (value, most) => Math.min(most - 1, Math.max(0, value));
    const far = Math.max(1, Math.round(places / 32));
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -far], ArrowRight: [0, far] }[event.key];
    if (step) {
      const [row, place] = at ?? [0, 0];
      move(at ? [inside(row + step[0], rows.length), inside(place + step[1], places)] : [0, 0]);
    } else if (event.key === "Enter" || event.key === " ") pick();
    else return;
    event.preventDefault();
  };

  draw();
  say();
  const watcher = new ResizeObserver(() => {
    if (width === stage.clientWidth) return;
    width = stage.clientWidth;
    draw();
  });
  watcher.observe(stage);
  return () => watcher.disconnect();
}
