// Who is there: a name and a password, asked for when the host wants them.

import * as api from "../api.js";
import { fill, h } from "../dom.js";
import { Undo } from "../signal.js";

/**
 * @param {HTMLElement} root
 * @param {() => void} entered
 */
export function loginView(root, entered) {
  const user = h("input", { id: "login-user", name: "user", autocomplete: "username", required: true, autocapitalize: "none", spellcheck: "false" });
  const password = h("input", { id: "login-password", name: "password", type: "password", autocomplete: "current-password", required: true });
  const problem = h("p", { class: "field-problem", role: "alert" });
  const button = h("button", { type: "submit", class: "button button-main button-wide" }, "Log in");
  const form = h("form", { class: "login", on: { submit: send } },
    h("img", { src: "/page/icon.svg", alt: "", width: 48, height: 48 }),
    h("h1", {}, "Log in to Wardline"),
    h("label", { class: "field", for: user.id }, "User", user),
    h("label", { class: "field", for: password.id }, "Password", password),
    problem, button);

  /** @param {Event} event */
  async function send(event) {
    event.preventDefault();
    button.disabled = true;
    fill(problem);
    try {
      await api.logIn(user.value, password.value);
      entered();
    } catch (error) {
      const refused = error instanceof api.ApiError && error.status === 401;
      fill(problem, refused ? "This user and password do not match." : error instanceof Error ? error.message : String(error));
      password.select();
    } finally {
      button.disabled = false;
    }
  }

  document.title = "Log in · Wardline";
  fill(root, h("main", { class: "lone" }, form));
  user.focus();
  return new Undo();
}
