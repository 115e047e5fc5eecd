const BELOW = [0, 114, 178], ABOVE = [213, 94, 0];   // Okabe-Ito blue and vermillion

// Any CSS colour as [red, green, blue].
function channels(colour) {
  const pen = document.createElement("canvas").getContext("2d");
  pen.fillStyle = colour;
  pen.fillRect(0, 0, 1, 1);
  return [...pen.getImageData(0, 0, 1, 1).data].slice(0, 3);
}

// A function from a place on the scale to [red, green, blue].
function colouring(scale, theme) {
  if (!scale.diverging) return cividis;
  const zero = channels(theme.background);
  return (place) => {
    const end = place < 0 ? BELOW : ABOVE, strength = Math.min(1, Math.abs(place)) ** 0.7;
    return zero.map((c, i) => Math.round(c + (end[i] - c) * strength));
  };
}

function gradient(scale, colour) {
  const first = scale.diverging ? -1 : 0;
  const stops = Array.from({ length: 21 }, (_, i) => rgb(colour(first + (1 - first) * i / 20)));
  return `linear-gradient(to right, ${stops.join(",")})`;
}
