// The page's stream: parts that changed are laid over what is there, commands go on top of their list.
// The server says all of it again at every connection, so a page that was cut off needs to remember nothing.

const KEPT = 200;
const holder = document.querySelector("[data-live]");
const light = document.getElementById("live-state");
const source = new EventSource(holder.dataset.live);

source.addEventListener("part", ({ data }) => {
  const { id, html } = JSON.parse(data);
  const old = document.getElementById(id);
  const fresh = elementOf(html);
  if (old && fresh) lay(old, fresh);
});

source.addEventListener("command", ({ data }) => {
  const { id, html } = JSON.parse(data);
  const list = document.querySelector("[data-feed]");
  if (!list || document.getElementById(id)) return;
  const item = elementOf(html);
  item.classList.add("new");
  list.prepend(item);
  document.querySelector("[data-feed-empty]")?.remove();
  while (list.children.length > KEPT) list.lastElementChild.remove();
});

source.addEventListener("state", ({ data }) => {
  if (JSON.parse(data).html === "on") say("on", "Live");
  else say("off", "Kafka is away: what you see may be old");
});

source.addEventListener("end", () => {
  source.close();
  say("off", "Signed out: load the page again");
});

source.addEventListener("error", () => {
  if (source.readyState === EventSource.CLOSED) say("off", "Not live: load the page again");
  else say("off", "Reconnecting …");
});

addEventListener("pagehide", () => source.close());
addEventListener("pageshow", (event) => event.persisted && location.reload());

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
