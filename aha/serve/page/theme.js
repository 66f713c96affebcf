// Sets the colours that were chosen before anything is drawn, and wires the button that changes them. A plain script, so that it runs first.
{
  const root = document.documentElement;
  const read = () => { try { return localStorage.getItem("aha.theme") ?? ""; } catch { return ""; } };
  const apply = (theme) => { if (theme) root.dataset.theme = theme; else delete root.dataset.theme; };
  apply(read());
  addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    if (!button) return;
    const dark = () => (root.dataset.theme || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light")) === "dark";
    const show = () => button.setAttribute("aria-pressed", String(dark()));
    button.addEventListener("click", () => {
      const theme = dark() ? "light" : "dark";
      apply(theme);
      try { localStorage.setItem("aha.theme", theme); } catch { /* kept until the page is left */ }
      show();
    });
    show();
  });
}
