// Three files with fixed names: the program includes them as text, and the static page puts them into one.
import { svelte } from "@sveltejs/vite-plugin-svelte";
import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

export default defineConfig({
  plugins: [
    svelte(),
    { name: "html", generateBundle() { this.emitFile({ type: "asset", fileName: "index.html", source: readFileSync("index.html") }); } },
  ],
  base: "",
  build: {
    outDir: "../crates/napscope-cli/src/explore/page",
    emptyOutDir: false,
    sourcemap: false,
    target: "es2022",
    modulePreload: false,
    cssCodeSplit: false,
    rollupOptions: {
      input: "src/main.ts",
      output: { format: "iife", entryFileNames: "app.js", assetFileNames: "app[extname]", codeSplitting: false },
    },
  },
});
