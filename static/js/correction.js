// The correction screen: doubtful fields one after the other, the page gliding along, nothing typed ever lost.
import { Draft } from "./draft.js";
import { bindKeys, listKeys } from "./keys.js";
import { LineGrid } from "./line-grid.js";
import { CENT, parseAmount, showAmount } from "./money.js";
import { PageViewer } from "./page-viewer.js";

const CHECK_AFTER = 350; // milliseconds without typing until the server is asked
const BURST = 900; // typing without a longer pause is undone in one step
const IDLE = 60; // seconds after which time is no longer counted as work
const RENEW_UNDER = 10 * 60; // seconds left on the claim from which work renews it
const SAVE_UNDO = 10_000; // milliseconds for which a save just made can be undone by key
const SAVE_TAKES = 10_000; // milliseconds after which Save may be pressed again
const AHEAD_AFTER = 1500;
const WORDS = { invalid: "Invalid", check: "Check", machine: "Machine", person: "Person", missing: "Empty" };
const ICONS = { invalid: "cross", check: "eye", machine: "dot", person: "tick", missing: "minus" };

const form = document.getElementById("correction");
const byFinger = matchMedia("(pointer: coarse)");
const one = (selector, from = form) => from.querySelector(selector);
const all = (selector, from = form) => [...from.querySelectorAll(selector)];
const announce = (text) => { one("[data-announce]", document).textContent = text; };
const csrf = one("[name=csrfmiddlewaretoken]").value;
const editable = !one("fieldset.entry").disabled;

// --- fields ------------------------------------------------------------------------------------

const fields = all("[data-field]").map((row) => ({
  row,
  name: row.dataset.field,
  kind: row.dataset.kind,
  original: row.dataset.original,
  opened: row.dataset.state, // the state it had when the page was opened
  input: one("input:not([type=checkbox]), textarea, select", row),
  business: one("[type=checkbox]", row),
  confirmed: false,
  place: row.dataset.place ? JSON.parse(row.dataset.place) : null,
  error: one("[data-error]", row).textContent,
}));
const byName = new Map(fields.map((field) => [field.name, field]));
const fieldOf = (element) => byName.get(element?.closest?.("[data-field]")?.dataset.field);
const grid = new LineGrid(one("[data-lines]"));
const linesToCheck = { open: Boolean(one("[data-confirm-lines]")) };
const viewer = new PageViewer(one("[data-viewer]"));

const isChanged = (field) => field.input.value.trim() !== field.original.trim();

function stateOf(field) {
  if (field.error) return "invalid";
  if (field.confirmed || isChanged(field)) return "person";
  return field.opened === "invalid" ? "check" : field.opened;
}

function show(field) {
  const state = stateOf(field);
  field.row.dataset.state = state;
  field.row.classList.toggle("is-changed", isChanged(field));
  const badge = one("[data-state-badge]", field.row);
  badge.className = `state state--${state}`;
  one("[data-state-word]", badge).textContent = state === "person" && isChanged(field) ? "Changed" : WORDS[state];
  const use = one("use", badge);
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${ICONS[state]}`));
  for (const mark of all(`[data-mark="${field.name}"]`)) mark.dataset.state = state;
  field.input.tabIndex = isOpen(field) ? 0 : -1;
  if (field.error) field.input.setAttribute("aria-invalid", "true");
  else field.input.removeAttribute("aria-invalid");
}

const isOpen = (field) => ["check", "invalid"].includes(stateOf(field));

function showAll() {
  fields.forEach(show);
  const open = remaining();
  const text = open ? `${open} to check` : "All checked";
  const shown = one("[data-remaining-text]");
  if (shown.textContent !== text) shown.textContent = text;
  const badge = shown.parentElement;
  badge.className = `state state--${open ? "check" : "person"}`;
  const use = one("use", badge);
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, `#${open ? "eye" : "tick"}`));
  const lines = one("[data-lines-state]");
  if (lines && !linesToCheck.open) {
    lines.className = "state state--person";
    one("[data-state-word]", lines).textContent = "Person";
  }
}

const remaining = () => fields.filter(isOpen).length + (linesToCheck.open ? 1 : 0);

// --- the way from field to field ---------------------------------------------------------------

function focusField(field) {
  field.input.focus({ preventScroll: true });
  field.row.scrollIntoView({ block: "nearest" });
  if (field.input.select) field.input.select();
}

// Go to the next field to check after this one, then to the lines, then to Save; with `back` the other way.
function goOn(field, back = false) {
  const at = fields.indexOf(field);
  const order = back ? fields.slice(0, Math.max(at, 0)).reverse() : fields.slice(at + 1);
  const next = order.find(isOpen);
  if (next) return focusField(next);
  if (back) return null;
  if (linesToCheck.open) return grid.focusFirst();
  const before = fields.find(isOpen);
  if (before && before !== field) return focusField(before);
  return one("[data-save-main]")?.focus();
}

function confirm(field) {
  field.confirmed = true;
  changed();
  goOn(field);
}

function putBack(field) {
  field.input.value = field.original;
  field.confirmed = false;
  field.error = "";
  field.place = field.row.dataset.place ? JSON.parse(field.row.dataset.place) : null;
  viewer.show?.(field.place);
  changed();
  field.input.select?.();
}

function take(field, text, place) {
  field.input.value = text;
  field.error = "";
  if (place) field.place = place;
  viewer.show?.(field.place);
  changed();
}

let current = null; // the input that a click on the page fills
form.addEventListener("focusin", (event) => {
  const field = fieldOf(event.target);
  if (field && event.target === field.input) {
    current = event.target;
    viewer.show?.(field.place);
    clock.enter(field.name);
  } else if (event.target.closest("[data-grid] td")) {
    current = event.target;
    viewer.show?.(grid.placeOf(event.target));
    clock.enter("line_items");
  }
});

form.addEventListener("keydown", (event) => {
  const field = fieldOf(event.target);
  if (!field || event.target !== field.input || event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.key === "Tab") {
    const at = fields.indexOf(field);
    const more = event.shiftKey ? fields.slice(0, at).some(isOpen) : fields.slice(at + 1).some(isOpen);
    if (!more) return; // the browser's own order leads on: out of the fields
    event.preventDefault();
    goOn(field, event.shiftKey);
    return;
  }
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (!step || field.input.tagName === "SELECT") return;
  const { input } = field;
  if (input.tagName === "TEXTAREA" && input.clientHeight > 48 && input.selectionStart === input.selectionEnd
    && (step < 0 ? input.selectionStart > 0 : input.selectionEnd < input.value.length)) return;
  event.preventDefault();
  const next = fields[fields.indexOf(field) + step];
  if (next) focusField(next);
  else if (step > 0) grid.focusFirst();
});

// Enter in a field is its Confirm button's key; in a text of several rows too.
grid.addEventListener("end", () => (remaining() ? goOn(fields.at(-1)) : one("[data-save-main]")?.focus()));
grid.addEventListener("start", () => focusField(fields.at(-1)));

// F6 goes round the parts of the page; Tab does not lead everywhere.
const panes = all("[data-pane]");
const lastIn = new Map();
form.addEventListener("focusin", (event) => {
  const pane = event.target.closest("[data-pane]");
  if (pane) lastIn.set(pane, event.target);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "F6" || document.querySelector("dialog[open]")) return;
  event.preventDefault();
  const around = panes.filter((pane) => pane.offsetParent !== null);
  const at = around.findIndex((pane) => pane.contains(document.activeElement));
  const pane = around[(at + (event.shiftKey ? around.length - 1 : 1)) % around.length];
  const known = lastIn.get(pane);
  if (known?.isConnected && !known.disabled) known.focus();
  else if (pane.matches("[data-lines]")) grid.focusFirst();
  else if (pane.matches("[data-pane-main]")) focusField(fields.find(isOpen) ?? fields[0]);
  else (one("[data-save-main], [data-stage], button, a", pane))?.focus();
});

// --- what the page says to the form ------------------------------------------------------------

let picked = null; // a field filled from the page: it takes the normalised text when the server has said it
viewer.addEventListener("pick", (event) => {
  const { text, place, add } = event.detail;
  const target = current?.isConnected ? current : (fields.find(isOpen) ?? fields[0])?.input;
  if (!target || !editable) return;
  const field = fieldOf(target);
  const filled = add && target.value ? `${target.value} ${text}` : text;
  if (field) {
    if (target.tagName === "SELECT") return;
    take(field, filled, place);
    picked = { field, text: filled };
  } else {
    target.value = filled;
    changed();
  }
  // On a phone the focus would bring up the keyboard over what was just tapped.
  if (byFinger.matches) (field?.row ?? target).scrollIntoView({ block: "nearest" });
  else target.focus({ preventScroll: true });
  ask(0);
});
viewer.addEventListener("hover", (event) => {
  for (const field of fields) field.row.classList.toggle("is-pointed-at", field.name === event.detail.field);
});

// --- changes: state, sums, draft, undo, the server's opinion -----------------------------------

const snapshot = () => ({
  fields: Object.fromEntries(fields.map((field) => [
    field.name,
    [field.input.value, field.confirmed, field.business.checked, field.place],
  ])),
  lines: grid.state(),
  linesOpen: linesToCheck.open,
});

function restore(state) {
  for (const field of fields) {
    const kept = state.fields[field.name];
    if (!kept) continue;
    [field.input.value, field.confirmed, field.business.checked, field.place] = kept;
    field.error = "";
  }
  grid.restore(state.lines);
  linesToCheck.open = state.linesOpen;
}

const opened = snapshot();
const draft = new Draft(form.dataset.user, form.dataset.item, fingerprint(opened));
const past = [];
const future = [];
let present = opened;
let lastChange = -Infinity; // when typing last changed something

function fingerprint(state) {
  return JSON.stringify([fields.map((field) => [field.name, field.original]), state.lines]);
}

// Note a change; typing without a pause is one step back.
function changed({ typing = false } = {}) {
  const next = snapshot();
  if (JSON.stringify(next) !== JSON.stringify(present)) {
    const now = performance.now();
    if (!typing || now - lastChange > BURST) past.push(present);
    lastChange = typing ? now : -Infinity;
    present = next;
    future.length = 0;
    armed = false;
    draft.keep(present);
  }
  refresh();
  ask();
}

function refresh() {
  showAll();
  showSums();
  one("[data-undo]").disabled = !past.length && !savedNotice;
}

function step(from, to) {
  if (!from.length) return false;
  to.push(present);
  present = from.pop();
  const name = fieldOf(document.activeElement)?.name;
  restore(present);
  lastChange = -Infinity;
  draft.keep(present);
  refresh();
  ask();
  if (name) byName.get(name).input.focus({ preventScroll: true });
  return true;
}

form.addEventListener("input", (event) => {
  const field = fieldOf(event.target);
  if (field) field.error = "";
  if (field || event.target.closest("[data-grid]")) changed({ typing: true });
});
form.addEventListener("change", (event) => {
  if (fieldOf(event.target)) changed();
});
grid.addEventListener("change", () => changed());

form.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (!button) return;
  const field = fieldOf(button);
  if ("confirm" in button.dataset) confirm(field);
  else if ("restore" in button.dataset) putBack(field);
  else if ("offer" in button.dataset) {
    take(field, button.dataset.offer, button.dataset.place ? JSON.parse(button.dataset.place) : null);
    focusField(field);
  } else if ("lineAdd" in button.dataset) grid.add();
  else if ("lineDelete" in button.dataset) grid.delete();
  else if ("lineFill" in button.dataset) grid.fillDown();
  else if ("confirmLines" in button.dataset) {
    linesToCheck.open = false;
    changed();
    goOn(fields.at(-1));
  } else if ("undo" in button.dataset && !step(past, future)) savedNotice?.querySelector("[data-take-back]").click();
});
document.addEventListener("keydown", (event) => {
  const again = (event.ctrlKey || event.metaKey) && !event.altKey
    && (event.key.toLowerCase() === "y" || (event.shiftKey && event.key.toLowerCase() === "z"));
  if (again && step(future, past)) event.preventDefault();
});

// --- money while typing ------------------------------------------------------------------------

const amountOf = (name) => {
  const text = byName.get(name)?.input.value.trim();
  return text ? parseAmount(text) : null;
};

function showSums() {
  const amounts = grid.column("amount").map((text) => (text === null ? null : parseAmount(text)));
  const known = amounts.filter((amount) => amount !== null);
  const lines = known.length ? known.reduce((sum, amount) => sum + amount, 0n) : null;
  const [subtotal, tax, total] = ["subtotal", "tax_amount", "total"].map(amountOf);
  const figures = { lines, subtotal, tax, total };
  for (const [name, amount] of Object.entries(figures)) {
    one(`[data-sum="${name}"]`).textContent = amount === null ? "–" : showAmount(amount);
  }
  const extra = (amountOf("freight") ?? 0n) - (amountOf("discount_total") ?? 0n);
  const gaps = [];
  const compare = (amount, expected) => {
    const gap = amount < expected ? expected - amount : amount - expected;
    if (gap > CENT) gaps.push(showAmount(gap));
    return true;
  };
  let compared = false;
  if (lines !== null && subtotal !== null) compared = compare(lines, subtotal);
  else if (lines !== null && total !== null) compared = compare(lines, total - (tax ?? 0n) - extra);
  if (subtotal !== null && total !== null) compared = compare(subtotal + (tax ?? 0n) + extra, total);
  const verdict = one("[data-verdict]");
  verdict.className = `sums__verdict ${gaps.length ? "is-off" : compared ? "is-right" : ""}`;
  verdict.textContent = gaps.length ? `off by ${gaps.join(" and ")}` : compared ? "adds up" : "";
}

// --- the server's opinion ----------------------------------------------------------------------

let asking = 0;
let waiting;
function ask(after = CHECK_AFTER) {
  if (!editable) return;
  clearTimeout(waiting);
  waiting = setTimeout(check, after);
}

async function check() {
  const asked = ++asking;
  const sent = snapshot();
  let answer;
  try {
    answer = await fetch(form.dataset.checkUrl, { method: "POST", body: new FormData(form), headers: { "X-CSRFToken": csrf } });
  } catch {
    return; // offline: the draft holds everything, and saving will say so
  }
  if (!answer.ok || asked !== asking) return;
  const part = document.createElement("template");
  part.innerHTML = await answer.text();
  const said = JSON.parse(part.content.querySelector("script").textContent);
  const list = part.content.querySelector("ul");
  const before = one("#checks ul");
  if (before.textContent.trim() !== list.textContent.trim()) before.replaceWith(list);
  for (const [name, understood] of Object.entries(said.fields)) {
    const field = byName.get(name);
    if (!field || field.input.value !== sent.fields[name][0]) continue;
    if (picked?.field === field && picked.text === field.input.value && understood.shown) {
      field.input.value = understood.shown;
      picked = null;
      present = snapshot();
      draft.keep(present);
    }
    field.error = understood.error;
    one("[data-error]", field.row).textContent = understood.error;
    const differs = understood.shown && understood.shown !== field.input.value.trim() && field.kind !== "choice";
    one("[data-hint]", field.row).textContent = differs ? `= ${understood.shown}` : said.hints[name] ?? "";
  }
  grid.showErrors(said.cells);
  showAll();
  showSums();
}

// --- saving ------------------------------------------------------------------------------------

let armed = false; // the next Save goes through although something is open
let saving = false;
form.addEventListener("submit", (event) => {
  const button = event.submitter;
  if (saving) return event.preventDefault();
  if (button?.matches("[data-save]")) {
    const open = remaining();
    const wrong = all("#checks li").length;
    if (!armed && (open || wrong)) {
      event.preventDefault();
      armed = true;
      const what = [
        open && `${open} ${open === 1 ? "field is" : "fields are"} still to check`,
        wrong && `${wrong} ${wrong === 1 ? "check fails" : "checks fail"}`,
      ].filter(Boolean).join(", and ");
      tell(`${what[0].toUpperCase()}${what.slice(1)}. Press Save once more to save it as it is.`);
      if (open) goOn(null);
      return;
    }
  }
  one("[name=trace]").value = JSON.stringify({
    seconds: clock.all(),
    places: Object.fromEntries(fields.filter((field) => isChanged(field) && field.place).map((field) => [field.name, field.place])),
  });
  saving = true;
  form.classList.add("is-saving");
  setTimeout(answerAgain, SAVE_TAKES); // the connection broke, or the person stopped the loading
});
function answerAgain() {
  saving = false;
  form.classList.remove("is-saving");
}
// Back and forward bring a page out of the browser's store: it must answer again.
window.addEventListener("pageshow", answerAgain);

function tell(text, kind = "warn") {
  let notice = one("[data-told]");
  if (!notice) {
    notice = document.createElement("div");
    notice.dataset.told = "";
    one("[data-notices]").append(notice);
  }
  notice.className = `notice notice--${kind}`;
  const icon = one(".icon").cloneNode(true);
  const use = one("use", icon);
  use.setAttribute("href", use.getAttribute("href").replace(/#.*/, "#alert"));
  const words = document.createElement("p");
  words.textContent = text;
  notice.replaceChildren(icon, words);
  announce(text);
}

// --- the claim ---------------------------------------------------------------------------------

const clock = (() => {
  const seconds = {};
  let name = null;
  let since = 0;
  let active = Date.now();
  const add = () => {
    if (name) seconds[name] = (seconds[name] ?? 0) + Math.min((Date.now() - since) / 1000, IDLE);
    since = Date.now();
  };
  for (const kind of ["keydown", "pointermove", "wheel"]) {
    document.addEventListener(kind, () => { active = Date.now(); }, { passive: true, capture: true });
  }
  document.addEventListener("visibilitychange", add);
  return {
    enter(next) {
      add();
      name = next;
    },
    all() {
      add();
      return seconds;
    },
    idle: () => (Date.now() - active) / 1000,
  };
})();

if (form.dataset.secondsLeft) {
  let until = Date.now() + Number(form.dataset.secondsLeft) * 1000;
  let lost = false;
  const left = () => Math.round((until - Date.now()) / 1000);
  const tick = async () => {
    const shown = one("[data-claim-left]");
    shown.textContent = left() > 60 ? `${Math.ceil(left() / 60)} min` : left() > 0 ? "less than a minute" : "ran out; still yours while nobody takes it";
    if (lost || left() > RENEW_UNDER || clock.idle() > IDLE) return;
    try {
      const answer = await fetch(form.dataset.renewUrl, { method: "POST", headers: { "X-CSRFToken": csrf } });
      if (answer.ok) until = Date.now() + (await answer.json()).seconds * 1000;
      else if (answer.status === 409) {
        lost = true;
        one(".task__claim").hidden = true;
        tell(`${(await answer.json()).message} What you typed is kept in this browser.`, "bad");
      }
    } catch { /* offline: the next tick tries again */ }
  };
  tick();
  setInterval(tick, 15_000);
  document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
}

// --- opening -----------------------------------------------------------------------------------

const savedNotice = one("[data-saved-notice]");
if (savedNotice) {
  Draft.saved(form.dataset.user, form.dataset.saved);
  const address = new URL(location.href);
  address.searchParams.delete("saved");
  history.replaceState(null, "", address);
  setTimeout(() => {
    savedNotice.remove();
    refresh();
  }, SAVE_UNDO);
}
Draft.forgetOld();

function offerDraft() {
  const found = draft.found();
  if (!found || "posted" in form.dataset || !editable) return;
  if (JSON.stringify(found.state) === JSON.stringify(opened)) return draft.drop();
  const at = new Date(found.at).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  const use = () => {
    past.push(present);
    restore(found.state);
    present = snapshot();
    refresh();
    ask(0);
  };
  const notice = document.createElement("div");
  notice.className = "notice";
  notice.dataset.draft = "";
  const text = document.createElement("p");
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button button--small";
  const fits = draft.fits(found);
  if (fits) use();
  text.textContent = fits
    ? `What you typed at ${at} is back; it was not saved yet. `
    : `You typed something at ${at} that was not saved. The invoice has changed since. `;
  button.textContent = fits ? "Start afresh" : "Put it back";
  button.addEventListener("click", () => {
    if (fits) {
      restore(opened);
      present = snapshot();
      draft.drop();
      refresh();
    } else use();
    notice.remove();
  });
  text.append(button);
  notice.append(text);
  one("[data-notices]").append(notice);
}

// The next invoice's pictures and words come while this one is being checked.
function fetchAhead() {
  if (!editable) return;
  setTimeout(async () => {
    try {
      const { urls } = await (await fetch(form.dataset.aheadUrl)).json();
      for (const url of urls) fetch(url, { priority: "low" });
    } catch { /* it will be fetched when it is opened */ }
  }, AHEAD_AFTER);
}

// Width of the page picture: dragged or moved by arrow keys, remembered.
function divide() {
  const key = "review-divider";
  const divider = one("[data-divider]");
  const set = (percent) => {
    const width = Math.min(75, Math.max(20, Math.round(percent)));
    one("[data-panes]").style.setProperty("--viewer", `${width}%`);
    divider.setAttribute("aria-valuenow", width);
    localStorage.setItem(key, width);
  };
  const now = () => Number(divider.getAttribute("aria-valuenow"));
  if (localStorage.getItem(key)) set(Number(localStorage.getItem(key)));
  divider.addEventListener("pointerdown", (event) => {
    divider.setPointerCapture(event.pointerId);
    const { left, width } = one("[data-panes]").getBoundingClientRect();
    const move = (moved) => set(((moved.clientX - left) / width) * 100);
    divider.addEventListener("pointermove", move);
    divider.addEventListener("pointerup", () => divider.removeEventListener("pointermove", move), { once: true });
  });
  divider.addEventListener("keydown", (event) => {
    const by = { ArrowLeft: -2, ArrowRight: 2 }[event.key];
    if (!by) return;
    event.preventDefault();
    set(now() + by);
  });
}

one("[data-fold]")?.addEventListener("click", (event) => {
  const folded = one("[data-viewer]").classList.toggle("is-folded");
  event.currentTarget.setAttribute("aria-expanded", String(!folded));
});

bindKeys();
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-opens-dialog=keys]")) listKeys(one("[data-keys-list]", document));
});
divide();
offerDraft();
refresh();
if (editable) {
  const first = fields.find((field) => field.error) ?? fields.find(isOpen) ?? null;
  if (byFinger.matches) viewer.show?.((first ?? fields[0])?.place ?? null);
  else if (first) focusField(first);
  else if (linesToCheck.open) grid.focusFirst();
  else focusField(fields[0]);
  fetchAhead();
} else one("[data-take]")?.focus();
