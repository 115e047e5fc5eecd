// Every head of every layer as a cell, coloured by its score at the present moment.
function drawHeads(canvas, room, [layers, heads], scores, most, chosen, theme) {
  const label = 34, cell = Math.max(7, Math.min(46, Math.floor((room - label - 4) / heads)));
  const tall = Math.max(7, Math.min(34, cell, Math.floor(300 / layers)));
  const pen = sizeCanvas(canvas, label + heads * cell + 4, layers * tall + 24);
  pen.font = `12px ${theme.font}`;
  pen.textBaseline = "middle";
  pen.textAlign = "center";
  for (let layer = 0; layer < layers; layer++) {
    pen.fillStyle = theme.text;
    if (tall >= 12 || layer % 4 === 0) pen.fillText(String(layer), label - 12, layer * tall + tall / 2);
    for (let head = 0; head < heads; head++) {
      const value = scores[layer * heads + head], colour = cividis(value / most);
      pen.fillStyle = rgb(colour);
      pen.fillRect(label + head * cell, layer * tall, cell - 1, tall - 1);
      if (cell < 36 || tall < 20) continue;
      pen.fillStyle = inkOn(colour);
      pen.fillText(most > 1 ? value.toFixed(1) : value.toFixed(2), label + head * cell + cell / 2, layer * tall + tall / 2);
    }
  }
  pen.fillStyle = theme.muted;
  for (let head = 0; head < heads; head++) {
    if (cell >= 18 || head % 4 === 0) pen.fillText(String(head), label + head * cell + cell / 2, layers * tall + 11);
  }
  pen.strokeStyle = theme.accent;
  pen.lineWidth = 3;
  pen.strokeRect(label + (chosen % heads) * cell - 0.5, Math.floor(chosen / heads) * tall - 0.5, cell, tall);
  return (event) => {
    const frame = canvas.getBoundingClientRect();
    const head = Math.floor((event.clientX - frame.left - label) / cell);
    const layer = Math.floor((event.clientY - frame.top) / tall);
    return head >= 0 && head < heads && layer >= 0 && layer < layers ? layer * heads + head : null;
  };
}
