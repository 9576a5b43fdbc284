// The transcript and the cues: lists whose current entry follows the time.

"use strict";

function item(line) {
  const words = line.pieces.flatMap((piece) => [...said(piece), " "]);
  const instead = line.pieces.flatMap((piece) => piece.instead);
  return make(`li.line.${line.speaker}`, { onclick: (event) => !event.target.closest("button, mark") && call.seek(line.start_s) },
    moment(line.start_s),
    make(`span.who.${line.speaker}`, {}, NAMES[line.speaker]),
    make("p", { dir: "auto" }, ...words),
    ...instead.map((text) => make("p.instead", { dir: "auto" }, "Instead: ", make("q", {}, text))));
}

// The words as heard live, and as heard again with more care after the call, if they were.
const live = { lines: report.lines, items: report.lines.map(item) };
const careful = { lines: report.careful_lines, items: report.careful_lines.map(item) };
let layer = careful.lines.length ? careful : live;

function said(piece) {
  const text = piece.doubtful ? make("span.doubtful", {}, piece.text) : piece.text;
  if (!piece.moves.length) return [text];
  const marked = make("mark", { onclick: () => call.seek(piece.start_s) }, text);
  return piece.ends.length ? [marked, make("small.move", {}, piece.ends.join(", "))] : [marked];
}

const cueCards = report.cues.map((cue) =>
  make("li.cue", {},
    make("h3", { dir: "auto" }, cue.title),
    make("p.span", {}, moment(cue.opened_s), `to ${clock(cue.closed_s)}: `, make("span", { dir: "auto" }, cue.closed_because)),
    make("p", { dir: "auto" }, cue.message),
    cue.say ? make("p.say", { dir: "auto" }, make("q", {}, cue.say)) : null,
    make("dl.evidence", {}, ...cue.evidence.flatMap(([what, much]) => [make("dt", {}, what), make("dd", { dir: "auto" }, much)])),
    ...cue.followed.map((text) => make("p.note", {}, text)),
    cue.helpful === null ? null : make("p.note", {}, cue.helpful ? "marked helpful by the agent" : "marked wrong by the agent")));

const heldItems = report.held_back.map((held) =>
  make("li", {}, moment(held.at_s), make("b", { dir: "auto" }, held.title), make("span", { dir: "auto" }, held.reason)));

// Marks the current entry: the last that has begun; a cue only while it is on screen.
let currentLine = -1, currentCue = -1;

function mark(items, old, now) {
  if (old === now) return now;
  if (items[old]) items[old].removeAttribute("aria-current");
  if (items[now]) items[now].setAttribute("aria-current", "true");
  return now;
}

// Scrolls an entry into view, at this share of the list's height below its top.
function reveal(list, item, below) {
  if (!item) return;
  const top = item.offsetTop;
  if (top < list.scrollTop || top + item.offsetHeight > list.scrollTop + list.clientHeight) {
    list.scrollTop = top - list.clientHeight * below;
  }
}

function follow(time) {
  const line = latest(layer.lines, (it) => it.start_s, time + 0.05);
  if (line !== currentLine) reveal(part.transcript, layer.items[line], 0.25);
  currentLine = mark(layer.items, currentLine, line);
  const cue = latest(report.cues, (it) => it.opened_s, time + 0.05);
  const shown = cue >= 0 && time <= report.cues[cue].closed_s ? cue : -1;
  if (shown !== currentCue) reveal(part["cue-list"], cueCards[shown], 0.02);
  currentCue = mark(cueCards, currentCue, shown);
}

function chooseCue(cue) {
  reveal(part["cue-list"], cueCards[report.cues.indexOf(cue)], 0.02);
  call.seek(cue.opened_s);
}

// Jumps to the next cue (1) or the previous one (-1).
function step(way) {
  const all = report.cues.map((cue) => cue.opened_s).concat(heldShown ? report.held_back.map((held) => held.at_s) : []).sort((a, b) => a - b);
  const there = all.filter((t) => (way > 0 ? t > call.time + 0.1 : t < call.time - 0.5));
  if (there.length) call.seek(way > 0 ? there[0] : there.at(-1));
}

function showHeld(on) {
  heldShown = on;
  part.held.setAttribute("aria-pressed", String(on));
  part["held-part"].hidden = !on;
  draw();
}

// Shows the words as heard live, or as heard again.
function showLayer(chosen) {
  currentLine = mark(layer.items, currentLine, -1);
  layer = chosen;
  part.layer.setAttribute("aria-pressed", String(layer === live));
  part.transcript.replaceChildren(...layer.items);
  part["no-words"].hidden = layer.items.length > 0;
  part["doubt-note"].hidden = !layer.lines.some((line) => line.pieces.some((piece) => piece.doubtful));
  follow(call.time);
}

function startWords() {
  part["careful-note"].hidden = !careful.lines.length;
  part.layer.addEventListener("click", () => showLayer(layer === live ? careful : live));
  part["cue-list"].append(...(cueCards.length ? cueCards : [make("li.note", {}, "No cue was shown.")]));
  part["held-list"].append(...heldItems);
  part.held.textContent = `Held back: ${report.held_back.length}`;
  part.held.disabled = !report.held_back.length;
  part.held.addEventListener("click", () => showHeld(!heldShown));
  if (report.words) part["no-words"].textContent = "The call was transcribed, but no words were recognised.";
  for (const button of [part.previous, part.next]) button.disabled = !report.cues.length;
  part.previous.addEventListener("click", () => step(-1));
  part.next.addEventListener("click", () => step(1));
  showLayer(layer);
  call.watch(follow);
}
