// The table of lines: moves like a spreadsheet, takes what is pasted from one, always has an empty line at the end.

const cellsOf = (row) => [...row.querySelectorAll("td input, td textarea")];
const isEmpty = (row) => cellsOf(row).every((cell) => !cell.value.trim());

export class LineGrid extends EventTarget {
  constructor(root) {
    super();
    this.root = root;
    this.table = root.querySelector("[data-grid]");
    this.body = this.table.tBodies[0];
    this.blank = this.rows.at(-1).cloneNode(true);
    this.#clear(this.blank);
    this.#endWithEmpty();
    this.#rove();
    this.table.addEventListener("focusin", (event) => {
      if (event.target.closest("td")) this.current = event.target;
      this.#rove();
    });
    this.table.addEventListener("input", () => this.#endWithEmpty());
    this.table.addEventListener("keydown", (event) => this.#key(event));
    this.table.addEventListener("paste", (event) => this.#paste(event));
  }

  get rows() {
    return [...this.body.rows];
  }

  get columns() {
    return cellsOf(this.blank).map((cell) => cell.name);
  }

  // Texts of all lines that have something in them, with the place of each.
  state() {
    return this.rows.filter((row) => !isEmpty(row)).map((row) => [row.dataset.place ?? "", ...cellsOf(row).map((cell) => cell.value)]);
  }

  restore(state) {
    this.body.replaceChildren(...state.map(([place, ...texts]) => {
      const row = this.#newRow();
      this.#placeOf(row, place);
      cellsOf(row).forEach((cell, at) => { cell.value = texts[at] ?? ""; });
      return row;
    }));
    this.#endWithEmpty();
  }

  // The texts of one column, for sums: null where a line has nothing there.
  column(name) {
    const at = this.columns.indexOf(`line-${name}`);
    return this.rows.filter((row) => !isEmpty(row)).map((row) => cellsOf(row)[at]?.value.trim() || null);
  }

  rowOf(cell) {
    return cell?.closest("tbody tr") ?? null;
  }

  placeOf(cell) {
    const place = this.rowOf(cell)?.dataset.place;
    return place ? JSON.parse(place) : null;
  }

  focusFirst() {
    (cellsOf(this.rows[0])[0]).focus();
  }

  add() {
    const row = this.#newRow();
    (this.rowOf(this.current) ?? this.rows.at(-1)).after(row);
    this.#changed();
    cellsOf(row)[0].focus();
  }

  delete() {
    const row = this.rowOf(this.current);
    if (!row?.isConnected) return;
    const at = cellsOf(row).indexOf(this.current);
    const neighbour = row.nextElementSibling ?? row.previousElementSibling;
    if (neighbour) row.remove();
    else this.#clear(row);
    this.#changed();
    cellsOf(neighbour ?? row)[Math.max(at, 0)].focus();
  }

  // Take the value of the line above, as spreadsheets do.
  fillDown() {
    const row = this.rowOf(this.current);
    const above = row?.previousElementSibling;
    if (!above) return;
    const at = cellsOf(row).indexOf(this.current);
    this.current.value = cellsOf(above)[at].value;
    this.#changed();
  }

  // Mark the cells that the server could not understand: [[line, column, message], ...].
  showErrors(errors) {
    const rows = this.rows.filter((row) => !isEmpty(row));
    const wrong = new Map();
    for (const [line, column, message] of errors) {
      const cell = rows[line]?.querySelector(`[name="line-${column}"]`);
      if (cell) wrong.set(cell, message);
    }
    for (const cell of this.rows.flatMap(cellsOf)) {
      const message = wrong.get(cell) ?? "";
      if (message) cell.setAttribute("aria-invalid", "true");
      else cell.removeAttribute("aria-invalid");
      let note = cell.parentElement.querySelector(".cell-error");
      if (message && !note) {
        note = document.createElement("span");
        note.className = "cell-error";
        cell.after(note);
      }
      if (note) note.textContent = message;
      if (note && !message) note.remove();
    }
  }

  #newRow() {
    return this.blank.cloneNode(true);
  }

  #clear(row) {
    for (const cell of cellsOf(row)) {
      cell.value = "";
      cell.defaultValue = "";
      cell.removeAttribute("aria-invalid");
    }
    row.querySelectorAll(".cell-error").forEach((note) => note.remove());
    this.#placeOf(row, "");
  }

  #placeOf(row, place) {
    if (place) row.dataset.place = place;
    else delete row.dataset.place;
    row.querySelector("[name=line-place]").value = place;
  }

  #changed() {
    this.#endWithEmpty();
    this.dispatchEvent(new Event("change"));
  }

  #endWithEmpty() {
    if (!this.rows.length || !isEmpty(this.rows.at(-1))) this.body.append(this.#newRow());
    this.rows.forEach((row, at) => {
      row.querySelector("[data-number]").textContent = at + 1;
      for (const cell of cellsOf(row)) cell.setAttribute("aria-label", `${cell.dataset.label}, line ${at + 1}`);
    });
    this.#rove();
  }

  // One stop of the Tab key for the whole table; inside it Tab goes from cell to cell.
  #rove() {
    const inside = this.table.contains(document.activeElement);
    const first = this.current?.isConnected ? this.current : cellsOf(this.rows[0])[0];
    for (const cell of this.rows.flatMap(cellsOf)) cell.tabIndex = inside || cell === first ? 0 : -1;
  }

  #key(event) {
    const step = { ArrowUp: -1, ArrowDown: 1, Enter: 1 }[event.key];
    if (!step || event.ctrlKey || event.metaKey || event.altKey || !event.target.closest("td")) return;
    const cell = event.target;
    if (event.key !== "Enter" && !this.#atEdge(cell, step)) return;
    event.preventDefault();
    const row = this.rowOf(cell);
    const at = cellsOf(row).indexOf(cell);
    const next = event.shiftKey || step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (next) {
      const target = cellsOf(next)[event.key === "Enter" && isEmpty(next) ? 0 : at];
      target.focus();
      target.select();
    } else if (step > 0) this.dispatchEvent(new Event("end"));
    else this.dispatchEvent(new Event("start"));
  }

  // In a text of several rows the arrows first move within it.
  #atEdge(cell, step) {
    if (cell.tagName !== "TEXTAREA" || cell.selectionStart !== cell.selectionEnd) return true;
    if (cell.scrollHeight < 48 && cell.clientHeight < 48) return true;
    return step < 0 ? cell.selectionStart === 0 : cell.selectionEnd === cell.value.length;
  }

  #paste(event) {
    const text = event.clipboardData.getData("text/plain").replace(/\r\n?/g, "\n").replace(/\n$/, "");
    if (!/[\t\n]/.test(text) || !event.target.closest("td")) return;
    event.preventDefault();
    let row = this.rowOf(event.target);
    const from = cellsOf(row).indexOf(event.target);
    for (const line of text.split("\n")) {
      if (!row) {
        row = this.#newRow();
        this.body.append(row);
      }
      const cells = cellsOf(row);
      line.split("\t").forEach((part, at) => {
        if (cells[from + at]) cells[from + at].value = part.trim();
      });
      row = row.nextElementSibling;
    }
    this.#changed();
  }
}
