// The list of rules. What the visitor does is drawn at once and sent whole; what it did to the
// text comes back with the next data, and until then the old figures are dimmed.
export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  const root = parentElement.querySelector(".root");
  const list = root.querySelector(".list");
  const more = root.querySelector(".more");
  const said = root.querySelector(".said");
  const rowOf = (element) => element.closest(".row");
  const rows = () => [...list.children];

  root.kept ??= new Map();
  if (!root.dragging) draw();

  function draw() {
    const focused = root.getRootNode().activeElement;
    const elements = header.rows.map((row) => {
      const element = root.kept.get(row.name) ?? makeRow(row);
      root.kept.set(row.name, element);
      fillRow(element, row);
      return element;
    });
    const current = rows();
    if (elements.length !== current.length || elements.some((each, i) => each !== current[i])) {
      list.replaceChildren(...elements);
    }
    if (focused && focused.isConnected && list.contains(focused)) focused.focus();
    root.querySelector(".none").hidden = header.rows.some((row) => row.on);
    more.hidden = !header.more.length;
    more.replaceChildren(more.firstElementChild, ...header.more.map(makeChip));
    markEnds();
    root.turn = header.turn;
  }

  function makeRow(row) {
    const element = document.createElement("li");
    element.className = "row";
    element.dataset.name = row.name;
    element.dataset.testid = `rule-${row.name}`;
    const add = (name, tag) => {
      const child = element.appendChild(document.createElement(tag));
      child.className = name;
      if (tag === "button") child.type = "button";
      return child;
    };
    const handle = add("handle", "button");
    handle.textContent = "⋮⋮";
    handle.setAttribute("aria-label", tr`Move ${row.title}: drag, or use the arrow keys`);
    handle.title = tr`Drag, or use the arrow keys`;
    add("switch", "button").setAttribute("role", "switch");
    add("title", "button");
    add("field", "label");
    const effect = add("effect", "div");
    effect.appendChild(document.createElement("div")).className = "did";
    effect.appendChild(document.createElement("div")).className = "track";
    effect.lastChild.appendChild(document.createElement("div")).className = "bar";
    const moves = add("moves", "span");
    for (const [sign, by, words] of [["↑", -1, "earlier"], ["↓", 1, "later"]]) {
      const button = moves.appendChild(document.createElement("button"));
      button.type = "button";
      button.textContent = sign;
      button.dataset.by = by;
      button.setAttribute("aria-label", `${row.title} ${words}`);
      button.title = tr`Works ${words}`;
    }
    if (row.field) makeField(element.querySelector(".field"), row);
    return element;
  }

  function makeField(label, row) {
    const input = label.appendChild(document.createElement("input"));
    const isNumber = row.field.low !== null;
    input.type = isNumber ? "number" : "text";
    input.setAttribute("aria-label", `${row.title}: ${row.field.label}`);
    input.title = isNumber
      ? tr`${row.field.label}, from ${row.field.low} to ${row.field.high}`
      : row.field.label;
    if (isNumber) Object.assign(input, { min: row.field.low, max: row.field.high, step: "any" });
    const unit = label.appendChild(document.createElement("span"));
    unit.className = "unit";
    unit.textContent = row.field.unit;
  }

  function fillRow(element, row) {
    element.classList.remove("waiting", "dragged");
    element.classList.toggle("off", !row.on);
    element.classList.toggle("idle", row.idle);
    element.classList.toggle("selected", row.name === header.selected);
    const toggle = element.querySelector(".switch");
    toggle.setAttribute("aria-checked", String(row.on));
    toggle.setAttribute("aria-label", `${row.title}: ${row.on ? "on" : "off"}`);
    const title = element.querySelector(".title");
    title.textContent = row.title;
    title.title = row.hint;
    title.setAttribute("aria-pressed", String(row.name === header.selected));
    const input = element.querySelector("input");
    const isTyping = input && input === root.getRootNode().activeElement && root.turn === header.turn;
    if (input && !isTyping) input.value = row.field.value;
    if (input) input.dataset.sent = row.field.value;
    const effect = element.querySelector(".effect");
    effect.title = row.left_words;
    effect.style.visibility = row.did ? "visible" : "hidden";
    effect.querySelector(".did").textContent = row.did;
    effect.querySelector(".bar").style.width = `${100 * (row.left ?? 1)}%`;
  }

  function makeChip(row) {
    const chip = document.createElement("button");
    chip.type = "button";
    chip.dataset.add = row.name;
    chip.dataset.testid = `add-${row.name}`;
    chip.title = row.hint;
    chip.textContent = `+ ${row.title}`;
    return chip;
  }

  function markEnds() {
    rows().forEach((row, i, all) => {
      row.querySelector("[data-by='-1']").disabled = i === 0;
      row.querySelector("[data-by='1']").disabled = i === all.length - 1;
    });
  }

  // The list as it stands on screen, with one rule added where asked.
  function send(words, added) {
    const sent = rows().map((row) => {
      const input = row.querySelector("input");
      const on = row.querySelector(".switch").getAttribute("aria-checked") === "true";
      return [row.dataset.name, input ? input.value : null, on];
    });
    if (added) sent.push([added, null, true]);
    for (const row of rows()) row.classList.add("waiting");
    said.textContent = words;
    setTriggerValue("change", sent);
  }

  function move(row, by) {
    const all = rows();
    const to = all.indexOf(row) + by;
    if (to < 0 || to >= all.length) return false;
    list.insertBefore(row, by < 0 ? all[to] : all[to].nextSibling);
    markEnds();
    send(tr`${row.querySelector(".title").textContent}: place ${to + 1} of ${all.length}`);
    return true;
  }

  root.onclick = (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.add) return void send(button.textContent, button.dataset.add);
    const row = rowOf(button);
    if (button.classList.contains("switch")) {
      const on = button.getAttribute("aria-checked") !== "true";
      button.setAttribute("aria-checked", String(on));
      row.classList.toggle("off", !on);
      send(`${row.querySelector(".title").textContent}: ${on ? "on" : "off"}`);
    } else if (button.classList.contains("title")) {
      setTriggerValue("open", row.dataset.name);
    } else if (button.dataset.by) {
      move(row, Number(button.dataset.by));
      (button.disabled ? row.querySelector(".handle") : button).focus();
    }
  };

  root.onchange = (event) => {
    if (event.target.matches("input") && event.target.value !== event.target.dataset.sent) {
      send(event.target.getAttribute("aria-label"));
    }
  };

  root.onkeydown = (event) => {
    if (event.target.matches("input") && event.key === "Enter") return void event.target.blur();
    const handle = event.target.closest(".handle");
    const by = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    if (!handle || !by) return;
    event.preventDefault();
    if (move(rowOf(handle), by)) handle.focus();
  };

  // The list, which stays where it is, follows the pointer: an element that moves would lose it.
  list.onpointerdown = (event) => {
    const handle = event.target.closest(".handle");
    if (!handle || event.button) return;
    const row = rowOf(handle);
    const before = rows();
    root.dragging = true;
    row.classList.add("dragged");
    list.setPointerCapture(event.pointerId);
    list.onpointermove = ({ clientY }) => {
      const middle = (each) => each.getBoundingClientRect().top + each.offsetHeight / 2;
      const next = rows().find((each) => each !== row && middle(each) > clientY) ?? null;
      if (next !== row.nextElementSibling) list.insertBefore(row, next);
    };
    list.onpointerup = list.onlostpointercapture = () => {
      list.onpointermove = list.onpointerup = list.onlostpointercapture = null;
      root.dragging = false;
      row.classList.remove("dragged");
      handle.focus();
      markEnds();
      if (rows().some((each, i) => each !== before[i])) {
        send(tr`${row.querySelector(".title").textContent}: place ${rows().indexOf(row) + 1}`);
      }
    };
  };
}
