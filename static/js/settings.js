// Show only the details that belong to the chosen way of reading.
(() => {
  const update = () => {
    const chosen = document.querySelector("input[name=reading_mode]:checked")?.value;
    for (const part of document.querySelectorAll("[data-shown-for]")) {
      part.hidden = part.dataset.shownFor !== chosen;
    }
  };
  document.addEventListener("change", update);
  update();
})();
