// What all parts of the report share: the data, making elements, the time in the call.
//
// What was said is written as text, never as markup.

"use strict";

const source = document.getElementById("data");
const { report, waveform, voicecoach } = JSON.parse(source.textContent);
const NONCE = source.dataset.nonce;
const part = Object.fromEntries([...document.querySelectorAll("[id]")].map((e) => [e.id, e]));
const NAMES = { agent: "Agent", customer: "Customer" };

// An element with attributes (`onclick` and `hidden` as properties) and children, texts among them.
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

// The last of ordered things that has begun at a time, -1 before the first.
function latest(things, start, time) {
  let low = 0, high = things.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start(things[middle]) <= time) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

// A moment of the call that a click goes to, with what was said or measured.
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

// The time in the call.  With sound it is the sound's; without, what was clicked last.
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
