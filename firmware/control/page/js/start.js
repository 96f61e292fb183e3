// Loads the page. A phone that changes its network meanwhile breaks off what it was loading; then all begins again.
const AGAIN_MS = 1500;
const again = () => setTimeout(() => location.reload(), AGAIN_MS);

addEventListener('load', () => {
  if ([...document.querySelectorAll('link[rel=stylesheet]')].some(link => !link.sheet)) again();
});
import('./app.js').catch(error => {
  if (!/fetch|import/i.test(error.message)) throw error; // a defect of the page, not of its way here
  again();
});
