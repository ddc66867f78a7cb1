/** An estimate in a cell: its value, and its interval in small. Knows no table. */
import type { Estimate as Numbers } from "../api.js";

export const Estimate = ({
  of: { value, low, high },
  format,
}: {
  of: Pick<Numbers, "value" | "low" | "high">;
  format: (value: number) => string;
}) => (
  <>
    {value === null ? "–" : format(value)}
    {low !== null && high !== null && (
      <small class="muted">
        {" "}
        {format(low)}–{format(high)}
      </small>
    )}
  </>
);
