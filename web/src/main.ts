/** Entry of the web editor. The shell knows which page belongs to an address; pages are loaded when they are asked for. */
import './elements/hw-app.ts';
