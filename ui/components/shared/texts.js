// Texts in the server's language: tr`Layer ${layer}` looks "Layer {0}" up and puts the layer in.
const TEXTS = __TEXTS__;

function tr(parts, ...values) {
  let english = parts[0];
  for (let i = 0; i < values.length; i++) english += `{${i}}${parts[i + 1]}`;
  return (TEXTS[english] ?? english).replace(/\{(\d+)\}/g, (place, i) => i < values.length ? values[i] : place);
}
