// What was typed and is not saved yet, kept in this browser until the server has it.
const PREFIX = "invoice-draft:";
const OLDEST = 7 * 24 * 3600 * 1000;

export class Draft {
  // `base` says what the form was like when it was opened: a draft of another state is offered, not just put back.
  constructor(user, item, base) {
    this.key = `${PREFIX}${user}:${item}`;
    this.user = user;
    this.base = base;
  }

  keep(state) {
    this.#write(JSON.stringify({ at: Date.now(), base: this.base, state }));
  }

  found() {
    try {
      return JSON.parse(localStorage.getItem(this.key));
    } catch {
      return null;
    }
  }

  fits(found) {
    return found.base === this.base;
  }

  drop() {
    localStorage.removeItem(this.key);
  }

  static saved(user, item) {
    localStorage.removeItem(`${PREFIX}${user}:${item}`);
  }

  static forgetOld() {
    for (const key of Object.keys(localStorage).filter((name) => name.startsWith(PREFIX))) {
      try {
        if (JSON.parse(localStorage.getItem(key)).at > Date.now() - OLDEST) continue;
      } catch { /* unreadable: goes */ }
      localStorage.removeItem(key);
    }
  }

  #write(text) {
    try {
      localStorage.setItem(this.key, text);
    } catch { /* the browser's store is full or closed: the form itself still holds everything */ }
  }
}
