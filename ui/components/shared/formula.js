// Formulas: a small part of LaTeX, drawn as MathML, which browsers lay out themselves.
const SIGNS = {
  gamma: "γ", beta: "β", mu: "μ", sigma: "σ", varphi: "φ", theta: "θ", odot: "⊙", cdot: "·",
  in: "∈", infty: "∞", leq: "≤", sum: "∑", "{": "{", "}": "}", cos: "cos", sin: "sin",
};
const UPRIGHT = new Set(["cos", "sin"]), OPERATORS = new Set(["odot", "cdot", "in", "leq", "sum", "{", "}"]);

function mathElement(name, ...children) {
  const element = document.createElementNS("http://www.w3.org/1998/Math/MathML", name);
  for (const child of children) element.append(child);
  return element;
}

function formula(latex) {
  const read = new FormulaReader(latex);
  const math = mathElement("math", ...read.row());
  math.setAttribute("display", "block");
  return math;
}

class FormulaReader {
  constructor(text) { this.text = text; this.at = 0; }

  // Everything up to a closing brace, which is passed over.
  row() {
    const found = [];
    while (this.at < this.text.length) {
      const next = this.text[this.at];
      if (next === "}") { this.at++; break; }
      if (next === " ") { this.at++; continue; }
      found.push(this.scripted());
    }
    return found;
  }

  // An atom with what stands below and above it.
  scripted() {
    const base = this.atom();
    let below = null, above = null;
    while (this.text[this.at] === "_" || this.text[this.at] === "^") {
      const isBelow = this.text[this.at++] === "_";
      if (isBelow) below = this.atom(); else above = this.atom();
    }
    const isSum = base.textContent === "∑";
    if (below && above) return mathElement(isSum ? "munderover" : "msubsup", base, below, above);
    if (below) return mathElement(isSum ? "munder" : "msub", base, below);
    return above ? mathElement("msup", base, above) : base;
  }

  atom() {
    const next = this.text[this.at];
    if (next === "{") { this.at++; return mathElement("mrow", ...this.row()); }
    if (next === "\\") return this.command();
    const digits = /^[0-9][0-9.]*/.exec(this.text.slice(this.at));
    if (digits) { this.at += digits[0].length; return mathElement("mn", digits[0]); }
    this.at++;
    if (/\p{L}/u.test(next)) return mathElement("mi", next);
    return mathElement("mo", next === "-" ? "−" : next);
  }

  command() {
    const [whole, name] = /^\\([a-zA-Z]+|.)/u.exec(this.text.slice(this.at));
    this.at += whole.length;
    if (name === "frac") return mathElement("mfrac", this.atom(), this.atom());
    if (name === "sqrt") return mathElement("msqrt", this.atom());
    if (name === "hat") return mathElement("mi", `${this.atom().textContent}\u0302`);
    if (name === "text") return mathElement("mtext", this.raw());
    if (name === "mathbb") return mathElement("mi", this.raw() === "R" ? "ℝ" : "?");
    if (name === "quad" || name === ",") {
      const space = mathElement("mspace");
      space.setAttribute("width", name === "quad" ? "1em" : "0.17em");
      return space;
    }
    const sign = SIGNS[name] ?? name;
    if (OPERATORS.has(name)) return mathElement("mo", sign);
    const letter = mathElement("mi", sign);
    if (UPRIGHT.has(name)) letter.setAttribute("mathvariant", "normal");
    return letter;
  }

  // The text between braces as it stands; spaces at its ends stay.
  raw() {
    const end = this.text.indexOf("}", this.at);
    const inside = this.text.slice(this.at + 1, end);
    this.at = end + 1;
    return inside.replace(/^ | $/g, "\u00a0");
  }
}
