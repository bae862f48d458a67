// Before the first paint, so that nobody who chose dark sees a flash of light. A file of its own: the policy allows no inline script.
try {
  const theme = localStorage.getItem('headwater-theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is off: the system's own choice applies.
}
