// The page's stream: parts that changed are laid over what is there, commands go on top of their list.
// The server says all of it again at every connection, so a page that was cut off needs to remember nothing.

const KEPT = 200;
const holder = document.querySelector("[data-live]");
const light = document.getElementById("live-state");
const AGAIN_MS = 5_000;
let source = null;
let timer = null;
let isOver = false;

// A browser opens few connections to one server, and a tab that nobody sees needs none: what it missed is said again.
document.addEventListener("visibilitychange", () => (document.hidden ? close() : open()));
addEventListener("pagehide", close);
addEventListener("pageshow", (event) => event.persisted && location.reload());
if (!document.hidden) open();

function open() {
  if (source || isOver) return;
  source = new EventSource(holder.dataset.live);
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
  });
}

function close() {
  clearTimeout(timer);
  source?.close();
  source = null;
}

// A browser gives up at any answer that is no stream. One that cannot be given now is asked for again; who has signed
// out is sent to the form, and that is told.
async function askWhy() {
  close();
  const asking = new AbortController();
  const answer = await fetch(holder.dataset.live, { redirect: "manual", signal: asking.signal }).catch(() => null);
  asking.abort();
  if (answer?.type === "opaqueredirect") signedOut();
  else timer = setTimeout(() => document.hidden || open(), AGAIN_MS);
}

function signedOut() {
  close();
  isOver = true;
  say("off", "Signed out: load the page again");
}

function layPart({ id, html }) {
  const old = document.getElementById(id);
  const fresh = elementOf(html);
  if (old && fresh) lay(old, fresh);
}

function addCommand({ id, html }) {
  const list = document.querySelector("[data-feed]");
  if (!list || document.getElementById(id)) return;
  const item = elementOf(html);
  item.classList.add("new");
  list.prepend(item);
  document.querySelector("[data-feed-empty]")?.remove();
  while (list.children.length > KEPT) list.lastElementChild.remove();
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
  const olds = [...old.childNodes];
  news.forEach((child, index) => (olds[index] ? lay(olds[index], child) : old.append(child)));
  olds.slice(news.length).forEach((child) => child.remove());
}

function layAttributes(old, fresh) {
  const keeps = (name) => name === "open" && (old.nodeName === "DETAILS" || old.nodeName === "DIALOG");
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name) && !keeps(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
}
