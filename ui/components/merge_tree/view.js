// Binary trees from the top: leaves side by side, every parent above the middle of its children.
const NODE_HEIGHT = 26, LEVEL = 68, LEAF_GAP = 10, MARGIN = 8, LETTER = 9.2, SMALL_LETTER = 6.6;

export default function ({ data, parentElement }) {
  const { header } = unpack(data);
  const root = parentElement.querySelector(".root");
  const note = root.querySelector(".note");
  const { nodes } = header;
  const boxWidth = (node) => Math.max(30, [...node.text].length * LETTER + 14);
  const roomFor = (node) => Math.max(boxWidth(node), node.label.length * SMALL_LETTER) + LEAF_GAP;

  // Children come after their parents, so one walk back places and one walk on tells the depth.
  const depth = nodes.map(() => 0), room = nodes.map(() => 0), left = nodes.map(() => 0);
  nodes.forEach((node, i) => {
    if (node.left !== null) depth[node.left] = depth[node.right] = depth[i] + 1;
  });
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    const below = node.left === null ? 0 : room[node.left] + room[node.right];
    room[i] = Math.max(roomFor(node), below);
  }
  const x = nodes.map(() => 0);
  const deepest = Math.max(...depth);
  nodes.forEach((node, i) => {
    if (node.left === null) return;
    const spare = (room[i] - room[node.left] - room[node.right]) / 2;
    left[node.left] = left[i] + spare;
    left[node.right] = left[i] + spare + room[node.left];
  });
  for (let i = nodes.length - 1; i >= 0; i--) {
    const node = nodes[i];
    x[i] = node.left === null ? left[i] + room[i] / 2 : (x[node.left] + x[node.right]) / 2;
  }
  const width = room[0] + 2 * MARGIN, height = deepest * LEVEL + NODE_HEIGHT + 22 + 2 * MARGIN;
  const y = (i) => MARGIN + depth[i] * LEVEL;

  const svg = make("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "group", "aria-label": header.title });
  nodes.forEach((node, i) => {
    for (const child of node.left === null ? [] : [node.left, node.right]) {
      const from = y(i) + NODE_HEIGHT + 18, to = y(child), bend = (from + to) / 2;
      svg.append(make("path", { class: "edge",
        d: `M${x[i] + MARGIN},${from}C${x[i] + MARGIN},${bend} ${x[child] + MARGIN},${bend} ${x[child] + MARGIN},${to}` }));
    }
  });
  nodes.forEach((node, i) => {
    const kind = i === 0 ? " root-node" : node.left === null ? " leaf" : "";
    const group = make("g", { class: `node${kind}`, tabindex: 0, "data-testid": "merge-node", "data-index": i,
      transform: `translate(${x[i] + MARGIN},${y(i)})`, "aria-label": node.note });
    const wide = boxWidth(node);
    group.append(
      make("rect", { x: -wide / 2, y: 0, width: wide, height: NODE_HEIGHT, rx: 5 }),
      make("text", { class: "piece", y: 18 }, node.text),
      make("text", { class: "label", y: NODE_HEIGHT + 14 }, node.label),
    );
    svg.append(group);
  });
  root.querySelector(".scroller").replaceChildren(svg);
  const hint = tr`Read it from the bottom: bytes below, the token on top. Point at a piece for its story.`;
  const say = (event) => {
    const group = event.target.closest?.(".node");
    note.textContent = group ? nodes[Number(group.dataset.index)].note : hint;
  };
  note.textContent = hint;
  svg.onpointerover = say;
  svg.addEventListener("focusin", say);
}

// An SVG element. Text only: tokens never become markup.
function make(tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return element;
}
