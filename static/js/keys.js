// The keys of a page are written on its controls: aria-keyshortcuts IS the binding, so what a screen reader says,
// what the help lists and what happens can't differ. A control inside [data-keys] answers only while that part has
// the focus; the nearest one wins.

const typing = (target) => target instanceof Element && target.matches("input:not([type=checkbox]), textarea, select");

// "Control+Shift+Enter", "Alt+1", "?": modifiers in this order, then the key. Command counts as Control.
export function keyOf(event) {
  let key = event.key;
  // With Alt held a Mac types "¡" for 1: the key is the digit all the same.
  if (event.altKey) key = { Minus: "-", Equal: "=" }[event.code] ?? (/^(Digit|Key)(.)$/.exec(event.code)?.[2] || key);
  if (key.length === 1) key = key.toUpperCase();
  const shifted = event.shiftKey && (key.length > 1 || /[A-Z]/.test(key));
  return [
    (event.ctrlKey || event.metaKey) && "Control",
    event.altKey && "Alt",
    shifted && "Shift",
    key,
  ].filter(Boolean).join("+");
}

const bindingsOf = (element) => element.getAttribute("aria-keyshortcuts").split(" ");
const usable = (element) => !element.disabled && !element.closest("[hidden], fieldset:disabled");

function bound(key, from) {
  const answers = (scope) => [...scope.querySelectorAll("[aria-keyshortcuts]")]
    .find((element) => bindingsOf(element).includes(key) && usable(element));
  for (let scope = from.closest?.("[data-keys]"); scope; scope = scope.parentElement?.closest("[data-keys]")) {
    const found = answers(scope);
    if (found) return found;
  }
  return [...document.querySelectorAll("[aria-keyshortcuts]")].find(
    (element) => bindingsOf(element).includes(key) && usable(element) && !element.closest("[data-keys]"),
  );
}

export function bindKeys() {
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || document.querySelector("dialog[open]")) return;
    const key = keyOf(event);
    if (key.length === 1 && typing(event.target)) return;
    // Enter and Space press the control that has the focus.
    if (key === "Enter" && event.target.closest("button, a, summary")) return;
    const control = bound(key, event.target);
    if (!control) return;
    event.preventDefault();
    control.click();
  });
}

const SIGNS = { Control: "Ctrl", Enter: "↵", Escape: "Esc", ArrowUp: "↑", ArrowDown: "↓", Delete: "Del", PageUp: "PgUp", PageDown: "PgDn" };

// List every key of the page in a <dl>, each once, after what is already there.
export function listKeys(list) {
  list.querySelectorAll(":scope > :not([data-native-keys])").forEach((row) => row.remove());
  const seen = new Set();
  for (const element of document.querySelectorAll("[aria-keyshortcuts]")) {
    if (element.closest("[hidden]")) continue;
    const label = element.dataset.keyLabel || element.textContent.trim();
    for (const key of bindingsOf(element)) {
      if (seen.has(key)) continue;
      seen.add(key);
      const row = document.createElement("div");
      const keys = document.createElement("dt");
      for (const part of key.split(/\+(?=.)/)) {
        const sign = document.createElement("kbd");
        sign.textContent = SIGNS[part] || part;
        keys.append(sign, " ");
      }
      const what = document.createElement("dd");
      what.textContent = label;
      row.append(keys, what);
      list.append(row);
    }
  }
}
