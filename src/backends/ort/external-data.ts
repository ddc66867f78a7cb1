/** Files of initializers relative to one folder, as the runtime wants them. Knows paths, no weight. */
import { dirname, relative } from "node:path";
import { AttuneError } from "../../errors.js";
import type { OnnxInitializer } from "./onnx-model.js";

/** The nearest folder that holds all files. */
function commonFolder(files: ReadonlySet<string>): string | undefined {
  let folder: string | undefined;
  for (const file of files) {
    folder ??= dirname(file);
    while (relative(folder, file).startsWith("..")) {
      const up = dirname(folder);
      if (up === folder)
        throw new AttuneError("backend", {
          where: file,
          expected: "weight files on one volume",
          got: [...files].join(", "),
          fix: "give the backend a `scratch` folder on the volume of the model",
        });
      folder = up;
    }
  }
  return folder;
}

/** Initializers whose locations are absolute, made relative to the folder that is given with them. */
export function relativeInitializers(list: readonly OnnxInitializer[]): {
  initializers: OnnxInitializer[];
  folder: string | undefined;
} {
  const folder = commonFolder(
    new Set(list.flatMap(({ data }) => (data instanceof Uint8Array ? [] : [data.location]))),
  );
  const initializers = list.map((one) =>
    one.data instanceof Uint8Array
      ? one
      : { ...one, data: { ...one.data, location: relative(folder!, one.data.location) } },
  );
  return { initializers, folder };
}
