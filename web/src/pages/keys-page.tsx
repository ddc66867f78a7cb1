/** The keys: what each does, to be changed, or switched off. */
import { useState } from "preact/hooks";
import { type Action, actions, keymap, keysOff, remap, resetKeys, setKeysOff, shown } from "../keys.js";

export function KeysPage() {
  const [map, setMap] = useState(keymap());
  const [off, setOff] = useState(keysOff());
  const [said, setSaid] = useState("");
  return (
    <>
      <h1>Keys</h1>
      <p>
        <kbd>1</kbd> to <kbd>9</kbd> choose on the scale, rank, or score. <kbd>Ctrl</kbd>+<kbd>↵</kbd> submits
        from inside a text. To change a key, go to its field and press the new one.
      </p>
      <label class="switch">
        <input
          type="checkbox"
          checked={off}
          onChange={(event) => (setKeysOff(event.currentTarget.checked), setOff(event.currentTarget.checked))}
        />
        <span>Switch single keys off (Ctrl+↵ and Ctrl+Z stay)</span>
      </label>
      <div class="keys">
        {(Object.keys(actions) as Action[]).map((action) => (
          <label key={action}>
            <span>{actions[action].label}</span>
            <input
              type="text"
              class="key"
              value={shown(map[action])}
              onKeyDown={(event) => {
                if (event.key === "Tab" || event.key === "Shift" || event.ctrlKey || event.metaKey) return;
                event.preventDefault();
                const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
                const owner = remap(action, key);
                setSaid(
                  owner
                    ? `${shown(key)} is taken: ${actions[owner].label}.`
                    : /^[1-9]$/.test(key)
                      ? "Digits are the scale's."
                      : `${actions[action].label}: ${shown(key)}.`,
                );
                setMap(keymap());
              }}
              onInput={(event) => void (event.currentTarget.value = shown(map[action]))}
            />
          </label>
        ))}
      </div>
      <p role="status">{said}</p>
      <button type="button" onClick={() => (resetKeys(), setMap(keymap()))}>
        Back to the defaults
      </button>
    </>
  );
}
