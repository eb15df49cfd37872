// Where the page begins.
import { mount } from "svelte";
import App from "./App.svelte";
import "./app.css";

// In a static page the script stands behind the body, on a server it is deferred: the element is there.
mount(App, { target: document.getElementById("app")! });
