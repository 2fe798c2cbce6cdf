import { mount } from 'svelte';

import App from './App.svelte';
import './styles/tokens.css';
import './styles/elements.css';

mount(App, { target: document.getElementById('app')! });

if (import.meta.env.PROD && 'serviceWorker' in navigator) {
  // Without it the app works all the same, only not without a line.
  navigator.serviceWorker.register('/service-worker.js').catch(() => undefined);
}
