// Draws each display received, and sends the agent's clicks.
//
// Received strings are inserted as text, never as markup, and only if they have changed: otherwise
// a screen reader would repeat them and the page would flicker.  Without a connection every value
// is shown as not known, since the last one may be out of date.

"use strict";

const LEVELS = 20;
const FIRST_WAIT_S = 0.5, LONGEST_WAIT_S = 8;
const STATES = {
  ready: ["Ready", "Start"],
  listening: ["Listening", "Pause"],
  paused: ["Paused", "Resume"],
  ended: ["Ended", "Start"],
};
const SPEAKERS = ["agent", "customer"];
const NOT_KNOWN = { value: null, mark: 0.5, text: "not known", note: "" };
const NOTHING = {
  channels: SPEAKERS.map((speaker) => ({ speaker, speaking: false, level: 0, state: "not known", problem: "" })),
  overlap: false,
  card: null,
  agitation: { ...NOT_KNOWN, label: "Customer agitation" },
  delivery: { ...NOT_KNOWN, label: "Your pace" },
  line: null,
  notice: "",
  answer: "",
  can_undo: false,
};

// Found once: they stay the same when they move to a window of their own.
const part = Object.fromEntries([...document.querySelectorAll("[id]")].map((e) => [e.id, e]));
const inside = (node, names) => Object.fromEntries(names.map((n) => [n, node.querySelector(n)]));
const bars = ["agitation", "delivery"].map((id) =>
  inside(part[id], ["h2", ".value", ".track", "i", "b", ".note"]));
const voices = SPEAKERS.map((id) =>
  inside(part[id], [".speaking", ".shape", ".track", "i", ".note"]));

function set(node, name, value) {
  if (node[name] !== value) node[name] = value;
}

function say(node, text) {
  set(node, "textContent", text);
}

function attribute(node, name, value) {
  if (value === null) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

function place(node, side, share) {
  const percent = `${(100 * share).toFixed(1)}%`;
  if (node.style[side] !== percent) node.style[side] = percent;
}

function draw(display) {
  SPEAKERS.forEach((speaker, i) =>
    drawChannel(voices[i], display.channels.find((c) => c.speaker === speaker), display.overlap));
  drawCard(display.card, display === NOTHING ? "Not connected" : "No cue");
  drawBar(bars[0], display.agitation);
  drawBar(bars[1], display.delivery);
  const line = display.line;
  say(part.who, !line ? "Last words" : line.speaker === "agent" ? "You" : "Customer");
  say(part.said, line ? line.text : "");
  say(part.tentative, line ? line.tentative : "");
  say(part.doubt, line ? line.note : "");
  say(part.notice, display.notice);
  say(part.answer, display.answer);
  set(part.told, "hidden", !display.answer && !display.can_undo);
  set(part.undo, "hidden", !display.can_undo);
}

function drawChannel(nodes, channel, overlap) {
  const heard = overlap ? "both speaking" : channel.speaking ? "speaking" : "quiet";
  const wrong = channel.state !== "ok";
  attribute(nodes[".shape"], "data-shape", wrong ? "wrong" : heard);
  say(nodes[".speaking"], wrong ? channel.state : heard);
  say(nodes[".note"], channel.problem);
  place(nodes.i, "inlineSize", channel.level / LEVELS);
  attribute(nodes[".track"], "aria-valuenow", channel.level);
  attribute(nodes[".track"], "aria-valuetext", `${channel.level} of ${LEVELS}`);
}

let card = null;

function drawCard(shown, none) {
  card = shown;
  attribute(part.card, "data-cue", shown ? "" : null);
  say(part.title, shown ? shown.title : none);
  say(part.evidence, shown ? shown.evidence : "");
  say(part.say, shown && shown.say ? `\u201c${shown.say}\u201d` : "");
  set(part.marks, "hidden", !shown);
  attribute(part.helpful, "aria-pressed", Boolean(shown) && shown.helpful === true);
  attribute(part.wrong, "aria-pressed", Boolean(shown) && shown.helpful === false);
}

function drawBar(nodes, bar) {
  say(nodes.h2, bar.label);
  say(nodes[".value"], bar.text);
  say(nodes[".note"], bar.note);
  place(nodes.i, "inlineSize", bar.value === null ? 0 : bar.value);
  place(nodes.b, "insetInlineStart", bar.mark);
  attribute(nodes[".track"], "aria-label", bar.label);
  attribute(nodes[".track"], "aria-valuenow", bar.value === null ? 0 : bar.value);
  attribute(nodes[".track"], "aria-valuetext", bar.text);
}

let running = false;

function drawState(state, words, button) {
  // A question is about the call that it was asked for.
  const runs = state === "listening" || state === "paused";
  if (runs !== running) set(part.ask, "hidden", true);
  running = runs;
  attribute(part.shape, "data-shape", state);
  say(part.state, words);
  if (button) say(part.toggle, button);
  const live = state in STATES && state !== "ended";
  for (const it of [part.toggle, part.next, part.decline]) set(it, "disabled", !live);
}

// The connection.

const address = new URL("live", location.href);
address.protocol = "ws:";
let socket = null;
let wait = FIRST_WAIT_S;

function connect() {
  socket = new WebSocket(address);
  socket.onmessage = (event) => {
    const display = JSON.parse(event.data);
    wait = FIRST_WAIT_S;
    drawState(display.state, ...STATES[display.state]);
    draw(display);
  };
  socket.onclose = (event) => {
    const why = event.reason ? `: ${event.reason}` : "";
    drawState("lost", `Connection lost${why}. Retrying in ${Math.ceil(wait)} s`, "");
    draw(NOTHING);
    setTimeout(connect, 1000 * wait);
    wait = Math.min(2 * wait, LONGEST_WAIT_S);
  };
}

function wish(type, rest) {
  if (socket.readyState === WebSocket.OPEN) socket.send(JSON.stringify({ type, ...rest }));
}

function mark(helpful) {
  if (card) wish("mark", { id: card.id, start: card.start, helpful });
}

// The space bar toggles unless a button has the focus; a click does not leave the focus there.

function keys(on) {
  on.addEventListener("keydown", (event) => {
    if (event.key !== " " || event.target.closest("button")) return;
    event.preventDefault(); // it would scroll
    if (!event.repeat) part.toggle.click();
  });
}

function clicked(button, then) {
  button.addEventListener("click", (event) => {
    if (event.detail > 0) button.blur();
    then();
  });
}

function answered(then) {
  set(part.ask, "hidden", true);
  then();
}

clicked(part.toggle, () => wish("toggle"));
clicked(part.next, () => wish("next_call"));
clicked(part.decline, () => {
  say(part.question, running
    ? "Delete this call and everything stored of it?"
    : "Delete the last call and everything stored of it?");
  set(part.ask, "hidden", false);
});
clicked(part.delete, () => answered(() => wish("decline")));
clicked(part.keep, () => answered(() => {}));
clicked(part.undo, () => wish("undo"));
clicked(part.helpful, () => mark(true));
clicked(part.wrong, () => mark(false));
keys(document);

// A window of its own that stays above the others, where the browser can.

let own = null;

async function float() {
  if (own) {
    own.close();
    return;
  }
  own = await documentPictureInPicture.requestWindow({ width: 340, height: 560 });
  const style = own.document.createElement("link");
  style.rel = "stylesheet";
  style.href = new URL("page.css", location.href);
  own.document.head.append(style);
  own.document.title = document.title;
  own.document.documentElement.lang = document.documentElement.lang;
  own.document.body.append(part.call);
  set(part.away, "hidden", false);
  say(part.float, "Back");
  keys(own.document);
  own.addEventListener("pagehide", () => {
    own = null;
    document.body.prepend(part.call);
    set(part.away, "hidden", true);
    say(part.float, "Float");
  });
}

if ("documentPictureInPicture" in window) {
  set(part.float, "hidden", false);
  clicked(part.float, float);
  clicked(part.back, () => own.close());
}

draw(NOTHING);
connect();
