// Runs a Python program under MicroPython: node run.mjs PACKAGE HEAP_BYTES ROOT PROGRAM FILE...
// PACKAGE is the folder of the npm package; FILEs are put below /lib under their paths relative to ROOT, PROGRAM is then run.
import * as fs from "node:fs";
import * as path from "node:path";

const [pkg, heap, root, program, ...files] = process.argv.slice(2);
const { loadMicroPython } = await import(path.join(pkg, "micropython.mjs"));
const micropython = await loadMicroPython({
  url: path.join(pkg, "micropython.wasm"),
  heapsize: Number(heap),
  stdout: (line) => console.log(line),
});
for (const file of files) {
  let folder = "/lib";
  for (const part of ["", ...path.dirname(file).split("/")]) {
    folder = path.posix.join(folder, part);
    if (!micropython.FS.analyzePath(folder).exists) micropython.FS.mkdir(folder);
  }
  micropython.FS.writeFile(path.posix.join("/lib", file), fs.readFileSync(path.join(root, file)));
}
try {
  micropython.runPython("import sys\nsys.path.append('/lib')\n");
  micropython.runPython(fs.readFileSync(path.resolve(root, program), "utf8"));
} catch (error) {
  console.log(error.message);
  process.exitCode = 1;
}
