// Small manners of every page: menus close, dialogs open, list rows answer to the keyboard.
(() => {
  document.body.addEventListener("htmx:configRequest", (event) => {
    event.detail.headers["X-CSRFToken"] = document.querySelector("meta[name=csrf-token]").content;
  });

  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
    const opener = event.target.closest("[data-opens-dialog]");
    if (opener) {
      event.preventDefault();
      document.getElementById(opener.dataset.opensDialog).showModal();
    }
    const closer = event.target.closest("[data-closes-dialog]");
    if (closer) closer.closest("dialog").close();
  });

  document.addEventListener("change", (event) => {
    if (event.target.matches("[data-submits-form]")) event.target.form.requestSubmit();
  });

  // Rows of a list: j/k or arrows move, Enter opens. A row takes part with data-row; its first link is what opens.
  const typing = (target) => target.closest("input, textarea, select, [contenteditable]");
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      for (const menu of document.querySelectorAll("details.menu[open]")) {
        menu.open = false;
        menu.querySelector("summary").focus();
      }
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    const rows = [...document.querySelectorAll("tr[data-row]")];
    if (!rows.length || document.querySelector("dialog[open]")) return;
    const at = rows.findIndex((row) => row.contains(document.activeElement));
    const step = { j: 1, ArrowDown: 1, k: -1, ArrowUp: -1 }[event.key];
    if (!step || (event.key.startsWith("Arrow") && at < 0)) return;
    event.preventDefault();
    const row = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
    row.querySelector("a, button").focus();
    row.scrollIntoView({ block: "nearest" });
  });
})();
