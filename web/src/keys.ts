/** Keys and what they do: one table, remappable, switched off while somebody types (WCAG 2.1.4). Knows no screen. */
import { useLayoutEffect, useRef } from "preact/hooks";

export const actions = {
  submit: { label: "Submit", key: "Enter" },
  undo: { label: "Undo the last submit", key: "z" },
  tie: { label: "Tie", key: "t" },
  bothBad: { label: "Both bad", key: "x" },
  left: { label: "More to the left on the scale", key: "ArrowLeft" },
  right: { label: "More to the right on the scale", key: "ArrowRight" },
  skip: { label: "Skip or flag", key: "s" },
  comment: { label: "Comment", key: "c" },
  raw: { label: "Raw text", key: "r" },
  compare: { label: "Mark the differences", key: "f" },
  guide: { label: "Read the guidelines", key: "i" },
  previousPane: { label: "Go to the text before", key: "[" },
  nextPane: { label: "Go to the next text", key: "]" },
  nextStep: { label: "Next step", key: "j" },
  previousStep: { label: "Previous step", key: "k" },
  divergence: { label: "Jump to where they part", key: "d" },
  good: { label: "Good (step or thumb)", key: "g" },
  neutral: { label: "Neutral step", key: "n" },
  bad: { label: "Bad (step or thumb)", key: "b" },
  firstError: { label: "First error here", key: "e" },
  help: { label: "Show all keys", key: "?" },
} as const;

export type Action = keyof typeof actions;
type Keymap = Record<Action, string>;

const storeKey = "attune.keys";
const offKey = "attune.keys-off";

export function keymap(): Keymap {
  const defaults = Object.fromEntries(
    Object.entries(actions).map(([name, { key }]) => [name, key]),
  ) as Keymap;
  try {
    return { ...defaults, ...(JSON.parse(localStorage.getItem(storeKey) ?? "{}") as Partial<Keymap>) };
  } catch {
    return defaults;
  }
}
export const keysOff = (): boolean => localStorage.getItem(offKey) === "1";
export const setKeysOff = (off: boolean): void => localStorage.setItem(offKey, off ? "1" : "0");

/** Gives the action that had the key before, if any: two actions never share one. */
export function remap(action: Action, key: string): Action | null {
  const map = keymap();
  const owner = (Object.keys(map) as Action[]).find((name) => name !== action && map[name] === key) ?? null;
  if (owner === null && !/^[1-9]$/.test(key))
    localStorage.setItem(storeKey, JSON.stringify({ ...map, [action]: key }));
  return owner;
}
export const resetKeys = (): void => localStorage.removeItem(storeKey);

const signs: Record<string, string> = {
  Enter: "↵",
  ArrowLeft: "←",
  ArrowRight: "→",
  ArrowUp: "↑",
  ArrowDown: "↓",
};
export const shown = (key: string): string => signs[key] ?? (key.length === 1 ? key.toUpperCase() : key);
export const hint = (action: Action): string => shown(keymap()[action]);

const typing = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement &&
  (target.isContentEditable ||
    target.matches(
      "textarea, select, [role=textbox], [role=combobox], [role=listbox], input:not([type=radio], [type=checkbox])",
    ));

const arrowed = "input, pre, .table-frame, [role=tab]";

/** Digits come as "1" to "9". Ctrl or Cmd with Enter submits from anywhere, with Z undoes outside of text. */
export function useKeys(
  handlers: Partial<Record<Action | "digit", (key: string) => void>>,
  enabled = true,
): void {
  const latest = useRef(handlers);
  latest.current = handlers;
  // Before the paint: a key pressed as soon as the item is seen must not be lost.
  useLayoutEffect(() => {
    if (!enabled) return undefined;
    const onKey = (event: KeyboardEvent): void => {
      const now = latest.current;
      const run = (handler: ((key: string) => void) | undefined): void => {
        if (handler === undefined) return;
        event.preventDefault();
        handler(event.key);
      };
      if (
        event.defaultPrevented ||
        event.altKey ||
        event.isComposing ||
        document.querySelector("dialog[open]")
      )
        return;
      if (event.ctrlKey || event.metaKey) {
        if (event.key === "Enter") run(now.submit);
        else if (event.key === "z" && !typing(event.target)) run(now.undo);
        return;
      }
      if (typing(event.target) || keysOff()) return;
      const focused =
        event.target instanceof HTMLElement && event.target.matches("button, a, summary, [role=button]");
      if (focused && (event.key === "Enter" || event.key === " ")) return;
      // Arrows belong to what has the focus, where it uses them.
      if (
        event.key.startsWith("Arrow") &&
        event.target instanceof HTMLElement &&
        event.target.matches(arrowed)
      )
        return;
      if (/^[1-9]$/.test(event.key)) return run(now.digit);
      const map = keymap();
      const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
      const action = (Object.keys(map) as Action[]).find((name) => map[name] === key);
      if (action !== undefined) run(now[action]);
    };
    addEventListener("keydown", onKey);
    return () => removeEventListener("keydown", onKey);
  }, [enabled]);
}
