// Places of boxes and lines: a row for each path, columns as wide as the words.
const ROW = 46, BESIDE = 3, FORK = 34, PAD = 12, BOX = 24, MOST = 220;

function layOut(header, measure) {
  const widthOf = (text, told) => Math.min(MOST, Math.max(34, Math.ceil(Math.max(measure(text, "box"), measure(told, "share"))) + 14));
  const places = new Map(), children = new Map([[0, []]]);
  for (const twig of header.twigs) {
    children.set(twig.id, []);
    children.get(twig.parent).push(twig.id);
  }
  places.set(0, { x: PAD, y: PAD, width: widthOf(header.root, ""), row: 0 });
  for (const twig of header.twigs) {
    const parent = places.get(twig.parent);
    const gap = children.get(twig.parent).length > 1 || twig.parent === 0 ? FORK : BESIDE;
    places.set(twig.id, {
      x: parent.x + parent.width + gap, y: PAD + twig.row * ROW, width: widthOf(twig.text, twig.told), row: twig.row,
    });
  }
  const right = Math.max(...[...places.values()].map((place) => place.x + place.width));
  return { places, children, width: right + PAD, height: 2 * PAD + header.n_rows * ROW };
}

// From the parent's right edge to the child's left one.
function lineTo(parent, place) {
  const x0 = parent.x + parent.width, y0 = parent.y + BOX / 2, x1 = place.x, y1 = place.y + BOX / 2;
  const middle = Math.min(x0 + FORK / 2, x1);
  return `M${x0},${y0} C${middle},${y0} ${middle},${y1} ${x1},${y1}`;
}

// Where an arrow key leads from a node; the node itself where there is nothing.
function neighbour(key, id, header, { places, children }) {
  const parentOf = new Map(header.twigs.map((twig) => [twig.id, twig.parent]));
  if (key === "ArrowLeft") return parentOf.get(id) ?? id;
  if (key === "ArrowRight") return children.get(id)[0] ?? id;
  if (key === "Home") return 0;
  if (key === "End") return header.best;
  const here = places.get(id), down = key === "ArrowDown";
  const others = [...places].filter(([, place]) => (down ? place.row > here.row : place.row < here.row));
  if (!others.length) return id;
  const row = (down ? Math.min : Math.max)(...others.map(([, place]) => place.row));
  const middle = here.x + here.width / 2;
  const far = ([, place]) => Math.abs(place.x + place.width / 2 - middle);
  return others.filter(([, place]) => place.row === row).reduce((a, b) => (far(b) < far(a) ? b : a))[0];
}
