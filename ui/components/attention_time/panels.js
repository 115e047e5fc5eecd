// The words and chips beside the map. Token text is foreign: textContent only.

// What the model would write after the chosen token, read out at every depth.
function drawLens(box, stops, guesses) {
  box.replaceChildren(...stops.flatMap((stop, depth) => {
    const chip = makeChip(guesses[depth].name, depth);
    const share = document.createElement("span"), name = document.createElement("span");
    name.textContent = stop;
    share.className = "share";
    share.textContent = percent(guesses[depth].share);
    return [name, chip, share];
  }));
}

const percent = (share) => (share < 0.001 ? "<0.1%" : `${(100 * share).toFixed(1)}%`);

// How many heads of each kind there are now: "3 mixed · 1 induction".
function countKinds(kinds, places) {
  const counts = kinds.map(() => 0);
  for (const place of places) counts[place] += 1;
  return kinds.map((kind, i) => [counts[i], kind]).filter(([count]) => count)
    .sort((a, b) => b[0] - a[0]).map(([count, kind]) => `${count} ${kind}`).join(" · ");
}
