const ASK_MS = 2000, TOLD_MS = 12000;
const FOLLOWED = "slm-followed", STAYED = "slm-stayed", BACK = "slm-back";
const SINCE = "slm-followed-at", PAGE = "slm-page";

// What the presenter shows is asked of the door; a tab follows each call once, unless its visitor
// stays where they are. Whoever has a text in hand is asked first, so that no word is lost.
export default function ({ data, parentElement }) {
  const { header } = unpack(data);
  const root = parentElement.querySelector(".root");
  const own = root.querySelector(".own"), note = root.querySelector(".note");
  const show = root.querySelector(".show");
  // The view's address; how the presenter's own page is drawn is no part of what is shown.
  const here = () => {
    const asked = new URLSearchParams(location.search);
    asked.delete("present");
    const query = asked.toString();
    return location.pathname + (query ? `?${query}` : "");
  };
  const kept = (key) => sessionStorage.getItem(key);
  const keep = (key, value) => sessionStorage.setItem(key, value);
  const { bar, told, go, stay } = barOf(root);
  let written = null;   // the field whose text is not sent yet
  const onInput = (event) => { written = event.target; };
  document.addEventListener("input", onInput, true);
  const hasTextInHand = () => written !== null && document.activeElement === written;

  const offer = (text, goText, onGo, stayText, onStay) => {
    told.textContent = text;
    go.textContent = goText;
    stay.textContent = stayText;
    go.onclick = onGo;
    stay.onclick = onStay;
    bar.hidden = false;
    bar.style.display = "flex";
  };
  const hide = () => { bar.hidden = true; bar.style.display = "none"; };

  const follow = (look) => {
    keep(FOLLOWED, look.call);
    keep(SINCE, Date.now());
    if (here() === look.address) return;
    keep(BACK, here());
    location.assign(look.address);
  };

  const asParticipant = (look) => {
    const call = String(look.call);
    if (!look.address) { hide(); return; }
    if (kept(STAYED) === call) { hide(); return; }
    if (kept(FOLLOWED) !== call) {
      if (!hasTextInHand()) { follow(look); return; }
      offer(tr`The presenter shows a view to everybody.`, tr`Go there`, () => follow(look),
        tr`Stay here`, () => { keep(STAYED, call); hide(); });
      return;
    }
    const back = kept(BACK);
    const page = look.address.split("?")[0];
    const told = Date.now() - Number(kept(SINCE)) > TOLD_MS;   // said long enough
    if (!back || back === here() || told || location.pathname !== page) { hide(); return; }
    offer(tr`The presenter shows this to everybody.`, tr`Back to where I was`,
      () => { keep(STAYED, call); location.assign(back); },
      tr`Stay here`, () => { keep(STAYED, call); hide(); });
  };

  const asPresenter = (look) => {
    const shows = Boolean(look.address);
    const same = look.address === here();
    show.textContent = shows && same ? tr`Let everybody go` : tr`Show everybody this view`;
    show.classList.toggle("on", shows);
    note.textContent = shows && !same ? tr`All screens show another view.` : "";
    show.onclick = () => send(shows && same ? "" : here());
    showInCorner(show);
  };

  const take = (look) => {
    own.hidden = !header.presents;
    (header.presents ? asPresenter : asParticipant)(look);
  };

  async function send(address) {
    show.disabled = true;
    try {
      const body = new URLSearchParams({ address });
      const answer = await fetch("/look", { method: "POST", body });
      if (answer.ok) take(await answer.json());
      else note.textContent = await answer.text();
    } catch {
      note.textContent = tr`The server does not answer just now.`;
    }
    show.disabled = false;
  }

  async function ask() {
    if (document.hidden) return;
    try {
      const answer = await fetch("/look", { headers: { accept: "application/json" } });
      if (answer.ok) take(await answer.json());
      else if (answer.status === 403) {   // the class ended, or this name was taken off the list
        const as = header.presents ? "&presenter=1" : "";
        location.assign(`/join?again=1${as}&next=${encodeURIComponent(here())}`);
      }
    } catch {
      // the server is away for a moment; the next look finds it again
    }
  }

  uncover();
  ask();
  const timer = setInterval(ask, ASK_MS);
  return () => {
    clearInterval(timer);
    document.removeEventListener("input", onInput, true);
    bar.remove();
  };
}

// Presenter mode hides the sidebar: the button then stands with the others at the top right too.
function showInCorner(show) {
  const corner = document.querySelector(".st-key-present-corner");
  if (!corner) return;
  let twin = corner.querySelector("[data-testid=show-everybody-corner]");
  if (!twin) {
    twin = document.createElement("button");
    twin.type = "button";
    twin.dataset.testid = "show-everybody-corner";
    const style = getComputedStyle(show);
    for (const name of ["font", "color", "background", "border", "borderRadius", "padding", "cursor"]) {
      twin.style[name] = style[name];
    }
    corner.prepend(twin);
  }
  twin.textContent = show.textContent;
  twin.onclick = () => show.click();
}

// On a phone the sidebar lies over the page: it goes when another page has come.
function uncover() {
  const before = sessionStorage.getItem(PAGE);
  sessionStorage.setItem(PAGE, location.pathname);
  const isNarrow = window.matchMedia("(max-width: 767px)").matches;
  if (before === null || before === location.pathname || !isNarrow) return;
  document.querySelector("[data-testid=stSidebarCollapseButton] button")?.click();
}

// The bar lies over the page, outside of the sidebar, which a phone keeps out of sight.
function barOf(root) {
  const style = getComputedStyle(root);
  const colour = (name, otherwise) => style.getPropertyValue(name).trim() || otherwise;
  const line = colour("--st-primary-color", "#005a9c");
  const bar = document.createElement("div");
  bar.dataset.testid = "look-here";
  bar.setAttribute("role", "status");
  bar.hidden = true;
  Object.assign(bar.style, {
    position: "fixed", left: "50%", bottom: "1rem", transform: "translateX(-50%)", zIndex: 999990,
    display: "none", flexWrap: "wrap", gap: "0.5rem", alignItems: "center", boxSizing: "border-box",
    width: "max-content", maxWidth: "calc(100vw - 2rem)", padding: "0.6rem 0.9rem",
    borderRadius: "0.6rem", border: `2px solid ${line}`, font: style.font,
    background: colour("--st-secondary-background-color", "#fff"),
    color: colour("--st-text-color", "#222"), boxShadow: "0 2px 12px rgb(0 0 0 / 25%)",
  });
  const told = document.createElement("span");
  const [go, stay] = [0, 1].map(() => {
    const button = document.createElement("button");
    button.type = "button";
    Object.assign(button.style, {
      font: "inherit", color: "inherit", background: colour("--st-background-color", "#fff"),
      border: `1px solid ${line}`, borderRadius: "0.5rem", padding: "0.3rem 0.75rem",
      cursor: "pointer",
    });
    return button;
  });
  bar.append(told, go, stay);
  document.body.append(bar);
  return { bar, told, go, stay };
}
