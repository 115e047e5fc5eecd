// Stage cards in order. Cards are kept and refilled, so that polling never loses the focus.
const STATES = { waiting: tr`○ waiting`, running: tr`◐ running`, done: tr`✓ done`, failed: tr`✕ failed` };

export default function ({ data, parentElement, setTriggerValue }) {
  const { stages } = unpack(data).header;
  const list = parentElement.querySelector("ol");
  list.style.setProperty("--count", stages.length);
  const names = stages.map((stage) => stage.name).join("\u0000");
  if (list.names !== names) {
    list.replaceChildren(...stages.map(makeCard));
    list.names = names;
  }
  stages.forEach((stage, i) => fillCard(list.children[i].firstChild, stage));
  list.onclick = (event) => {
    const card = event.target.closest(".card");
    if (card) setTriggerValue("open", card.dataset.name);
  };
}

function makeCard(stage) {
  const item = document.createElement("li");
  const card = item.appendChild(document.createElement("button"));
  card.type = "button";
  card.className = "card";
  card.dataset.name = stage.name;
  card.dataset.testid = `stage-${stage.name}`;
  for (const name of ["title", "state", "fact", "track"]) {
    card.appendChild(document.createElement("span")).className = name;
  }
  card.querySelector(".track").appendChild(document.createElement("div")).className = "bar";
  return item;
}

function fillCard(card, stage) {
  const isRunning = stage.state === "running";
  const isKnown = isRunning && stage.fraction !== null;
  const percent = isKnown ? Math.floor(100 * Math.min(1, Math.max(0, stage.fraction))) : 0;
  card.dataset.state = stage.state;
  card.querySelector(".title").textContent = stage.title;
  card.querySelector(".state").textContent = isKnown ? tr`◐ running ${percent}%` : STATES[stage.state];
  card.querySelector(".fact").textContent = stage.fact;
  const bar = card.querySelector(".bar");
  bar.style.width = isKnown ? `${percent}%` : "";
  bar.classList.toggle("unknown", isRunning && !isKnown);
}
