// What is done with each part, and which parts are chosen. A part's number counts through its
// layer, heads first, then the feed-forward part, and on through the layers.
const UNTOUCHED = tr`untouched`;

function partsOf({ layers, heads }) {
  const width = heads + 1;
  return {
    count: layers * width,
    width,
    number: (layer, place) => layer * width + place,
    layer: (part) => Math.floor(part / width),
    place: (part) => part % width,
    isHead: (part) => part % width < heads,
    // Every part between two corners, both included.
    between(a, b) {
      const rows = [a, b].map((part) => Math.floor(part / width)).sort((x, y) => x - y);
      const columns = [a, b].map((part) => part % width).sort((x, y) => x - y);
      const found = [];
      for (let row = rows[0]; row <= rows[1]; row++) for (let at = columns[0]; at <= columns[1]; at++) found.push(row * width + at);
      return found;
    },
    row: (layer) => Array.from({ length: width }, (_, place) => layer * width + place),
    column: (place) => Array.from({ length: layers }, (_, layer) => layer * width + place),
  };
}

const readStates = (parts) => new Map(parts.map(([part, act, factor]) => [part, { act, factor }]));
const writeStates = (states) => [...states].map(([part, { act, factor }]) => [part, act, factor]);

// The same act on all of these; a feed-forward part has no attention to make uniform.
function applied(states, wanted, act, factor, parts) {
  const next = new Map(states);
  for (const part of wanted) {
    if (act === "on") next.delete(part);
    else if (act !== "uniform" || parts.isHead(part)) next.set(part, { act, factor: act === "scale" ? factor : 1 });
  }
  return next;
}

// A switch that is touched goes off; one that is changed in any way goes back. Several go off together unless all are changed.
function toggled(states, wanted, parts) {
  return applied(states, wanted, wanted.every((part) => states.has(part)) ? "on" : "off", 1, parts);
}

const factorText = (factor) => `×${String(Number(factor.toPrecision(3))).replace("-", "−")}`;

function stateWords(state) {
  if (!state) return UNTOUCHED;
  return { off: tr`off`, scale: tr`${factorText(state.factor)} of what it gives`, uniform: tr`uniform attention`, mean: tr`replaced by its mean` }[state.act];
}

const badgeText = (state) => state.act === "scale" ? factorText(state.factor) : { uniform: tr`even`, mean: tr`mean` }[state.act];

function partName(part, parts) {
  const layer = tr`Layer ${parts.layer(part)}`;
  return parts.isHead(part) ? tr`${layer}, head ${parts.place(part)}` : tr`${layer}, feed-forward`;
}

// "2 heads, 1 feed-forward part": what the buttons act on.
function countWords(chosen, parts) {
  const heads = chosen.filter(parts.isHead).length, rest = chosen.length - heads;
  const some = [];
  if (heads) some.push(heads === 1 ? tr`1 head` : tr`${heads} heads`);
  if (rest) some.push(rest === 1 ? tr`1 feed-forward part` : tr`${rest} feed-forward parts`);
  return some.join(", ");
}
