// The tree, its toolbar and its keys. The chosen node moves here at once; the page is told soon after.
export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  const root = parentElement.querySelector(".root"), stage = root.querySelector(".stage");
  const sheet = root.querySelector(".sheet"), svg = root.querySelector("svg"), holder = root.querySelector(".twigs");
  const pen = (root.pen ??= document.createElement("canvas").getContext("2d"));
  const style = getComputedStyle(root);
  const fonts = { box: `14px ${style.getPropertyValue("--st-code-font") || "monospace"}, monospace`, share: `11px ${style.getPropertyValue("--st-font") || "sans-serif"}` };
  const plan = layOut(header, (text, kind) => { pen.font = fonts[kind]; return pen.measureText(text).width; });
  const twigs = new Map(header.twigs.map((twig) => [twig.id, twig]));
  const boxes = new Map();
  clearTimeout(root.telling);
  let selected = header.selected;

  stage.style.height = `${Math.min(header.height, Math.max(190, plan.height + 20))}px`;
  sheet.style.width = `${plan.width}px`;
  sheet.style.height = `${plan.height}px`;
  svg.setAttribute("width", plan.width);
  svg.setAttribute("height", plan.height);
  draw();
  tools();
  legend();
  select(selected, false);

  stage.onkeydown = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const act = { Enter: "likeliest", s: "sample", S: "sample", Delete: "prune", Backspace: "prune", c: "beside", C: "beside" }[event.key];
    if (act) {
      event.preventDefault();
      send(act);
    } else if (/^(Arrow|Home$|End$)/.test(event.key)) {
      event.preventDefault();
      select(neighbour(event.key, selected, header, plan), true);
    }
  };
  holder.onclick = (event) => {
    const box = event.target.closest(".twig");
    if (!box) return;
    stage.focus({ preventScroll: true });
    select(Number(box.dataset.id), true);
  };
  holder.ondblclick = () => send("likeliest");
  holder.onmouseover = (event) => {
    const box = event.target.closest(".twig");
    if (box) tell(Number(box.dataset.id));
  };
  holder.onmouseleave = () => tell(selected);
  return () => clearTimeout(root.telling);

  function draw() {
    const boxesMade = document.createDocumentFragment(), lines = document.createDocumentFragment();
    for (const [id, place] of plan.places) {
      const twig = twigs.get(id);
      const made = document.createElement("div"), box = document.createElement("div"), share = document.createElement("div");
      made.className = `twig${twig ? "" : " root-twig"}${twig?.best ? " best" : ""}${twig?.ends ? " ends" : ""}`;
      made.dataset.id = id;
      made.id = `twig-${id}`;
      made.dataset.testid = "twig";
      made.setAttribute("role", "treeitem");
      made.setAttribute("aria-label", twig ? `${twig.text} ${twig.told}` : header.root);
      made.style.cssText = `left:${place.x}px;top:${place.y}px;width:${place.width}px`;
      box.className = "box";
      box.textContent = twig ? twig.text : header.root;
      if (twig) {
        const colour = cividis(twig.value);
        box.style.backgroundColor = rgb(colour);
        box.style.color = inkOn(colour);
      }
      share.className = "share";
      share.textContent = twig ? twig.told : "";
      made.append(box, share);
      boxesMade.append(made);
      boxes.set(id, made);
      if (!twig) continue;
      const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
      line.setAttribute("d", lineTo(plan.places.get(twig.parent), place));
      line.setAttribute("stroke-width", (1 + 6 * twig.share).toFixed(1));
      if (twig.best) line.setAttribute("class", "best");
      lines.append(line);
    }
    holder.replaceChildren(boxesMade);
    svg.replaceChildren(lines);
    if (header.beside !== null) boxes.get(header.beside)?.classList.add("beside");
  }

  function tools() {
    const bar = root.querySelector(".tools");
    const made = Object.entries(header.words).map(([act, words]) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = words;
      button.dataset.act = act;
      button.dataset.testid = `branches-${act}`;
      button.onclick = () => send(act);
      return button;
    });
    bar.replaceChildren(...made);
  }

  function legend() {
    root.querySelector(".legend .low").textContent = `${header.scale.title} ${header.scale.low}`;
    root.querySelector(".legend .high").textContent = header.scale.high;
    root.querySelector(".legend .gradient").style.background = CIVIDIS_GRADIENT;
  }

  function select(id, byHand) {
    boxes.get(selected)?.classList.remove("selected");
    boxes.get(selected)?.removeAttribute("aria-selected");
    selected = boxes.has(id) ? id : 0;
    const box = boxes.get(selected), place = plan.places.get(selected);
    box.classList.add("selected");
    box.setAttribute("aria-selected", "true");
    stage.setAttribute("aria-activedescendant", box.id);
    stage.dataset.selected = selected;
    const ends = Boolean(twigs.get(selected)?.ends);
    for (const button of root.querySelectorAll(".tools button")) {
      const act = button.dataset.act;
      button.disabled = (ends && (act === "likeliest" || act === "sample")) || (selected === 0 && act === "beside");
    }
    tell(selected);
    if (byHand || root.seen !== header.twigs.length) show(place);
    root.seen = header.twigs.length;
    if (!byHand) return;
    clearTimeout(root.telling);
    root.telling = setTimeout(() => setTriggerValue("act", ["select", selected]), 160);
  }

  // Scrolls as little as brings the box and what follows it into sight.
  function show(place) {
    const behind = plan.children.get(selected).map((id) => plan.places.get(id));
    const right = Math.max(place.x + place.width, ...behind.map((each) => each.x + each.width)) + PAD;
    const bottom = Math.max(place.y, ...behind.map((each) => each.y)) + ROW;
    if (right > stage.scrollLeft + stage.clientWidth) stage.scrollLeft = right - stage.clientWidth;
    if (bottom > stage.scrollTop + stage.clientHeight) stage.scrollTop = bottom - stage.clientHeight;
    if (place.x - PAD < stage.scrollLeft) stage.scrollLeft = place.x - PAD;
    if (place.y - PAD < stage.scrollTop) stage.scrollTop = place.y - PAD;
  }

  function tell(id) {
    const readout = root.querySelector(".readout"), twig = twigs.get(id), word = document.createElement("b");
    word.textContent = twig ? twig.text : header.root;
    readout.replaceChildren(word, ` ${twig ? twig.notes.join(" · ") : header.root_told}`);
    readout.dataset.id = id;
  }

  function send(act) {
    const ends = Boolean(twigs.get(selected)?.ends);
    if ((ends && (act === "likeliest" || act === "sample")) || (selected === 0 && act === "beside")) return;
    clearTimeout(root.telling);
    setTriggerValue("act", [act, selected]);
  }
}
