/** One answer on the terminal while it is made: whole characters, and nothing of a stop string. Knows no model. */

export interface AnswerPrinter {
  /** All of the answer so far. */
  show(text: string): void;
  /** The answer as it came out; writes what is missing. */
  end(text: string): void;
}

/** @param options `holdBack`: characters at the end that may yet turn out to be part of a stop string */
export function answerPrinter(
  write: (piece: string) => void,
  { holdBack }: { holdBack: number },
): AnswerPrinter {
  let printed = "";
  const more = (text: string): void => {
    if (!text.startsWith(printed)) return;
    write(text.slice(printed.length));
    printed = text;
  };
  return {
    show: (text) => {
      // A character that is not whole yet, and white space that may be the last.
      const sure = text.trimStart().replace(/\uFFFD+$/, "");
      more(sure.slice(0, Math.max(0, sure.length - holdBack)).trimEnd());
    },
    end: (text) => more(text.trim()),
  };
}
