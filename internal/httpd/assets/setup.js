// Copies what stands beside a button. Without this script there are no buttons.
(() => {
  const copy = async (text) => {
    if (navigator.clipboard) return navigator.clipboard.writeText(text);
    const area = document.createElement("textarea"); // pages in clear have no clipboard
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("not copied");
  };
  for (const button of document.querySelectorAll("button.copy")) {
    const word = button.firstElementChild, name = word.textContent;
    button.hidden = false;
    button.addEventListener("click", async () => {
      try {
        await copy(button.dataset.copy);
        word.textContent = button.dataset.done;
        setTimeout(() => { word.textContent = name; }, 2000);
      } catch {
        button.hidden = true; // the browser does not let it: mark and copy by hand
      }
      button.focus();
    });
  }
})();
