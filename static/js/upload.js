// The upload page: each file is its own request, three at a time, and none is given up.
//
// A file's way: "staged" (waits for its work order and total) -> "queued" -> "sending" -> replaced by the finished
// row that the server sends; or "wrong" (the person must change something). When the server is away, signed
// out or busy, the file goes back to the head of the queue and everything waits, visibly, and goes on by itself.
// Every file carries a key of its own, so that a file whose answer was lost is not entered twice.
(() => {
  const form = document.getElementById("upload-form");
  if (!form) return;
  const AT_A_TIME = 3;
  const FIRST_WAIT = 1, LONGEST_WAIT = 20; // seconds
  const SILENCE = 90; // seconds without any progress after which a request is given up and sent again
  const UNSENT = "unsent-uploads";

  const el = (id) => document.getElementById(id);
  const list = el("uploads");
  const drop = el("drop");
  const entries = new Set();
  let waitTimer = 0;
  let waitUntil = 0;
  let waitIsFirm = false;
  let failures = 0;
  const total = { done: 0, attention: 0, all: 0 };

  // --- words, for eyes and for ears -------------------------------------------------------------
  const toSay = [];
  let sayTimer = 0;
  const say = (words) => {
    toSay.push(words);
    sayTimer ||= setTimeout(() => {
      sayTimer = 0;
      // A burst of outcomes is told as a sum: nobody listens to fifty sentences.
      el("said").textContent = toSay.length > 3 ? `${el("progress-words").textContent}.` : toSay.join(" ");
      toSay.length = 0;
    }, 700);
  };
  const plural = (count, word) => `${count} ${word}${count === 1 ? "" : "s"}`;
  const size = (bytes) =>
    bytes < 1024 ? plural(bytes, "byte") : bytes < 1048576 ? `${(bytes / 1024).toFixed(0)} KB` : `${(bytes / 1048576).toFixed(1)} MB`;
  const inState = (...states) => [...entries].filter((entry) => states.includes(entry.state));

  const showProgress = () => {
    const staged = inState("staged").length;
    const open = inState("queued", "sending").length;
    el("progress").hidden = total.all === 0;
    const parts = [`${total.done} of ${plural(total.all, "file")} done`];
    if (total.attention) parts.push(`${total.attention} could not be taken`);
    const wrong = inState("wrong").length;
    if (wrong) parts.push(`${wrong} to correct`);
    if (staged) parts.push(`${staged} not sent yet`);
    el("progress-words").textContent = parts.join(", ");
    const partly = inState("sending").reduce((sum, entry) => sum + entry.share, 0);
    el("progress-bar").value = total.all ? (total.done + partly) / total.all : 0;
    el("send-all").hidden = staged === 0;
    el("send-all").textContent = `Upload ${plural(staged, "file")}`;
    return open;
  };

  // A page that is closed loses the files it holds, but not their names.
  const remember = () => {
    const names = [...entries].map((entry) => entry.file.name);
    try {
      if (names.length) sessionStorage.setItem(UNSENT, JSON.stringify(names));
      else sessionStorage.removeItem(UNSENT);
    } catch { /* storage may be forbidden: the list is a kindness */ }
  };
  const recall = () => {
    let names = [];
    try { names = JSON.parse(sessionStorage.getItem(UNSENT) || "[]"); } catch { /* as above */ }
    if (!names.length) return;
    el("lost-names").replaceChildren(...names.map((name) => Object.assign(document.createElement("li"), { textContent: name })));
    el("lost").hidden = false;
    say(`${plural(names.length, "file")} ${names.length === 1 ? "was" : "were"} not sent before the page was closed.`);
  };
  el("lost-seen").addEventListener("click", () => { el("lost").hidden = true; remember(); });
  addEventListener("beforeunload", (event) => { if (entries.size) event.preventDefault(); });

  // --- rows ---------------------------------------------------------------------------------------
  const newKey = () => {
    // randomUUID exists on secure pages only; an office server may be reached by plain http.
    if (crypto.randomUUID) return crypto.randomUUID();
    const bytes = crypto.getRandomValues(new Uint8Array(16));
    bytes[6] = (bytes[6] & 15) | 64;
    bytes[8] = (bytes[8] & 63) | 128;
    const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    return hex.replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, "$1-$2-$3-$4-$5");
  };

  const show = (entry, words, { bar = false, retry = false, remove = true } = {}) => {
    entry.row.querySelector(".upload__state").textContent = words;
    entry.row.classList.toggle("upload--wrong", entry.state === "wrong");
    entry.row.querySelector("progress").hidden = !bar;
    entry.row.querySelector("[data-act=retry]").hidden = !retry;
    entry.row.querySelector("[data-act=remove]").hidden = !remove;
    entry.row.querySelector("[data-act=send]").hidden = entry.state !== "staged";
    entry.row.querySelector(".upload__stated").hidden = !["staged", "wrong"].includes(entry.state);
  };

  const add = (file, stated, staged) => {
    const row = el("sending-row").content.firstElementChild.cloneNode(true);
    const entry = { file, key: newKey(), row, state: staged ? "staged" : "queued", share: 0, request: null };
    row.querySelector(".upload__name").textContent = file.name;
    row.querySelector(".upload__facts").textContent = size(file.size);
    row.querySelector("progress").setAttribute("aria-label", `Progress of ${file.name}`);
    for (const button of row.querySelectorAll("button")) button.setAttribute("aria-label", `${button.textContent} ${file.name}`);
    for (const input of row.querySelectorAll("[data-stated]")) {
      if (input.type === "checkbox") input.checked = stated[input.dataset.stated];
      else input.value = stated[input.dataset.stated];
    }
    row.querySelector(".upload__stated").setAttribute("aria-label", `What you state about ${file.name}`);
    row.addEventListener("click", (event) => act(entry, event.target.closest("[data-act]")?.dataset.act));
    row.addEventListener("keydown", (event) => {
      if (event.key === "Enter" && event.target.matches("[data-stated]")) act(entry, entry.state === "wrong" ? "retry" : "send");
    });
    entries.add(entry);
    total.all += 1;
    remember();
    show(entry, staged ? "Not sent yet" : "Waiting its turn");
    return entry;
  };

  const act = (entry, what) => {
    if (what === "send" || what === "retry") {
      entry.state = "queued";
      show(entry, "Waiting its turn");
      pump();
    } else if (what === "remove") {
      const next = entry.row.nextElementSibling;
      entry.state = "removed";
      entry.request?.abort();
      entries.delete(entry);
      remember();
      entry.row.remove();
      ask(entry.replaces, true);
      el("no-uploads").hidden = list.children.length > 0;
      total.all -= 1;
      (next?.querySelector("button:not([hidden]), a") || el("id_files")).focus();
      say(`${entry.file.name} removed.`);
      showProgress();
      pump();
    }
  };

  const statedNow = () => ({
    work_order: el("id_work_order").value.trim(),
    total: el("id_total").value.trim(),
    urgent: el("id_urgent").checked,
  });

  // What is asked about a bad picture stands until another one has come in its place.
  const question = (upload) => list.querySelector(`[data-take-again="${CSS.escape(upload)}"]`)?.closest(".upload__decide");
  const ask = (upload, again) => {
    const asked = upload && question(upload);
    if (asked) asked.hidden = !again;
  };

  const take = (files, replaces = "") => {
    if (!files.length) return;
    const stated = replaces ? { work_order: "", total: "", urgent: false } : statedNow();
    // One total can't belong to several files: then each is asked for its own before it is sent.
    const staged = !replaces && (el("each").checked || (files.length > 1 && stated.total !== ""));
    if (staged && files.length > 1) stated.total = "";
    const added = files.map((file) => add(file, stated, staged));
    list.prepend(...added.map((entry) => entry.row));
    el("no-uploads").hidden = true;
    if (replaces) {
      added[0].replaces = replaces;
      ask(replaces, false);
    } else {
      for (const id of ["id_work_order", "id_total"]) el(id).value = "";
      el("id_urgent").checked = false;
    }
    say(staged ? `${plural(files.length, "file")} listed. State what you know, then press Upload.` : `${plural(files.length, "file")} being uploaded.`);
    if (staged) added[0].row.querySelector("[data-stated]").focus();
    pump();
  };

  // --- sending ------------------------------------------------------------------------------------
  const pump = () => {
    if (!waitTimer) {
      // While the server is away one file at a time tries whether it is back.
      const room = failures ? 1 : AT_A_TIME;
      for (const entry of inState("queued").slice(0, Math.max(0, room - inState("sending").length))) send(entry);
    }
    showProgress();
  };

  const token = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] || form.elements.csrfmiddlewaretoken.value;

  const send = (entry) => {
    const data = new FormData();
    data.append("key", entry.key);
    for (const input of entry.row.querySelectorAll("[data-stated]")) {
      if (input.type !== "checkbox") data.append(input.dataset.stated, input.value.trim());
      else if (input.checked) data.append(input.dataset.stated, "on");
    }
    if (entry.replaces) data.append("replaces", entry.replaces);
    if (entry.file.size > Number(form.dataset.maxBytes)) {
      data.append("filename", entry.file.name);
      data.append("size", entry.file.size);
    } else {
      data.append("file", entry.file, entry.file.name);
    }
    data.append("complete", "yes"); // stands last: a body that was cut off does not have it
    const request = new XMLHttpRequest();
    const bar = entry.row.querySelector("progress");
    entry.request = request;
    entry.state = "sending";
    entry.share = 0;
    bar.value = 0;
    show(entry, "Uploading", { bar: true });
    let silence = 0;
    const heard = () => {
      clearTimeout(silence);
      silence = setTimeout(() => request.abort(), SILENCE * 1000);
    };
    heard();
    request.upload.addEventListener("progress", (event) => {
      heard();
      entry.share = event.lengthComputable ? event.loaded / event.total : 0;
      bar.value = entry.share;
      if (entry.share === 1) show(entry, "Looking at it", { bar: true });
      showProgress();
    });
    request.addEventListener("loadend", () => {
      clearTimeout(silence);
      entry.request = null;
      entry.share = 0;
      if (entry.state === "sending") answered(entry, request);
      pump();
    });
    request.open("POST", form.dataset.fileUrl);
    request.setRequestHeader("X-CSRFToken", token());
    request.send(data);
  };

  const answered = (entry, request) => {
    const outcome = request.getResponseHeader("X-Upload-Outcome");
    if (request.status === 200 && outcome) {
      goOn();
      finish(entry, request.responseText, outcome);
    } else if (request.status === 422) {
      goOn();
      entry.state = "wrong";
      show(entry, request.responseText, { retry: true });
      say(`${entry.file.name}: ${request.responseText}`);
    } else if (request.status === 413) {
      goOn();
      entry.state = "wrong";
      show(entry, "The server takes no file of this size. Split it, or scan it at 200 to 300 dpi.", {});
      say(`${entry.file.name}: the server takes no file of this size.`);
    } else if (request.status === 429) {
      const seconds = Number(request.getResponseHeader("Retry-After")) || FIRST_WAIT;
      hold(entry, seconds, "Too many files in one minute", true);
    } else if (request.status === 403 || (request.status === 200 && !outcome)) {
      // The sign-in page came instead of a row, or the token belongs to an earlier session.
      el("waiting-sign-in").hidden = false;
      hold(entry, LONGEST_WAIT, "You are signed out, or may no longer upload. Sign in in another tab, your files stay here");
    } else {
      failures += 1;
      const seconds = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1)) * (0.8 + 0.4 * Math.random());
      hold(entry, seconds, navigator.onLine === false ? "You are offline" : "Waiting for the server");
    }
  };

  const finish = (entry, html, outcome) => {
    const holder = document.createElement("template");
    holder.innerHTML = html.trim();
    const row = holder.content.firstElementChild;
    const focused = entry.row.contains(document.activeElement);
    const twin = el(row.id);
    if (twin && twin !== entry.row) twin.remove();
    entry.row.replaceWith(row);
    entries.delete(entry);
    if (outcome === "accepted" && entry.replaces) question(entry.replaces)?.remove();
    else ask(entry.replaces, true);
    remember();
    total.done += 1;
    htmx.process(row);
    dress(row);
    lookSoon();
    if (focused) row.querySelector("a, button:not([hidden])")?.focus();
    if (!["accepted", "already_here"].includes(outcome)) total.attention += 1;
    const words = [row.querySelector(".upload__outcome .state").textContent, ...[...row.querySelectorAll(".upload__outcome a, .upload__warning span, .upload__outcome > .small")].map((part) => part.textContent)];
    say(`${entry.file.name}: ${words.map((word) => word.trim()).join(", ")}.`);
    if (showProgress() === 0 && !inState("staged", "wrong").length) {
      say(`${el("progress-words").textContent}.`);
    }
  };

  // The poll sleeps long while nothing moves; a new invoice wakes it.
  let lookTimer = 0;
  const lookSoon = () => {
    clearTimeout(lookTimer);
    lookTimer = setTimeout(() => { if (el("upload-poll")) htmx.trigger("#upload-poll", "refresh"); }, 1500);
  };

  const dress = (root) => {
    for (const button of root.querySelectorAll("[data-take-again]")) button.hidden = false;
  };

  // A picture that was kept comes back as a row without the question.
  document.body.addEventListener("htmx:afterRequest", (event) => {
    const row = event.detail.target;
    if (!event.detail.pathInfo.requestPath.endsWith("/keep/")) return;
    const here = row && el(row.id);
    if (!event.detail.successful || !here) {
      say("That did not reach the server. Press it again.");
      return;
    }
    here.querySelector(".upload__outcome a")?.focus();
    say(`${here.querySelector(".upload__name").textContent}: kept as it is.`);
  });

  // --- waiting for the server -----------------------------------------------------------------------
  // `firm`: the server said how long, so another file's success does not end the wait.
  const hold = (entry, seconds, why, firm = false) => {
    entry.state = "queued";
    show(entry, "Waiting for the server…");
    waitIsFirm ||= firm;
    if (waitTimer) return;
    waitUntil = Date.now() + seconds * 1000;
    const tick = () => {
      const left = Math.ceil((waitUntil - Date.now()) / 1000);
      if (left <= 0) return tryNow();
      el("waiting-words").textContent = `${why}… Nothing is lost. Trying again in ${left} s.`;
      el("waiting").hidden = false;
    };
    waitTimer = setInterval(tick, 500);
    tick();
    for (const other of inState("queued")) show(other, "Waiting for the server…");
    say(`${why}. Nothing is lost, it goes on by itself.`);
  };
  const tryNow = () => {
    clearInterval(waitTimer);
    waitTimer = 0;
    waitIsFirm = false;
    pump();
  };
  const goOn = () => {
    failures = 0;
    if (waitIsFirm) return;
    clearInterval(waitTimer);
    waitTimer = 0;
    if (!el("waiting").hidden) {
      el("waiting").hidden = true;
      el("waiting-sign-in").hidden = true;
      for (const other of inState("queued")) show(other, "Waiting its turn");
      say("The server is back.");
    }
  };
  el("try-now").addEventListener("click", tryNow);
  addEventListener("online", () => { if (waitTimer) tryNow(); });
  // Who signed in in another tab comes back to this one.
  document.addEventListener("visibilitychange", () => { if (!document.hidden && waitTimer && !el("waiting-sign-in").hidden) tryNow(); });

  // --- ways in --------------------------------------------------------------------------------------
  for (const input of [el("id_files"), el("id_photo")]) {
    input.addEventListener("change", () => {
      const files = [...input.files];
      input.value = "";
      take(files);
    });
  }
  // Chromium opens the dialog of a file input with Space only.
  el("id_files").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    event.target.click();
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  el("send-all").addEventListener("click", () => {
    for (const entry of inState("staged")) act(entry, "send");
    el("id_files").focus();
  });
  el("take-photo").addEventListener("click", () => el("id_photo").click());
  list.addEventListener("click", (event) => {
    const button = event.target.closest("[data-take-again]");
    if (!button) return;
    const again = el("id_again");
    again.dataset.replaces = button.dataset.takeAgain;
    again.toggleAttribute("capture", matchMedia("(pointer: coarse)").matches);
    again.click();
  });
  el("id_again").addEventListener("change", (event) => {
    const files = [...event.target.files];
    event.target.value = "";
    take(files, event.target.dataset.replaces);
  });

  // A folder that is dropped stands for the files in it.
  const filesIn = async (item) => {
    if (item.isFile) return [await new Promise((resolve, reject) => item.file(resolve, reject))];
    const reader = item.createReader();
    const found = [];
    for (;;) {
      const part = await new Promise((resolve, reject) => reader.readEntries(resolve, reject));
      if (!part.length) return (await Promise.all(found.map(filesIn))).flat();
      found.push(...part);
    }
  };
  const dropped = async (transfer) => {
    const items = [...transfer.items].map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const plain = [...transfer.files];
    take(items.some((item) => item.isDirectory) ? (await Promise.all(items.map(filesIn))).flat() : plain);
  };
  let depth = 0;
  const carriesFiles = (event) => event.dataTransfer?.types.includes("Files");
  document.addEventListener("dragenter", (event) => {
    if (!carriesFiles(event)) return;
    depth += 1;
    drop.classList.add("drop--over");
  });
  document.addEventListener("dragleave", (event) => {
    if (!carriesFiles(event)) return;
    depth = Math.max(0, depth - 1);
    if (!depth) drop.classList.remove("drop--over");
  });
  document.addEventListener("dragover", (event) => { if (carriesFiles(event)) event.preventDefault(); });
  document.addEventListener("drop", (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    depth = 0;
    drop.classList.remove("drop--over");
    dropped(event.dataTransfer);
  });
  document.addEventListener("paste", (event) => take([...(event.clipboardData?.files || [])]));

  el("camera").hidden = !matchMedia("(pointer: coarse)").matches;
  el("each-row").hidden = false;
  dress(list);
  recall();
})();
