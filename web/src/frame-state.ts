/** What the frame remembers: which page the address names, and light or dark. Knows no page. */
import { useLayoutEffect, useState } from "preact/hooks";

/** The parts of the address behind `#/`. */
export function useRoute(): string[] {
  const read = (): string[] => location.hash.replace(/^#\/?/, "").split("/").map(decodeURIComponent);
  const [route, setRoute] = useState(read);
  // Before the paint: an address that changes as soon as the page is seen must not be missed, and no other theme be seen first.
  useLayoutEffect(() => {
    const change = (): void => setRoute(read());
    addEventListener("hashchange", change);
    return () => removeEventListener("hashchange", change);
  }, []);
  return route;
}

/** The name of the other theme, and the way to it. */
export function useTheme(): [string, () => void] {
  const [theme, setTheme] = useState(localStorage.getItem("attune.theme") ?? "auto");
  useLayoutEffect(() => {
    if (theme === "auto") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme;
    localStorage.setItem("attune.theme", theme);
  }, [theme]);
  const dark = theme === "dark" || (theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches);
  return [dark ? "Light" : "Dark", () => setTheme(dark ? "light" : "dark")];
}
