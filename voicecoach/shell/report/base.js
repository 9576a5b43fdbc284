// Shared by all parts of the report: the data, a function that makes elements, the time in the call.
//
// Transcribed words are inserted as text, never as markup.

"use strict";

const source = document.getElementById("data");
const { report, waveform, voicecoach } = JSON.parse(source.textContent);
const NONCE = source.dataset.nonce;
const part = Object.fromEntries([...document.querySelectorAll("[id]")].map((e) => [e.id, e]));
const NAMES = { agent: "Agent", customer: "Customer" };

// Returns an element with attributes (`onclick` and `hidden` as properties) and children or texts.
function make(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const element = document.createElement(name);
  if (classes.length) element.className = classes.join(" ");
  for (const [key, value] of Object.entries(attributes)) {
    if (typeof value === "function" || typeof value === "boolean") element[key] = value;
    else element.setAttribute(key, value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

// Minutes and seconds, as in the summary.
function clock(seconds) {
  const whole = Math.floor(seconds + 1e-6);
  return `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
}

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

// Index of the last item that has begun by a time, -1 before the first; items are in order.
function latest(things, start, time) {
  let low = 0, high = things.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start(things[middle]) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// A button that jumps to a moment of the call, with what was said or measured then.
function moment(seconds, text = clock(seconds)) {
  return make("button.when", { type: "button", onclick: () => call.seek(seconds) }, text);
}

function quote(it) {
  return make("li.quote", {},
    moment(it.start_s),
    make(`span.who.${it.speaker}`, {}, NAMES[it.speaker]),
    make(it.measured ? "span.measured" : "q", { dir: "auto", onclick: () => call.seek(it.start_s) }, it.text),
    it.why ? make("span.why", {}, it.why) : null);
}

// The current time in the call: the player's, or without sound the time last clicked.
const call = {
  audio: null,
  at: 0,
  watchers: [],
  get playing() {
    return this.audio !== null && !this.audio.paused;
  },
  get time() {
    return this.audio ? this.audio.currentTime : this.at;
  },
  watch(watcher) {
    this.watchers.push(watcher);
  },
  tell() {
    for (const watcher of this.watchers) watcher(this.time);
  },
  seek(seconds) {
    this.at = Math.min(Math.max(seconds, 0), report.duration_s);
    if (this.audio) this.audio.currentTime = this.at;
    this.tell();
  },
  toggle() {
    if (!this.audio) return;
    if (this.audio.paused) this.audio.play();
    else this.audio.pause();
  },
};
