// The rows of all heads at one frame: a line a head, a column a position. Knows no events.
const ROW_LABEL = 34, LAYER_GAP = 5;

// Where each head's line stands: thick enough to be clicked where there are few.
function rowBox(width, nLayers, nHeads, nTokens) {
  const most = 300 / (nLayers * nHeads);
  const tall = Math.max(4, Math.min(16, Math.floor(most)));
  const layer = nHeads * tall + LAYER_GAP;
  return { tall, layer, left: ROW_LABEL, each: (width - ROW_LABEL - 1) / nTokens, width, height: nLayers * layer };
}

function drawRows(canvas, box, weights, length, nLayers, nHeads, chosen, theme) {
  const pen = sizeCanvas(canvas, box.width, box.height);
  pen.font = `13px ${theme.font}`;
  pen.textBaseline = "middle";
  for (let layer = 0; layer < nLayers; layer++) {
    pen.fillStyle = theme.muted;
    if (box.layer >= 14) pen.fillText(`L${layer}`, 0, layer * box.layer + (box.layer - LAYER_GAP) / 2);
    // Positions that are not written yet.
    pen.fillStyle = theme.panel;
    pen.fillRect(box.left + length * box.each, layer * box.layer, box.width - box.left - length * box.each, nHeads * box.tall - 1);
    for (let head = 0; head < nHeads; head++) {
      const y = layer * box.layer + head * box.tall, row = layer * nHeads + head;
      for (let s = 0; s < length; s++) {
        pen.fillStyle = rgb(cividis(Math.sqrt(weights[row * length + s])));
        pen.fillRect(box.left + s * box.each, y, box.each + 0.4, box.tall - (box.tall > 6 ? 1 : 0));
      }
    }
  }
  pen.strokeStyle = theme.accent;
  pen.lineWidth = 2;
  const [layer, head] = [Math.floor(chosen / nHeads), chosen % nHeads];
  pen.strokeRect(box.left - 1, layer * box.layer + head * box.tall - 0.5, length * box.each + 2, box.tall);
}

// Which head and position lie under the pointer; null between layers and behind the text.
function rowAt(box, x, y, length, nLayers, nHeads) {
  const layer = Math.floor(y / box.layer), head = Math.floor((y - layer * box.layer) / box.tall);
  const s = Math.floor((x - box.left) / box.each);
  if (layer < 0 || layer >= nLayers || head < 0 || head >= nHeads) return null;
  return { row: layer * nHeads + head, s: s >= 0 && s < length ? s : null };
}
