"""Watches a page for what foreign text must never bring about."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from playwright.sync_api import BrowserContext, Page, Route

from tests.browser.payloads import SITE

_OURS = ("data:", "blob:", "about:")
_STRANGE = """([site, told]) => {
  const found = [], roots = [document];
  while (roots.length) {
    for (const each of roots.pop().querySelectorAll("*")) {
      if (each.shadowRoot) roots.push(each.shadowRoot);
      const frame = each.tagName === "IFRAME" ? each.contentDocument : null;
      if (frame) roots.push(frame);
      for (const {name, value} of each.attributes) {
        const leads = /^(href|src|action|formaction|data|poster|xlink:href|srcset|style)$/;
        const bad = value.includes(site) || /^\\s*javascript:/i.test(value);
        const honest = each.tagName === "A" && decodeURI(value).endsWith(each.textContent);
        if (name.startsWith("on") || (leads.test(name) && bad && !(honest && told)))
          found.push(`${each.tagName} ${name}=${value.slice(0, 80)}`);
      }
      if (/^(BASE|OBJECT|EMBED|VIDEO)$/.test(each.tagName)) found.push(each.tagName);
    }
  }
  if (window.pwned) found.push("window.pwned");
  return found;
}"""


_WORDS = """() => {
  const told = [], skipped = /^(SCRIPT|STYLE|NOSCRIPT)$/;
  const own = /^(DIV|P|LI|T[DHR]|H\\d|text|OPTION|BUTTON|PRE)$/i;
  const walk = node => {
    if (node.nodeType === 3) told.push(node.data);
    if (node.nodeType === 1) {
      if (skipped.test(node.tagName)) return;
      if (/^(INPUT|TEXTAREA)$/.test(node.tagName)) told.push(`\\n${node.value}\\n`);
      if (node.shadowRoot) node.shadowRoot.childNodes.forEach(walk);
      if (node.tagName === "IFRAME" && node.contentDocument) walk(node.contentDocument.body);
      if (own.test(node.tagName)) told.push("\\n");
    }
    node.childNodes.forEach(walk);
  };
  walk(document.body);
  return told.join("");
}"""


def words_of(page: Page) -> str:
    """All text of a page as it is shown: also in fields, frames, shadows and tables."""
    text: str = page.evaluate(_WORDS)
    return text


@dataclass
class Watch:
    """What was seen so far: dialogs, and requests that did not go to the app."""

    dialogs: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def strange(self, page: Page, *, may_link: bool = False) -> list[str]:
        """Elements and values in the page, its frames and shadows that markup has made.

        `may_link`: an address may be a link to what it says, as readers of Markdown make it.
        """
        found: list[str] = page.evaluate(_STRANGE, [SITE, may_link])
        return found


@contextmanager
def watched(context: BrowserContext, app: str) -> Iterator[Watch]:
    """Refuse and note each request that goes elsewhere, and each dialog, of this visitor."""
    watch = Watch()

    def look(route: Route) -> None:
        url = route.request.url
        if url.startswith((f"{app}/", *_OURS)):
            route.continue_()
        else:
            watch.requests.append(url)
            route.abort()

    context.route("**/*", look)
    context.on("dialog", lambda dialog: (watch.dialogs.append(dialog.message), dialog.dismiss()))
    yield watch
