// What the canvas components share: theme colours, sharp pixels, text that fits.

// The theme's colours as the page has them now. `root` is any element of the component.
function themeOf(root) {
  const style = getComputedStyle(root);
  const read = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  return {
    text: read("--st-text-color", "#222"),
    muted: read("--st-gray-text-color", "#666"),
    background: read("--st-background-color", "#fff"),
    panel: read("--st-secondary-background-color", "#f0f2f6"),
    border: read("--st-border-color", "#ccc"),
    accent: read("--st-primary-color", "#005a9c"),
    font: read("--st-font", "sans-serif"),
    code: read("--st-code-font", "monospace"),
    laser: read("--slm-laser", ""),   // set while somebody presents
  };
}

// Sizes a canvas in CSS pixels and returns a context that draws in them, sharp on any screen.
function sizeCanvas(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  const w = Math.round(width * ratio), h = Math.round(height * ratio);
  if (canvas.width !== w) canvas.width = w;
  if (canvas.height !== h) canvas.height = h;
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  context.clearRect(0, 0, width, height);
  return context;
}

// The text, cut with an ellipsis where it is wider than `width` pixels.
function fitText(context, text, width) {
  if (context.measureText(text).width <= width) return text;
  const letters = [...text];
  let low = 0, high = letters.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (context.measureText(letters.slice(0, middle).join("") + "…").width <= width) low = middle;
    else high = middle - 1;
  }
  return low ? letters.slice(0, low).join("") + "…" : "";
}

// At most two lines that fit `width`, broken between words.
function twoLines(context, text, width) {
  const words = text.split(" ");
  let first = words[0], used = 1;
  while (used < words.length && context.measureText(`${first} ${words[used]}`).width <= width) {
    first += ` ${words[used++]}`;
  }
  return [first, words.slice(used).join(" ")].filter(Boolean).map((l) => fitText(context, l, width));
}

// Diagonal lines for cells that may not be looked at: different from any weight, zero included.
function hatch(context, theme) {
  const tile = document.createElement("canvas");
  tile.width = tile.height = 8;
  const pen = tile.getContext("2d");
  pen.fillStyle = theme.panel;
  pen.fillRect(0, 0, 8, 8);
  pen.strokeStyle = theme.muted;
  pen.globalAlpha = 0.45;
  pen.beginPath();
  for (const x of [-8, 0, 8]) { pen.moveTo(x, 8); pen.lineTo(x + 8, 0); }
  pen.stroke();
  return context.createPattern(tile, "repeat");
}
