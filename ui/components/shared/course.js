// Lines over training steps on a logarithmic axis, where snapshots stand evenly. Colours: Okabe-Ito.
const LINE_NAMES = { training: tr`training`, validation: tr`validation`, "this text": tr`this text` };
const LINE_COLOURS = { training: "#56B4E9", validation: "#E69F00", "this text": "#CC79A7" };

function svgNode(parent, tag, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  if (text !== undefined) made.textContent = text;
  return parent.appendChild(made);
}

// Axes and a frame; gives the functions from step and value to pixels.
function frameOf(box, { last, low, high, height, title, marks }) {
  const width = Math.max(260, box.clientWidth), left = 50, right = 14, top = 10, bottom = 40;
  box.setAttribute("viewBox", `0 0 ${width} ${height}`);
  box.replaceChildren();
  const most = Math.log1p(last || 1);
  const x = (step) => left + (Math.log1p(step) / most) * (width - left - right);
  const y = (value) => top + ((high - value) / (high - low || 1)) * (height - top - bottom);
  const unit = niceStep(high - low, 4);
  for (let value = Math.ceil(low / unit) * unit; value <= high + 1e-9; value += unit) {
    svgNode(box, "line", { class: "grid-line", x1: left, x2: width - right, y1: y(value), y2: y(value) });
    svgNode(box, "text", { x: left - 7, y: y(value) + 4, "text-anchor": "end" }, String(Number(value.toFixed(6))));
  }
  const ticks = [0, 1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7].filter((step) => step < last && x(last) - x(step) > 60);
  for (const step of [...ticks, last]) {
    svgNode(box, "text", { x: x(step), y: height - bottom + 17, "text-anchor": step === last ? "end" : "middle" },
      step.toLocaleString("en"));
  }
  svgNode(box, "text", { x: (left + width) / 2, y: height - 5, "text-anchor": "middle" }, tr`step (logarithmic)`);
  svgNode(box, "text", { x: 12, y: (top + height - bottom) / 2, "text-anchor": "middle",
    transform: `rotate(-90 12 ${(top + height - bottom) / 2})` }, title);
  for (const step of marks) {
    svgNode(box, "line", { class: "mark", x1: x(step), x2: x(step), y1: height - bottom, y2: height - bottom + 5 });
  }
  return { x, y, top, foot: height - bottom, left, width, right };
}

function niceStep(span, count) {
  const rough = (span || 1) / count, power = 10 ** Math.floor(Math.log10(rough));
  return [1, 2, 5, 10].map((n) => n * power).find((step) => step >= rough);
}

function pathOf(frame, steps, values) {
  return steps.map((step, i) => `${i ? "L" : "M"}${frame.x(step).toFixed(1)},${frame.y(values[i]).toFixed(1)}`).join("");
}

// Gives a function that moves the mark of the present moment, and one from a pixel to a snapshot.
function drawLoss(box, { steps, last, curves, even }, height = 155) {
  const every = curves.flatMap((curve) => curve.nats).filter(Number.isFinite);
  const high = Math.max(even, ...every) * 1.02;
  const frame = frameOf(box, { last, low: 0, high, height, title: tr`nats per token`, marks: steps });
  svgNode(box, "line", { class: "even", x1: frame.left, x2: frame.width - frame.right, y1: frame.y(even), y2: frame.y(even) });
  svgNode(box, "text", { class: "even-name", x: frame.width - frame.right, y: frame.y(even) + 14, "text-anchor": "end" },
    tr`guessing evenly: ${even.toFixed(2)}`);
  curves.forEach((curve, i) => {
    const colour = LINE_COLOURS[curve.name];
    svgNode(box, "path", { class: curve.name, d: pathOf(frame, curve.steps, curve.nats), stroke: colour });
    if (curve.name === "validation") {
      curve.steps.forEach((step, k) => svgNode(box, "circle", { cx: frame.x(step), cy: frame.y(curve.nats[k]), r: 2.5, fill: colour }));
    }
    svgNode(box, "rect", { x: frame.left + 8 + 96 * i, y: frame.foot - 16, width: 12, height: 3, fill: colour });
    svgNode(box, "text", { x: frame.left + 24 + 96 * i, y: frame.foot - 11 }, LINE_NAMES[curve.name]);
  });
  return presence(box, frame, steps);
}

// Every head's score as a line; the chosen one stands out. `rise`, where one is given, is the stretch
// { head, place } from the snapshot before `place` to it that is marked as the steepest.
function drawCourse(box, { steps, last }, scores, chosen, most, title, rise = null, height = 200) {
  const frame = frameOf(box, { last, low: 0, high: most, height, title, marks: steps });
  if (rise) {
    const x = frame.x(steps[rise.place - 1]);
    svgNode(box, "rect", { class: "rise", x, y: frame.top, width: frame.x(steps[rise.place]) - x, height: frame.foot - frame.top });
  }
  const ordered = scores.map((_, i) => i).filter((i) => i !== chosen).concat(chosen);
  for (const i of ordered) {
    const line = svgNode(box, "path", { class: i === chosen ? "one chosen" : "one", d: pathOf(frame, steps, scores[i]) });
    line.dataset.line = i;
    if (steps.length === 1) svgNode(box, "circle", { cx: frame.x(steps[0]), cy: frame.y(scores[i][0]), r: 3, class: "dot" });
  }
  if (rise) {
    const points = [rise.place - 1, rise.place];
    svgNode(box, "path", { class: "steepest", d: pathOf(frame, points.map((i) => steps[i]), points.map((i) => scores[rise.head][i])) });
  }
  return presence(box, frame, steps);
}

function presence(box, frame, steps) {
  const line = svgNode(box, "line", { class: "now", y1: frame.top, y2: frame.foot });
  const scale = () => frame.width / (box.getBoundingClientRect().width || 1);
  return {
    mark(at) { line.setAttribute("x1", frame.x(steps[at])); line.setAttribute("x2", frame.x(steps[at])); },
    nearest(clientX) {
      const x = (clientX - box.getBoundingClientRect().left) * scale();
      let best = 0;
      steps.forEach((step, i) => { if (Math.abs(frame.x(step) - x) < Math.abs(frame.x(steps[best]) - x)) best = i; });
      return best;
    },
  };
}
