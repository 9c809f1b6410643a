// The pages of the catalog: questions in a dialog, a word while the broker is waited for, ticking all rows.

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-asks]");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  await ask(link.href, { headers: { accept: "text/html" } });
});

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.id === "bulk") {
    if (!form.querySelector('[name="campaign_id"]:checked')) return; // the answer is a page that says so
    event.preventDefault();
    const body = new URLSearchParams(new FormData(form, event.submitter));
    ask(form.action, { method: "POST", body });
    return;
  }
  const waiting = form.querySelector("[data-waiting]");
  if (waiting) setTimeout(() => (waiting.textContent = "Waiting for the broker to have it…"), 1000);
});

document.addEventListener("change", (event) => {
  if (!("ticksAll" in event.target.dataset)) return;
  for (const box of document.querySelectorAll('input[name="campaign_id"]')) box.checked = event.target.checked;
});

// The question is a page of its own, which works without this script too: only its form is taken from it.
async function ask(address, options) {
  const response = await fetch(address, options);
  // The session has ended: signing in leads back to this page.
  if (response.status === 401) return location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const question = page.querySelector("#question form");
  if (!question) return location.assign(response.url);
  const dialog = document.createElement("dialog");
  question.action = new URL(question.getAttribute("action"), response.url);
  question.querySelector('[name="next"]').value = location.pathname + location.search;
  const title = question.querySelector("h1");
  const heading = document.createElement("h2");
  heading.textContent = title.textContent;
  heading.id = "question-title";
  title.replaceWith(heading);
  dialog.setAttribute("aria-labelledby", heading.id);
  dialog.append(question);
  dialog.addEventListener("close", () => dialog.remove());
  question.querySelector("[data-closes]").addEventListener("click", (event) => {
    event.preventDefault();
    dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
}
