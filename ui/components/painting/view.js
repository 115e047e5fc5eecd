// A row of attention that is painted by dragging bars. The browser keeps the sum at 1; Python hears
// the row when the pointer is let go, or a moment after the last key.
const MOVED = 3, AFTER_KEYS = 350, STEP = 0.01, LEAP = 0.1, LINE = 34;

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  const find = (name) => root.querySelector(name);
  const { header, values } = unpack(data);
  const { words, query, hidden: first } = header;
  const n = query + 1, alone = n - first < 2;
  const numbers = Array.from(new Float32Array(values));
  const untouched = numbers.slice(0, n);
  const question = JSON.stringify([header.layer, header.head, query, words, untouched]);
  const same = root.question === question;

  // A row that is being changed, or of which Python has not heard yet, is newer than this answer.
  root.sent = same ? root.sent : header.heard;
  const newer = same && (root.drag || root.timer || header.heard < root.sent);
  if (!same) { clearTimeout(root.timer); root.timer = null; root.drag = null; }
  let row = newer ? root.shares : numbers.slice(n, 2 * n);
  let painted = newer ? root.wasPainted : header.painted;
  const strongest = () => row.reduce((best, share, s) => (share > row[best] ? s : best), first);
  let current = same ? root.current : strongest();
  let scale = SCALES[find(".scale").value];
  root.question = question;
  root.classList.toggle("alone", alone);
  root.classList.toggle("busy", Boolean(newer));
  Object.assign(root.dataset, { layer: header.layer, head: header.head, query });

  find(".title").textContent = header.title;
  find(".sentence").textContent = header.sentence;
  find(".hint").textContent = header.hint;
  find(".beyond").hidden = first === 0;
  const box = find(".row"), scroller = find(".scroller");
  if (!same) root.columns = buildColumns(box, words, untouched, first);
  const columns = root.columns;
  if (!same) root.chips = addChips(find(".chips"), words);

  function show() {
    root.shares = row;
    root.wasPainted = painted;
    root.current = current;
    showShares(columns, row, untouched, first, scale);
    columns.forEach((column, s) => {
      column.classList.toggle("current", s === current);
      if (s >= first) column.tabIndex = s === current ? 0 : -1;
    });
    root.chips.forEach((chip, s) => {
      paintChip(chip, s > query || s < first ? null : Math.sqrt(row[s]));
      chip.classList.toggle("later", s > query);
      chip.classList.toggle("masked", s < first);
      chip.classList.toggle("locked", s === query);
      chip.classList.toggle("current", s === current && s !== query);
      chip.title = s === query ? tr`position ${s}: the query` : tr`position ${s}: click, and it becomes the query`;
    });
    find(".all").disabled = alone || row[current] > 1 - 1e-9;
    find(".none").disabled = alone || row[current] === 0;
    find(".even").disabled = alone;
    find(".reset").disabled = alone || !painted;
    tell(root.pointed ?? current);
  }

  function tell(at) {
    const readout = find(".readout");
    Object.assign(readout.dataset, { key: at, weight: row[at] });
    readout.textContent = at < first
      ? tr`${words[at]} (${at}): outside the window, weight 0`
      : tr`${words[at]} (${at}): weight ${row[at].toFixed(4)}, untouched ${untouched[at].toFixed(4)}`;
  }

  function send(what) {
    clearTimeout(root.timer);
    root.timer = null;
    root.classList.add("busy");
    setTriggerValue("paint", [++root.sent, what]);
  }

  // `soon`: more is likely to follow, so wait a moment before Python is asked.
  function paint(next, soon = false) {
    row = next;
    painted = true;
    show();
    clearTimeout(root.timer);
    root.timer = null;
    if (soon) root.timer = setTimeout(() => send(root.shares), AFTER_KEYS);
    else send(row);
  }

  function reset() {
    row = untouched.slice();
    painted = false;
    show();
    send(null);
  }

  const giveAll = (at) => { if (!alone && at >= first) paint(allTo(n, at)); };
  const giveShare = (at, share, soon) => paint(withShare(row, first, at, share, untouched), soon);

  function choose(at, focus = false) {
    current = at;
    show();
    reveal(at);
    if (focus) columns[at].focus({ preventScroll: true });
  }

  // Scrolls as little as it takes to have the bar in sight.
  function reveal(at) {
    const wide = columns[at].offsetWidth, left = columns[at].offsetLeft;
    scroller.scrollLeft = Math.min(left, Math.max(scroller.scrollLeft, left + wide - scroller.clientWidth));
  }

  const columnOf = (event) => event.target.closest?.(".column");
  const heightAt = (event, track) => {
    const frame = track.getBoundingClientRect();
    return (frame.bottom - event.clientY) / frame.height;
  };

  // A bar that is grabbed moves with the pointer; in the space above it, its top jumps there.
  box.onpointerdown = (event) => {
    const column = columnOf(event), track = event.target.closest(".track");
    if (event.button !== 0 || !column || column.classList.contains("hidden")) return;
    const at = Number(column.dataset.key);
    choose(at, true);
    if (!track || alone) return;
    const top = scale.to(row[at]), height = heightAt(event, track);
    root.drag = {
      at, track, pointer: event.pointerId, y: event.clientY, from: row.slice(), painted, moved: false,
      offset: height < top ? top - height : 0,
    };
    column.setPointerCapture(event.pointerId);
  };
  box.onpointermove = (event) => {
    const { drag } = root;
    if (!drag) {
      const column = columnOf(event);
      root.pointed = column ? Number(column.dataset.key) : null;
      if (column) tell(root.pointed);
      return;
    }
    if (event.pointerId !== drag.pointer) return;
    if (!drag.moved && Math.abs(event.clientY - drag.y) < MOVED) return;
    drag.moved = true;
    const height = Math.min(1, Math.max(0, heightAt(event, drag.track) + drag.offset));
    root.pointed = null;
    clearTimeout(root.timer);
    root.timer = null;
    row = withShare(drag.from, first, drag.at, scale.from(height), untouched);
    painted = true;
    show();
  };
  const letGo = (keep) => (event) => {
    const { drag } = root;
    if (!drag || event.pointerId !== drag.pointer) return;
    root.drag = null;
    if (!drag.moved) return;
    if (keep) { paint(row); return; }
    row = drag.from;
    painted = drag.painted;
    show();
  };
  box.onpointerup = letGo(true);
  box.onpointercancel = letGo(false);
  box.onpointerleave = () => { root.pointed = null; tell(current); };
  box.ondblclick = (event) => {
    const column = columnOf(event);
    if (column) giveAll(Number(column.dataset.key));
  };

  box.onkeydown = (event) => {
    if (event.key === "Escape" && root.drag) letGo(false)({ pointerId: root.drag.pointer });
    if (event.ctrlKey || event.metaKey || event.altKey || alone || root.drag?.moved) return;
    const by = event.shiftKey ? LEAP : STEP;
    const acts = {
      ArrowLeft: () => choose(Math.max(first, current - 1), true),
      ArrowRight: () => choose(Math.min(n - 1, current + 1), true),
      Home: () => choose(first, true),
      End: () => choose(n - 1, true),
      ArrowUp: () => giveShare(current, row[current] + by, true),
      ArrowDown: () => giveShare(current, row[current] - by, true),
      PageUp: () => giveShare(current, row[current] + LEAP, true),
      PageDown: () => giveShare(current, row[current] - LEAP, true),
      Enter: () => giveAll(current),
      Delete: () => giveShare(current, 0),
      Backspace: () => giveShare(current, 0),
    };
    if (!acts[event.key]) return;
    event.preventDefault();
    acts[event.key]();
  };

  find(".all").onclick = () => giveAll(current);
  find(".none").onclick = () => giveShare(current, 0);
  find(".even").onclick = () => paint(evenRow(n, first));
  find(".reset").onclick = reset;
  root.chips.forEach((chip, s) => {
    chip.onclick = () => { if (s !== query) { root.classList.add("busy"); setTriggerValue("query", s); } };
  });

  function layOut() {
    const { wide, slim } = columnWidths(scroller.clientWidth, n, first);
    box.style.setProperty("--wide", `${wide}px`);
    box.style.setProperty("--hidden", `${slim}px`);
    find(".aside").style.width = `${slim * first}px`;
    box.classList.toggle("slim", slim < THIN);
    const longest = Math.max(...words.slice(0, n).map((word) => word.length));
    box.style.setProperty("--names", `${Math.min(92, 14 + 8 * longest)}px`);
    box.classList.toggle("across", wide >= NAMES_ACROSS);
    box.classList.toggle("valued", wide >= VALUES_FROM);
  }
  find(".scale").onchange = () => {
    scale = SCALES[find(".scale").value];
    showAxis(find(".ticks"), find(".lines"), scale);
    show();
  };
  showAxis(find(".ticks"), find(".lines"), scale);
  layOut();
  show();
  if (!same) {
    reveal(current);
    find(".chips").scrollTop = Math.max(0, root.chips[query].offsetTop - LINE);
  }
  const watcher = new ResizeObserver(layOut);
  watcher.observe(scroller);
  return () => watcher.disconnect();
}
