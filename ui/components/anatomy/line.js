// The line from 0 to 1 that a token is drawn from, with a mark where the number falls.
const LINE_COLOURS = ["#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"];

function drawLine(canvas, { segments, uniform }, width, theme) {
  const height = 62, top = 24, thick = 22, pen = sizeCanvas(canvas, width, height);
  pen.font = `12.5px ${theme.code}`;
  pen.textBaseline = "middle";
  for (const { label, start, end, token } of segments) {
    const left = start * width, wide = Math.max(0.5, (end - start) * width - 1);
    const here = uniform >= start && uniform < end;
    pen.globalAlpha = here ? 1 : token === null ? 0.25 : 0.55;
    pen.fillStyle = token === null ? theme.muted : LINE_COLOURS[token % LINE_COLOURS.length];
    pen.fillRect(left, top, wide, thick);
    pen.globalAlpha = 1;
    if (wide < 16) continue;
    pen.fillStyle = here ? "#000" : theme.text;
    pen.textAlign = "center";
    pen.fillText(fitText(pen, label, wide - 4), left + wide / 2, top + thick / 2 + 1);
  }
  const x = uniform * width;
  pen.fillStyle = pen.strokeStyle = theme.text;
  pen.lineWidth = 2;
  pen.beginPath();
  pen.moveTo(x, top - 4);
  pen.lineTo(x, top + thick + 4);
  pen.stroke();
  pen.beginPath();
  pen.moveTo(x - 6, top - 12);
  pen.lineTo(x + 6, top - 12);
  pen.lineTo(x, top - 3);
  pen.fill();
  pen.font = `12.5px ${theme.font}`;
  pen.textAlign = x < 60 ? "left" : x > width - 60 ? "right" : "center";
  pen.fillText(uniform.toFixed(3), x, 6);
  pen.fillStyle = theme.muted;
  pen.textAlign = "left";
  pen.fillText("0", 0, height - 7);
  pen.textAlign = "right";
  pen.fillText("1", width, height - 7);
}
