// Cividis, dark blue (0) to yellow (1): perceptually uniform and safe for colour-blind eyes.
// Source: Nuñez, Anderton & Renslow 2018 (PLOS ONE 13(7): e0199239); ten stops, linear between.
const CIVIDIS = [
  [0, 34, 78], [18, 53, 112], [59, 73, 108], [87, 93, 109], [112, 113, 115],
  [138, 134, 120], [165, 156, 116], [195, 179, 105], [225, 204, 85], [254, 232, 56],
];

// The colour of a value in [0, 1], as [red, green, blue] of 0 to 255.
function cividis(value) {
  const place = Math.min(1, Math.max(0, value)) * (CIVIDIS.length - 1);
  const low = Math.min(Math.floor(place), CIVIDIS.length - 2);
  return CIVIDIS[low].map((c, i) => Math.round(c + (CIVIDIS[low + 1][i] - c) * (place - low)));
}

const rgb = (colour) => `rgb(${colour.join(",")})`;

// Black or white, whichever reads better on the colour (relative luminance, WCAG 2.1).
function inkOn(colour) {
  const [r, g, b] = colour.map((c) => {
    const v = c / 255;
    return v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.179 ? "#000" : "#fff";
}

const CIVIDIS_GRADIENT = `linear-gradient(to right, ${CIVIDIS.map(rgb).join(",")})`;
