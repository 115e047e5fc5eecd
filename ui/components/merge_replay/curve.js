// Bytes per token of the text by merges learned, with the present stage marked. The axis of merges
// is logarithmic: early merges change a text most.
const CURVE = { left: 46, right: 14, top: 10, bottom: 40, height: 190 };

function svg(parent, tag, attributes, text) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  return parent.appendChild(element);
}

// Draws the curve; gives a function that moves the mark, and one from a pixel to a count of merges.
function drawCurve(box, story) {
  const width = Math.max(box.clientWidth, 240), { left, right, top, bottom, height } = CURVE;
  box.setAttribute("viewBox", `0 0 ${width} ${height}`);
  box.replaceChildren();
  const ratio = (i) => (story.tokens[i] ? story.bytes / story.tokens[i] : 1);
  const highest = Math.max(1.5, ratio(story.tokens.length - 1) * 1.08);
  const most = Math.log1p(story.header.merges || 1);
  const x = (merges) => left + (Math.log1p(merges) / most) * (width - left - right);
  const y = (value) => top + (1 - (value - 1) / (highest - 1)) * (height - top - bottom);

  const step = highest > 6 ? 2 : highest > 2.4 ? 1 : 0.5;
  for (let value = 1; value <= highest; value += step) {
    svg(box, "line", { class: "grid", x1: left, x2: width - right, y1: y(value), y2: y(value) });
    svg(box, "text", { x: left - 6, y: y(value) + 4, "text-anchor": "end" }, String(value));
  }
  const ticks = [0, 1, 10, 100, 1000, 10000, 100000].filter((n) => n <= story.header.merges);
  if (x(story.header.merges) - x(ticks.at(-1)) > 50) ticks.push(story.header.merges);
  for (const merges of ticks) {
    const anchor = merges === story.header.merges && ticks.length > 1 ? "end" : "middle";
    svg(box, "text", { x: x(merges), y: height - bottom + 17, "text-anchor": anchor }, merges.toLocaleString("en"));
  }
  svg(box, "text", { x: (left + width) / 2, y: height - 6, "text-anchor": "middle" }, tr`merges learned (logarithmic)`);
  svg(box, "text", { x: 12, y: (top + height - bottom) / 2, "text-anchor": "middle",
    transform: `rotate(-90 12 ${(top + height - bottom) / 2})` }, tr`bytes per token`);

  let path = `M${x(0)},${y(1)}`;
  story.changes.forEach((stage, i) => {
    if (i) path += `H${x(story.merges(stage))}V${y(ratio(i))}`;
  });
  svg(box, "path", { class: "line", d: `${path}H${x(story.header.merges)}` });
  const line = svg(box, "line", { class: "at", y1: top, y2: height - bottom });
  const dot = svg(box, "circle", { class: "dot", r: 6 });
  return {
    mark(stage) {
      const at = x(story.merges(stage));
      line.setAttribute("x1", at);
      line.setAttribute("x2", at);
      dot.setAttribute("cx", at);
      dot.setAttribute("cy", y(ratio(story.changesBy(stage))));
    },
    mergesAt(clientX) {
      const frame = box.getBoundingClientRect();
      const share = ((clientX - frame.left) * (width / frame.width) - left) / (width - left - right);
      return Math.round(Math.expm1(Math.min(1, Math.max(0, share)) * most));
    },
  };
}
