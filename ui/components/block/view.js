// The model from ids to logits, top to bottom: the residual stream at the left, branches beside it.
export default function ({ data, parentElement }) {
  const { header } = unpack(data);
  const root = parentElement.querySelector(".root");
  const note = root.querySelector(".note");
  const flow = root.querySelector(".flow");
  const focused = parentElement.activeElement?.dataset.part;

  const last = header.branches.length - 1;
  const repeat = make("div", "repeat", null,
    row(null, make("div", "head", null,
      make("span", "", `Block × ${header.layers.toLocaleString("en")}`),
      make("span", "count", `${count(header.blockParameters)} each`))),
    // The stream's shape is the same everywhere; it is written where a branch leaves it.
    ...header.branches.flatMap((branch, i) => [
      row("fork", edge([header.stream])),
      row(null, branchBox(branch)),
      row("plus", i === last ? edge([header.stream]) : make("div", "edge muted", "added to the stream")),
    ]));

  flow.replaceChildren(
    row("first", edge([header.ids])),
    ...header.before.flatMap((part) => [row(null, partBox(part)), row(null, edge(part.out))]),
    repeat,
    ...header.after.flatMap((part, i) => [
      row(null, partBox(part)),
      row(i === header.after.length - 1 ? "last" : null, edge(part.out)),
    ]),
    make("div", "total", `${header.parameters.toLocaleString("en")} parameters in all`),
  );

  const hint = "Point at a part, or move with Tab, to read what it does.";
  const say = (event) => {
    const box = event.target.closest?.(".part");
    note.textContent = box ? `${box.querySelector(".title").textContent}: ${box.dataset.note}` : hint;
  };
  note.textContent = hint;
  flow.onpointerover = say;
  flow.addEventListener("focusin", say);
  if (focused) flow.querySelector(`[data-part="${focused}"]`)?.focus();
  return () => flow.removeEventListener("focusin", say);
}

// An element with a class, text, and children. Text only: names never become markup.
function make(tag, name, text, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  element.append(...children);
  return element;
}

const count = (parameters) => `${parameters.toLocaleString("en")} parameters`;

// One row: the stream at the left, with a joint where something leaves or comes back.
function row(joint, content) {
  const stream = make("div", "stream");
  stream.setAttribute("aria-hidden", "true");
  if (joint) stream.append(make("div", `joint ${joint}`, joint === "plus" ? "+" : ""));
  return make("div", `row ${joint ?? ""}`, null, stream, content);
}

function edge(shapes) {
  return make("div", "edge", null, ...shapes.map((shape) => make("span", "", null,
    make("span", "letters", `${shape.name} ${shape.letters} `.trimStart()),
    make("span", "sizes", shape.text))));
}

function partBox(part) {
  const box = make("div", "part", null,
    make("span", "title", part.title),
    make("span", "detail", part.detail),
    make("span", "count", part.parameters ? count(part.parameters) : ""));
  box.tabIndex = 0;
  Object.assign(box.dataset, { part: part.name, note: part.note, testid: `part-${part.name}` });
  return box;
}

function branchBox(branch) {
  const inner = branch.parts.flatMap((part, i) => [
    partBox(part), ...(i < branch.parts.length - 1 ? [edge(part.out)] : []),
  ]);
  const box = make("div", "branch", null,
    make("div", "name", branch.title, make("span", "count", count(branch.parameters))),
    make("div", "inner", null, ...inner));
  box.dataset.testid = `branch-${branch.name}`;
  return box;
}
