// Approval by keyboard: a approves, r opens the dialog, x ticks the row that has the focus.
// Without this script every row still has its button and its link.
(() => {
  const form = document.getElementById("approvals");
  if (!form) return;
  const dialog = document.getElementById("decline");
  const count = form.querySelector("[data-ticked]");

  const showCount = () => {
    const ticked = form.querySelectorAll("input[name=invoice]:checked").length;
    count.textContent = ticked ? `${ticked} ticked` : "";
  };
  form.addEventListener("change", showCount);
  showCount();

  const decline = (link) => {
    const row = link.closest("tr");
    const answer = dialog.querySelector("form");
    answer.action = link.href;
    answer.elements.seen.value = row.querySelector("input[name^=seen-]").value;
    dialog.querySelector("h2").textContent = `Decline invoice ${row.dataset.invoice}`;
    dialog.showModal();
    answer.elements.reason.focus();
    dialog.addEventListener("close", () => link.focus(), { once: true });
  };
  form.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-key=r]");
    if (!link) return;
    event.preventDefault();
    decline(link);
  });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
    if (event.target.closest("textarea, select, input:not([type=checkbox])")) return;
    const row = document.activeElement.closest("tr[data-row]");
    if (!row) return;
    const box = row.querySelector("input[name=invoice]");
    if (event.key === "x") {
      box.checked = !box.checked;
      showCount();
    } else if (event.key === "a" || event.key === "r") {
      row.querySelector(`[data-key=${event.key}]`).click();
    } else {
      return;
    }
    event.preventDefault();
  });
})();
