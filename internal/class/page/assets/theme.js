// Sets the colours before the first paint. It is loaded without "defer" for that.
(() => {
  const kept = (key) => { try { return localStorage.getItem(key); } catch { return null; } };
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const draw = () => {
    document.documentElement.dataset.theme = kept("theme") || (dark.matches ? "dark" : "light");
    document.documentElement.dataset.size = kept("size") || "normal";
  };
  dark.addEventListener("change", draw);
  addEventListener("theme", draw);
  draw();
})();
