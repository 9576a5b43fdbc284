// Draws the score card, and the survey form that people fill in after the call.

"use strict";

const SVG = "http://www.w3.org/2000/svg";
// Assertiveness and cooperativeness of the five styles, after Thomas and Kilmann.
const STYLES = { competing: [1, 0], collaborating: [1, 1], compromising: [0.5, 0.5], avoiding: [0, 0], accommodating: [0, 1] };

const share = (v) => (v === null ? "not known" : v.toFixed(2));

function quotes(title, list) {
  if (!list.length) return null;
  return make("div", {}, make("h4", {}, title), make("ol.quotes", {}, ...list.map(quote)));
}

function technique(it) {
  const known = it.score !== null;
  const bar = make(known ? "span.bar" : "span", { "aria-hidden": "true" }, make("i"));
  if (known) bar.firstChild.style.inlineSize = `${100 * it.score}%`;
  return make("li", {},
    make("details", { open: it.missed.length > 0 },
      make("summary", {},
        make("h3.title", {}, it.name), bar,
        make("span.score", {}, known ? it.score.toFixed(2) : "no score")),
      make("p.formula", {}, it.formula),
      make("div.pair", {}, quotes("Seen", it.seen), quotes("Missed", it.missed)),
      it.practise ? make("p.practise", {}, make("b", {}, "To practise: "), it.practise) : null));
}

function shape(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  element.append(...children);
  return element;
}

// Up is assertive, right is cooperative.
function plane(styles) {
  const [left, top, side] = [34, 10, 230];
  const at = (assertive, cooperative) => [left + cooperative * side, top + (1 - assertive) * side];
  const known = styles.assertiveness !== null && styles.cooperativeness !== null;
  const where = known ? `assertiveness ${share(styles.assertiveness)}, cooperativeness ${share(styles.cooperativeness)}` : "not known";
  const svg = shape("svg", { viewBox: `0 0 ${side + 54} ${side + 44}`, role: "img", "aria-label": `Style: ${styles.style || "not known"}; ${where}` },
    shape("rect", { x: left, y: top, width: side, height: side, class: "field" }),
    shape("line", { x1: left, y1: top + side / 2, x2: left + side, y2: top + side / 2, class: "grid" }),
    shape("line", { x1: left + side / 2, y1: top, x2: left + side / 2, y2: top + side, class: "grid" }));
  for (const [name, [assertive, cooperative]] of Object.entries(STYLES)) {
    const [px, py] = at(0.1 + 0.8 * assertive, 0.22 + 0.56 * cooperative);
    const text = shape("text", { x: px, y: py - 3, "text-anchor": "middle", class: name === styles.style ? "chosen" : "" }, name);
    const much = styles.shares[name];
    svg.append(text, shape("text", { x: px, y: py + 12, "text-anchor": "middle", class: "quiet" }, much === undefined ? "" : `${Math.round(100 * much)}%`));
  }
  svg.append(
    shape("text", { x: left + side / 2, y: top + side + 24, "text-anchor": "middle", class: "quiet" }, "cooperativeness →"),
    shape("text", { x: 0, y: 0, transform: `translate(18 ${top + side / 2}) rotate(-90)`, "text-anchor": "middle", class: "quiet" }, "assertiveness →"));
  if (known) {
    const [px, py] = at(styles.assertiveness, styles.cooperativeness);
    svg.append(shape("circle", { cx: px, cy: py, r: 7, class: "point" }));
  }
  return svg;
}

function drawStyle(styles) {
  part.style.append(
    plane(styles),
    make("p", {}, styles.style ? `Nearest: ${styles.style}. ` : "Too few dialogue acts to tell. "),
    make("p.formula", {}, styles.formula),
    make("ol.quotes", {}, ...styles.evidence.map((it) => {
      const item = quote(it.quote);
      item.append(make("span.why", {}, it.style));
      return item;
    })));
}

function drawJourney(journey) {
  const stop = (name, value, at) => make("div", {}, make("dt", {}, name), make("dd", {}, share(value), at === null ? null : moment(at)));
  part.journey.append(
    make("p.note", {}, "Estimated agitation from 0 to 1. Each value is a mean over 5 s of speech, so the peak is below the highest single estimate."),
    make("dl.stops", {}, stop("start", journey.start, null), stop("peak", journey.peak, journey.peak_s), stop("end", journey.end, null)),
    make("ol.changes", {}, ...journey.changes.map((it) =>
      make("li", {},
        make("p", {}, moment(it.start_s), `to ${clock(it.end_s)}: `,
          make("b", {}, `${it.after > it.before ? "rose" : "fell"} from ${it.before.toFixed(2)} to ${it.after.toFixed(2)}`),
          it.preceded_by.length ? ", after" : ""),
        make("ol.quotes", {}, ...it.preceded_by.map(quote))))));
}

function startCard() {
  const card = report.card;
  if (!card) return;
  part.card.hidden = false;
  part["card-notes"].append(...card.notes.map((text) => make("li", {}, text)));
  part.techniques.append(...card.techniques.map(technique));
  drawStyle(card.styles);
  drawJourney(card.journey);
  part.cause.append(...(card.root_cause.length ? card.root_cause.map(quote) : [make("li.note", {}, "Not known.")]));
  for (const [name, value] of Object.entries(card.survey)) {
    if (value !== null) part.survey.elements[name].value = value;
  }
}

// Returns the form's entries as `voicecoach journal add-survey` reads them.
function filledIn() {
  const fields = part.survey.elements;
  const number = (name) => (fields[name].value === "" ? null : Number(fields[name].value));
  return { csat: number("csat"), nps: number("nps"), ces: number("ces"), notes: fields.notes.value };
}

function startSurvey() {
  part.survey.addEventListener("submit", (event) => {
    event.preventDefault();
    const file = new Blob([`${JSON.stringify(filledIn(), null, 2)}\n`], { type: "application/json" });
    const link = make("a", { href: URL.createObjectURL(file), download: "survey.json" });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    part.saved.textContent = "Saved as survey.json. To add it to your journal: voicecoach journal add-survey CALL --file survey.json";
  });
}
