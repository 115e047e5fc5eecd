// A letter is sent as it is typed, a token with Enter; Escape shows what it was.
export default function ({ data, parentElement, setTriggerValue }) {
  const { header } = unpack(data);
  const root = parentElement.querySelector(".root");
  const text = root.querySelector(".text");
  const entry = root.querySelector(".entry");
  const input = root.querySelector("input");

  const lead = document.createElement("span");
  lead.className = "lead";
  lead.textContent = header.lead;
  const symbols = header.symbols.map((shown, i) => {
    const symbol = document.createElement("span");
    symbol.className = header.hard[i] ? "symbol hard" : "symbol";
    symbol.append(line("", shown), line("count", header.counts[i]));
    return symbol;
  });
  const next = document.createElement("span");
  next.className = "next";
  next.textContent = "\u00a0";
  text.replaceChildren(lead, ...symbols, ...(header.over ? [] : [next]));
  text.scrollTop = text.scrollHeight;

  root.classList.toggle("words", !header.single);
  root.querySelector(".asks").textContent =
    header.single ? tr`Next letter or space` : tr`Next token, then Enter`;
  root.querySelector(".wrong").textContent =
    header.wrong.length ? tr`Not ${header.wrong.join("  ")}` : "";
  entry.hidden = header.over;
  const nobodyTypes = document.activeElement === document.body;   // also after being drawn anew
  if (!header.over && (root.begun || nobodyTypes)) input.focus({ preventScroll: true });

  const send = (guess) => {
    root.begun = true;
    input.value = "";
    setTriggerValue("guess", guess);
  };
  const give = () => {
    root.begun = true;
    input.value = "";
    setTriggerValue("shown", true);
  };
  input.oninput = (event) => {
    if (header.single && input.value && !event.isComposing) send([...input.value].at(-1));
  };
  entry.onsubmit = (event) => {
    event.preventDefault();
    if (header.single) return;
    send(input.value.trim() || " ");
  };
  input.onkeydown = (event) => { if (event.key === "Escape") give(); };
  root.querySelector(".show").onclick = give;

  function line(name, content) {
    const element = document.createElement("span");
    element.className = name;
    element.textContent = content;
    return element;
  }
}
