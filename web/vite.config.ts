import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';

const OUT = join(import.meta.dirname, '..', 'src', 'evslot', 'web');
/** What streets.py left there; without it the map says "streets off". */
const STREETS = join(import.meta.dirname, 'node_modules', '.evslot-streets');
const WORTH_IT = 1024; // bytes; below, a compressed form saves no packet

/** Tells the worker what the app is made of: what its page loads at once, and its own files. */
function shell() {
  return {
    name: 'shell',
    closeBundle() {
      const page = readFileSync(join(OUT, 'index.html'), 'utf8');
      const files = [...page.matchAll(/(?:src|href)="(\/[^"]+)"/g)].map((found) => found[1]);
      const path = join(OUT, 'service-worker.js');
      const version = createHash('sha256').update(page).digest('hex').slice(0, 16);
      const worker = readFileSync(path, 'utf8').replace('__SHELL__', ['/', ...files].join(' '));
      writeFileSync(path, worker.replace('__VERSION__', version));
    },
  };
}

/** Writes the small forms of every file beside it: the gateway only picks one. */
function compressed() {
  return {
    name: 'compressed',
    closeBundle() {
      for (const entry of readdirSync(OUT, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || !/\.(html|js|css|svg|json|webmanifest)$/.test(entry.name)) continue;
        const content = readFileSync(path);
        if (content.length < WORTH_IT) continue;
        const quality = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY };
        writeFileSync(`${path}.br`, brotliCompressSync(content, { params: quality }));
        writeFileSync(`${path}.gz`, gzipSync(content, { level: 9 }));
      }
    },
  };
}

/** Puts the streets beside the app, and the list of what there is. */
function streets() {
  return {
    name: 'streets',
    generateBundle(this: { emitFile: (file: { type: 'asset'; fileName: string; source: string }) => void }) {
      const names = (existsSync(STREETS) ? readdirSync(STREETS) : []).filter((name) => name.endsWith('.json'));
      for (const name of names) {
        this.emitFile({ type: 'asset', fileName: `map/${name}`, source: readFileSync(join(STREETS, name), 'utf8') });
      }
      if (names.includes('areas.json')) return;
      this.emitFile({ type: 'asset', fileName: 'map/areas.json', source: '{"areas":[]}\n' });
    },
  };
}

export default defineConfig({
  plugins: [svelte(), streets(), shell(), compressed()],
  build: {
    outDir: OUT,
    emptyOutDir: true,
    assetsInlineLimit: 0, // the content security policy allows no data: addresses
    modulePreload: { polyfill: false },
    target: 'es2022',
    rolldownOptions: {
      checks: { pluginTimings: false },
      input: {
        index: join(import.meta.dirname, 'index.html'),
        'service-worker': join(import.meta.dirname, 'src', 'worker', 'service-worker.ts'),
      },
      // A worker's address says how far it reaches, and may not change from build to build.
      output: { entryFileNames: ({ name }) => (name === 'service-worker' ? '[name].js' : 'assets/[name]-[hash].js') },
    },
    reportCompressedSize: false,
    chunkSizeWarningLimit: 1200, // kB; the map's, which comes when it is wanted
  },
  server: { proxy: { '/v1': 'http://127.0.0.1:8080' } },
});
