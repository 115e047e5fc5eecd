// Where everything stands, in the drawing's own units: one unit is a pixel where it fills the width.
const MAP = 146, LINE = 178, LEFT = 206, WIDTH = 620, RIGHT = WIDTH - 8;
const BOX = 33, PITCH = 42, TOP = 6, HEAD = 20, LAYER_HEIGHT = 24;

// Boxes by part name, frames by group name, bars for layers, and the height of it all.
function layOut(model) {
  const boxes = {}, frames = {};
  const lastOf = (row) => model.groups.filter((group) => group.first <= row).length;
  const doneBefore = (row) => model.groups.filter((group) => group.last < row).length;
  // A frame has a line of text above its first row and a little room below its last one.
  const y = (row) => TOP + row * PITCH + lastOf(row) * HEAD + doneBefore(row) * 8;
  const column = (RIGHT - LEFT) / 6;
  for (const node of model.block) {
    boxes[node.name] = {
      x: LEFT + node.column * column + 5, y: y(node.row), w: node.span * column - 10, h: BOX,
    };
  }
  const height = y(model.block.at(-1).row) + BOX + TOP;
  for (const group of model.groups) {
    const top = y(group.first) - HEAD - 3;
    frames[group.name] = { x: LEFT - 8, y: top, w: RIGHT - LEFT + 16, h: y(group.last) + BOX + 6 - top };
  }
  // The map: parts before at the top, parts after at the bottom, blocks between them.
  const outer = { x: 4, w: MAP - 8, h: BOX };
  model.before.forEach((node, i) => { boxes[node.name] = { ...outer, y: TOP + 34 + i * PITCH }; });
  const fromBelow = model.after.length;
  model.after.forEach((node, i) => {
    boxes[node.name] = { ...outer, y: height - TOP - 24 - (fromBelow - i) * PITCH + PITCH - BOX };
  });
  const first = TOP + 34 + model.before.length * PITCH + 4;
  const last = boxes[model.after[0].name].y - 14;
  const each = Math.min(LAYER_HEIGHT, (last - first) / model.n_layers);
  const begin = first + Math.max(0, (last - first - each * model.n_layers) / 2);
  const layers = Array.from({ length: model.n_layers }, (_, i) => ({
    x: 18, y: begin + i * each, w: MAP - 36, h: Math.max(1, each - (each > 6 ? 3 : 0.4)),
  }));
  return { boxes, frames, layers, height };
}

// What a zoom shows: x, y, width, height.
function windowOf(places, zoom) {
  const frame = places.frames[zoom];
  if (!frame) return [0, 0, WIDTH, places.height];
  return [LINE - 26, frame.y - 30, WIDTH - LINE + 26, frame.h + 60];
}
