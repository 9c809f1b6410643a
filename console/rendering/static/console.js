// Every page: the theme, dialogs that confirm, and live parts where the page has some.

const root = document.documentElement;

document.addEventListener("click", (event) => {
  const target = event.target.closest("[data-opens], [data-closes], [data-theme-toggle]");
  if (!target) return;
  if (target.dataset.opens) document.getElementById(target.dataset.opens)?.showModal();
  else if ("closes" in target.dataset) target.closest("dialog")?.close();
  else toggleTheme();
});

function toggleTheme() {
  const dark = getComputedStyle(root).colorScheme === "dark" || (!root.dataset.theme && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = dark ? "light" : "dark";
  // A cookie and not local storage: the server writes it into the page, so that no page flashes.
  document.cookie = `spendgate_theme=${root.dataset.theme}; path=/; max-age=31536000; samesite=lax`;
}

if (document.querySelector("[data-live]")) import("./live.js");
