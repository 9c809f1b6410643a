// The page's stream: parts that changed are laid over what is there, commands go on top of their list.
// The server says all of it again at every connection, so a page that was cut off needs to remember nothing.

import { commandsOf, groupAll, insertCommand, removeOldest } from "./feed-groups.js";

const KEPT = 200;
const holder = document.querySelector("[data-live]");
const light = document.getElementById("live-state");
const AGAIN_MS = 5_000;
let source = null;
let opened = "";
let timer = null;
let isOver = false;

// A browser opens few connections to one server, and a tab that nobody sees needs none: what it missed is said again.
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", (event) => event.persisted && location.reload());
for (const list of document.querySelectorAll("[data-groups]")) groupAll(list);
if (!document.hidden) open();

function open() {
  if (source || isOver) return;
  opened = holder.dataset.live;
  source = new EventSource(opened);
  source.addEventListener("part", ({ data }) => layPart(JSON.parse(data)));
  source.addEventListener("command", ({ data }) => addCommand(JSON.parse(data)));
  source.addEventListener("state", ({ data }) => {
    if (JSON.parse(data).html === "on") say("on", "Live");
    else say("off", "Kafka or PostgreSQL is away: what you see may be old");
  });
  source.addEventListener("end", signedOut);
  source.addEventListener("error", ({ target }) => {
    if (target !== source) return;
    say("off", "Reconnecting …");
    if (target.readyState === EventSource.CLOSED) askWhy();
    else if (holder.dataset.live !== opened) {
      close(); // a browser connects again to the address that it has
      openLater();
    }
  });
}

function close() {
  clearTimeout(timer);
  source?.close();
  source = null;
}

// A browser gives up at any answer that is no stream. One that cannot be given now is asked for again; who has signed
// out is sent to the form, and that is said.
async function askWhy() {
  close();
  const asking = new AbortController();
  const answer = await fetch(holder.dataset.live, { redirect: "manual", signal: asking.signal }).catch(() => null);
  asking.abort();
  if (answer?.type === "opaqueredirect") return signedOut();
  if (answer?.status === 429) say("off", "Too many of your pages are followed live: close some of them");
  openLater();
}

function openLater() {
  timer = setTimeout(() => document.hidden || open(), AGAIN_MS);
}

function signedOut() {
  close();
  isOver = true;
  say("off", "Signed out: load the page again");
}

function layPart({ id, html, list, after }) {
  const old = document.getElementById(id);
  const fresh = elementOf(html);
  if (!fresh) return;
  if (list) follow(id);
  if (old) return lay(old, fresh);
  const found = list && document.getElementById(list);
  if (!found) return;
  const into = found.tBodies?.[0] ?? found;
  const before = after && document.getElementById(after);
  if (before?.parentNode === into) before.after(fresh);
  else into.prepend(fresh);
  into.querySelector("[data-empty]")?.remove();
}

// The stream says again at a connection what its address names, so a row that a list takes up is to be named there too.
// The server gives a list no more rows than it takes ids.
function follow(id) {
  const address = new URL(holder.dataset.live, location.href);
  const named = id.slice(id.indexOf("-") + 1); // an element's id is "campaign-" or "brand-" and that of its row
  if (address.searchParams.getAll("id").includes(named)) return;
  address.searchParams.append("id", named);
  holder.dataset.live = address.pathname + address.search;
}

function addCommand({ id, html }) {
  const list = document.querySelector("[data-feed]");
  if (!list || document.getElementById(id)) return;
  const item = elementOf(html);
  item.classList.add("new");
  // A server that lost the broker for a while sends older commands too, which have their place further down.
  insertCommand(list, item);
  document.querySelector("[data-feed-empty]")?.remove();
  while (commandsOf(list).length > KEPT) removeOldest(list);
}

function say(kind, text) {
  light.hidden = false;
  light.className = `live-state ${kind}`;
  if (light.textContent !== text) light.textContent = text;
}

function elementOf(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  return template.content.firstElementChild;
}

// Makes `old` look like `fresh` and touches nothing that is the same already: the focus, an open <details> and what a
// screen reader stands on stay where they are.
function lay(old, fresh) {
  if (old.isEqualNode(fresh)) return;
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType !== Node.ELEMENT_NODE) {
    old.nodeValue = fresh.nodeValue;
    return;
  }
  layAttributes(old, fresh);
  const news = [...fresh.childNodes];
  const ids = new Set(news.map((child) => child.id).filter(Boolean));
  for (const child of [...old.children]) if (child.id && !ids.has(child.id)) child.remove();
  news.forEach((child, index) => layChild(old, old.childNodes[index], child));
  [...old.childNodes].slice(news.length).forEach((child) => child.remove());
}

// A child with an id is laid over the one that bears it, so that no row becomes another one under the reader.
function layChild(parent, there, child) {
  const same = child.id ? [...parent.children].find((it) => it.id === child.id) : null;
  if (same && same !== there) parent.insertBefore(same, there);
  if (same) lay(same, child);
  else if (!there || child.id || there.id) parent.insertBefore(child, there ?? null);
  else lay(there, child);
}

function layAttributes(old, fresh) {
  const keeps = (name) => name === "open" && (old.nodeName === "DETAILS" || old.nodeName === "DIALOG");
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !keeps(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}
