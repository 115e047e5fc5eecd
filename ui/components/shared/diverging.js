// Blue below zero, orange above, the page's background at zero: safe for colour-blind eyes.
// A colour grows with the 0.6th power of the value, so that small ones are seen; legends use it too.
const BELOW = [0, 114, 178], ABOVE = [213, 94, 0];

// Any CSS colour as [red, green, blue].
function channels(colour) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = "#fff";
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)];
}

// A function from a value in [-1, 1] to [red, green, blue], on this background.
function diverging(background) {
  return (value) => {
    const strength = Math.min(1, Math.abs(value)) ** 0.6, end = value < 0 ? BELOW : ABOVE;
    return background.map((c, i) => Math.round(c + (end[i] - c) * strength));
  };
}

// A line of colours from the lowest to the highest value, with both ends named.
function legend(most, colour) {
  const line = document.createElement("div");
  line.className = "legend";
  const bar = document.createElement("span");
  bar.className = "ramp";
  const stops = Array.from({ length: 21 }, (_, i) => rgb(colour(i / 10 - 1)));
  bar.style.backgroundImage = `linear-gradient(to right, ${stops.join(",")})`;
  line.append(shortNumber(-most), bar, shortNumber(most));
  return line;
}

// Three significant digits and a true minus sign.
function shortNumber(value) {
  if (!Number.isFinite(value)) return value > 0 ? "∞" : value < 0 ? "−∞" : tr`no number`;
  if (value === 0) return "0";
  const size = Math.abs(value);
  const text = size >= 1e6 || size < 1e-3 ? value.toExponential(2) : String(Number(value.toPrecision(3)));
  return text.replace(/-/g, "−");
}
