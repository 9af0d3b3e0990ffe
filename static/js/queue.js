// The queue's keys, and the draft of an invoice that has just been saved.
import { Draft } from "./draft.js";
import { bindKeys } from "./keys.js";

bindKeys();
const saved = document.querySelector("[data-saved-notice]");
if (saved) {
  Draft.saved(saved.dataset.user, saved.dataset.saved);
  const address = new URL(location.href);
  address.searchParams.delete("saved");
  history.replaceState(null, "", address);
}
